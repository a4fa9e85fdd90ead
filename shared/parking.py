"""Parked actors: after a bug, what concerns an actor waits in order until it is heard again or given up."""

from bisect import insort
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from contracts import runtime, wire
from contracts.message import Context, Event, Message, name_of
from contracts.runtime import (
    ActorDiscarded,
    ActorEdited,
    ActorParked,
    ActorRetried,
    ActorWaiting,
    EditMessage,
    ParkedActor,
    ParkedListed,
    WaitingMessage,
)
from shared.deciding import Undecidable
from shared.limits import Limits
from shared.log import Saying
from shared.store import ActorRef, ParkedKey, ParkedRow, wake_order

Fact = ActorParked | ActorWaiting | ActorRetried | ActorEdited | ActorDiscarded

UNTRIED = "the message before it was settled; it has not been tried yet"

_ROOM = 500_000
"""Characters of an answer that lists what waits: far from what nats-server takes, for messages with short names."""
_PER_ACTOR, _PER_MESSAGE = 2000, 200


class Waits(NamedTuple):
    """One message that waits, in the order in which it is to be heard: a wake after a message of the same sequence."""

    sequence: int
    wake_order: int
    wake: datetime | None
    row: ParkedRow


class Parking:
    """All that waits in the partitions of one owner. What is on the log and what is here change in the same words."""

    def __init__(self, service: str) -> None:
        self._own = runtime.of(service)
        self._queues: dict[ActorRef, list[Waits]] = {}

    def __contains__(self, ref: ActorRef) -> bool:
        return ref in self._queues

    def load(self, rows: Iterable[tuple[ParkedKey, ParkedRow]]) -> None:
        """Take over what the working copy holds of a partition."""
        for key, row in rows:
            insort(self._queues.setdefault(key.actor, []), _waits(key.sequence, key.wake, row))

    def forget(self, partitions: Iterable[int], count: int) -> None:
        """Drop the actors of partitions that are somebody else's now."""
        gone = set(partitions)
        self._queues = {ref: queue for ref, queue in self._queues.items() if wire.partition(ref.key, count) not in gone}

    def queue(self, ref: ActorRef) -> Sequence[Waits]:
        """What waits for an actor, in order."""
        return tuple(self._queues.get(ref, ()))

    def full(self, ref: ActorRef, partition: int, count: int, limits: Limits) -> str | None:
        """Why no further message may wait for an actor, if so; there are `count` partitions."""
        if len(self._queues.get(ref, ())) >= limits.per_actor:
            return f"{limits.per_actor} messages wait for {'/'.join(ref)}"
        if sum(map(len, self._queues.values())) < limits.per_partition:
            return None
        waiting = sum(len(queue) for one, queue in self._queues.items() if wire.partition(one.key, count) == partition)
        return f"{waiting} messages wait in partition {partition}" if waiting >= limits.per_partition else None

    def head(self, ref: ActorRef) -> Waits | None:
        queue = self._queues.get(ref)
        return queue[0] if queue else None

    def has_wake(self, ref: ActorRef) -> bool:
        """Whether a due wake waits already: it waits once."""
        return any(waits.wake is not None for waits in self._queues.get(ref, ()))

    def holds(self, ref: ActorRef, sequence: int, wake: datetime | None) -> bool:
        return any((waits.sequence, waits.wake) == (sequence, wake) for waits in self._queues.get(ref, ()))

    def apply(self, fact: Fact, key: str, at: datetime) -> tuple[ParkedKey, ParkedRow | None]:
        """Change as a fact says, when it is said or read again; the row that results, None when it is gone."""
        ref = ActorRef(fact.entity, key, fact.actor)
        place = ParkedKey(ref, fact.sequence, fact.wake)
        queue = self._queues.setdefault(ref, [])
        found = next((waits for waits in queue if (waits.sequence, waits.wake) == (fact.sequence, fact.wake)), None)
        if found is not None:
            queue.remove(found)
        row: ParkedRow | None = None
        if isinstance(fact, ActorParked | ActorWaiting):
            since, edited = (at, 0) if found is None else (found.row.at, found.row.edited)
            row = ParkedRow(fact.message, since, fact.reason if isinstance(fact, ActorParked) else None, edited)
        elif isinstance(fact, ActorEdited) and found is not None:
            row = found.row._replace(edited=fact.edited)
        if row is not None:
            insort(queue, _waits(fact.sequence, fact.wake, row))
        if not queue:
            del self._queues[ref]
        return place, row

    def listing(self) -> tuple[ParkedActor, ...]:
        """Every parked actor with all that waits for it."""
        return tuple(_listed(ref, queue, len(queue)) for ref, queue in sorted(self._queues.items()))

    def answer(self) -> ParkedListed:
        """The same as far as there is room in an answer: of every actor before more of any."""
        shown = sorted(self._queues.items())[: _ROOM // (_PER_ACTOR + _PER_MESSAGE)]
        each = (_ROOM // len(shown) - _PER_ACTOR) // _PER_MESSAGE if shown else 0
        listed = tuple(_listed(ref, queue, each) for ref, queue in shown)
        return ParkedListed(actors=listed, left_off=len(self._queues) - len(listed))

    def parked(
        self, ref: ActorRef, sequence: int, message: str, problem: Undecidable, wake: datetime | None
    ) -> ActorParked:
        """The fact that deciding failed."""
        return self._own.parked(
            entity=ref.entity,
            actor=ref.id,
            sequence=sequence,
            message=message,
            reason=str(problem),
            wake=wake,
            traceback=problem.traceback,
        )

    def waiting(self, ref: ActorRef, sequence: int, message: str, wake: datetime | None) -> ActorWaiting:
        """The fact that one more waits."""
        return self._own.waiting(entity=ref.entity, actor=ref.id, sequence=sequence, message=message, wake=wake)

    def retried(self, ref: ActorRef, waits: Waits) -> ActorRetried:
        """The fact that a waiting message has been heard."""
        return self._own.retried(entity=ref.entity, actor=ref.id, sequence=waits.sequence, wake=waits.wake)

    def edited(self, ref: ActorRef, waits: Waits, command: EditMessage) -> ActorEdited:
        """The fact that other data is heard in place of a waiting message."""
        return self._own.edited(
            entity=ref.entity, actor=ref.id, sequence=waits.sequence, edited=command.context.sequence
        )

    def discarded(self, ref: ActorRef, waits: Waits, reason: str) -> ActorDiscarded:
        """The fact that a waiting message was given up."""
        return self._own.discarded(
            entity=ref.entity, actor=ref.id, sequence=waits.sequence, reason=reason, wake=waits.wake
        )


def _listed(ref: ActorRef, queue: Sequence[Waits], most: int) -> ParkedActor:
    return ParkedActor(
        entity=ref.entity,
        key=ref.key,
        actor=ref.id,
        reason=queue[0].row.reason or UNTRIED,
        since=queue[0].row.at,
        count=len(queue),
        waiting=tuple(
            WaitingMessage(sequence=item.sequence, message=item.row.message, at=item.row.at, wake=item.wake)
            for item in queue[:most]
        ),
    )


def _waits(sequence: int, wake: datetime | None, row: ParkedRow) -> Waits:
    return Waits(sequence, wake_order(wake), wake, row)


def facts(service: str) -> tuple[type[Event], ...]:
    """The facts by which parked actors are known."""
    own = runtime.of(service)
    return (own.parked, own.waiting, own.retried, own.edited, own.discarded)


def source(service: str) -> str:
    """Who says what the runtime itself says."""
    return f"/{service}/runtime"


def saying(service: str, partition: int, key: str, fact: Event, cause: Message | Context) -> Saying:
    """A fact of the runtime, said where the actor it is about lives."""
    heard = cause.context if isinstance(cause, Message) else cause
    said_id = fact_id(service, heard.id, fact)
    context = Context(
        id=said_id,
        source=source(service),
        key=key,
        at=heard.at,
        correlation=heard.correlation,
        cause=heard.id,
        traceparent=wire.trace(heard.traceparent, heard.correlation, said_id),
    )
    return Saying(partition, wire.subject(type(fact), key, partition), wire.envelope(fact, context))


def fact_id(service: str, cause: str, fact: Event) -> str:
    """The id of a fact: one cause may park several actors, so what the fact says is part of it."""
    return _id(service, cause, name_of(type(fact)), wire.encode(fact))


def _id(service: str, cause: str, name: str, data: bytes) -> str:
    return wire.derive(cause, source(service), name + data.decode())


def is_own(service: str, name: str, context: Context, data: bytes) -> bool:
    """Whether the runtime of this service said a fact: by its data as it lies on the log, in whatever version."""
    return (
        context.source == source(service)
        and context.cause is not None
        and context.id == _id(service, context.cause, name, data)
    )


__all__ = ["Fact", "Parking", "Waits", "fact_id", "facts", "is_own", "saying", "source"]
