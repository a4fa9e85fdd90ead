"""Tells the actors of one entity a random story, from nothing or from some place of the half-year on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from contracts import wire
from contracts.message import Broadcast, Context, Message, Question
from contracts.observability import ClockTicked
from shared import deciding
from shared.decider import Wired
from shared.store import ActorRef
from tests.pure.memory_mesh import Service, Step, actors, half_year, wiring_of
from tests.pure.strategies import BEGIN, NAMES, Builder

KEYS = ("ACME", "DE01", "EUR-GBP")
RECENT = 12

stories = st.tuples(st.integers(0, 2**16), st.lists(st.integers(0, 2**20), min_size=1, max_size=12))
"""Where the story begins, and one number for each of its messages."""


@dataclass
class Storyteller:
    """One story; `beginning` 0 is from nothing, any other from a place of the half-year."""

    name: str
    beginning: int
    builder: Builder = field(default_factory=Builder)
    now: datetime = BEGIN
    told: int = 0
    key: str = KEYS[0]

    def __post_init__(self) -> None:
        self.service = Service(wiring_of(self.name))
        (self.actor,) = self.service.wiring.actors.values()
        service, entity = self.name.split(".")
        lived = half_year().mesh.services[service].steps.get(entity, [])
        place = self.beginning % (len(lived) + 1)
        if place:
            self.continue_from(lived[:place])
        else:
            self.begin()

    def begin(self) -> None:
        """With what everybody knows."""
        for broadcast in self.service.wiring.reference_hears:
            for number in range(len(NAMES)):
                self.builder.seed(self.beginning + number)
                self.hear(self.from_outside(self.builder.make(broadcast, checked=True)))

    def continue_from(self, lived: Sequence[Step]) -> None:
        last = lived[-1]
        self.service.reference, self.now, self.key = last.reference, last.message.at, last.ref.key
        self.service.entries = {step.ref: step.after for step in lived}
        for step in [step for step in lived if step.ref == last.ref][-RECENT:]:
            self.remember(step)

    def tell(self, numbers: Sequence[int]) -> Iterator[Step]:
        """Each actor's step, message by message."""
        for number in numbers:
            self.builder.seed(number)
            self.now += timedelta(hours=self.builder.random.choice((0, 1, 12, 24, 24 * 20)))
            heard = len(self.steps)
            self.hear(self.next())
            for step in self.steps[heard:]:
                self.remember(step)
                yield step

    @property
    def steps(self) -> list[Step]:
        return self.service.steps.get(self.actor.entity, [])

    def hear(self, message: Message) -> None:
        for _ in self.service.hear(message):
            pass  # it concerns others
        for parked in self.service.parked:
            raise AssertionError(f"{parked.ref} is parked by {parked.why}")

    def next(self) -> Message:
        """Time for whoever waits for it, or any message of those that are heard."""
        random = self.builder.random
        wakes = sorted(entry.wake for entry in self.service.entries.values() if entry.wake is not None)
        if wakes and random.random() < 0.3:
            self.now = max(self.now, wakes[0])
            return self.from_outside(ClockTicked(instant=self.now))
        kind = random.choice(self.actor.hears)
        key = self.key if random.random() < 0.7 else random.choice(KEYS)
        return self.from_outside(self.builder.make(kind, checked=issubclass(kind, Broadcast)), key)

    def from_outside(self, message: Message, key: str = KEYS[0]) -> Message:
        self.told += 1
        identity = f"m-{self.told}"
        return message.heard(
            Context(
                id=identity, source="/outside", key=key, at=self.now, correlation=f"J-{identity}", sequence=self.told
            )
        )

    def remember(self, step: Step) -> None:
        for message in (step.message, *step.said):
            self.builder.remember(message)

    def ask(self) -> Iterator[tuple[type[Question], Any]]:
        """Each question that the actor answers, and its answer."""
        module: Any = self.actor.module
        for kind in self.actor.asked:
            question = self.from_outside(self.builder.make(kind), self.key)
            id = deciding.id_of(self.actor, question)
            if id is not None:
                entry = self.service.entries.get(ActorRef(self.actor.entity, question.key, id))
                state = (entry or deciding.fresh(self.actor)).state
                known = (self.service.reference,) if self.actor.answer_wants_reference else ()
                yield kind, module.answer(state, question, *known)


def decide(actor: Wired, step: Step, *, message: Message | None = None, again: bool = False) -> deciding.Decision:
    """What the actor says to the step's message (or this one), as it was before or, `again`, as it is after it."""
    entry = step.after if again else step.before
    return deciding.decide(actor, step.ref, 0, entry, message or step.message, step.reference)


def transcript(stories_each: int) -> bytes:
    """Everything that is said in the half-year, and by every actor in some stories of its own."""
    said = list(half_year().mesh.log)
    for name in actors():
        for beginning in range(stories_each):
            for step in Storyteller(name, beginning).tell(range(beginning, beginning + RECENT)):
                said.extend(step.said)
    return b"\n".join(wire.envelope(message, message.context) for message in said)
