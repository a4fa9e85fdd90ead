"""The states an owner holds: read from the working copy, changed by decisions, committed to the log, written behind."""

import asyncio
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from contracts import wire
from contracts.message import Context
from shared import deciding, parking, telemetry
from shared.decider import Wiring
from shared.deciding import Decision, Entry
from shared.lanes import Lane
from shared.log import MAX_BATCH, Log, Saying
from shared.parking import Parking
from shared.store import ActorRef, Changes, Store

_SPARE = 2
"""Places kept free in every batch: what is done about a parked message and the fact of it belong together."""
_TURN_BYTES = 8 * 1024 * 1024
_LAG = 5000
"""Messages heard in silence after which a cursor is recorded all the same: what a restart reads again at most."""
_CACHED = 20_000
"""Actors held in memory beyond those not yet written."""
_BEHIND = 20_000
"""Actors that may wait to be written before the loop waits for the disk."""


class Snapshot(NamedTuple):
    """The working copy at one moment between two batches: how far each lane is, and what its rows say."""

    lanes: list[Lane]
    rows: Mapping[int, Mapping[str, Mapping[str, str]]]


class _Turn(Struct):
    """What has been decided and is not yet on the log."""

    said: list[Saying] = []
    events: list[tuple[int, ActorRef]] = []
    """Places in `said` of the events that states are folded from."""
    entries: dict[ActorRef, Entry] = {}
    changes: Changes = msgspec.field(default_factory=Changes)
    size: int = 0


