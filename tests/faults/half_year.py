"""The half-year on a real mesh of real processes, with somebody who does harm while it is played."""

import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from contracts import runtime, wire
from contracts.message import Event
from contracts.observability import Books, ShowBooks
from infra.checker import check
from infra.client import NOBODY
from infra.commands.mesh import HALF_YEAR
from infra.fleet import SERVICES, Fleet, unless
from infra.mesh import rehearsal
from infra.play import Player
from infra.reading import Heard
from infra.reconciled import unreconciled
from infra.scenario import Step, read
from shared.log import Log

Harm = Callable[[int, Fleet], None]
"""Told how many messages have been heard so far."""


_IN_ANY_ORDER = (
    "commercial.customer.exposure_changed.v1",
    "observability.journey.progressed.v1",
)
"""What counts up the facts of several services so far: one service may be ahead of another."""

_IDENTITIES = ("journal_id", "draft")
"""Ids of causes: which of several awaited facts comes last, and so is the cause, is nobody's promise."""


class Outcome(Struct, frozen=True):
    """What is left of a played half-year."""

    books: Books
    said: dict[str, int]
    """How often each fact was said: exactly once means that these are equal."""
    differences: dict[str, tuple[str, ...]]
    """What `q2c verify` finds, by service."""
    findings: tuple[str, ...]
    """What the checker finds wrong with the log."""
    restarts: tuple[str, ...]
    """What the fleet said of each service that it started again."""


def _is_comparable(message: Heard) -> bool:
    """A fact. One actor may ask another twice, when a copy comes before the first answer; the answer is one fact."""
    return issubclass(wire.catalogue()[message.type], Event) and message.type not in _IN_ANY_ORDER


def _told(message: Heard) -> str:
    data = {name: value for name, value in message.data.items() if name not in _IDENTITIES}
    return wire.encode([message.type, message.key, data]).decode()


async def on_the_log(log: Log, *, scenario: bool) -> tuple[str, ...]:
    """What is wrong with a quiet log, from the log alone."""
    wirings = [import_module(f"services.{service}.app").app.wiring for service in SERVICES]
    whole = [received async for batch in log.read(["q2c.>"], 0, await log.last()) for received in batch]
    found = check(whole, wirings, log.partitions, scenario=scenario)
    return (*map(str, found), *unreconciled(whole, scenario=scenario))


class Saboteur:
    """Watches the scenario and does harm by the number of messages heard."""

    def __init__(self, fleet: Fleet, harm: Harm) -> None:
        self._fleet = fleet
        self._harm = harm
        self._heard = 0

    def begun(self, step: Step) -> None:
        """Nothing to do."""

    def day(self, now: datetime) -> None:
        """Nothing to do."""

    def heard(self, _message: Heard) -> None:
        self._heard += 1
        self._harm(self._heard, self._fleet)

    def done(self) -> None:
        """Nothing to do."""


def no_harm(heard: int, fleet: Fleet) -> None:
    """The undisturbed run that all others are compared with."""


def kill(fleet: Fleet, service: str, *, lose_disk: bool) -> None:
    """End the process as a crash would, at whatever it is doing; it is started again."""
    fleet.kill(service)
    if lose_disk:
        shutil.rmtree(fleet.folder(service))


async def play(harm: Harm = no_harm, data: Path | None = None) -> Outcome:
    """Play the half-year, every expectation of it included, and look at what is left."""
    steps = read(HALF_YEAR.read_text(), HALF_YEAR.name)
    restarts: list[str] = []
    async with rehearsal(restarts.append, data) as embedded:
        mesh, fleet = embedded.mesh, embedded.fleet
        messages = await unless(fleet.failure, Player(mesh, "half-year", Saboteur(fleet, harm)).play(steps))
        books = await mesh.ask_patiently(ShowBooks(), NOBODY, Books)
        findings = await on_the_log(mesh.log, scenario=True)
        differences = {
            service: (await mesh.ask_patiently(runtime.of(service).verify(), NOBODY, runtime.Verified)).differences
            for service in SERVICES
        }
    return Outcome(
        books=replace(books, position=0),
        said=Counter(_told(message) for message in messages if _is_comparable(message)),
        differences=differences,
        findings=findings,
        restarts=tuple(restarts),
    )
