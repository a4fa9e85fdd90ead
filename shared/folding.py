"""Folding the log: what a service has said itself, recognised on the log, makes its states, references and parked."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec

from contracts import runtime, upcast, wire
from contracts.message import Context, Event, Message, name_of
from contracts.wire import Received, Refused
from shared import deciding, parking
from shared.decider import Wired, Wiring
from shared.deciding import Entry
from shared.hearing import check_partition, subjects
from shared.lanes import Lane
from shared.log import Log
from shared.parking import Parking
from shared.store import ActorRef, Changes, ParkedKey, ParkedRow, Progress, Store

_CHUNK = 20_000
"""Messages folded between two writes: what is in memory at once while a file is rebuilt."""


class RestoreFailed(Exception):
    """The log cannot be folded by the code of today; the message names the sequence at which it stopped."""


class Own(NamedTuple):
    """An event as its actor said it."""

    actor: Wired
    ref: ActorRef
    event: Event


class Numbers:
    """What an actor says in one breath is numbered, which its ids are made of: the next number is tried first."""

    def __init__(self) -> None:
        self._breath: tuple[str | None, str] = (None, "")
        self._next = 0

    def knows(self, context: Context) -> bool:
        """Whether the source of a message can have said it, in answer to its cause."""
        breath = (context.cause, context.source)
        number = deciding.number_of(context, self._next if breath == self._breath else 0)
        if number is not None:
            self._breath, self._next = breath, number + 1
        return number is not None


class Recognition:
    """Tells what a service has said itself from everything else that lies under its name."""

    def __init__(self, wiring: Wiring, partitions: int) -> None:
        self._wiring = wiring
        self._partitions = partitions
        self._events: Mapping[str, Wired] = {
            name_of(item): actor for actor in wiring.actors.values() for item in actor.events
        }
        self._facts = frozenset(name_of(item) for item in parking.facts(wiring.service))
        self._numbers = Numbers()

    def of(self, received: Received) -> Own | parking.Fact | None:
        """What an event under the service's name is; None for what folds into nothing. RestoreFailed."""
        if not received.in_batch:
            return None
        try:
            place = wire.parse(received.subject)
            check_partition(place, self._partitions)
        except Refused:
            return None
        name = upcast.successor(place.name)
        if name in self._facts:
            return cast("parking.Fact", self._heard(received)) if self._is_own(received) else None
        actor = self._events.get(name)
        if actor is None:
            if place.entity in self._wiring.actors and self._is_own(received):
                raise RestoreFailed(
                    f"{place.name} at log sequence {received.sequence} was said by {place.entity}, which says and "
                    "folds it no more: keep it in what the actor says, or raise it to what replaced it"
                )
            return None
        message = self._heard(received)
        if message is None:
            return None
        parts = message.context.source.split("/")
        if len(parts) != 5 or parts[1:4] != [self._wiring.service, actor.entity, message.context.key]:
            return None
        if not self._numbers.knows(message.context):
            return None
        return Own(actor, ActorRef(*parts[2:]), cast("Event", message))

    def _heard(self, received: Received) -> Message | None:
        """The message as it was when it was said; what this service has said must be understood, for ever."""
        try:
            return wire.hear(msgspec.structs.replace(received, sequence=0), self._wiring.types)
        except Refused as problem:
            if not self._is_own(received):
                return None
            raise RestoreFailed(
                f"{received.subject} at log sequence {received.sequence} was said by this service and is not "
                f"understood any more: {problem.reason}: was a contract changed in place?"
            ) from None

    def _is_own(self, received: Received) -> bool:
        """Whether this service has said it, understood or not: others can put under its name what they like."""
        service = self._wiring.service
        try:
            context, data = wire.opened(received)
        except Refused:
            return False
        if context.source == parking.source(service):
            return parking.is_own(service, wire.parse(received.subject).name, context, data)
        return context.source.startswith(f"/{service}/") and deciding.is_own(context, context.source)


def fold(own: Own, entry: Entry, sequence: int) -> None:
    """The actor after the event that lies at a log sequence. RestoreFailed."""
    try:
        entry.state = own.actor.codec.settle(own.actor.module.evolve(entry.state, own.event))
        entry.opener = entry.opener or deciding.opened(own.actor, entry.state, own.event.context.correlation)
        entry.sequence = sequence
    except Exception as problem:
        raise _failed(own.event, sequence, problem) from problem


def _failed(message: Message, sequence: int, problem: Exception) -> RestoreFailed:
    return RestoreFailed(
        f"{name_of(type(message))} at log sequence {sequence} cannot be folded: {type(problem).__name__}: {problem}"
    )


def own_events(service: str, partition: int | str) -> str:
    """Where everything that a service says of a partition is kept.

    One filter: nats-server 2.15 reads a consumer with several up to ten times slower where there are many subjects.
    """
    return f"q2c.evt.{service}.*.*.*.{partition}.*"


