"""Stories for the real services: what some customers of the demo's firm do in some weeks of its half-year."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from contracts import wire
from contracts.message import Context, Message, utc
from contracts.observability import ClockTicked
from infra.reconciled import books, unreconciled
from shared.decider import Wiring
from tests.pure.memory_mesh import SCENARIO, actors, wiring_of
from tests.simulation.telling import Act, Story, Told
from tests.simulation.world import Line

CUSTOMERS = ("ACME", "BRAVO", "CARGO", "DELTA", "ECHO", "FOXTROT")
IN_ANY_ORDER = ("commercial.customer.exposure_changed.v1", "observability.journey.progressed.v1")
"""What counts up the facts of several services so far: one service may be ahead of another."""

IDENTITIES = ("journal_id", "draft")
"""Ids of causes: which of several awaited facts comes last, and so is the cause, is nobody's promise."""


class Said(NamedTuple):
    """One line of the scenario: a message for a key, or a day that begins."""

    now: datetime
    message: Message
    key: str
    times: int


@cache
def wirings() -> tuple[Wiring, ...]:
    by_service: dict[str, list[str]] = {}
    for name in actors():
        by_service.setdefault(name.split(".")[0], []).append(name)
    return tuple(wiring_of(*names) for names in by_service.values())


@cache
def half_year() -> tuple[Said, ...]:
    """Everything that is said from outside in the half-year of the demo, day by day."""
    found: list[Said] = []
    now: datetime | None = None
    for text in SCENARIO.read_text().splitlines():
        match msgspec.json.decode(text or "{}"):
            case {"tick": until}:
                then = utc(datetime.fromisoformat(until))
                while now is None or now < then:
                    now = then if now is None else min(now + timedelta(days=1), then)
                    found.append(Said(now, ClockTicked(instant=now), "clock", 1))
            case {"say": name, "key": key} as step if now is not None:
                message = msgspec.convert(step.get("data", {}), wire.catalogue()[name])
                found.append(Said(now, message, key, 2 if step.get("twice") else 1))
            case _:
                pass  # what is expected, asked and noted
    return tuple(found)


def story(random: Random) -> Story:
    """Some customers, from the first day up to some other; nobody says anything before all is quiet."""
    acts = [Act([line]) for line in _some(random)]
    return Story(wirings(), 2, acts, _settled, unreconciled)


def hurried(random: Random) -> Story:
    """The same without waiting for anything: what one key says may come long before or after what another does."""
    return Story(wirings(), 3, [Act(list(_some(random)))])


def _some(random: Random) -> Iterator[Line]:
    """Whoever is no customer says the same in every story."""
    who = random.sample(CUSTOMERS, random.randint(1, 2))
    days = random.randrange(20, 185)
    for number, said in enumerate(half_year()):
        days -= said.key == "clock"
        if days < 0:
            return
        for time in range(0 if said.key in CUSTOMERS and said.key not in who else said.times):
            identity = f"s{number}-{time}"
            context = Context(id=identity, source="/tests", key=said.key, at=said.now, correlation=f"j-{identity}")
            yield Line(said.message, said.key, context)


def _settled(told: Told) -> dict[str, Any]:
    """The books to the cent, and how often each thing was said."""
    said: Counter[str] = Counter()
    for received in told.log:
        place = wire.parse(received.subject) if not received.subject.startswith("q2c.sys.") else None
        if place is not None and place.name not in IN_ANY_ORDER:
            message = wire.hear(received, wire.catalogue())
            data = msgspec.json.decode(wire.encode(message))
            kept = {name: value for name, value in data.items() if name not in IDENTITIES}
            said[wire.encode([place.name, place.key, kept]).decode()] += 1
    return {**said, "books": replace(books(told.log), position=0)}


__all__ = ["hurried", "story"]
