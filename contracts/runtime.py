"""What the runtime itself says and is asked: which message was rejected, which actor is parked, what waits behind it.

The classes here have no name of their own: `of(service)` makes one named type of each for a service.
"""

from functools import cache
from types import new_class
from typing import Any, TypeVar

from contracts.message import Command, Event, Identifier, Instant, Message, Question, Record, Text, Whole

TICK = "observability.clock.ticked.v1"
"""The message by which time passes: heard by every owner of every service."""

CLOCK_SERVICE = TICK.split(".", maxsplit=1)[0]
"""The service that says the ticks also answers for whatever no other service would notice."""

AFTER = "Q2c-After"
"""Header of a question answered only once all up to this log sequence is heard, committed and projected."""

NO_ACTOR = "-"
"""Stands for the id of an actor that could not be told, and for the key of a message whose own key is unusable."""


class MessageRejected(Event):
    """A message on the log that this service cannot hear. The original stays in the log at `sequence`."""

    sequence: Whole
    subject: str
    reason: str


class ActorParked(Event):
    """Deciding failed, which is a bug: this message and every later one for the actor wait in order until it is fixed.

    `wake` is given when the actor was not heard a message but woken by the tick at `sequence`.
    """

    entity: str
    actor: str
    sequence: Whole
    message: str
    reason: str
    wake: Instant | None = None
    traceback: str = ""
    """Where in the code it failed: the innermost calls, without the values of variables."""


class ActorWaiting(Event):
    """One more message waits behind the one at which the actor was parked."""

    entity: str
    actor: str
    sequence: Whole
    message: str
    wake: Instant | None = None


class ActorRetried(Event):
    """A waiting message was heard after all, with the code and the reference of today."""

    entity: str
    actor: str
    sequence: Whole
    wake: Instant | None = None


class ActorEdited(Event):
    """From now on the message at which the actor is parked is heard with the data of the command at `edited`."""

    entity: str
    actor: str
    sequence: Whole
    edited: Whole
    wake: None = None
    """A wake has no data that could be edited."""


class ActorDiscarded(Event):
    """A waiting message will never be heard by the actor, for the reason somebody gave."""

    entity: str
    actor: str
    sequence: Whole
    reason: str
    wake: Instant | None = None


class ServicePaused(Event):
    """Too many of the last messages failed: instead of parking the world the service stands still before `sequence`.

    It tries that message again, at longer and longer intervals, and goes on when it is told to or when that succeeds.
    """

    sequence: Whole
    reason: str


class ServiceResumed(Event):
    """The service goes on with the message at `sequence`."""

    sequence: Whole
    reason: str


class PartitionPaused(Event):
    """No more messages may wait: nothing of this partition is heard from `sequence` on, but words about parked actors.

    Other partitions go on.
    """

    sequence: Whole
    partition: Whole
    reason: str


class PartitionResumed(Event):
    """There is room again for messages that wait: the partition goes on where it was paused."""

    sequence: Whole
    partition: Whole


class ResumeService(Command):
    """Go on although too many messages have failed: whoever cannot decide is parked again."""

    reason: Text


class EffectPaused(Event):
    """A destination outside keeps failing: the effect worker leaves it alone, and what it is to do waits."""

    effect: str
    destination: str
    reason: str


class EffectResumed(Event):
    """The destination has answered again."""

    effect: str
    destination: str


class RetryActor(Command):
    """Hear everything that waits for a parked actor again, in order; the key is the actor's."""

    entity: str
    actor: Identifier


class EditMessage(Command):
    """Hear other `data` in place of the message at which an actor is parked, then all that waits behind it.

    The message keeps its envelope: its time, its journey. What is said to it names this command as its cause.
    """

    entity: str
    actor: Identifier
    sequence: Whole
    """Of the message that is edited: nothing happens unless that very message is the one."""
    data: dict[str, Any]
    reason: Text


class DiscardMessage(Command):
    """Give up the message at which an actor is parked and go on with those that wait behind it.

    With a `sequence`, nothing is given up unless that very message is the one.
    """

    entity: str
    actor: Identifier
    reason: Text
    sequence: Whole | None = None


