"""What a service ought to say, worked out from the log alone, with nothing of the loop that is to be judged."""

from bisect import insort
from collections import defaultdict
from datetime import datetime
from heapq import heappop, heappush
from typing import Any, cast

import msgspec
from msgspec import Struct

from contracts import wire
from contracts.message import Broadcast, Context, Event, Message, Wake, is_identifier, name_of
from contracts.runtime import (
    NO_ACTOR,
    ActorParked,
    DiscardMessage,
    Done,
    EditMessage,
    ResumeService,
    RetryActor,
)
from contracts.wire import STREAM, Received, Refused
from infra import words
from infra.audience import Audience
from infra.words import Actor, Facts, Owed, Waits
from shared.decider import Wired, Wiring
from shared.store import ActorRef


class _Lane(Struct):
    """A partition after all that it has heard."""

    partition: int
    reference: Any
    tick: datetime | None = None
    due: list[tuple[datetime, ActorRef]] = []
    """Every wake that was ever asked for; those that were moved since are passed over."""
    existing: dict[str, set[ActorRef]] = msgspec.field(default_factory=lambda: defaultdict(set))
    owed: list[Owed] = []


class Ideal:
    """One service without a fault: it hears the log in order, and what it ought to say is kept by partition."""

    def __init__(self, wiring: Wiring, partitions: int, facts: Facts, *, scenario: bool) -> None:
        self.wiring = wiring
        self._partitions = partitions
        self._facts = facts
        self._scenario = scenario
        self._audience = Audience(wiring, partitions)
        self._source = f"/{wiring.service}/runtime"
        initial = wiring.reference.initial if wiring.reference else None
        self.lanes = [_Lane(partition, initial) for partition in range(partitions)]
        self._actors: dict[ActorRef, Actor] = {}
        self._parked: dict[ActorRef, list[Waits]] = {}
        self._now = 0

    def hear(self, received: Received) -> None:
        """Whatever is on the log, in order."""
        self._now = received.sequence
        try:
            found = self._audience.place(received)
            if found is None:
                return
            lane = self.lanes[found[1]]
            message = wire.hear(received, self.wiring.types, lane.tick if self._scenario else None)
            self._audience.check_sayer(received, message)
        except Refused:
            if self._audience.answers_for(received.subject):
                self._reject(received)
        else:
            self._take(lane, message)

    def _reject(self, received: Received) -> None:
        """The fact that a message cannot be heard: it is the log's word why, and ours that it must be there."""
        key = received.subject.rpartition(".")[2]
        lane = self.lanes[self._audience.placed(received.subject) or 0]
        at = lane.tick if self._scenario and lane.tick is not None else received.at
        place = f"{STREAM}:{received.sequence}"
        cause = Context(id=place, source="", key="", at=at, correlation=received.id)
        about = key if is_identifier(key) else NO_ACTOR
        fact = self._facts.get((self.wiring.service, received.sequence, None, None, place))
        if fact is None:
            self._owe_word(lane, f"{received.subject} at {received.sequence} has to be rejected")
        else:
            self._owe_fact(lane, about, fact, cause)

    # --- hearing -------------------------------------------------------------------------------------------------

    def _take(self, lane: _Lane, message: Message) -> None:
        if isinstance(message, RetryActor | EditMessage | DiscardMessage):
            self._unpark(lane, message)
        elif isinstance(message, ResumeService):
            return  # a service that stands still says so itself
        elif self._audience.is_for_all(type(message)):
            for each in self.lanes:
                if isinstance(message, Broadcast) and type(message) in self.wiring.broadcasts:
                    self._broadcast(each, message)
                if type(message) is self.wiring.tick:
                    self._tick(each, message)
        else:
            for actor in self.wiring.hearers[type(message)]:
                ref = self._addressed(actor, message)
                if ref is not None:
                    self._deliver(lane, ref, message)

    def _addressed(self, actor: Wired, message: Message) -> ActorRef | None:
        """Who hears it; where the log says that it could not be told, nobody does."""
        nobody = ActorRef(actor.entity, message.context.key, NO_ACTOR)
        if self._at(nobody, message.context) is not None:
            return nobody
        try:
            found = actor.module.actor_id(message)
        except Exception:
            return nobody
        return None if found is None else ActorRef(actor.entity, message.context.key, found)

    def _at(self, ref: ActorRef, cause: Context, wake: datetime | None = None) -> Event | None:
        """The fact that this message waits for this actor, if the log has it."""
        return self._facts.get((self.wiring.service, cause.sequence, ref, wake, cause.id))

    def _broadcast(self, lane: _Lane, message: Broadcast) -> None:
        wiring = self.wiring
        if type(message) in wiring.reference_hears and wiring.reference and wiring.reference_codec:
            lane.reference = wiring.reference_codec.settle(wiring.reference.evolve(lane.reference, message))
        for actor in wiring.hearers.get(type(message), ()):
            to = set(lane.existing[actor.entity])
            if wire.partition(message.context.key, self._partitions) == lane.partition:
                one = self._addressed(actor, message)
                to |= set() if one is None else {one}
            for ref in sorted(to):
                self._deliver(lane, ref, message)
        if message.answer is not None:
            done = cast("type[Done]", message.answer)(
                asker=message.context.source.rpartition("/")[2],
                broadcast=message.context.id,
                service=wiring.service,
                partition=lane.partition,
                partitions=self._partitions,
            )
            said_id = wire.derive(message.context.id, self._source, f"done {lane.partition}")
            self._owe(lane, done, words.envelope(said_id, self._source, message.context.key, message.context))

    def _tick(self, lane: _Lane, tick: Message) -> None:
        """Whoever is due, the oldest wake first, again and again until nobody is."""
        until: datetime = cast("Any", tick).instant
        later: set[tuple[datetime, ActorRef]] = set()
        while lane.due and lane.due[0][0] <= until:
            wake, ref = heappop(lane.due)
            if self._actors[ref].wake != wake or (wake, ref) in later:
                continue
            if all(waits.wake is None for waits in self._parked.get(ref, ())):
                self._deliver(lane, ref, self._woken(ref, tick, wake), tick)
            if self._actors[ref].wake == wake:
                later.add((wake, ref))
        for waiting in later:
            heappush(lane.due, waiting)
        lane.tick = until if lane.tick is None else max(lane.tick, until)

    def _woken(self, ref: ActorRef, tick: Message, wake: datetime) -> Wake:
        """Time has come, at the instant that was asked for."""
        return Wake().heard(
            Context(
                id=wire.derive(tick.context.id, ref.source(self.wiring.service), wake.isoformat()),
                source=tick.context.source,
                key=ref.key,
                at=wake,
                correlation=self._actors[ref].opener or tick.context.correlation,
                cause=tick.context.id,
                sequence=tick.context.sequence,
            )
        )

    def _deliver(self, lane: _Lane, ref: ActorRef, message: Message, tick: Message | None = None) -> None:
        """One actor hears one message, or it waits: when the log says so, and when it cannot be decided."""
        wake = None if tick is None else message.at
        cause = message.context if tick is None else msgspec.structs.replace(message.context, id=tick.context.id)
        waits = Waits(tick or message, wake)
        if ref in self._parked:
            waiting = self.wiring.own.waiting(
                entity=ref.entity,
                actor=ref.id,
                sequence=cause.sequence,
                message="wake" if tick else name_of(type(message)),
                wake=wake,
            )
            self._owe_fact(lane, ref.key, waiting, cause)
            insort(self._parked[ref], waits, key=lambda one: one.place)
            return
        fact, why = self._at(ref, cause, wake), "actor_id fails"
        if not isinstance(fact, ActorParked) and ref.id != NO_ACTOR:
            try:
                self._decide(lane, ref, message)
            except Exception as problem:
                why = f"{type(problem).__name__}: {problem}"
            else:
                return
        if isinstance(fact, ActorParked):
            self._owe_fact(lane, ref.key, fact, cause)
        else:
            self._owe_word(lane, f"{'/'.join(ref)} has to be parked: {why}")
        self._parked[ref] = [waits]

    def _decide(self, lane: _Lane, ref: ActorRef, message: Message) -> None:
        """What the actor says to the message. Raises what its module raises: nothing is said then."""
        wired = self.wiring.actors[ref.entity]
        said, after = words.answers(wired, ref, self._actors.get(ref), message, lane.reference)
        for item, context in said:
            self._owe(lane, item, context)
        if after is not None:
            lane.existing[ref.entity].add(ref)
            self._actors[ref] = after
            if after.wake is not None:
                heappush(lane.due, (after.wake, ref))

    # --- owing ---------------------------------------------------------------------------------------------------

    def _owe(self, lane: _Lane, item: Message, context: Context, partition: int | None = None) -> None:
        if partition is None:
            partition = wire.partition(context.key, self._partitions)
        why = f"{context.source} answers {context.cause} with {name_of(type(item))}"
        subject = wire.subject(type(item), context.key, partition)
        lane.owed.append(Owed(self._now, subject, wire.envelope(item, context), why))

    def _owe_word(self, lane: _Lane, why: str) -> None:
        """What the log does not have and only the service can word."""
        lane.owed.append(Owed(self._now, "", None, why))

    def _owe_fact(self, lane: _Lane, key: str, fact: Event, cause: Context) -> None:
        """A fact of the runtime: it is kept where the actor lives, and what it says is part of its id."""
        said_id = wire.derive(cause.id, self._source, name_of(type(fact)) + wire.encode(fact).decode())
        self._owe(lane, fact, words.envelope(said_id, self._source, key, cause), lane.partition)

    # --- parked actors -------------------------------------------------------------------------------------------

    def _unpark(self, lane: _Lane, command: RetryActor | EditMessage | DiscardMessage) -> None:
        """Hear again, in order, what waits; without its head or with other data, if told so."""
        ref, own, cause = ActorRef(command.entity, command.key, command.actor), self.wiring.own, command.context
        queue = self._parked.get(ref)
        rejected = self._facts.get((self.wiring.service, cause.sequence, None, None, cause.id))
        if rejected is not None and not isinstance(command, RetryActor):
            queue = None  # why not is the service's own word
        if not queue:
            if rejected is None:
                self._owe_word(lane, f"{name_of(type(command))} about {'/'.join(ref)} has to be rejected")
            else:
                self._owe_fact(lane, ref.key, rejected, cause)
            return
        if isinstance(command, DiscardMessage):
            head = queue.pop(0)
            given_up = own.discarded(
                entity=ref.entity,
                actor=ref.id,
                sequence=head.message.context.sequence,
                reason=command.reason,
                wake=head.wake,
            )
            self._owe_fact(lane, ref.key, given_up, cause)
        elif isinstance(command, EditMessage):
            original = queue[0].message
            sequence = original.context.sequence
            edited = own.edited(entity=ref.entity, actor=ref.id, sequence=sequence, edited=cause.sequence)
            self._owe_fact(lane, ref.key, edited, cause)
            queue[0] = queue[0]._replace(message=words.edited(original, command))
        while queue:
            head = queue[0]
            sequence = head.message.context.sequence
            again = self._facts.get((self.wiring.service, sequence, ref, head.wake, cause.id))
            if again is not None:
                self._owe_fact(lane, ref.key, again, cause)
                return
            try:
                self._hear_again(lane, ref, head)
            except Exception as problem:
                self._owe_word(lane, f"{'/'.join(ref)} has to be parked again: {type(problem).__name__}: {problem}")
                return
            retried = own.retried(entity=ref.entity, actor=ref.id, sequence=sequence, wake=head.wake)
            self._owe_fact(lane, ref.key, retried, cause)
            queue.pop(0)
        del self._parked[ref]

    def _hear_again(self, lane: _Lane, ref: ActorRef, head: Waits) -> None:
        if head.wake is not None:
            if self._actors[ref].wake == head.wake:
                self._decide(lane, ref, self._woken(ref, head.message, head.wake))
        elif ref.id != NO_ACTOR:
            self._decide(lane, ref, head.message)
        else:
            found = self.wiring.actors[ref.entity].module.actor_id(head.message)
            if found is not None:
                self._deliver(lane, ActorRef(ref.entity, ref.key, found), head.message)