class Fold:
    """The fold of some partitions from where a file is up to their cursors."""

    def __init__(
        self,
        wiring: Wiring,
        partitions: int,
        store: Store,
        lanes: Mapping[int, Lane],
        after: Mapping[int, Progress],
        *,
        scenario: bool,
    ) -> None:
        """`after`: how far the file is, for those of the `lanes` that are to be folded."""
        self.parking = Parking(wiring.service)
        self._wiring = wiring
        self._store = store
        self._lanes = {partition: lanes[partition] for partition in after}
        self._after = after
        self._scenario = scenario
        self._partitions = partitions
        self._own = Recognition(wiring, partitions)
        self._entries: dict[ActorRef, Entry] = {}
        self._parked: dict[ParkedKey, tuple[int, ParkedRow | None]] = {}

    async def run(self, log: Log) -> None:
        """Leave the file and the lanes at the cursors. RestoreFailed."""
        await self._learn(log)
        for partition, lane in self._lanes.items():
            await self._fold(log, lane, self._after[partition].folded)

    # --- what broadcasts have told -------------------------------------------------------------------------------

    async def _learn(self, log: Log) -> None:
        names = {name_of(item) for item in self._wiring.reference_hears}
        if not names:
            return
        if self._scenario:
            names.add(runtime.TICK)
        start = min(row.input for row in self._after.values())
        until = max(lane.within.sequence if lane.within else lane.input for lane in self._lanes.values())
        now = max((row.tick for row in self._after.values() if row.tick is not None), default=None)
        async for batch in log.read(subjects(names, ["*"]), start, until):
            for received in batch:
                now = self._learn_one(received, now)

    def _learn_one(self, received: Received, now: datetime | None) -> datetime | None:
        """Into the references of the partitions that had heard it; the time as of which the next is heard."""
        try:
            check_partition(wire.parse(received.subject), self._partitions)
            message = wire.hear(received, self._wiring.types, now if self._scenario else None)
        except Refused:
            return now  # as it was when it came
        if type(message) in self._wiring.reference_hears:
            for partition, lane in self._lanes.items():
                row, sequence = self._after[partition], received.sequence
                known = row.input >= sequence or (row.within is not None and row.within.sequence == sequence)
                if not known and (sequence <= lane.input or lane.begun(sequence)):
                    try:
                        lane.learn(self._wiring, message)
                    except Exception as problem:
                        raise _failed(message, sequence, problem) from problem
        if type(message) is not self._wiring.tick:
            return now
        instant: datetime = cast("Any", message).instant
        return instant if now is None else max(now, instant)

    # --- what the actors and the runtime have said ---------------------------------------------------------------

    async def _fold(self, log: Log, lane: Lane, after: int) -> None:
        count = 0
        async for batch in log.read([own_events(self._wiring.service, lane.partition)], after, lane.fence - 1):
            known = [(received.sequence, self._own.of(received)) for received in batch]
            await self._load(lane.partition, (own.ref for _, own in known if isinstance(own, Own)))
            for sequence, own in known:
                if isinstance(own, Own):
                    fold(own, self._entries[own.ref], sequence)
                elif own is not None:
                    key, row = self.parking.apply(own, own.key, own.at)
                    self._parked[key] = (lane.partition, row)
            count += len(batch)
            if count >= _CHUNK:
                count = 0
                await self._write(lane, batch[-1].sequence)
        await self._write(lane, None)

    async def _load(self, partition: int, refs: Iterable[ActorRef]) -> None:
        """The actors that are folded on, as the file has them."""
        missing = {ref for ref in refs if ref not in self._entries}
        rows = await self._store.load([(partition, ref) for ref in sorted(missing)]) if missing else {}
        for ref in missing:
            actor = self._wiring.actors[ref.entity]
            self._entries[ref] = deciding.read(actor, rows[ref]) if ref in rows else deciding.fresh(actor)

    async def _write(self, lane: Lane, until: int | None) -> None:
        """What was folded up to a sequence, or, at the end, up to the cursor."""
        changes = Changes(parked=self._parked)
        for ref, entry in self._entries.items():
            actor = self._wiring.actors[ref.entity]
            entry.wake = actor.wake_of(entry.state)
            changes.actors[ref] = (lane.partition, entry.row(actor.codec.encode(entry.state)))
        row = lane.progress()
        changes.progress[lane.partition] = (
            row if until is None else msgspec.structs.replace(row, folded=until, recorded="being folded")
        )
        if lane.taught and self._wiring.reference_codec is not None:
            changes.references[lane.partition] = self._wiring.reference_codec.encode(lane.reference)
            lane.taught = False
        await self._store.write(changes)
        self._entries, self._parked = {}, {}


__all__ = ["Fold", "Numbers", "Own", "Recognition", "RestoreFailed", "fold", "own_events"]
