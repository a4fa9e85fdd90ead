"""The owner of some partitions of a service: claim, restore, then hear, decide, commit and write, for ever."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple, cast

import msgspec

from contracts import runtime, wire
from contracts.message import Broadcast, Context, Message, Wake, is_identifier, name_of
from contracts.runtime import NO_ACTOR, DiscardMessage, Done, ParkedActor, RetryActor, Verified
from contracts.wire import Received, Refused
from shared import deciding, parking, restore, telemetry
from shared.decider import Wiring
from shared.deciding import Undecidable
from shared.hearing import Addressee, Ears, Hearing, addressee
from shared.holding import Holding
from shared.lanes import Lane
from shared.log import Log, Saying
from shared.parking import Waits
from shared.restore import working_copy
from shared.states import Snapshot, States
from shared.store import ActorRef, Store

_TURN = 500
"""Messages decided and committed together."""


class Health(NamedTuple):
    """Whether an owner can be relied on, and if not, why."""

    claimed: bool
    """Whether it holds what it is to hold; a stand-by holds nothing."""
    caught_up: bool
    last_pull: float
    """Seconds since the log was last heard from."""
    partitions: tuple[int, ...]


class NotHeld(LookupError):
    """The key belongs to a partition that another process holds, or that nobody holds now."""


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
    ) -> None:
        """`partitions`: what to hold first, all unless given. `scenario`: bare JSON takes the last tick's time.

        `sweeps`: reject what no service would notice; the service of the clock does unless told otherwise.
        """
        self.wiring = wiring
        self._log = log
        self._store = store
        self._scenario = scenario
        sweeping = wiring.service == runtime.CLOCK_SERVICE if sweeps is None else sweeps
        self._ears = Ears(wiring, log.partitions, sweeps=sweeping, scenario=scenario)
        wanted = range(log.partitions) if partitions is None else partitions
        self._holding = Holding(wiring, log, store, self._ears, wanted, scenario=scenario)
        self._stopping = False
        self._snapshots: list[tuple[Collection[int], asyncio.Future[Snapshot]]] = []
        self._note = telemetry.logger(f"owner.{wiring.service}")

    # --- what others may ask -------------------------------------------------------------------------------------

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions that are held now."""
        return tuple(self._holding.states.lanes)

    @property
    def claimed(self) -> Mapping[int, int]:
        """The epochs of the partitions that are held or being restored."""
        return self._holding.claimed

    @property
    def goal(self) -> int:
        """What was on the log when partitions were last claimed."""
        return self._holding.goal

    async def moves(self, known: Mapping[int, int]) -> Mapping[int, int]:
        """What is claimed, once it is not the very mapping `known` any more; again when it has been restored."""
        return await self._holding.moves(known)

    def hold(self, partitions: Collection[int]) -> None:
        """Claim and release until exactly these partitions are held. One that another owner claims is given up."""
        self._holding.hold(partitions)

    async def confirmed(self, partitions: Collection[int]) -> bool:
        """Whether all these partitions are held, by the word of the log itself. NatsError, TimeoutError."""
        return await self._holding.confirmed(partitions)

    async def health(self) -> Health:
        """For the readiness route."""
        holding = self._holding
        return Health(holding.settled, await holding.caught_up(), holding.silence(), self.partitions)

    async def position(self, sequence: int, wait: float = 0.0) -> bool:
        """Whether everything up to a log sequence has been heard and committed; waits up to `wait` seconds for it."""
        clock = asyncio.get_running_loop().time
        deadline, pause = clock() + wait, 0.001
        while not await self._holding.has_reached(sequence):
            left = deadline - clock()
            if left <= 0:
                return False
            try:
                await asyncio.sleep(min(pause, left))
                async with asyncio.timeout_at(deadline):
                    await self._holding.idle.wait()
            except TimeoutError:
                return False
            pause = min(pause * 2, 0.05)
        return True

    async def state_of(self, entity: str, key: str, actor_id: str) -> Any:
        """The committed state of an actor; the initial one if it has said nothing yet. NotHeld, or LookupError."""
        if entity not in self.wiring.actors:
            raise LookupError(f"{self.wiring.service} has no entity {entity}")
        self._lane(key)
        state = (await self._holding.states.committed(ActorRef(entity, key, actor_id))).state
        self._lane(key)  # still
        return state

    def reference_of(self, key: str) -> Any:
        """What broadcasts have told the partition of `key`. NotHeld."""
        return self._lane(key).reference

    def _lane(self, key: str) -> Lane:
        lane = self._holding.states.lanes.get(wire.partition(key, self._log.partitions))
        if lane is None:
            raise NotHeld(f"the partition of {key} is not held by this process of {self.wiring.service}")
        return lane

    def parked(self, partitions: Collection[int] | None = None) -> tuple[ParkedActor, ...]:
        """The parked actors of some partitions, or of all that are held."""
        places = self.partitions if partitions is None else partitions
        return self._holding.states.parking.listing(places, self._log.partitions)

    async def verify(self, partitions: Collection[int] | None = None) -> Verified:
        """Rebuild the states of some partitions, or of all that are held, from the log alone; compare byte for byte.

        NotHeld when one of them is not held any more.
        """
        places = self.partitions if partitions is None else partitions
        wanted: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._snapshots.append((places, wanted))
        self._holding.interrupt()
        snapshot = await wanted
        if len(snapshot.lanes) < len(places):
            raise NotHeld(f"partitions of {self.wiring.service} have moved")
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
        self._holding.interrupt()

    async def run(self) -> None:
        """Own what is to be held until told to stop. Raises RestoreFailed, StoreUnfit."""
        holding, states = self._holding, self._holding.states
        try:
            while not self._stopping:
                await holding.settle()
                await self._give_snapshots(states)
                batch = await holding.batch(_TURN)
                await self._hear(states, batch)
                holding.heard(batch)
            await holding.finish()
        finally:
            holding.idle.clear()
            for _, wanted in self._snapshots:
                wanted.cancel()
            states.abandon()
            await holding.close()

    async def _give_snapshots(self, states: States) -> None:
        wanted, self._snapshots = self._snapshots, []
        for partitions, future in wanted:
            snapshot = await states.snapshot(partitions)
            if not future.done():
                future.set_result(snapshot)

    async def _hear(self, states: States, batch: Sequence[Received]) -> None:
        """Decide a batch in stream order and commit what is said."""
        run: list[Hearing] = []
        for received in batch:
            try:
                heard = self._ears.understand(received, states.lanes)
            except Refused as problem:
                await self._decide(states, run)
                self._reject(states, received, problem.reason)
                continue
            if isinstance(heard, Hearing):
                run.append(heard)
            elif heard is not None:
                await self._decide(states, run)
                await self._hear_special(states, heard)
        await self._decide(states, run)
        await states.commit()

    def _reject(self, states: States, received: Received, reason: str) -> None:
        """The fact that a message cannot be heard; the original stays in the log."""
        lane = self._ears.lane_of(received.subject, states.lanes)
        if lane is None or received.sequence <= lane.input:
            return
        key = received.subject.rpartition(".")[2]
        at = lane.tick if self._scenario and lane.tick is not None else received.at
        place = f"{received.stream}:{received.sequence}"
        cause = Context(id=place, source="", key="", at=at, correlation=received.id)
        fact = self.wiring.own.rejected(
            sequence=received.sequence, subject=received.subject[:512], reason=reason[:1000]
        )
        self._note.warning("a message is rejected", sequence=received.sequence, reason=reason)
        about = key if is_identifier(key) else NO_ACTOR
        states.say(lane, [parking.saying(self.wiring.service, lane.partition, about, fact, cause)])
        lane.done(received.sequence)

    async def _decide(self, states: States, run: list[Hearing]) -> None:
        """Messages for single actors, in order. `run` is empty afterwards."""
        await states.load([to.ref for hearing in run for to in hearing.to if to.problem is None])
        for lane, message, addressees in run:
            sequence = message.context.sequence
            for to in addressees:
                if not lane.has_passed(sequence, to.ref):
                    await self._deliver(states, lane, to, message)
                    lane.passed(sequence, to.ref)
            lane.done(sequence)
        run.clear()

    async def _deliver(self, states: States, lane: Lane, to: Addressee, message: Message) -> None:
        """One actor hears one message; if it is parked, or deciding fails, the message waits."""
        ref, problem = to.ref, to.problem
        if ref not in states.parking and problem is None:
            try:
                await self._say(states, lane, to, message)
            except Undecidable as failed:
                problem = str(failed)
            else:
                return
        wake = message.at if isinstance(message, Wake) else None
        sequence, name = message.context.sequence, "wake" if wake else name_of(type(message))
        await states.room(1)
        cause = (
            message.context
            if wake is None
            else msgspec.structs.replace(message.context, id=message.context.cause or "")
        )
        if ref in states.parking:
            states.say_fact(lane, ref.key, states.parking.waiting(ref, sequence, name, wake), cause)
            return
        self._note.error("an actor is parked", actor="/".join(ref), sequence=sequence, reason=problem)
        states.say_fact(lane, ref.key, states.parking.parked(ref, sequence, name, problem or "", wake), cause)

    async def _say(self, states: States, lane: Lane, to: Addressee, message: Message) -> None:
        """Decide, and add what is said to the turn. Undecidable."""
        entry = await states.entry(to.ref)
        decision = deciding.decide(to.actor, to.ref, lane.partition, entry, message, lane.reference)
        await states.room(len(decision.sayings))
        states.decided(lane, to.ref, decision)

    # --- what concerns many actors -------------------------------------------------------------------------------

    async def _hear_special(self, states: States, message: Message) -> None:
        """A tick, a broadcast, or a word about a parked actor."""
        sequence = message.context.sequence
        if isinstance(message, RetryActor | DiscardMessage):
            lane = states.lanes.get(states.partition(message.key))
            if lane is not None:
                await self._unpark(states, lane, message)
                lane.done(sequence)
            return
        await states.barrier()
        is_tick = type(message) is self.wiring.tick
        due = await self._store.due(cast("Any", message).instant) if is_tick else {}
        for lane in [lane for lane in states.lanes.values() if lane.input < sequence]:
            if isinstance(message, Broadcast) and type(message) in self.wiring.broadcasts:
                await self._broadcast(states, lane, message)
            if is_tick:
                await self._tick(states, lane, message, due.get(lane.partition, []))
            lane.done(sequence)

    async def _tick(self, states: States, lane: Lane, tick: Message, due: list[tuple[datetime, ActorRef]]) -> None:
        """Wake who is due, the oldest wake first, again and again until nobody is: a jump in time skips nothing."""
        until: datetime = cast("Any", tick).instant
        await states.load([ref for _, ref in due])
        heapify(due)
        while due:
            instant, ref = heappop(due)
            if states.parking.has_wake(ref):
                continue
            entry = await states.entry(ref)
            message = deciding.woken(tick, self.wiring.service, ref, entry, instant)
            await self._deliver(states, lane, Addressee(self.wiring.actors[ref.entity], ref), message)
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
            one = addressee(actor, message) if states.partition(message.key) == lane.partition else None
            if one is not None:
                to[one.ref] = one
            left = [to[ref] for ref in sorted(to) if not lane.has_passed(sequence, ref)]
            for start in range(0, len(left), _TURN):
                some = left[start : start + _TURN]
                await states.load([found.ref for found in some if found.problem is None])
                for found in some:
                    await self._deliver(states, lane, found, message)
                    lane.passed(sequence, found.ref)
        if message.answer is not None:
            await states.room(1)
            self._say_done(states, lane, message, cast("type[Done]", message.answer))

    def _say_done(self, states: States, lane: Lane, message: Broadcast, answer: type[Done]) -> None:
        """This partition has heard: to the actor that said the broadcast."""
        source = parking.source(self.wiring.service)
        done = answer(
            asker=message.context.source.rpartition("/")[2],
            broadcast=message.id,
            service=self.wiring.service,
            partition=lane.partition,
            partitions=self._log.partitions,
        )
        said_id = wire.derive(message.id, source, f"done {lane.partition}")
        context = Context(
            id=said_id,
            source=source,
            key=message.key,
            at=message.at,
            correlation=message.correlation,
            cause=message.id,
            traceparent=wire.trace(message.context.traceparent, message.correlation, said_id),
        )
        saying = Saying(lane.partition, wire.subject(answer, message.key), wire.envelope(done, context))
        states.say(lane, [saying])

    # --- parked actors -------------------------------------------------------------------------------------------

    async def _unpark(self, states: States, lane: Lane, command: RetryActor | DiscardMessage) -> None:
        """Hear again, in order, what waits for a parked actor; give its head up first if told so."""
        sequence, ref = command.context.sequence, ActorRef(command.entity, command.key, command.actor)
        if not lane.begun(sequence):
            head = states.parking.head(ref)
            await states.room(1)
            if head is None or (problem := _why_not(command, head)) is not None:
                reason = f"{'/'.join(ref)} is not parked" if head is None else problem or ""
                subject = wire.subject(type(command), command.key)
                fact = self.wiring.own.rejected(sequence=sequence, subject=subject, reason=reason)
                states.say(lane, [parking.saying(self.wiring.service, lane.partition, ref.key, fact, command)])
                return
            if isinstance(command, DiscardMessage):
                given_up = states.parking.discarded(ref, head, command.reason)
                states.say_fact(lane, ref.key, given_up, command.context)
        lane.passed(sequence, ref)
        while (head := states.parking.head(ref)) is not None and lane.partition in states.lanes:
            await states.room(1)
            try:
                await self._retry(states, lane, ref, head)
            except Undecidable as failed:
                again = states.parking.parked(ref, head.sequence, head.row.message, str(failed), head.wake)
                states.say_fact(lane, ref.key, again, command.context)
                return
            states.say_fact(lane, ref.key, states.parking.retried(ref, head), command.context)

    async def _retry(self, states: States, lane: Lane, ref: ActorRef, head: Waits) -> None:
        """The original is read again from the log and heard with the code and the reference of today. Undecidable."""
        actor = self.wiring.actors.get(ref.entity)
        if actor is None:
            raise Undecidable(f"there is no entity {ref.entity}")
        original = await self._log.patiently(self._log.message, head.sequence)
        if original is None:
            raise Undecidable("the message is no longer on the log")
        try:
            message = wire.hear(original, self.wiring.types, head.row.at)
        except Refused as problem:
            raise Undecidable(f"the message cannot be heard: {problem.reason}") from None
        if head.wake is not None:
            entry = await states.entry(ref)
            if entry.wake == head.wake:  # else what was heard meanwhile has moved it
                message = deciding.woken(message, self.wiring.service, ref, entry, head.wake)
                await self._say(states, lane, Addressee(actor, ref), message)
        elif ref.id != NO_ACTOR:
            await self._say(states, lane, Addressee(actor, ref), message)
        elif (found := deciding.id_of(actor, message)) is not None:
            await self._deliver(states, lane, Addressee(actor, ActorRef(ref.entity, ref.key, found)), message)


def _why_not(command: RetryActor | DiscardMessage, head: Waits) -> str | None:
    """Why a word about a parked actor cannot be followed."""
    if isinstance(command, DiscardMessage) and command.sequence not in (None, head.sequence):
        return f"{command.entity}/{command.key}/{command.actor} waits at {head.sequence}, not at {command.sequence}"
    return None


__all__ = ["Health", "NotHeld", "Owner", "working_copy"]
