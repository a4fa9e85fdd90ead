"""Rules read as sentences: given what an actor has said, when it hears a message, then it says these messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, TypeVar

import msgspec

from contracts.message import Context, Event, Message

M = TypeVar("M", bound=Message)
NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)


def at(message: M, instant: datetime = NOON, *, key: str = "ACME", journey: str = "J-1", id: str = "m-1") -> M:
    """`message` as an actor hears it: with an envelope that carries this instant, key, journey and id."""
    source = "/tests/story/ACME/1"
    return message.heard(Context(id=id, source=source, key=key, at=instant, correlation=journey))


@dataclass
class Story:
    actor: ModuleType
    state: Any
    reference: Any = None
    said: Sequence[Message] = field(default_factory=tuple)

    def knowing(self, *broadcasts: Message) -> "Story":
        """The actor's service has heard these broadcasts: fold them into its reference."""
        module = __import__(f"{self.actor.__package__}.reference", fromlist=["reference"])
        reference = module.initial if self.reference is None else self.reference
        for broadcast in broadcasts:
            reference = module.evolve(reference, _heard(broadcast))
        return Story(self.actor, self.state, reference)

    def when(self, *messages: Message) -> "Story":
        """It hears the messages one after the other; what it says to the last is what `then` looks at."""
        state, said = self.state, ()
        for message in messages:
            arguments = (state, _heard(message)) if self.reference is None else (state, _heard(message), self.reference)
            said = tuple(self.actor.decide(*arguments))
            state = _fold(self.actor, state, said)
        return Story(self.actor, state, self.reference, said)

    def then(self, *expected: Message) -> "Story":
        assert list(self.said) == list(expected)
        return self

    def then_nothing(self) -> "Story":
        return self.then()

    def says(self, *types: type[Message]) -> "Story":
        """Only the kinds of what it says, in order; `the` gives one to look into."""
        assert [type(message) for message in self.said] == list(types)
        return self

    def the(self, kind: type[M]) -> M:
        found = [message for message in self.said if isinstance(message, kind)]
        assert len(found) == 1, f"expected one {kind.__name__} in {self.said}"
        return found[0]


def given(actor: ModuleType, *events: Message) -> Story:
    """An actor that has said `events` before."""
    return Story(actor, _fold(actor, actor.initial, events))


def _heard(message: Message) -> Message:
    return message if "context" in message.__dict__ else at(message)


def _fold(actor: ModuleType, state: Any, messages: Sequence[Message]) -> Any:
    for message in messages:
        msgspec.json.decode(msgspec.json.encode(message), type=type(message))
        if isinstance(message, Event):
            state = actor.evolve(state, message)
    return state