class States:
    """What one owner knows of its actors, and the two steps that make a decision last: commit, then write."""

    def __init__(
        self,
        wiring: Wiring,
        log: Log,
        store: Store,
        owner: str,
        *,
        failed: Callable[[], None],
        lost: Callable[[Collection[int]], None],
    ) -> None:
        """`failed` is called when writing fails, so that the loop does not wait for the next message to notice.

        `lost` is told of partitions that somebody else has claimed.
        """
        self.lanes: dict[int, Lane] = {}
        self.parking = Parking(wiring.service)
        self._wiring = wiring
        self._log = log
        self._store = store
        self._owner = owner
        self._failed, self._lost = failed, lost
        self._cache: dict[ActorRef, Entry] = {}
        self._turn = _Turn()
        self._unwritten = Changes()
        self._writing = Changes()
        self._writer: asyncio.Task[None] | None = None
        self._note = telemetry.logger(f"owner.{wiring.service}")

    def partition(self, key: str) -> int:
        return wire.partition(key, self._log.partitions)

    def take(self, lanes: Mapping[int, Lane], parked: Parking) -> None:
        """Hold more partitions, as they have been restored. The working copy holds nothing that is not written."""
        self._forget(lanes)  # what was read of them while they were somebody else's is of no use
        self.lanes = dict(sorted({**self.lanes, **lanes}.items()))
        self.parking.join(parked)

    def leave(self, partitions: Iterable[int]) -> None:
        """Hold these partitions no longer. What is not committed of them is as if it had never been decided."""
        gone = set(partitions)
        for partition in gone:
            del self.lanes[partition]
        self._unwritten.forget(gone)
        self._forget(gone)

    def _forget(self, partitions: Collection[int]) -> None:
        self.parking.forget(partitions, self._log.partitions)
        self._cache = {ref: entry for ref, entry in self._cache.items() if self.partition(ref.key) not in partitions}

    async def load(self, refs: Iterable[ActorRef]) -> None:
        """Bring the actors that are not in memory, with one query."""
        missing = [ref for ref in dict.fromkeys(refs) if ref not in self._cache and ref not in self._turn.entries]
        rows = await self._store.load([(self.partition(ref.key), ref) for ref in missing]) if missing else {}
        for ref in missing:
            actor = self._wiring.actors[ref.entity]
            self._cache[ref] = deciding.read(actor, rows[ref]) if ref in rows else deciding.fresh(actor)

    async def entry(self, ref: ActorRef) -> Entry:
        """An actor as it is after everything decided so far."""
        if ref not in self._turn.entries and ref not in self._cache:
            await self.load([ref])
        return self._turn.entries[ref] if ref in self._turn.entries else self._cache[ref]

    async def committed(self, ref: ActorRef) -> Entry:
        """An actor as the log has it: what was decided and is not yet committed does not show."""
        if ref not in self._cache:
            rows = await self._store.load([(self.partition(ref.key), ref)])
            if ref not in self._cache:
                actor = self._wiring.actors[ref.entity]
                return deciding.read(actor, rows[ref]) if ref in rows else deciding.fresh(actor)
        return self._cache[ref]

    async def room(self, count: int) -> None:
        """Commit first if that many more messages would not fit with the cursors into one atomic batch."""
        turn = self._turn
        if len(turn.said) + count + _SPARE + len(self.lanes) > MAX_BATCH or turn.size > _TURN_BYTES:
            await self.commit()

    def say(self, lane: Lane, sayings: Sequence[Saying]) -> None:
        """Add to the turn; for a partition that is somebody else's by now, nothing."""
        if lane.partition in self.lanes:
            self._turn.said.extend(sayings)
            self._turn.size += sum(len(saying.body) for saying in sayings)

    def decided(self, lane: Lane, ref: ActorRef, decision: Decision) -> None:
        """What an actor says, and the state it is in afterwards."""
        if lane.partition in self.lanes:
            start = len(self._turn.said)
            self.say(lane, decision.sayings)
            if decision.events:
                self._turn.entries[ref] = decision.entry
                self._turn.events.extend((start + event, ref) for event in decision.events)

    def say_fact(self, lane: Lane, key: str, fact: parking.Fact, cause: Context) -> None:
        """Say a fact about a parked actor and change what is parked accordingly."""
        if lane.partition in self.lanes:
            self.say(lane, [parking.saying(self._wiring.service, lane.partition, key, fact, cause)])
            place, row = self.parking.apply(fact, key, cause.at)
            self._turn.changes.parked[place] = (lane.partition, row)

    async def commit(self, *, every: bool = False) -> None:
        """Put what was decided on the log, with the cursors of the partitions that speak, lag, or (`every`) moved."""
        turn, self._turn = self._turn, _Turn()
        speaking = {saying.partition for saying in turn.said}
        lanes = [
            lane
            for lane in self.lanes.values()
            if lane.partition in speaking or lane.input - lane.recorded > _LAG or (every and lane.input > lane.recorded)
        ]
        if lanes:
            await self._put_on_log(turn, lanes)
        self._check_writer()
        if len(self._unwritten.actors) > _BEHIND:
            await self.flush()
        if len(self._cache) > _CACHED:
            self._evict()

    async def _put_on_log(self, turn: _Turn, lanes: Sequence[Lane]) -> None:
        batch = uuid.uuid4().hex
        fences = {lane.partition: lane.next_fence(self._owner, batch) for lane in lanes}
        committed = await self._log.commit(self._wiring.service, turn.said, fences)
        for lane in lanes:
            if lane.partition in committed.fences:
                lane.fence, lane.batch, lane.recorded = committed.fences[lane.partition], batch, lane.input
        if committed.lost:
            self._note.error("another owner has claimed partitions of this one", partitions=sorted(committed.lost))
            self.leave(committed.lost)
            self._lost(committed.lost)
        for place, ref in turn.events:
            turn.entries[ref].sequence = committed.sequences[place]
        for ref, entry in turn.entries.items():
            partition = self.partition(ref.key)
            if partition in self.lanes:
                self._cache.pop(ref, None)  # so that the latest are the last to be let go
                self._cache[ref] = entry
                self._unwritten.actors[ref] = (partition, entry.row(self._wiring.actors[ref.entity]))
        for key, row in turn.changes.parked.items():
            if row[0] in self.lanes:
                self._unwritten.parked[key] = row
        self._note_progress()
        self._write_soon()

    def _note_progress(self) -> None:
        """How far the lanes are; a reference only where it has changed."""
        for lane in self.lanes.values():
            self._unwritten.progress[lane.partition] = lane.progress()
            if lane.taught and self._wiring.reference_codec is not None:
                self._unwritten.references[lane.partition] = self._wiring.reference_codec.encode(lane.reference)
                lane.taught = False

    def _write_soon(self) -> None:
        """Write behind: the next batch is decided meanwhile."""
        self._check_writer()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
            self._writer.add_done_callback(self._written)

    def _check_writer(self) -> None:
        """Raises what the last write raised."""
        if self._writer is not None and self._writer.done():
            writer, self._writer = self._writer, None
            writer.result()

    def _written(self, writer: asyncio.Task[None]) -> None:
        if not writer.cancelled() and writer.exception() is not None:
            self._failed()

    async def _write(self) -> None:
        while self._unwritten:
            self._writing, self._unwritten = self._unwritten, Changes()
            await self._store.write(self._writing)
            self._writing = Changes()

    def _evict(self) -> None:
        """Let go of the actors that have been heard least recently; never of those not yet written."""
        for ref in list(self._cache)[: len(self._cache) - _CACHED]:
            if ref not in self._unwritten.actors and ref not in self._writing.actors:
                del self._cache[ref]

    async def flush(self) -> None:
        """Until the working copy holds everything that is committed."""
        if self._unwritten:
            self._write_soon()
        if self._writer is not None:
            await self._writer
            self._check_writer()

    async def barrier(self, *, every: bool = False) -> None:
        """Everything decided is committed and written: what the working copy says is all there is."""
        await self.commit(every=every)
        await self.flush()

    async def snapshot(self, partitions: Collection[int]) -> Snapshot:
        """What the working copy holds now of those partitions that are held."""
        self._note_progress()
        await self.flush()
        lanes = [msgspec.structs.replace(lane) for lane in self.lanes.values() if lane.partition in partitions]
        return Snapshot(lanes, {lane.partition: await self._store.dump(lane.partition) for lane in lanes})

    def abandon(self) -> None:
        """The loop has ended: what is not written yet will be folded from the log."""
        if self._writer is not None:
            self._writer.cancel()


__all__ = ["Snapshot", "States"]
