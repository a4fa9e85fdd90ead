"""Commands about parked actors: those that could not decide a message, and wait for somebody to mend it."""

from typing import Annotated, NamedTuple

import typer

from contracts import runtime
from contracts.message import Command
from contracts.runtime import ParkedActor, ParkedListed
from infra.client import NOBODY, Mesh, connected
from infra.commands.running import OUT, Json, Nats, print_json, run
from infra.failure import NO, WRONG, Failure
from infra.fleet import SERVICES
from infra.reading import Heard, heard
from infra.screen import colour, watched
from infra.telling import instant

app = typer.Typer(no_args_is_help=True)


class Actor(NamedTuple):
    """An actor's address, written `service/entity/key/id`."""

    service: str
    entity: str
    key: str
    id: str

    def __str__(self) -> str:
        return "/".join(self)


ActorPath = Annotated[
    str,
    typer.Argument(metavar="ACTOR", help="As the list names it: service/entity/key/id, or the part that is unique."),
]


@app.command("list")
def list_(nats: Nats = None, json: Json = False) -> None:
    """Which actors are parked, since when, why, and how much waits for each."""
    found = run(_all(nats))
    if json:
        for actor, parked in found:
            print_json({"service": actor.service, "parked": parked})
        return
    if not found:
        OUT.print("nothing is parked", style="green")
    for actor, parked in found:
        OUT.print(f"[{colour(actor.service)}]{actor}[/]  since {instant(parked.since)}  {len(parked.waiting)} waiting")
        OUT.print(f"    {parked.reason}", style="red", markup=False)


@app.command()
def show(actor: ActorPath, nats: Nats = None, json: Json = False) -> None:
    """One parked actor: why, and every message that waits for it, in order."""
    address, parked, waiting = run(_show(actor, nats))
    if json:
        print_json({"service": address.service, "parked": parked, "messages": waiting})
        return
    OUT.print(f"[bold]{address}[/]  since {instant(parked.since)}")
    OUT.print(f"    {parked.reason}", style="red", markup=False)
    for message in waiting:
        OUT.print(watched(message))


@app.command()
def retry(actor: ActorPath, nats: Nats = None, json: Json = False) -> None:
    """Let it hear again what waits for it, in order: after the cause is mended."""
    run(_settle(actor, None, nats, json))


@app.command()
def discard(
    actor: ActorPath,
    reason: Annotated[str, typer.Option(prompt="Why", help="Why the message is given up; kept on the log.")],
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Give up the message at which it is parked, and go on with those behind it."""
    run(_settle(actor, reason, nats, json))


async def _all(nats: str | None) -> list[tuple[Actor, ParkedActor]]:
    async with connected(nats) as mesh:
        return await _parked(mesh, SERVICES)


async def _parked(mesh: Mesh, services: tuple[str, ...]) -> list[tuple[Actor, ParkedActor]]:
    return [
        (Actor(service, one.entity, one.key, one.actor), one)
        for service in services
        for one in (await mesh.ask(runtime.of(service).listing(), NOBODY, ParkedListed)).actors
    ]


async def _find(mesh: Mesh, text: str) -> tuple[Actor, ParkedActor]:
    wanted = text.strip("/")
    found = [
        (actor, parked) for actor, parked in await _parked(mesh, SERVICES) if f"/{actor}/".find(f"/{wanted}/") >= 0
    ]
    if not found:
        raise Failure(f"{text} is not parked: see `q2c parked list`", NO)
    if len(found) > 1:
        several = ", ".join(str(actor) for actor, _ in found[:3])
        raise Failure(f"{text} may be any of {len(found)} parked actors ({several} …): say more of the name", WRONG)
    return found[0]


async def _show(text: str, nats: str | None) -> tuple[Actor, ParkedActor, list[Heard]]:
    async with connected(nats) as mesh:
        actor, parked = await _find(mesh, text)
        stored = [await mesh.log.message(one.sequence) for one in parked.waiting]
        return actor, parked, [heard(received) for received in stored if received is not None]


async def _settle(text: str, reason: str | None, nats: str | None, json: bool) -> None:
    """Say the command, wait until it has had its effect, and tell what became of the actor."""
    async with connected(nats) as mesh:
        actor, before = await _find(mesh, text)
        _, stored = await mesh.say(_command(actor, before, reason), actor.key)
        await mesh.reached(stored.sequence, (actor.service,))
        left = [parked for address, parked in await _parked(mesh, (actor.service,)) if address == actor]
    waiting = len(left[0].waiting) if left else 0
    settled = len(before.waiting) - waiting
    if json:
        print_json({"actor": str(actor), "settled": settled, "waiting": waiting, "parked": bool(left)})
    elif not left:
        OUT.print(f"[bold]{actor}[/] is not parked any more: {settled} settled")
    if left:
        raise Failure(f"{actor} is still parked, {waiting} waiting: {left[0].reason}", NO)


def _command(actor: Actor, parked: ParkedActor, reason: str | None) -> Command:
    types = runtime.of(actor.service)
    if reason is None:
        return types.retry(entity=actor.entity, actor=actor.id)
    return types.discard(
        entity=actor.entity,
        actor=actor.id,
        reason=reason,
        sequence=parked.waiting[0].sequence if parked.waiting else None,
    )
