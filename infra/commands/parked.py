"""Commands about parked actors: those that could not decide a message, and wait for somebody to mend it."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer

from contracts import runtime, wire
from contracts.message import Command
from contracts.money import Money
from contracts.runtime import Rehearsal
from contracts.wire import Received
from infra import trouble
from infra.client import Answered, Mesh, connected
from infra.commands.running import OUT, Data, Json, Nats, given, print_json, report, run
from infra.failure import NO, WRONG, Failure
from infra.fleet import SERVICES
from infra.reading import heard
from infra.screen import colour, watched
from infra.telling import instant, title
from infra.telling import money as told
from infra.trouble import Parked

app = typer.Typer(no_args_is_help=True)

ActorPath = Annotated[
    str,
    typer.Argument(metavar="ACTOR", help="As the list names it: service/entity/key/id, or the part that is unique."),
]
Why = Annotated[str, typer.Option("--why", prompt="Why", help="The reason; it is kept on the log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be said now, and say nothing.")]


@app.command("list")
def list_(nats: Nats = None, json: Json = False) -> None:
    """Which actors are parked, since when, why, how much waits for each; and what stands still altogether."""
    stands, found = run(_all(nats))
    if json:
        for still in stands:
            print_json({"stands": still._asdict()})
        for parked, risk in found:
            print_json(_row(parked, risk))
        return
    if not found and not stands:
        OUT.print("nothing is parked", style="green")
    for still in stands:
        which = still.service if still.partition is None else f"partition {still.partition} of {still.service}"
        OUT.print(f"[bold]{which} stands still[/] before {still.sequence}  since {instant(still.since)}")
        OUT.print(f"    {still.reason}", style="red", markup=False)
    for parked, risk in found:
        OUT.print(_line(parked, risk))
        OUT.print(f"    {parked.reason}", style="red", markup=False)


async def _all(nats: str | None) -> tuple[list[trouble.Stands], list[tuple[Parked, Sequence[Money]]]]:
    async with connected(nats) as mesh:
        stands = await trouble.standing(mesh, SERVICES)
        return stands, [
            (one, trouble.at_risk(await _waiting(mesh, one))) for one in await trouble.parked(mesh, SERVICES)
        ]


def _line(parked: Parked, risk: Sequence[Money]) -> str:
    amounts = ", ".join(told({"amount": one.amount, "currency": one.currency}) for one in risk)
    return (
        f"[{colour(parked.actor.service)}]{parked.actor}[/]  since {instant(parked.since)}  {len(parked.queue)} waiting"
        + (f"  at risk {amounts}" if amounts else "")
    )


def _row(parked: Parked, risk: Sequence[Money]) -> dict[str, Any]:
    return {
        "actor": str(parked.actor),
        **parked.actor._asdict(),
        "reason": parked.reason,
        "since": parked.since,
        "waiting": [
            {"sequence": one.sequence, "message": one.row.message, "at": one.row.at, "wake": one.wake}
            for one in parked.queue
        ],
        "at_risk": risk,
    }


@app.command()
def show(actor: ActorPath, nats: Nats = None, json: Json = False) -> None:
    """One parked actor: why, its state, where in the code it failed, and every message that waits for it, in order."""
    parked, waiting, state = run(_show(actor, nats))
    messages = [heard(received) for received in waiting]
    if json:
        about = {**_row(parked, trouble.at_risk(waiting)), "traceback": parked.traceback, "state": msgspec.Raw(state)}
        print_json({**about, "messages": messages})
        return
    OUT.print(_line(parked, trouble.at_risk(waiting)))
    OUT.print(f"    {parked.reason}", style="red", markup=False)
    if parked.traceback:
        OUT.print(parked.traceback, style="dim", markup=False)
    OUT.print_json(state.decode())
    for message in messages:
        OUT.print(watched(message))
    if messages:
        OUT.print_json(wire.encode(messages[0].data).decode())


async def _show(text: str, nats: str | None) -> tuple[Parked, list[Received], bytes]:
    async with connected(nats) as mesh:
        parked = await _find(mesh, text)
        actor, state = parked.actor, b"null"
        try:
            question = runtime.of(actor.service).inspect(entity=actor.entity, actor=actor.id)
            answer = await mesh.ask_raw(question, actor.key)
            state = bytes(msgspec.json.decode(answer, type=_State).state)
        except Failure as failure:
            report(f"the state is not known: {failure}")
        return parked, await _waiting(mesh, parked), state


class _State(msgspec.Struct):
    state: msgspec.Raw


@app.command()
def retry(
    actor: Annotated[str | None, typer.Argument(metavar="ACTOR", help="As the list names it.")] = None,
    all_with: Annotated[
        str | None,
        typer.Option(
            "--all-with", metavar="REASON", help="All actors in whose reason this text is.", show_default=False
        ),
    ] = None,
    dry_run: DryRun = False,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Let it hear again what waits for it, in order: after the cause is mended."""
    if (actor is None) == (all_with is None):
        raise Failure("name one actor, or all with a reason: --all-with REASON", WRONG)
    run(_retry(actor, all_with, dry_run, nats, json))


