"""Commands that read the log again: shadow (what the code of today would say) and travel (an actor as it was)."""

from datetime import datetime
from importlib import import_module
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from contracts import wire
from contracts.message import is_identifier, name_of
from infra.amounts import Compared, Sums, amounts, compared
from infra.client import connected
from infra.commands.running import OUT, Json, Nats, print_json, run
from infra.failure import NO, WRONG, Failure
from infra.fleet import SERVICES
from infra.place import place
from infra.screen import colour, show_table
from infra.telling import instant, title
from shared.decider import Wiring
from shared.difference import Difference, Told
from shared.folding import RestoreFailed
from shared.shadow import Shadow
from shared.store import ActorRef
from shared.travel import Then, travel

app = typer.Typer()


@app.command()
def shadow(
    service: Annotated[str, typer.Option("--service", help="The service whose code is rehearsed.")],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ|TIME", help="Judge only from this log sequence, day or instant on.", show_default=False
        ),
    ] = None,
    clock: Annotated[
        Literal["wall", "scenario"], typer.Option(help="Whose time the mesh lives by: the clock's, or a player's.")
    ] = "wall",
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Let the code of this folder hear the log again, saying nothing, and tell what it would say differently."""
    wiring = wiring_of(service)
    start = 0 if since is None else place(since, "--since")
    run(_shadow(wiring, start, clock == "scenario", nats, json))


async def _shadow(wiring: Wiring, since: int | datetime, scenario: bool, nats: str | None, json: bool) -> None:
    said, instead, count = Sums(), Sums(), 0
    async with connected(nats) as mesh:
        heard = Shadow(wiring, mesh.log, since=since, scenario=scenario)
        try:
            async for difference in heard.differences():
                count += 1
                _add(said, difference.said)
                _add(instead, difference.instead)
                print_json(_as_json(difference)) if json else _show_difference(difference)
        except RestoreFailed as problem:
            raise Failure(f"the code of today cannot rebuild {wiring.service}: {problem}", NO) from None
    sums = list(compared(said, instead))
    if json:
        counts = {name: getattr(heard, name) for name in ("until", "decided", "skipped", "unaccounted")}
        print_json({**counts, "sums": sums})
    else:
        _show_sums(said, instead, sums)
        OUT.print(
            f"{heard.decided:,} decisions up to log sequence {heard.until} were made again; {heard.skipped:,} messages "
            "that were parked or rejected are left out"
        )
        if heard.unaccounted:
            OUT.print(f"{heard.unaccounted:,} that it said answer a message that is only half heard", style="yellow")
    if count:
        raise Failure(f"{wiring.service} would speak differently in {count:,} places", NO)
    if not json:
        OUT.print("[bold green]the same, word for word[/]")


def wiring_of(service: str) -> Wiring:
    """The wiring of a service as its code is in this folder. Failure when there is no such service."""
    if service not in SERVICES:
        raise Failure(f"there is no service {service}: it is one of {', '.join(SERVICES)}", WRONG)
    wiring: Wiring = import_module(f"services.{service}.app").app.wiring
    return wiring


def _add(sums: Sums, told: tuple[Told, ...]) -> None:
    for one in told:
        sums.add(one.name, one.message)


def _as_json(difference: Difference) -> dict[str, Any]:
    return {
        "sequence": difference.sequence,
        "heard": difference.heard,
        "at": difference.at,
        "actor": difference.actor,
        "said": [_told_as_json(one) for one in difference.said],
        "instead": [_told_as_json(one) for one in difference.instead],
        "problem": difference.problem,
    }


def _told_as_json(told: Told) -> dict[str, Any]:
    return {"type": told.name, "key": told.key, "data": told.message, "amounts": _amounts_as_json(told.message)}


def _amounts_as_json(message: Any) -> list[dict[str, str]]:
    return [{"field": field, "amount": one.amount, "currency": one.currency} for field, one in amounts(message)]


def _show_difference(difference: Difference) -> None:
    service = difference.actor.partition("/")[0]
    OUT.print(
        Text.assemble(
            (f"{difference.sequence:>7}  {instant(difference.at)}  ", "dim"),
            (difference.actor, colour(service)),
            ("  hears ", "dim"),
            (title(difference.heard), "bold"),
        )
    )
    for sign, style, all_told in (("-", "red", difference.said), ("+", "green", difference.instead)):
        for told in all_told:
            OUT.print(Text.assemble((f"         {sign} ", style), (f"{title(told.name):<32} ", style), _listed(told)))
    if difference.problem is not None:
        OUT.print(f"         {difference.problem}", style="bold red", markup=False)


def _listed(told: Told) -> str:
    if told.message is None:
        return "its contract is not known any more"
    return (
        ", ".join(f"{field} {amount}" for field, amount in amounts(told.message)) or wire.encode(told.message).decode()
    )


def _show_sums(said: Sums, instead: Sums, sums: list[Compared]) -> None:
    if not said.count and not instead.count:
        return
    table = Table(box=None, header_style="dim")
    table.add_column("message")
    for name in ("said", "instead", "difference"):
        table.add_column(name, justify="right")
    for name in sorted(said.count.keys() | instead.count.keys()):
        was, would = said.count[name], instead.count[name]
        table.add_row(Text(title(name), "bold"), str(was), str(would), f"{would - was:+}")
        for one in sums:
            if one.type == name:
                style = "bold red" if one.more else ""
                table.add_row(
                    Text(f"  {one.field}", "dim"), str(one.said), str(one.instead), Text(str(one.more), style)
                )
    OUT.print()
    show_table(OUT, table)


@app.command("travel")
def travel_(
    actor: Annotated[str, typer.Option(metavar="S/ENTITY/KEY/ID", help="Such as finance/invoice/ACME/INV-1.")],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ|TIME", help="A log sequence, an instant, or a day up to its end; else now.", show_default=False
        ),
    ] = None,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """An actor as it was at a moment, and the facts that had made it so."""
    service, ref = _address(actor)
    wiring = wiring_of(service)
    until = None if at is None else place(at, "--at", whole_day=True)
    then = run(_travel(wiring, ref, until, nats))
    if json:
        print_json(
            {
                "actor": actor,
                "state": then.state,
                "wake": then.wake,
                "opener": then.opener,
                "facts": [
                    {
                        "sequence": fact.sequence,
                        "time": fact.event.at,
                        "type": name_of(type(fact.event)),
                        "id": fact.event.id,
                        "cause": fact.event.context.cause,
                        "amounts": _amounts_as_json(fact.event),
                        "data": fact.event,
                    }
                    for fact in then.facts
                ],
            }
        )
    else:
        _show_then(service, ref, then)
    if not then.facts:
        raise Failure(f"{actor} had said nothing by then", NO)


def _address(text: str) -> tuple[str, ActorRef]:
    parts = text.strip("/").split("/")
    if len(parts) != 4 or not all(map(is_identifier, parts)):
        raise Failure(f"{text} is not an actor such as finance/invoice/ACME/INV-1: service/entity/key/id", WRONG)
    return parts[0], ActorRef(*parts[1:])


async def _travel(wiring: Wiring, ref: ActorRef, at: int | datetime | None, nats: str | None) -> Then:
    async with connected(nats) as mesh:
        last = await mesh.log.last()
        until = last if at is None else min(at, last) if isinstance(at, int) else at
        try:
            return await travel(wiring, mesh.log, ref, until)
        except LookupError as problem:
            raise Failure(f"{problem.args[0]}: it has {', '.join(sorted(wiring.actors))}", WRONG) from None
        except RestoreFailed as problem:
            raise Failure(f"the code of today cannot rebuild it: {problem}", NO) from None


def _show_then(service: str, ref: ActorRef, then: Then) -> None:
    OUT.print(Text.assemble((ref.source(service)[1:], f"bold {colour(service)}"), f"  {len(then.facts)} facts"))
    for fact in then.facts:
        OUT.print(
            Text.assemble(
                (f"{fact.sequence:>7}  {instant(fact.event.at)}  ", "dim"),
                (f"{title(name_of(type(fact.event))):<32} ", "bold"),
                ", ".join(f"{field} {amount}" for field, amount in amounts(fact.event)),
                (f"  because of {fact.event.context.cause}", "dim"),
            )
        )
    OUT.print_json(wire.encode(then.state).decode(), indent=2)
    if then.wake is not None:
        OUT.print(f"  wants to be woken at {instant(then.wake)}", style="dim")
