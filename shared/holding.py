"""The partitions that an owner holds: claimed and restored, listened to with one pull, released; all while it runs."""

import asyncio
import uuid
from collections.abc import Collection, Iterable, Mapping

from nats.errors import Error as NatsError

from contracts.wire import Received
from shared import restore, telemetry
from shared.decider import Wiring
from shared.hearing import Ears
from shared.log import Log, Pull
from shared.states import States
from shared.store import Store


class Holding:
    """What is held and what is to be held, and how far that has been heard."""

    def __init__(
        self, wiring: Wiring, log: Log, store: Store, ears: Ears, wanted: Iterable[int], *, scenario: bool
    ) -> None:
        self.wanted = frozenset(wanted)
        self.claimed: Mapping[int, int] = {}
        """The epochs of all claimed partitions, those included that are still being restored."""
        self.idle = asyncio.Event()
        """Set while everything that has arrived is heard and committed."""
        self._owner = uuid.uuid4().hex
        self.states = States(wiring, log, store, self._owner, failed=self.interrupt, lost=self._lose)
        self._wiring, self._log, self._store, self._ears, self._scenario = wiring, log, store, ears, scenario
        self._pull: Pull | None = None
        self._filters: list[str] = []
        self._listens: frozenset[int] = frozenset()
        self._gone: set[tuple[int, int]] = set()
        """Partitions, with the epoch under which they were held, of which the log knows that they are lost."""
        self._heard = 0
        """Everything up to this log sequence has been heard and committed."""
        self._passed = 0
        """And nothing that is read lies up to this one."""
        self.goal = 0
        """What was on the log when partitions were last claimed."""
        self._caught_up = False
        self._called = asyncio.Event()
        self._moved = asyncio.Event()
        self._note = telemetry.logger(f"owner.{wiring.service}")

    # --- what others may ask -------------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether exactly what is to be held is held."""
        return self._listens == self.states.lanes.keys() == self.wanted

    async def moves(self, known: Mapping[int, int]) -> Mapping[int, int]:
        """What is claimed, once it is not the very mapping `known` any more."""
        while self.claimed is known:
            await self._moved.wait()
        return self.claimed

    def silence(self) -> float:
        """Seconds since the log was last heard from; 0 where nothing is listened to."""
        if self._pull is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._pull.alive if self._pull.alive else float("inf")

    async def caught_up(self) -> bool:
        """Whether everything is heard that was on the log when partitions were last claimed."""
        if not self._caught_up:
            self._caught_up = await self.has_reached(self.goal)
        return self._caught_up

    async def has_reached(self, sequence: int) -> bool:
        """Nothing that is read for the partitions held lies between what has been heard and `sequence`."""
        if self.settled and self._heard >= sequence:
            return True
        if not self._rests():
            return False
        heard = self._heard
        if self._passed < sequence and self._pull is not None:
            try:
                if await self._log.last() < sequence or await self._log.pending(self._filters, heard):
                    return False
            except (NatsError, TimeoutError):
                return False
            if self._heard != heard or not self._rests():
                return False
            self._passed = sequence
        return True

    def _rests(self) -> bool:
        return self.settled and self.idle.is_set()

    async def confirmed(self, partitions: Collection[int]) -> bool:
        """Whether the log knows of no later claim of them; else they are let go. NatsError, TimeoutError."""
        epochs = {partition: lane.epoch for partition, lane in self.states.lanes.items()}
        if not epochs.keys() >= set(partitions):
            return False
        service, asked = self._wiring.service, list(partitions)
        found = await asyncio.gather(*(self._log.cursor(service, partition) for partition in asked))
        late = {
            partition
            for partition, recorded in zip(asked, found, strict=True)
            if recorded.cursor is None or recorded.cursor.epoch != epochs[partition]
        }
        if late:
            self._gone |= {(partition, epochs[partition]) for partition in late}
            self.interrupt()
        return not late

    # --- the loop's side -----------------------------------------------------------------------------------------

    def hold(self, partitions: Collection[int]) -> None:
        """From now on these partitions are to be held, and no others."""
        if self.wanted != frozenset(partitions):
            self.wanted = frozenset(partitions)
            self.interrupt()

    def interrupt(self) -> None:
        """Let `batch` return now, even with nothing."""
        self._called.set()
        if self._pull is not None:
            self._pull.interrupt()

    async def batch(self, limit: int) -> list[Received]:
        """The next messages for the partitions held: waits until there are some, or until it is interrupted."""
        batch = [] if self._pull is None else self._pull.taken(limit)
        if not batch and not self._called.is_set():
            self.idle.set()
            if self._pull is not None:
                batch = await self._pull.batch(limit)
            else:
                await self._called.wait()
            self.idle.clear()
        self._called.clear()
        return batch

    def heard(self, batch: Collection[Received]) -> None:
        """A batch has been heard and committed."""
        self._heard = max([self._heard, *(received.sequence for received in batch)])

    async def settle(self) -> None:
        """Hold what is to be held: release the rest, claim what is missing. RestoreFailed, StoreUnfit."""
        if self._gone:
            self._give_up()
        if self.settled:
            return
        self._advance()
        if self.states.lanes.keys() - self.wanted:
            await self._release()
        if missing := self.wanted - self.states.lanes.keys():
            await self._claim(sorted(missing))
        await self._listen()

    def _advance(self) -> None:
        """What has been heard was heard for all: a lane to which nothing was said need not be read again."""
        for partition in self._listens & self.states.lanes.keys():
            lane = self.states.lanes[partition]
            lane.input = max(lane.input, self._heard)

    def _lose(self, partitions: Collection[int]) -> None:
        """Somebody else has claimed them: they are not wanted back until somebody says so."""
        self.wanted -= frozenset(partitions)

    def _give_up(self) -> None:
        """What was found to be somebody else's although there was nothing to commit that would have been refused."""
        gone, self._gone = self._gone, set()
        lanes = self.states.lanes
        late = {partition for partition, epoch in gone if partition in lanes and lanes[partition].epoch == epoch}
        self.states.leave(late)
        self._lose(late)

    async def _release(self) -> None:
        """Commit and write what is heard, record how far that is, then let go."""
        await self.states.barrier(every=True)
        gone = self.states.lanes.keys() - self.wanted
        self.states.leave(gone)
        self._note.info("released", partitions=sorted(gone))
        self._tell()

    async def _claim(self, missing: Collection[int]) -> None:
        await self.states.barrier()
        claimed = await self._log.claim(self._wiring.service, self._owner, list(missing))
        self._tell({partition: recorded.cursor.epoch for partition, recorded in claimed.items() if recorded.cursor})
        lanes, parked = await restore.restored(self._wiring, self._log, self._store, claimed, scenario=self._scenario)
        self.states.take(lanes, parked)
        self._note.info("claimed and restored", partitions=sorted(lanes))
        self.goal, self._caught_up = await self._log.patiently(self._log.last), False

    async def _listen(self) -> None:
        """Read for what is held now, from where the furthest behind of it is: a lane passes over what it has heard."""
        await self.close()
        lanes = self.states.lanes
        self._listens, self._passed = frozenset(lanes), 0
        if lanes:
            self._filters = self._ears.filters(lanes)
            self._heard = min(lane.input for lane in lanes.values())
            self._pull = self._log.pull(self._filters, self._heard)
        self._tell()

    def _tell(self, claimed: Mapping[int, int] | None = None) -> None:
        """Whoever waits for `moves` looks again."""
        epochs = {partition: lane.epoch for partition, lane in sorted(self.states.lanes.items())}
        self.claimed = {**epochs, **(claimed or {})}
        self._moved.set()
        self._moved = asyncio.Event()

    async def finish(self) -> None:
        """Commit, write and record all that has been heard."""
        if self._log.connected:
            self._advance()
            await self.states.commit(every=True)
        await self.states.flush()

    async def close(self) -> None:
        """Listen no more."""
        if self._pull is not None:
            pull, self._pull = self._pull, None
            await pull.close()
