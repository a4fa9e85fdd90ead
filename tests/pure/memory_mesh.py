"""The mesh without a broker: every actor of every service on one log in memory, in order, through the same deciding."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from contracts import wire
from contracts.message import Broadcast, Context, Message, utc
from contracts.observability import ClockTicked
from shared import deciding
from shared.decider import Wired, Wiring, wire_actor, wire_service
from shared.deciding import Entry
from shared.log import Saying
from shared.store import ActorRef

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "infra" / "scenarios" / "half_year.jsonl"
DAY = timedelta(days=1)


class Step(NamedTuple):
    """One actor hears one message: what it was, what everybody knew, what it says, what it is then."""

    ref: ActorRef
    before: Entry
    message: Message
    reference: Any
    said: tuple[Message, ...]
    after: Entry


class Parked(NamedTuple):
    """An actor that could not decide: a bug."""

    ref: ActorRef
    why: str


@cache
def actors() -> tuple[str, ...]:
    """Every actor module of every service, as `service.entity`."""
    found = []
    for path in sorted((ROOT / "services").glob("*/*.py")):
        text = path.read_text()
        if "\ndef decide(" in text and "\ndef actor_id(" in text:
            found.append(f"{path.parent.name}.{path.stem}")
    return tuple(found)


def wiring_of(*names: str) -> Wiring:
    """A service of only these actors, each named `service.entity`."""
    (service,) = {name.split(".")[0] for name in names}
    modules: list[Any] = [import_module(f"services.{name}") for name in names]
    wanted = (wire_actor(service, module).reference_type for module in modules)
    reference: Any = next((import_module(kind.__module__) for kind in wanted if kind is not None), None)
    return wire_service(service, modules, reference)


def heard_from(sayings: Sequence[Saying]) -> tuple[Message, ...]:
    """What was said as it comes back from the log."""
    return tuple(wire.hear(wire.Received(subject=item.subject, body=item.body), wire.catalogue()) for item in sayings)


@dataclass
class Service:
    """One service: its actors as they come about, and what its broadcasts have told everybody."""

    wiring: Wiring
    entries: dict[ActorRef, Entry] = field(default_factory=dict)
    steps: dict[str, list[Step]] = field(default_factory=dict)
    """By entity."""
    parked: list[Parked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reference: Any = self.wiring.reference.initial if self.wiring.reference else None

    def hear(self, message: Message) -> Iterator[Message]:
        """What the service's actors say to a message."""
        if self.wiring.reference and isinstance(message, self.wiring.reference_hears):
            self.reference = self.wiring.reference.evolve(self.reference, message)
        for actor in self.wiring.hearers.get(type(message), ()):
            if isinstance(message, Broadcast):
                for ref in sorted(ref for ref in self.entries if ref.entity == actor.entity):
                    yield from self.step(actor, ref, message)
            elif (id := deciding.id_of(actor, message)) is not None:
                yield from self.step(actor, ActorRef(actor.entity, message.key, id), message)
        if isinstance(message, ClockTicked):
            yield from self.wake(message)

    def wake(self, tick: ClockTicked) -> Iterator[Message]:
        """Who is due, the oldest wake first, until nobody is."""
        while due := self.due(tick.instant):
            instant, ref = min(due)
            woken = deciding.woken(tick, self.wiring.service, ref, self.entries[ref], instant)
            yield from self.step(self.wiring.actors[ref.entity], ref, woken)

    def due(self, until: datetime) -> list[tuple[datetime, ActorRef]]:
        parked = [ref for ref, _ in self.parked]
        waiting = [(entry.wake, ref) for ref, entry in self.entries.items() if ref not in parked]
        return [(wake, ref) for wake, ref in waiting if wake is not None and wake <= until]

    def step(self, actor: Wired, ref: ActorRef, message: Message) -> tuple[Message, ...]:
        before = self.entries.get(ref) or deciding.fresh(actor)
        try:
            decision = deciding.decide(actor, ref, 0, before, message, self.reference)
        except deciding.Undecidable as bug:
            self.parked.append(Parked(ref, f"{type(message).__name__}: {bug}"))
            return ()
        if decision.events:
            self.entries[ref] = decision.entry
        said = heard_from(decision.sayings)
        self.steps.setdefault(actor.entity, []).append(Step(ref, before, message, self.reference, said, decision.entry))
        return said


class Mesh:
    """All services on one log."""

    def __init__(self) -> None:
        by_service: dict[str, list[str]] = {}
        for name in actors():
            by_service.setdefault(name.split(".")[0], []).append(name)
        self.services = {service: Service(wiring_of(*names)) for service, names in by_service.items()}
        self.log: list[Message] = []

    def say(self, message: Message, key: str, now: datetime) -> None:
        """Said from outside; all that it brings about is heard before this returns."""
        place = len(self.log)
        context = Context(id=f"outside-{place}", source="/outside", key=key, at=now, correlation=f"outside-{place}")
        self.append(message.heard(context))
        while place < len(self.log):
            for service in self.services.values():
                for said in service.hear(self.log[place]):
                    self.append(said)
            place += 1

    def append(self, message: Message) -> None:
        self.log.append(message.heard(msgspec.structs.replace(message.context, sequence=len(self.log) + 1)))

    def pass_time(self, now: datetime | None, until: datetime) -> datetime:
        """Day by day to `until`."""
        while now is None or now < until:
            now = until if now is None else min(now + DAY, until)
            self.say(ClockTicked(instant=now), "clock", now)
        return until


class Expected(NamedTuple):
    """What a line of the scenario expects, and all that was said where it looks."""

    line: int
    name: str
    where: Mapping[str, Any]
    said: Sequence[Message]


class Played(NamedTuple):
    """The mesh after a scenario, and what the scenario expected on the way."""

    mesh: Mesh
    expected: Sequence[Expected]


@cache
def half_year() -> Played:
    """The half-year that the demo plays; its questions and books are left to the demo."""
    mesh, now, since, saying = Mesh(), None, 0, False
    expected: list[Expected] = []
    for number, line in enumerate(SCENARIO.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        step = msgspec.json.decode(line)
        match step:
            case {"tick": until}:
                since = len(mesh.log)
                now = mesh.pass_time(now, utc(datetime.fromisoformat(until)))
            case {"say": name, "key": key} if now is not None:
                since = (
                    since if saying else len(mesh.log)
                )  # an expectation looks since the first of what is said in a row
                message = msgspec.convert(step.get("data", {}), wire.catalogue()[name])
                for _ in range(2 if step.get("twice") else 1):
                    mesh.say(message, key, now)
            case {"expect": name}:
                expected.append(Expected(number, name, step.get("where", {}), tuple(mesh.log[since:])))
            case _:
                pass  # a note, a question, books
        saying = "say" in step
    return Played(mesh, expected)
