"""Commands that look at the whole: journey, books, verify."""

from datetime import date
from typing import Annotated

import typer

from contracts import runtime
from contracts.message import is_identifier
from contracts.observability import Books, JourneyList, JourneyTimeline, ListTimelines, ShowBooks, ShowTimeline
from contracts.runtime import Verified
from infra.client import NOBODY, connected
from infra.commands.running import OUT, Json, Nats, print_json, run
from infra.failure import NO, WRONG, Failure
from infra.fleet import SERVICES
from infra.screen import colour
from infra.statements import show_books, show_journey, show_journeys

app = typer.Typer()
_VERIFIED_WITHIN = 600.0


@app.command()
def journey(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="A quote, agreement, change order, invoice or journey; else all are listed.",
            show_default=False,
        ),
    ] = None,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """One chain from quote to cash: who said what, when and why, and what is outstanding."""
    if name is None:
        listed = run(_journeys(nats))
        return print_json(listed) if json else show_journeys(OUT, listed)
    found = run(_journey(name, nats))
    if found.journey is None:
        raise Failure(f"no journey is known by {name}: see `q2c journey` for all of them", NO)
    return print_json(found) if json else show_journey(OUT, found)


async def _journeys(nats: str | None) -> JourneyList:
    async with connected(nats) as mesh:
        return await mesh.ask(ListTimelines(), NOBODY, JourneyList, after=await mesh.log.last())


async def _journey(name: str, nats: str | None) -> JourneyTimeline:
    async with connected(nats) as mesh:
        return await mesh.ask(ShowTimeline(id=name), NOBODY, JourneyTimeline, after=await mesh.log.last())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day such as 2026-03-31") from None


@app.command()
def books(
    entity: Annotated[
        str | None, typer.Option("--entity", help="One legal entity; else all.", show_default=False)
    ] = None,
    as_of: Annotated[
        date | None,
        typer.Option(
            "--as-of", metavar="DATE", parser=_day, help="Accounting dates up to this day.", show_default=False
        ),
    ] = None,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """The books: trial balance, receivables, contract balances, deferred and recognised revenue."""
    if entity is not None and not is_identifier(entity):
        raise Failure(f"{entity!r} is not a legal entity's code: 1 to 64 letters, digits, _ or -", WRONG)
    answer = run(_books(entity, as_of, nats))
    if json:
        print_json(answer)
    else:
        for one in answer.entities:
            show_books(OUT, one, answer.as_of)
    if not answer.entities:
        raise Failure(f"there are no books of {entity}" if entity else "there are no books yet", NO)
    broken = [f"{one.legal_entity}: {check.name}" for one in answer.entities for check in one.checks if not check.holds]
    if broken:
        raise Failure(f"the books do not add up: {'; '.join(broken)}", NO)


async def _books(entity: str | None, as_of: date | None, nats: str | None) -> Books:
    async with connected(nats) as mesh:
        return await mesh.ask(
            ShowBooks(legal_entity=entity, as_of=as_of), entity or NOBODY, Books, after=await mesh.log.last()
        )


@app.command()
def verify(nats: Nats = None, json: Json = False) -> None:
    """Rebuild every state from the log alone and compare it with the working copies, byte for byte."""
    found = run(_verify(nats))
    if json:
        print_json(found)
    else:
        for service, one in found.items():
            same = "[green]the same[/]" if not one.differences else f"[bold red]{len(one.differences)} differ[/]"
            OUT.print(
                f"[{colour(service)}]{service:<14}[/] {one.actors:>6} actors at log sequence {one.sequence}  {same}"
            )
            for difference in one.differences:
                OUT.print(f"    {difference}", style="red", markup=False)
    if bad := [service for service, one in found.items() if one.differences]:
        folders = " and ".join(bad)
        raise Failure(
            f"the working copy of {folders} differs from the log: stop it, delete its folder, start it again", NO
        )


async def _verify(nats: str | None) -> dict[str, Verified]:
    async with connected(nats) as mesh:
        return {
            service: await mesh.ask(runtime.of(service).verify(), NOBODY, Verified, wait=_VERIFIED_WITHIN)
            for service in SERVICES
        }
