"""What stands still, and how it goes on: a service in a storm, a partition in which no more messages may wait."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from contracts import wire
from contracts.message import Context, name_of
from contracts.wire import Refused
from shared import telemetry
from shared.decider import Wiring
from shared.delivering import Delivering, Full
from shared.lanes import Lane, Lanes
from shared.limits import Limits
from shared.log import Log, Pull
from shared.states import States
from shared.storm import Storming


class Standing:
    """What one owner does not hear for now. Everything is where it was on the log, and is heard from there."""

    def __init__(self, wiring: Wiring, log: Log, states: States, delivering: Delivering, limits: Limits) -> None:
        self._wiring, self._log, self._states, self._limits = wiring, log, states, limits
        self._delivering = delivering
        self._paused: dict[int, Full] = {}
        self._storm: Storming | None = None
        self._told = 0
        """Place in the log up to which words to resume have been followed."""
        self._pull: Pull | None = None
        self._note = telemetry.logger(f"owner.{wiring.service}")

    async def recall(self) -> None:
        """Stand again at the first failure, if the service stood when it was last heard of."""
        own, told = self._wiring.own, dict[str, int]()
        for fact in (own.paused, own.resumed):
            told[name_of(fact)] = await self._log.patiently(self._log.latest, f"q2c.evt.{name_of(fact)}.*.*")
        self._told = told[name_of(own.resumed)]
        self._delivering.storm.stands = told[name_of(own.paused)] > self._told

    def awake(self) -> Lanes:
        """The partitions of which everything is heard."""
        lanes = self._states.lanes
        return {place: lanes[place] for place in lanes if place not in self._paused} if self._paused else lanes

    def asleep(self) -> Lanes:
        """Those of which only words about parked actors are heard."""
        return {place: lane for place, lane in self._states.lanes.items() if place in self._paused}

    def why(self) -> tuple[str, ...]:
        """What stands still, in sentences."""
        paused = [f"partition {place} stands still: {full}" for place, full in sorted(self._paused.items())]
        return tuple([f"too many messages fail: {self._storm}", *paused] if self._stormy else paused)

    @property
    def _stormy(self) -> bool:
        return self._storm is not None and self._delivering.storm.stands

    def reached(self, sequence: int) -> bool:
        """Whether nothing that stands still stands before a place in the log."""
        return not self._stormy and all(lane.input >= sequence for lane in self.asleep().values())

    # --- a partition ---------------------------------------------------------------------------------------------

    async def pause(self, lane: Lane, full: Full, cause: Context) -> None:
        """Hear nothing more of a partition, from the message on that is the cause."""
        self._paused[lane.partition] = full
        self._note.error(
            "a partition stands still", partition=lane.partition, sequence=cause.sequence, reason=str(full)
        )
        fact = self._wiring.own.partition_paused(sequence=cause.sequence, partition=lane.partition, reason=str(full))
        await self._delivering.say(lane, fact, msgspec.structs.replace(cause, key=full.ref.key))

    async def goes_on(self, lane: Lane, word: Context) -> bool:
        """After a word about a parked actor: whether there is room again."""
        full = self._paused.get(lane.partition)
        if full is None:
            return False
        places = self._log.partitions
        if self._states.parking.full(full.ref, lane.partition, places, self._limits) is not None:
            return False
        del self._paused[lane.partition]
        self._note.info("a partition goes on", partition=lane.partition)
        fact = self._wiring.own.partition_resumed(sequence=word.sequence, partition=lane.partition)
        await self._delivering.say(lane, fact, word)
        return True

    # --- the service ---------------------------------------------------------------------------------------------

    async def stand(self, storm: Storming, serve: Callable[[], Awaitable[bool]]) -> None:
        """Until it is time to try the message again at which the service stands, or until somebody says to go on.

        `serve` is called whenever the wait is interrupted, and tells whether to go on waiting.
        """
        lane = self._states.lanes.get(storm.partition)
        if lane is not None and (self._storm is None or self._storm.cause.sequence != storm.cause.sequence):
            self._note.error("the service stands still", sequence=storm.cause.sequence, reason=str(storm))
            fact = self._wiring.own.paused(sequence=storm.cause.sequence, reason=str(storm))
            await self._delivering.say(lane, fact, storm.cause)
        await self._states.commit()
        await self._states.arrived()
        self._storm = storm
        words = f"q2c.cmd.{name_of(self._wiring.own.resume)}.*.*"
        self._pull = pull = self._log.pull([words], max(self._told, storm.cause.sequence))
        until = asyncio.get_running_loop().time() + self._delivering.storm.pause()
        try:
            while await serve() and (left := until - asyncio.get_running_loop().time()) > 0:
                for received in await pull.batch(1, left):
                    if await self._resumes(received, storm):
                        return
        finally:
            self._pull = None
            await pull.close()

    async def _resumes(self, received: wire.Received, storm: Storming) -> bool:
        """Whether a word to resume can be understood; then the outcomes are counted anew."""
        try:
            word = wire.hear(received, self._wiring.types)
        except Refused:
            return False  # it is rejected when it is come to
        self._told = received.sequence
        self._delivering.storm.end()
        self._storm = None
        lane = self._states.lanes.get(storm.partition)
        if lane is not None:
            fact = self._wiring.own.resumed(sequence=storm.cause.sequence, reason=f"told to at {received.sequence}")
            await self._delivering.say(lane, fact, msgspec.structs.replace(word.context, key=storm.cause.key))
        return True

    def interrupt(self) -> None:
        if self._pull is not None:
            self._pull.interrupt()

    @property
    def alive(self) -> float:
        """When the server was last heard from while the service stands; 0 when it does not."""
        return 0.0 if self._pull is None else self._pull.alive


__all__ = ["Standing"]
