"""The half-year on a real mesh of real processes, with somebody who does harm while it is played."""

import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from contracts import runtime, wire
from contracts.observability import Books, ShowBooks
from infra.client import NOBODY
from infra.commands.mesh import HALF_YEAR
from infra.fleet import SERVICES, Fleet, unless
from infra.mesh import rehearsal
from infra.play import Player
from infra.reading import Heard
from infra.scenario import Step, read

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
    """How often each thing was said: exactly once means that these are equal."""
    differences: dict[str, tuple[str, ...]]
    """What `q2c verify` finds, by service."""
    restarts: tuple[str, ...]
    """What the fleet said of each service that it started again."""


def _told(message: Heard) -> str:
    data = {name: value for name, value in message.data.items() if name not in _IDENTITIES}
    return wire.encode([message.type, message.key, data]).decode()


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


def kill(fleet: Fleet, service: str, ordinal: int = 0, *, lose_disk: bool) -> None:
    """End the process as a crash would, at whatever it is doing; it is started again."""
    fleet.kill(service, ordinal)
    if lose_disk:
        shutil.rmtree(fleet.folder(service, ordinal))


async def play(harm: Harm = no_harm, data: Path | None = None, replicas: int = 1) -> Outcome:
    """Play the half-year, every expectation of it included, and look at what is left."""
    steps = read(HALF_YEAR.read_text(), HALF_YEAR.name)
    restarts: list[str] = []
    async with rehearsal(restarts.append, data, replicas) as embedded:
        mesh, fleet = embedded.mesh, embedded.fleet
        messages = await unless(fleet.failure, Player(mesh, "half-year", Saboteur(fleet, harm)).play(steps))
        books = await mesh.ask_patiently(ShowBooks(), NOBODY, Books)
        differences = {
            service: (await mesh.ask_patiently(runtime.of(service).verify(), NOBODY, runtime.Verified)).differences
            for service in SERVICES
        }
    return Outcome(
        books=replace(books, position=0),
        said=Counter(_told(message) for message in messages if message.type not in _IN_ANY_ORDER),
        differences=differences,
        restarts=tuple(restarts),
    )
