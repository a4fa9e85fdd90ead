"""What the runtime itself says and is asked: which message was rejected, which actor is parked, what waits behind it.

The classes here have no name of their own: `of(service)` makes one named type of each for a service.
"""

from functools import cache
from types import new_class
from typing import TypeVar

from contracts.message import Command, Event, Identifier, Instant, Message, Question, Record, Text

TICK = "observability.clock.ticked.v1"
"""The message by which time passes: heard by every owner of every service."""

CLOCK_SERVICE = TICK.split(".", maxsplit=1)[0]
"""The service that says the ticks also answers for whatever no other service would notice."""

AFTER = "Q2c-After"
"""Header of a question answered only once all up to this log sequence is heard and committed, by a view projected."""

NO_ACTOR = "-"
"""Stands for the id of an actor that could not be told, and for the key of a message whose own key is unusable."""


class MessageRejected(Event):
    """A message on the log that this service cannot hear. The original stays in the log at `sequence`."""

    sequence: int
    subject: str
    reason: str


class ActorParked(Event):
    """Deciding failed, which is a bug: this message and every later one for the actor wait in order until it is fixed.

    `wake` is given when the actor was not heard a message but woken by the tick at `sequence`.
    """

    entity: str
    actor: str
    sequence: int
    message: str
    reason: str
    wake: Instant | None = None


class ActorWaiting(Event):
    """One more message waits behind the one at which the actor was parked."""

    entity: str
    actor: str
    sequence: int
    message: str
    wake: Instant | None = None


class ActorRetried(Event):
    """A waiting message was heard after all, with the code and the reference of today."""

    entity: str
    actor: str
    sequence: int
    wake: Instant | None = None


class ActorDiscarded(Event):
    """A waiting message will never be heard by the actor, for the reason somebody gave."""

    entity: str
    actor: str
    sequence: int
    reason: str
    wake: Instant | None = None


class RetryActor(Command):
    """Hear everything that waits for a parked actor again, in order; the key is the actor's."""

    entity: str
    actor: Identifier


class DiscardMessage(Command):
    """Give up the message at which an actor is parked and go on with those that wait behind it.

    With a `sequence`, nothing is given up unless that very message is the one.
    """

    entity: str
    actor: Identifier
    reason: Text
    sequence: int | None = None


class Done(Command):
    """One partition of one service has heard a broadcast: `partition` of `partitions`, counted from 0.

    Sent to the entity that said the broadcast, for broadcasts that name an `answer`.
    """

    asker: str
    """The id of the actor that said the broadcast."""
    broadcast: str
    """The id of the broadcast message."""
    service: str
    partition: int
    partitions: int


class Position(Question):
    """Has everything up to log sequence `sequence` been heard, committed and projected?"""

    sequence: int
    wait: float = 0.0
    """Seconds for which the answer may be held back until it is yes."""


class PositionReached(Record):
    """`ready`: nothing up to `sequence` is pending in any partition of the service."""

    ready: bool
    sequence: int


class ParkedActors(Question):
    """Which actors are parked, and what waits for each?"""


class WaitingMessage(Record):
    """A message that waits for a parked actor, by its place in the log."""

    sequence: int
    message: str
    at: Instant
    wake: Instant | None = None


class ParkedActor(Record):
    """An actor whose head message could not be decided since `since`."""

    entity: str
    key: str
    actor: str
    reason: str
    since: Instant
    waiting: tuple[WaitingMessage, ...]
    """The head first, then what waits behind it, in order."""


class ParkedListed(Record):
    """All parked actors of a service, whichever replicas hold them."""

    actors: tuple[ParkedActor, ...]


class Verify(Question):
    """Rebuild every state from the log alone and compare with the working copy."""


class Verified(Record):
    """`differences` is empty when the rebuilt files are byte for byte the same, at log sequence `sequence` at last."""

    sequence: int
    actors: int
    differences: tuple[str, ...]


class RuntimeTypes(Record):
    """The runtime's messages as one service names them."""

    rejected: type[MessageRejected]
    parked: type[ActorParked]
    waiting: type[ActorWaiting]
    retried: type[ActorRetried]
    discarded: type[ActorDiscarded]
    retry: type[RetryActor]
    discard: type[DiscardMessage]
    position: type[Position]
    listing: type[ParkedActors]
    verify: type[Verify]

    @property
    def all(self) -> tuple[type[Message], ...]:
        return (
            self.rejected,
            self.parked,
            self.waiting,
            self.retried,
            self.discarded,
            self.retry,
            self.discard,
            self.position,
            self.listing,
            self.verify,
        )


T = TypeVar("T", bound=Message)


@cache
def of(service: str) -> RuntimeTypes:
    """The runtime's message types of `service`."""

    def named(base: type[T], name: str) -> type[T]:
        made = new_class(base.__name__, (base,), {"tag": f"{service}.{name}.v1"})
        made.__doc__ = base.__doc__
        made.__module__ = __name__
        return made

    return RuntimeTypes(
        rejected=named(MessageRejected, "message.rejected"),
        parked=named(ActorParked, "actor.parked"),
        waiting=named(ActorWaiting, "actor.waiting"),
        retried=named(ActorRetried, "actor.retried"),
        discarded=named(ActorDiscarded, "actor.discarded"),
        retry=named(RetryActor, "actor.retry"),
        discard=named(DiscardMessage, "actor.discard"),
        position=named(Position, "runtime.position"),
        listing=named(ParkedActors, "runtime.parked"),
        verify=named(Verify, "runtime.verify"),
    )
