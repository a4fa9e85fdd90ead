"""Folding the log: how an owner comes back to the states it had, and how they are verified against a fresh file."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import msgspec

from contracts import runtime, wire
from contracts.message import Event, Message, name_of
from contracts.wire import Received, Refused
from shared import deciding, parking
from shared.decider import Wired, Wiring
from shared.hearing import check_partition, places_of, subjects
from shared.lanes import Lane, recorded_lane
from shared.log import Log, Recorded, Within
from shared.parking import Parking
from shared.states import Snapshot
from shared.store import ActorRef, Changes, ParkedKey, ParkedRow, Progress, Store

_CHUNK = 5000
"""Messages folded between two writes: what is in memory at once while a file is rebuilt."""


class RestoreFailed(Exception):
    """The log cannot be folded by the code of today; the message names the sequence at which it stopped."""


async def working_copy(folder: Path, wiring: Wiring, log: Log) -> Store:
    """The SQLite file of a service in `folder`, for this log and these shapes of states. StoreUnfit."""
    fingerprint = f"{await log.identity()} {wiring.fingerprint(log.partitions)}"
    return await Store.open(folder / f"{wiring.service}.sqlite3", fingerprint)


async def restored(
    wiring: Wiring, log: Log, store: Store, claimed: Mapping[int, Recorded], *, scenario: bool
) -> tuple[dict[int, Lane], Parking]:
    """The claimed partitions as they were when their cursors were recorded, and what is parked in them.

    Where the working copy lags, the log is folded into it; where it is of no use, it is thrown away. RestoreFailed.
    """
    known, references = await store.progress(), await store.references()
    last = await log.patiently(log.last)
    lanes: dict[int, Lane] = {}
    after: dict[int, Progress] = {}
    for partition, recorded in claimed.items():
        lane = lanes[partition] = recorded_lane(wiring, partition, recorded)
        row = known.get(partition)
        if row is not None and row.recorded == lane.batch and row.input <= last:
            # Nothing was said since: the file may even know of more that was heard than the log does.
            lane.input, lane.within, lane.word, lane.tick = row.input, row.within, row.word, row.tick
        elif row is None or row.folded > recorded.sequence or row.input > lane.input:
            # What this file has heard and what has been decided elsewhere cannot be told apart.
            await store.forget(partition)
            references.pop(partition, None)
            after[partition] = _NOTHING
        else:
            after[partition] = row
        if partition in references and wiring.reference_codec is not None:
            lane.reference = wiring.reference_codec.decode(references[partition])
    fold = _Fold(wiring, log.partitions, store, lanes, after, scenario=scenario)
    for partition in lanes:
        fold.parking.load(await store.parked(partition))
    if after:
        await fold.run(log)
    return lanes, fold.parking


async def differences(wiring: Wiring, log: Log, live: Snapshot, *, scenario: bool) -> list[str]:
    """Fold the log alone into a fresh file, up to where the working copy was, and compare the two byte for byte."""
    initial = wiring.reference.initial if wiring.reference else None
    lanes = {lane.partition: msgspec.structs.replace(lane, reference=initial, taught=False) for lane in live.lanes}
    with TemporaryDirectory(prefix="q2c-verify-") as folder:
        store = await Store.open(Path(folder) / "rebuilt.sqlite3", "rebuilt")
        try:
            after = dict.fromkeys(lanes, _NOTHING)
            await _Fold(wiring, log.partitions, store, lanes, after, scenario=scenario).run(log)
            found: list[str] = []
            for partition in sorted(lanes):
                found.extend(_compared(partition, live.rows[partition], await store.dump(partition)))
            return found
        finally:
            await store.close()


_NOTHING = Progress(partition=-1, input=0, within=None, word=Within(0), tick=None, folded=0, recorded="")


class _Fold:
    """The fold of a service's own events, of its parked actors and of its reference, from where a file is."""

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
        self.parking = Parking(wiring.service)
        self._wiring = wiring
        self._partitions = partitions
        self._store = store
        self._lanes = {partition: lanes[partition] for partition in after}
        self._after = after
        self._scenario = scenario
        self._now: datetime | None = None
        self._entries: dict[ActorRef, deciding.Entry] = {}
        self._parked: dict[ParkedKey, tuple[int, ParkedRow | None]] = {}
        self._events: dict[type[Message], Wired] = {
            item: actor for actor in wiring.actors.values() for item in actor.events
        }
        self._facts = parking.facts(wiring.service)

    async def run(self, log: Log) -> None:
        """Fold up to the cursors of the lanes, and leave the file and the lanes there."""
        start = min(min(row.folded, row.input) for row in self._after.values())
        until = max(max(lane.fence, lane.input) for lane in self._lanes.values())
        self._now = max((row.tick for row in self._after.values() if row.tick is not None), default=None)
        count = 0
        async for batch in log.read(self._filters(), start, until):
            heard = [(received, self._heard(received)) for received in batch]
            await self._load(message for _, message in heard if message is not None)
            for received, message in heard:
                self._fold(received, message)
            count += len(batch)
            if count >= _CHUNK:
                count = 0
                await self._write(batch[-1].sequence)
        await self._write(None)

    def _filters(self) -> list[str]:
        """What states, references and parked actors are folded from."""
        everywhere = {name_of(item) for item in self._wiring.reference_hears}
        if everywhere and self._scenario:
            everywhere.add(runtime.TICK)
        own = {name_of(item) for item in (*self._events, *self._facts)} - everywhere
        return [*subjects(everywhere, ["*"]), *subjects(own, places_of(self._lanes, self._partitions))]

    def _heard(self, received: Received) -> Message | None:
        """The message, if it is understood; what this service has said itself must be, for ever."""
        try:
            check_partition(wire.parse(received.subject), self._partitions)
            message = wire.hear(received, self._wiring.types, self._now if self._scenario else None)
        except Refused as problem:
            if self._is_own(received):
                raise RestoreFailed(
                    f"{received.subject} at log sequence {received.sequence} was said by this service and is not "
                    f"understood any more: {problem.reason}: was a contract changed in place?"
                ) from None
            return None
        if type(message) is self._wiring.tick:
            instant: datetime = cast("Any", message).instant
            self._now = instant if self._now is None else max(self._now, instant)
        return message

    def _is_own(self, received: Received) -> bool:
        """Whether this service has said what is not understood: what others put under its name is none of its facts."""
        service = self._wiring.service
        if not received.subject.startswith(f"q2c.evt.{service}.") or not received.in_batch:
            return False
        try:
            context, data = wire.opened(received)
        except Refused:
            return False
        if context.source == parking.source(service):
            return parking.is_own(service, wire.parse(received.subject).name, context, data)
        return context.source.startswith(f"/{service}/") and deciding.is_own(context, context.source)

    def _ref(self, message: Message) -> ActorRef | None:
        """Who of this service said it, by its source."""
        actor, parts = self._events.get(type(message)), message.context.source.split("/")
        if actor is None or len(parts) != 5 or parts[1:4] != [self._wiring.service, actor.entity, message.key]:
            return None
        return ActorRef(*parts[2:])

    async def _load(self, messages: Iterable[Message]) -> None:
        """The actors that may be folded on, as the file has them."""
        missing = {ref for message in messages if (ref := self._ref(message)) is not None and ref not in self._entries}
        rows = await self._store.load([(wire.partition(ref.key, self._partitions), ref) for ref in sorted(missing)])
        for ref in missing:
            actor = self._wiring.actors[ref.entity]
            self._entries[ref] = deciding.read(actor, rows[ref]) if ref in rows else deciding.fresh(actor)

    def _fold(self, received: Received, message: Message | None) -> None:
        """One message of the log, if it is one that was folded when it was said."""
        if message is None:
            return
        try:
            if type(message) in self._wiring.reference_hears:
                self._teach(received.sequence, message)
            if received.in_batch and isinstance(message, Event):
                self._fold_own(received, message)
        except Exception as problem:
            raise RestoreFailed(
                f"{name_of(type(message))} at log sequence {received.sequence} cannot be folded: "
                f"{type(problem).__name__}: {problem}"
            ) from problem

    def _teach(self, sequence: int, message: Message) -> None:
        for partition, lane in self._lanes.items():
            row = self._after[partition]
            known = row.input >= sequence or (row.within is not None and row.within.sequence == sequence)
            if not known and (sequence <= lane.input or lane.begun(sequence)):
                lane.learn(self._wiring, message)

    def _fold_own(self, received: Received, message: Event) -> None:
        place = wire.parse(received.subject)
        lane = self._lanes.get(-1 if place.partition is None else place.partition)
        if lane is None or not self._after[lane.partition].folded < received.sequence < lane.fence:
            return
        if isinstance(message, parking.Fact):
            if type(message) in self._facts and self._is_own(received):
                key, row = self.parking.apply(message, message.key, message.at)
                self._parked[key] = (lane.partition, row)
            return
        ref = self._ref(message)
        if ref is None or not deciding.is_own(message.context, ref.source(self._wiring.service)):
            return
        actor, entry = self._wiring.actors[ref.entity], self._entries[ref]
        said = message.heard(msgspec.structs.replace(message.context, sequence=0))  # as it was when it was said
        entry.state = actor.codec.settle(actor.module.evolve(entry.state, said))
        entry.opener = entry.opener or deciding.opened(actor, entry.state, message.correlation)
        entry.sequence = received.sequence

    async def _write(self, until: int | None) -> None:
        """What was folded up to a sequence, or, at the end, up to the cursors."""
        changes = Changes(parked=self._parked)
        for ref, entry in self._entries.items():
            if entry.sequence:
                actor = self._wiring.actors[ref.entity]
                entry.wake = actor.wake_of(entry.state)
                changes.actors[ref] = (
                    wire.partition(ref.key, self._partitions),
                    entry.row(actor.codec.encode(entry.state)),
                )
        for partition, lane in self._lanes.items():
            row = lane.progress()
            changes.progress[partition] = row if until is None else _underway(row, lane, self._after[partition], until)
            if lane.taught and self._wiring.reference_codec is not None:
                changes.references[partition] = self._wiring.reference_codec.encode(lane.reference)
                lane.taught = False
        await self._store.write(changes)
        self._entries, self._parked = {}, {}


def _underway(row: Progress, lane: Lane, before: Progress, until: int) -> Progress:
    """How far a file is that is still being folded: good enough to go on from after a crash."""
    return msgspec.structs.replace(
        row,
        input=max(before.input, min(until, lane.input)),
        within=lane.within if lane.within is not None and lane.within.sequence <= until else None,
        folded=max(before.folded, min(until, lane.fence)),
        recorded="being folded",
    )


Rows = Mapping[str, Mapping[str, str]]


def _compared(partition: int, live: Rows, folded: Rows) -> list[str]:
    return [
        f"partition {partition}, {table} {row}: the working copy has {live[table].get(row, 'nothing')}, "
        f"the log gives {folded[table].get(row, 'nothing')}"
        for table in sorted(live)
        for row in sorted(live[table].keys() | folded[table].keys())
        if live[table].get(row) != folded[table].get(row)
    ]


__all__ = ["RestoreFailed", "differences", "restored", "working_copy"]