class Done(Command):
    """One partition of one service has heard a broadcast: `partition` of `partitions`, counted from 0.

    Sent to the entity that said the broadcast, for broadcasts that name an `answer`.
    """

    asker: str
    """The id of the actor that said the broadcast."""
    broadcast: str
    """The id of the broadcast message."""
    service: str
    partition: Whole
    partitions: Whole


class Position(Question):
    """Has everything up to log sequence `sequence` been heard, committed and projected?"""

    sequence: Whole
    wait: float = 0.0
    """Seconds for which the answer may be held back until it is yes."""


class PositionReached(Record):
    """`ready`: nothing up to `sequence` is pending."""

    ready: bool
    sequence: Whole


class ParkedActors(Question):
    """Which actors are parked, and what waits for each?"""


class WaitingMessage(Record):
    """A message that waits for a parked actor, by its place in the log."""

    sequence: Whole
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
    count: Whole
    """How many messages wait."""
    waiting: tuple[WaitingMessage, ...]
    """The head first, then what waits behind it, in order: the first of them, where the answer would be too long."""


class ParkedListed(Record):
    """All parked actors of a service (of the partitions that the answering replica owns)."""

    actors: tuple[ParkedActor, ...]
    left_off: Whole = 0
    """Actors for which the answer had no room."""


class Rehearse(Question):
    """What would a parked actor say now to all that waits for it? Nothing is said. The key is the actor's.

    With `data`, the message at which it is parked is heard with that data.
    """

    entity: str
    actor: Identifier
    data: dict[str, Any] | None = None


class Rehearsed(Record):
    """What one waiting message would lead to."""

    sequence: Whole
    message: str
    says: tuple[str, ...]
    """The envelopes as they would lie on the log."""
    problem: str | None = None
    """Why it still cannot be decided: those behind it go on waiting."""
    traceback: str = ""


class Rehearsal(Record):
    """The waiting messages in order, up to the first that still fails or that the answer has no room for."""

    messages: tuple[Rehearsed, ...]
    left_off: Whole = 0


class Inspect(Question):
    """What is the state of an actor? The key is the actor's."""

    entity: str
    actor: Identifier


class Inspected(Record):
    """The state as committed."""

    state: Any


class Verify(Question):
    """Rebuild every state from the log alone and compare with the working copy."""


class Verified(Record):
    """`differences` is empty when the rebuilt file is byte for byte the same at log sequence `sequence`."""

    sequence: Whole
    actors: Whole
    differences: tuple[str, ...]


class RuntimeTypes(Record):
    """The runtime's messages as one service names them."""

    rejected: type[MessageRejected]
    parked: type[ActorParked]
    waiting: type[ActorWaiting]
    retried: type[ActorRetried]
    edited: type[ActorEdited]
    discarded: type[ActorDiscarded]
    paused: type[ServicePaused]
    resumed: type[ServiceResumed]
    partition_paused: type[PartitionPaused]
    partition_resumed: type[PartitionResumed]
    resume: type[ResumeService]
    effect_paused: type[EffectPaused]
    effect_resumed: type[EffectResumed]
    retry: type[RetryActor]
    edit: type[EditMessage]
    discard: type[DiscardMessage]
    position: type[Position]
    listing: type[ParkedActors]
    rehearse: type[Rehearse]
    inspect: type[Inspect]
    verify: type[Verify]

    @property
    def all(self) -> tuple[type[Message], ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__)


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
        edited=named(ActorEdited, "actor.edited"),
        discarded=named(ActorDiscarded, "actor.discarded"),
        paused=named(ServicePaused, "runtime.paused"),
        resumed=named(ServiceResumed, "runtime.resumed"),
        partition_paused=named(PartitionPaused, "runtime.partition_paused"),
        partition_resumed=named(PartitionResumed, "runtime.partition_resumed"),
        resume=named(ResumeService, "runtime.resume"),
        effect_paused=named(EffectPaused, "effect.paused"),
        effect_resumed=named(EffectResumed, "effect.resumed"),
        retry=named(RetryActor, "actor.retry"),
        edit=named(EditMessage, "actor.edit"),
        discard=named(DiscardMessage, "actor.discard"),
        position=named(Position, "runtime.position"),
        listing=named(ParkedActors, "runtime.parked"),
        rehearse=named(Rehearse, "runtime.rehearse"),
        inspect=named(Inspect, "runtime.inspect"),
        verify=named(Verify, "runtime.verify"),
    )
