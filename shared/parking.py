"""Parked actors: after a bug, what concerns an actor waits in order until it is heard again or given up."""

from bisect import insort
from collections.abc import Container, Iterable
from datetime import datetime
from typing import NamedTuple

from contracts import runtime, wire
from contracts.message import Context, Event, Message, name_of
from contracts.runtime import ActorDiscarded, ActorParked, ActorRetried, ActorWaiting, ParkedActor, WaitingMessage
from shared.log import Saying
from shared.store import ActorRef, ParkedKey, ParkedRow, micros

Fact = ActorParked | ActorWaiting | ActorRetried | ActorDiscarded


class Waits(NamedTuple):
    """One message that waits, in the order in which it is to be heard: a wake after a message of the same sequence."""

    sequence: int
    wake_order: int
    wake: datetime | None
    row: ParkedRow


class Parking:
    """All that waits in the partitions of one owner. What is on the log and what is here change in the same words."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._queues: dict[ActorRef, list[Waits]] = {}

    def __contains__(self, ref: ActorRef) -> bool:
        return ref in self._queues

    def load(self, rows: Iterable[tuple[ParkedKey, ParkedRow]]) -> None:
        """Take over what the working copy holds of a partition."""
        for key, row in rows:
            insort(self._queues.setdefault(key.actor, []), _waits(key.sequence, key.wake, row))

    def join(self, other: "Parking") -> None:
        """Take over what waits in partitions of which nothing is known here."""
        self._queues.update(other._queues)

    def forget(self, partitions: Iterable[int], count: int) -> None:
        """Drop the actors of partitions that are not held any more."""
        gone = set(partitions)
        self._queues = {ref: queue for ref, queue in self._queues.items() if wire.partition(ref.key, count) not in gone}

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
            since = at if found is None else found.row.at
            row = ParkedRow(fact.message, since, fact.reason if isinstance(fact, ActorParked) else None)
            insort(queue, _waits(fact.sequence, fact.wake, row))
        if not queue:
            del self._queues[ref]
        return place, row

    def listing(self, partitions: Container[int], count: int) -> tuple[ParkedActor, ...]:
        """Every parked actor of these partitions, of so many, with what waits for it."""
        return tuple(
            ParkedActor(
                entity=ref.entity,
                key=ref.key,
                actor=ref.id,
                reason=queue[0].row.reason or "the message before it was given up; it has not been tried yet",
                since=queue[0].row.at,
                waiting=tuple(
                    WaitingMessage(sequence=item.sequence, message=item.row.message, at=item.row.at, wake=item.wake)
                    for item in queue
                ),
            )
            for ref, queue in sorted(self._queues.items())
            if wire.partition(ref.key, count) in partitions
        )

    def parked(self, ref: ActorRef, sequence: int, message: str, reason: str, wake: datetime | None) -> ActorParked:
        """The fact that deciding failed."""
        return runtime.of(self._service).parked(
            entity=ref.entity, actor=ref.id, sequence=sequence, message=message, reason=reason, wake=wake
        )

    def waiting(self, ref: ActorRef, sequence: int, message: str, wake: datetime | None) -> ActorWaiting:
        """The fact that one more waits."""
        return runtime.of(self._service).waiting(
            entity=ref.entity, actor=ref.id, sequence=sequence, message=message, wake=wake
        )

    def retried(self, ref: ActorRef, waits: Waits) -> ActorRetried:
        """The fact that a waiting message has been heard."""
        return runtime.of(self._service).retried(
            entity=ref.entity, actor=ref.id, sequence=waits.sequence, wake=waits.wake
        )

    def discarded(self, ref: ActorRef, waits: Waits, reason: str) -> ActorDiscarded:
        """The fact that a waiting message was given up."""
        return runtime.of(self._service).discarded(
            entity=ref.entity, actor=ref.id, sequence=waits.sequence, reason=reason, wake=waits.wake
        )


def _waits(sequence: int, wake: datetime | None, row: ParkedRow) -> Waits:
    found = micros(wake)
    return Waits(sequence, -1 if found is None else found, wake, row)


def facts(service: str) -> tuple[type[Event], ...]:
    """The facts by which parked actors are known."""
    own = runtime.of(service)
    return (own.parked, own.waiting, own.retried, own.discarded)


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
    return wire.derive(cause, source(service), name_of(type(fact)) + wire.encode(fact).decode())


def is_own(service: str, message: Event) -> bool:
    """Whether the runtime of this service said the fact."""
    context = message.context
    return (
        context.source == source(service)
        and context.cause is not None
        and context.id == fact_id(service, context.cause, message)
    )


__all__ = ["Fact", "Parking", "Waits", "fact_id", "facts", "is_own", "saying", "source"]
