"""Commands that run a mesh: up, demo, provision, play."""

import asyncio
import signal
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from contracts.observability import (
    Books,
    JourneyList,
    JourneyTimeline,
    ListTimelines,
    ShowBooks,
    ShowTimeline,
)
from infra.client import NOBODY, Mesh, connect, connected
from infra.commands.running import OUT, Json, Nats, print_json, report, run
from infra.failure import NO, WRONG, Failure
from infra.fleet import PORTS, ROOT, unless
from infra.mesh import PARTITIONS, Embedded, lasting, provisioned, rehearsal
from infra.play import Player
from infra.progress import Progress
from infra.reading import Heard
from infra.scenario import ExpectBooks, Step, read
from infra.screen import colour
from infra.statements import show_books, show_journey

app = typer.Typer()
HALF_YEAR = ROOT / "infra" / "scenarios" / "half_year.jsonl"

Data = Annotated[Path, typer.Option("--data", metavar="FOLDER", help="Where the log and the working copies are kept.")]
Kept = Annotated[
    Path | None,
    typer.Option("--keep", metavar="FOLDER", help="Keep the log and the services' own logs here, to look into them."),
]


@app.command()
def up(
    data: Data = Path("data"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of nats-server.")] = 4222,
    http: Annotated[
        int, typer.Option(min=1, max=65532, help="First of the ports for the live and ready routes, one a process.")
    ] = PORTS[0],
    clock: Annotated[
        Literal["wall", "scenario"], typer.Option(help="Who says what time it is: the clock, or a player.")
    ] = "wall",
    replicas: Annotated[int, typer.Option(min=1, max=8, help="Processes of each service, which share the work.")] = 1,
    json: Json = False,
) -> None:
    """Run the mesh on this machine: nats-server and four services. Ctrl-C drains it."""
    run(_up(data.resolve(), port, http, clock, replicas, json))


async def _up(data: Path, port: int, http: int, clock: str, replicas: int, json: bool) -> None:
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with lasting(data, clock, port, http, report, replicas) as mesh:
        if json:
            addresses = {str(replica): mesh.fleet.address(*replica) for replica in mesh.fleet.replicas}
            print_json({"nats": mesh.url, "data": str(data), "services": addresses})
        else:
            _introduce(mesh, data)
        await unless(mesh.fleet.failure, _wait(end))
        if not json:
            OUT.print("draining …", style="dim")
        codes = await mesh.fleet.stop()
    if bad := [f"{service} ended with exit code {code}" for service, code in codes.items() if code]:
        raise Failure(f"{' and '.join(bad)}: see {data / 'logs'}", NO)
    if not json:
        OUT.print("everything heard is committed; the mesh is down", style="dim")


async def _wait(end: asyncio.Event) -> None:
    await end.wait()


def _introduce(mesh: Embedded, data: Path) -> None:
    for change in mesh.changed:
        OUT.print(f"  {change}", style="dim", markup=False)
    OUT.print(f"  nats-server     {mesh.url}", markup=False)
    for replica in mesh.fleet.replicas:
        OUT.print(f"  [{colour(replica.service)}]{replica!s:<15}[/] {mesh.fleet.address(*replica)}/ready")
    OUT.print(f"  data and logs   {data}", markup=False)
    OUT.print("[bold green]The mesh is up.[/] Try [cyan]q2c watch[/] in another terminal; Ctrl-C drains it.")


@app.command()
def provision(
    nats: Nats = None,
    partitions: Annotated[int, typer.Option(min=1, max=64, help="Fixed once the stream is made.")] = PARTITIONS,
    json: Json = False,
) -> None:
    """Make the log's stream as the mesh needs it, or mend it, and say what was changed."""
    changed = run(_provision(nats, partitions))
    if json:
        print_json({"changed": changed})
    else:
        for change in changed or ["nothing had to be changed"]:
            OUT.print(change, markup=False)


async def _provision(nats: str | None, partitions: int) -> list[str]:
    connection = await connect(nats)
    try:
        return await provisioned(connection, partitions)
    finally:
        await connection.close()


@app.command()
def play(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A scenario: JSON lines.")],
    nats: Annotated[
        str | None, typer.Option("--nats", metavar="URL", help="Play it on this mesh instead of a throw-away one.")
    ] = None,
    keep: Kept = None,
    json: Json = False,
) -> None:
    """Rehearse a scenario in a throw-away mesh and print every message it brings about."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise Failure(f"{file} cannot be read ({reason}): name a scenario file", WRONG) from None
    run(_play(read(text, file.name), file.stem, nats, keep, json))


async def _play(steps: list[Step], name: str, nats: str | None, keep: Path | None, json: bool) -> None:
    watcher = Collected() if json else Progress(OUT)
    try:
        if nats is not None:
            async with connected(nats) as mesh:
                await Player(mesh, f"{name}-{time.time_ns():x}", watcher).play(steps)
        else:
            async with rehearsal(report, keep) as embedded:
                await unless(embedded.fleet.failure, Player(embedded.mesh, name, watcher).play(steps))
    finally:
        if isinstance(watcher, Collected):
            for message in watcher.messages:
                print_json(message)
    if not json:
        OUT.print(f"\n[bold green]Played {len(steps)} steps:[/] every expectation was met.")


class Collected:
    """Watches silently and keeps every message."""

    def __init__(self) -> None:
        self.messages: list[Heard] = []

    def begun(self, step: Step) -> None:
        """Nothing to show."""

    def day(self, now: object) -> None:
        """Nothing to show."""

    def heard(self, message: Heard) -> None:
        self.messages.append(message)

    def done(self) -> None:
        """Nothing to show."""


@app.command()
def demo(keep: Kept = None, json: Json = False) -> None:
    """Play a consulting firm's half-year, show every journey and the books, and check them."""
    run(_demo(keep, json))


async def _demo(keep: Path | None, json: bool) -> None:
    began = time.monotonic()
    steps = read(HALF_YEAR.read_text(), HALF_YEAR.name)
    watcher = Collected() if json else Progress(OUT)
    if not json:
        OUT.print("[bold]Q2C Mesh[/]  a half-year of a consulting firm, from signed quotes to cash")
        OUT.print("starting nats-server and four services …", style="dim")
    async with rehearsal(report, keep) as embedded:
        if not json:
            OUT.print(f"ready after {time.monotonic() - began:.1f} s", style="dim")
        await unless(embedded.fleet.failure, Player(embedded.mesh, HALF_YEAR.stem, watcher).play(steps))
        days = [step.action.as_of for step in steps if isinstance(step.action, ExpectBooks) and step.action.as_of]
        journeys, books = await _results(embedded.mesh, max(days, default=None))
    seconds = time.monotonic() - began
    facts = watcher.facts if isinstance(watcher, Progress) else sum(one.is_fact for one in watcher.messages)
    if json:
        print_json({"passed": True, "seconds": round(seconds, 1), "facts": facts, "journeys": journeys, "books": books})
    else:
        _show(journeys, books)
        OUT.print(
            f"\n[bold green]Every expectation of {len(steps)} steps was met:[/] {facts:,} business facts, "
            f"{len(journeys)} journeys and the books of {len(books.entities)} legal entities in {seconds:.0f} s."
        )


async def _results(mesh: Mesh, as_of: date | None) -> tuple[list[JourneyTimeline], Books]:
    """Every journey, and the books as of the last day that the scenario looks at."""
    listed = await mesh.ask(ListTimelines(), NOBODY, JourneyList)
    journeys = [
        await mesh.ask(ShowTimeline(id=one.quote_id or one.agreement_id or one.customer), NOBODY, JourneyTimeline)
        for one in listed.journeys
    ]
    return journeys, await mesh.ask(ShowBooks(as_of=as_of), NOBODY, Books)


def _show(journeys: list[JourneyTimeline], books: Books) -> None:
    OUT.print()
    OUT.print("From quote to cash", style="bold reverse")
    for journey in journeys:
        show_journey(OUT, journey, brief=True)
    OUT.print()
    OUT.print("The books", style="bold reverse")
    for entity in books.entities:
        show_books(OUT, entity, books.as_of)
