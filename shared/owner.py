"""The owner of some partitions of a service: claim, restore, then hear, decide, commit and write, for ever."""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple, cast

import msgspec
from nats.errors import Error as NatsError

from contracts import runtime, wire
from contracts.message import Broadcast, Context, Message, is_identifier, name_of
from contracts.runtime import (
    NO_ACTOR,
    Done,
    Inspect,
    Inspected,
    ParkedActor,
    ParkedListed,
    Rehearsal,
    Rehearse,
    ResumeService,
    Verified,
)
from contracts.wire import Received, Refused
from shared import deciding, parking, restore, telemetry
from shared.decider import Wiring
from shared.delivering import Delivering, Full
from shared.gate import Gate
from shared.hearing import Addressee, Ears, Hearing, Word, addressee
from shared.lanes import Lane
from shared.limits import LIMITS, Limits
from shared.log import Log, Pull, Saying
from shared.restore import working_copy
from shared.snapshots import Snapshots
from shared.standing import Standing
from shared.states import Snapshot, States, Superseded
from shared.store import ActorRef, Store
from shared.storm import Storming

_TURN = 500
"""Messages decided and committed together."""
_BREATH = 50
"""Messages after which whatever else there is to do has its turn: the commit before, the pull, questions."""


class Health(NamedTuple):
    """Whether an owner can be relied on, and if not, why."""

    claimed: bool
    caught_up: bool
    last_pull: float
    """Seconds since the log was last heard from."""
    partitions: tuple[int, ...]
    stands: tuple[str, ...]
    """What stands still, and why."""


class NotHeld(LookupError):
    """The key belongs to a partition that another process holds, or to none yet."""