async def _retry(text: str | None, reason: str | None, dry_run: bool, nats: str | None, json: bool) -> None:
    async with connected(nats) as mesh:
        if text is not None:
            found = [await _find(mesh, text)]
        else:
            found = [one for one in await trouble.parked(mesh, SERVICES) if (reason or "") in one.reason]
        if not found:
            raise Failure(f"nobody is parked with {reason!r} in the reason: see `q2c parked list`", NO)
        failures: list[Failure] = []
        for parked in found:
            try:
                if dry_run:
                    await _rehearse(mesh, parked, None, json)
                else:
                    types = runtime.of(parked.actor.service)
                    await _settle(mesh, parked, types.retry(entity=parked.actor.entity, actor=parked.actor.id), json)
            except Failure as failure:
                failures.append(failure)
                if len(found) > 1:
                    report(str(failure))
        if len(found) > 1 and failures:
            raise Failure(f"{len(failures)} of {len(found)} actors are still parked", NO)
        if failures:
            raise failures[0]


@app.command("edit-and-retry")
def edit_and_retry(
    actor: ActorPath, why: Why, data: Data = "-", dry_run: DryRun = False, nats: Nats = None, json: Json = False
) -> None:
    """Give other data to the message at which it is parked; then it hears that, and all that waits behind it."""
    run(_edit(actor, why, given(data), dry_run, nats, json))


async def _edit(text: str, why: str, body: bytes, dry_run: bool, nats: str | None, json: bool) -> None:
    async with connected(nats) as mesh:
        parked = await _find(mesh, text)
        head, actor = parked.queue[0], parked.actor
        message_type = wire.catalogue().get(head.row.message)
        if message_type is None:
            raise Failure(f"{actor} is parked at {head.row.message}, which has no data that could be edited", WRONG)
        try:
            wire.decode(message_type, body)
        except wire.Refused as refused:
            name = head.row.message
            raise Failure(f"{name} is refused: {refused.reason} (see `q2c contracts show {name}`)", WRONG) from None
        data: dict[str, Any] = msgspec.json.decode(body)
        if dry_run:
            await _rehearse(mesh, parked, data, json)
            return
        word = runtime.of(actor.service).edit(
            entity=actor.entity, actor=actor.id, sequence=head.sequence, data=data, reason=why
        )
        await _settle(mesh, parked, word, json)


@app.command()
def discard(actor: ActorPath, why: Why, nats: Nats = None, json: Json = False) -> None:
    """Give up the message at which it is parked, and go on with those behind it."""
    run(_discard(actor, why, nats, json))


async def _discard(text: str, why: str, nats: str | None, json: bool) -> None:
    async with connected(nats) as mesh:
        parked = await _find(mesh, text)
        actor, head = parked.actor, parked.queue[0].sequence
        types = runtime.of(actor.service)
        word = types.discard(entity=actor.entity, actor=actor.id, reason=why, sequence=head)
        await _settle(mesh, parked, word, json)


@app.command()
def resume(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The one that stands still.")],
    why: Why,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Let a service go on that stands still because too many messages failed: who fails is parked from now on."""
    if service not in SERVICES:
        raise Failure(f"there is no service {service}: it is one of {', '.join(SERVICES)}", WRONG)
    run(_resume(service, why, nats, json))


async def _resume(service: str, why: str, nats: str | None, json: bool) -> None:
    async with connected(nats) as mesh:
        if not any(one.service == service and one.partition is None for one in await trouble.standing(mesh, SERVICES)):
            raise Failure(f"{service} does not stand still: see `q2c parked list`", NO)
        said, stored = await mesh.say(runtime.of(service).resume(reason=why), service)
    if json:
        print_json({"service": service, "id": said, "sequence": stored.sequence})
    else:
        OUT.print(f"[bold]{service}[/] is told to go on")


async def _waiting(mesh: Mesh, parked: Parked) -> list[Received]:
    return await trouble.messages(mesh, [one.sequence for one in parked.queue])


async def _find(mesh: Mesh, text: str) -> Parked:
    wanted = text.strip("/")
    found = [one for one in await trouble.parked(mesh, SERVICES) if f"/{one.actor}/".find(f"/{wanted}/") >= 0]
    if not found:
        raise Failure(f"{text} is not parked: see `q2c parked list`", NO)
    if len(found) > 1:
        several = ", ".join(str(one.actor) for one in found[:3])
        raise Failure(f"{text} may be any of {len(found)} parked actors ({several} …): say more of the name", WRONG)
    return found[0]


async def _settle(mesh: Mesh, before: Parked, word: Command, json: bool) -> None:
    """Say the word, wait until it has had its effect, tell what became of the actor. Failure if it is still parked."""
    actor = before.actor
    waiting = await _waiting(mesh, before._replace(queue=before.queue[:1]))
    original = heard(waiting[0]) if waiting else None
    place = trouble.place(before.queue[0].sequence)
    answers = Answered(place if original is None else original.correlation, place if original is None else original.id)
    _, stored = await mesh.say(word, actor.key, answers=answers)
    await mesh.followed(actor.service, actor.key, stored.sequence)
    left = [one for one in await trouble.parked(mesh, (actor.service,)) if one.actor == actor]
    still = {(one.sequence, one.wake) for one in left[0].queue} if left else set()
    settled = sum((one.sequence, one.wake) not in still for one in before.queue)
    if json:
        print_json({"actor": str(actor), "settled": settled, "waiting": len(still), "parked": bool(left)})
    elif not left:
        OUT.print(f"[bold]{actor}[/] is not parked any more: {settled} settled")
    if left:
        raise Failure(f"{actor} is still parked, {len(still)} waiting: {left[0].reason}", NO)


async def _rehearse(mesh: Mesh, parked: Parked, data: dict[str, Any] | None, json: bool) -> None:
    """Tell what would be said. Failure if it would still be parked."""
    actor = parked.actor
    question = runtime.of(actor.service).rehearse(entity=actor.entity, actor=actor.id, data=data)
    found = await mesh.ask(question, actor.key, Rehearsal)
    if json:
        print_json({"actor": str(actor), "rehearsal": found})
    else:
        OUT.print(f"[bold]{actor}[/] would say")
    for one in found.messages:
        if not json:
            OUT.print(f"  to {title(one.message)} at {one.sequence}", style="dim")
            for body in one.says:
                OUT.print(watched(heard(Received(_subject(body), body.encode()))))
        if one.problem is not None:
            raise Failure(f"{actor} would still be parked at {one.sequence}: {one.problem}", NO)
    if found.left_off and not json:
        OUT.print(f"  and {found.left_off} more wait", style="dim")


class _Told(msgspec.Struct):
    subject: str


def _subject(body: str) -> str:
    return msgspec.json.decode(body, type=_Told).subject