class Owner:
    """The loop of one process over its partitions. `run` it as a task; `stop` it to end after the current batch."""

    def __init__(
        self,
        wiring: Wiring,
        log: Log,
        store: Store,
        partitions: Iterable[int] | None = None,
        *,
        scenario: bool = False,
        sweeps: bool | None = None,
        limits: Limits = LIMITS,
        kept: Snapshots | None = None,
    ) -> None:
        """`partitions`: all unless given. `scenario`: bare JSON takes the last tick's time.

        `sweeps`: reject what no service would notice; the service of the clock does unless told otherwise.
        `kept`: where snapshots are kept, if they are.
        """
        self.wiring = wiring
        self._log = log
        self._store = store
        self._kept = kept
        self._wanted = sorted(range(log.partitions) if partitions is None else set(partitions))
        self._scenario = scenario
        sweeping = wiring.service == runtime.CLOCK_SERVICE if sweeps is None else sweeps
        self._limits, self._gate = limits, Gate(limits)
        self._ears = Ears(wiring, log.partitions, sweeps=sweeping, scenario=scenario)
        self._states: States | None = None
        self._parts: tuple[Delivering, Standing] | None = None
        self._rewinds = False
        self._pull: Pull | None = None
        self._filters: list[str] = []
        self._stopping = False
        self._caught_up = False
        self._goal = 0
        self._heard = 0
        self._idle = asyncio.Event()
        self._snapshots: list[asyncio.Future[Snapshot]] = []
        self._note = telemetry.logger(f"owner.{wiring.service}")

    # --- what others may ask -------------------------------------------------------------------------------------

    @property
    def _delivering(self) -> Delivering:
        assert self._parts is not None, "it is made when the partitions are claimed"
        return self._parts[0]

    @property
    def _standing(self) -> Standing:
        assert self._parts is not None, "it is made when the partitions are claimed"
        return self._parts[1]

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions that are held now."""
        return () if self._states is None else tuple(self._states.lanes)

    def holds(self, key: str) -> bool:
        """Whether the partition of a key is held now."""
        return wire.partition(key, self._log.partitions) in self.partitions

    async def health(self) -> Health:
        """For the readiness route."""
        if self._pull is None:
            return Health(False, False, float("inf"), (), ())
        if not self._caught_up:
            self._caught_up = await self.position(self._goal)
        alive = max(self._pull.alive, self._standing.alive)
        refusal = () if self._log.refusal is None else (f"the log takes nothing: {self._log.refusal}",)
        age = asyncio.get_running_loop().time() - alive if alive else float("inf")
        return Health(True, self._caught_up, age, self.partitions, (*refusal, *self._standing.why()))

    async def position(self, sequence: int, wait: float = 0.0) -> bool:
        """Whether everything up to a log sequence has been heard and committed; waits up to `wait` seconds for it."""
        clock = asyncio.get_running_loop().time
        deadline, pause = clock() + wait, 0.001
        while not await self._has_reached(sequence):
            left = deadline - clock()
            if left <= 0:
                return False
            try:
                await asyncio.sleep(min(pause, left))
                async with asyncio.timeout_at(deadline):
                    await self._idle.wait()
            except TimeoutError:
                return False
            pause = min(pause * 2, 0.05)
        return True

    async def _has_reached(self, sequence: int) -> bool:
        """The log has come that far, and nothing that this owner reads lies between what it has heard and there."""
        if self._pull is None or not self._idle.is_set() or not self._standing.reached(sequence):
            return False
        heard = self._heard
        if heard < sequence:
            try:
                if await self._log.last() < sequence or await self._log.pending(self._filters, heard):
                    return False
            except (NatsError, TimeoutError):
                return False
            if self._heard != heard or not self._idle.is_set():
                return False
            self._heard = sequence
        return True

    async def state_of(self, entity: str, key: str, actor_id: str) -> Any:
        """The committed state of an actor; the initial one if it has said nothing yet. NotHeld, or LookupError."""
        if entity not in self.wiring.actors:
            raise LookupError(f"{self.wiring.service} has no entity {entity}")
        states, _ = self._held(key)
        return (await states.committed(ActorRef(entity, key, actor_id))).state

    def reference_of(self, key: str) -> Any:
        """What broadcasts have told the partition of `key`. NotHeld."""
        return self._held(key)[1].reference

    def _held(self, key: str) -> tuple[States, Lane]:
        lane = None if self._states is None else self._states.lanes.get(wire.partition(key, self._log.partitions))
        if self._states is None or lane is None:
            raise NotHeld(f"the partition of {key} is not held by this process of {self.wiring.service}")
        return self._states, lane

    async def inspect(self, question: Inspect) -> Inspected:
        """The committed state of an actor as JSON. NotHeld, or LookupError."""
        state = await self.state_of(question.entity, question.key, question.actor)
        return Inspected(state=msgspec.Raw(self.wiring.actors[question.entity].codec.encode(state)))

    async def rehearse(self, question: Rehearse) -> Rehearsal:
        """What a parked actor would say now to all that waits for it. NotHeld."""
        _, lane = self._held(question.key)
        ref = ActorRef(question.entity, question.key, question.actor)
        return await self._delivering.rehearse(lane, ref, question.data)

    def parked_listed(self) -> ParkedListed:
        """The same as an answer: of bounded length."""
        return ParkedListed(actors=()) if self._states is None else self._states.parking.answer()

    def parked(self) -> tuple[ParkedActor, ...]:
        """The parked actors of the partitions held here."""
        return () if self._states is None else self._states.parking.listing()

    async def verify(self) -> Verified:
        """Rebuild every state from the log alone and compare it with the working copy, byte for byte."""
        wanted: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._snapshots.append(wanted)
        self._interrupt()
        snapshot = await wanted
        found = await restore.differences(self.wiring, self._log, snapshot, scenario=self._scenario)
        return Verified(
            sequence=max((max(lane.fence, lane.input) for lane in snapshot.lanes), default=0),
            actors=sum(len(rows["actor"]) for rows in snapshot.rows.values()),
            differences=tuple(found),
        )

    # --- the loop ------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End after the current batch: it is committed, cursors and states are written, `run` returns."""
        self._stopping = True
        self._interrupt()

    def _interrupt(self) -> None:
        if self._pull is not None:
            self._pull.interrupt()
        if self._parts is not None:
            self._standing.interrupt()

    async def run(self) -> None:
        """Own the partitions until told to stop. Raises Superseded, RestoreFailed, StoreUnfit."""
        owner = uuid.uuid4().hex
        claimed = await self._log.claim(self.wiring.service, owner, self._wanted)
        lanes, parked = await restore.restored(
            self.wiring, self._log, self._store, claimed, scenario=self._scenario, snapshots=self._kept
        )
        self._goal = await self._log.patiently(self._log.last)
        self._filters = self._ears.filters(lanes)
        self._states = states = States(self.wiring, self._log, self._store, owner, lanes, parked, self._interrupt)
        delivering = Delivering(self.wiring, self._log, states, self._limits)
        standing = Standing(self.wiring, self._log, states, delivering, self._limits)
        self._parts = delivering, standing
        await standing.recall()
        self._pull = self._rewound(states)
        self._note.info("claimed and restored", partitions=len(lanes), after=self._heard)
        try:
            while not self._stopping:
                await self._give_snapshots(states)
                if self._kept is not None:
                    self._kept.consider(states.lanes)
                batch = await self._next()
                try:
                    await self._hear(states, batch)
                except Storming as storm:
                    await states.commit()
                    await standing.stand(storm, self._serves)
                    self._rewinds = True
                if self._rewinds:
                    await self._pull.close()
                    self._pull = self._rewound(states)
            if self._log.connected:
                await states.commit(every=True)
            await states.flush()
        finally:
            self._idle.clear()
            for wanted in self._snapshots:
                wanted.cancel()
            states.abandon()
            if self._kept is not None:
                await self._kept.close()
            await self._pull.close()

    def _rewound(self, states: States) -> Pull:
        """Read on from where the furthest behind is: a lane passes over what it has heard."""
        self._rewinds = False
        self._gate.open()
        self._heard = min(lane.input for lane in states.lanes.values())
        return self._log.pull(self._filters, self._heard)

    async def _next(self) -> list[Received]:
        """The next messages, once there are some; none when interrupted."""
        assert self._pull is not None, "it is made when the loop begins"
        assert self._states is not None, "so are they"
        batch = self._pull.taken(_TURN)
        if not batch:
            await self._states.arrived()
            self._idle.set()
            batch = await self._pull.batch(_TURN)
            self._idle.clear()
        return batch

    async def _serves(self) -> bool:
        """What is asked of an owner while it stands still; whether it is to go on at all."""
        if self._states is not None:
            await self._give_snapshots(self._states)
        return not self._stopping

    async def _give_snapshots(self, states: States) -> None:
        wanted, self._snapshots = self._snapshots, []
        if wanted:
            snapshot = await states.snapshot()
            for future in wanted:
                if not future.done():
                    future.set_result(snapshot)

    async def _hear(self, states: States, batch: Sequence[Received]) -> None:
        """Decide a batch in stream order and commit what is said. Storming."""
        standing, run = self._standing, list[Hearing]()
        for received in batch:
            try:
                heard = self._ears.understand(received, standing.awake()) or self._word(received)
                if isinstance(heard, Hearing):
                    self._gate.admit(received, heard)
            except Refused as problem:
                await self._decide(states, run)
                await self._reject(received, problem.reason)
                continue
            if isinstance(heard, Hearing):
                run.append(heard)
            elif heard is not None:
                await self._decide(states, run)
                await self._hear_special(states, heard)
                if self._rewinds:
                    break  # what a partition has not heard comes before the rest of the batch
        await self._decide(states, run)
        await states.commit()
        if batch:
            self._heard = max(self._heard, batch[-1].sequence)

    def _word(self, received: Received) -> Word | None:
        """What is heard even of a partition that stands still: how else would it go on?"""
        asleep = self._standing.asleep()
        if not asleep:
            return None
        try:
            heard = self._ears.understand(received, asleep)
        except Refused:
            return None  # it is rejected when it is come to
        return heard if isinstance(heard, Word) else None

    async def _reject(self, received: Received, reason: str) -> None:
        """The fact that a message cannot be heard; the original stays in the log."""
        lane = self._ears.lane_of(received.subject, self._standing.awake())
        if lane is None or received.sequence <= lane.input:
            return
        key = received.subject.rpartition(".")[2]
        at = lane.tick if self._scenario and lane.tick is not None else received.at
        place = f"{received.stream}:{received.sequence}"
        about = key if is_identifier(key) else NO_ACTOR
        cause = Context(id=place, source="", key=about, at=at, correlation=received.id, sequence=received.sequence)
        await self._delivering.say_rejected(lane, received.subject, reason, cause)
        lane.done(received.sequence)

    async def _decide(self, states: States, run: list[Hearing]) -> None:
        """Messages for single actors, in order. `run` is empty afterwards."""
        await states.load([to.ref for hearing in run for to in hearing.to if to.problem is None])
        for place, (lane, message, addressees) in enumerate(run, 1):
            if place % _BREATH == 0:
                await asyncio.sleep(0)
            if lane.partition in self._standing.awake():
                try:
                    await self._hear_one(lane, message, addressees)
                except Full as full:
                    await self._standing.pause(lane, full, message.context)
        run.clear()

    async def _hear_one(self, lane: Lane, message: Message, addressees: Iterable[Addressee]) -> None:
        sequence = message.context.sequence
        for to in addressees:
            if not lane.has_passed(sequence, to.ref):
                await self._delivering.deliver(lane, to, message)
                lane.passed(sequence, to.ref)
        lane.done(sequence)

    # --- what concerns many actors -------------------------------------------------------------------------------

    async def _hear_special(self, states: States, message: Message) -> None:
        """A tick, a broadcast, or a word of those who operate the service."""
        sequence = message.context.sequence
        if isinstance(message, Word | ResumeService):
            lane = states.lanes.get(states.partition(message.key))
            if lane is not None and isinstance(message, Word):
                await self._follow(lane, message)
            elif lane is not None:
                lane.done(sequence)  # a service that stands still has read it already
            return
        await states.barrier()
        is_tick = type(message) is self.wiring.tick
        due = await self._store.due(cast("Any", message).instant) if is_tick else {}
        for lane in [lane for lane in self._standing.awake().values() if lane.input < sequence]:
            try:
                if isinstance(message, Broadcast) and type(message) in self.wiring.broadcasts:
                    await self._broadcast(states, lane, message)
                if is_tick:
                    await self._tick(states, lane, message, due.get(lane.partition, []))
            except Full as full:
                await self._standing.pause(lane, full, message.context)
            else:
                lane.done(sequence)

    async def _follow(self, lane: Lane, word: Word) -> None:
        """A word about a parked actor, in its place or, in a partition that stands still, ahead of it; once."""
        sequence = word.context.sequence
        if lane.hears_word(sequence):
            await self._delivering.follow(lane, word)
            if await self._standing.goes_on(lane, word.context):
                self._rewinds = True
                return
        if lane.partition in self._standing.awake():
            lane.done(sequence)

    async def _tick(self, states: States, lane: Lane, tick: Message, due: list[tuple[datetime, ActorRef]]) -> None:
        """Wake who is due, the oldest wake first, again and again until nobody is: a jump in time skips nothing."""
        until: datetime = cast("Any", tick).instant
        await states.load([ref for _, ref in due])
        heapify(due)
        while due and lane.partition in states.lanes:
            instant, ref = heappop(due)
            if states.parking.has_wake(ref):
                continue
            entry = await states.entry(ref)
            message = deciding.woken(tick, self.wiring.service, ref, entry, instant)
            await self._delivering.deliver(lane, Addressee(self.wiring.actors[ref.entity], ref), message)
            lane.passed(tick.context.sequence, ref)
            again = (await states.entry(ref)).wake
            if again is not None and again <= until and ref not in states.parking:
                heappush(due, (again, ref))
        lane.tick = until if lane.tick is None else max(lane.tick, until)

    async def _broadcast(self, states: States, lane: Lane, message: Broadcast) -> None:
        """Into the reference first, then to every actor of the entities that hear it, then say that it is done."""
        sequence = message.context.sequence
        if not lane.begun(sequence) and type(message) in self.wiring.reference_hears:
            try:
                lane.learn(self.wiring, message)
            except Exception as problem:
                raise restore.RestoreFailed(
                    f"the reference cannot take {name_of(type(message))} at log sequence {sequence}: {problem}"
                ) from problem
        lane.begin(sequence)
        for actor in self.wiring.hearers.get(type(message), ()):
            all_of_them = await self._store.actors(lane.partition, actor.entity)
            to = {ref: Addressee(actor, ref) for ref in all_of_them}
            one = addressee(actor, message) if states.partition(message.context.key) == lane.partition else None
            if one is not None:
                to[one.ref] = one
            left = [to[ref] for ref in sorted(to) if not lane.has_passed(sequence, ref)]
            for start in range(0, len(left), _TURN):
                some = left[start : start + _TURN]
                await states.load([found.ref for found in some if found.problem is None])
                for found in some:
                    await self._delivering.deliver(lane, found, message)
                    lane.passed(sequence, found.ref)
        if message.answer is not None:
            await states.room(1)
            self._say_done(states, lane, message, cast("type[Done]", message.answer))

    def _say_done(self, states: States, lane: Lane, message: Broadcast, answer: type[Done]) -> None:
        """This partition has heard: to the actor that said the broadcast."""
        source, heard = parking.source(self.wiring.service), message.context
        done = answer(
            asker=heard.source.rpartition("/")[2],
            broadcast=heard.id,
            service=self.wiring.service,
            partition=lane.partition,
            partitions=self._log.partitions,
        )
        said_id = wire.derive(heard.id, source, f"done {lane.partition}")
        context = Context(
            id=said_id,
            source=source,
            key=heard.key,
            at=heard.at,
            correlation=heard.correlation,
            cause=heard.id,
            traceparent=wire.trace(heard.traceparent, heard.correlation, said_id),
        )
        saying = Saying(lane.partition, wire.subject(answer, heard.key), wire.envelope(done, context))
        states.say(lane, [saying])


__all__ = ["Health", "NotHeld", "Owner", "Superseded", "working_copy"]
