"""One run of a service on the log: connect, claim, restore, hear; then drain. The whole runtime in one screen."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from itertools import chain, repeat

import anyio
import msgspec
from anyio.abc import TaskGroup
from nats.errors import Error as NatsError

from contracts import runtime, wire
from contracts.message import Context
from shared import stream, telemetry
from shared.answers import PATIENCE, Answers, Unanswered
from shared.clock import Say, wall_clock
from shared.connection import Connection
from shared.decider import Wiring
from shared.log import Log
from shared.owner import Owner
from shared.process import Undrained
from shared.projections import Projection, Projects
from shared.questions import Questions
from shared.replicas import Replicas
from shared.restore import working_copy
from shared.settings import Settings, WrongSetting
from shared.stream import LogUnfit

GRACE = 20.0
"""Seconds in which a drain must be done; what it leaves is read again at the next start."""

SILENCE = 15.0
"""Seconds without a sign of life from the log after which a service is not ready."""

_note = telemetry.logger("service")


class Running:
    """What one run of a service opens and closes again: its log, its working copy, its owner and its projections."""

    def __init__(self, wiring: Wiring, projections: Sequence[Projects], given: Settings, tasks: TaskGroup) -> None:
        self._wiring, self._given, self._tasks = wiring, given, tasks
        self._projections = [
            Projection(wiring.service, module, wiring.types, scenario=given.clock == "scenario")
            for module in projections
        ]
        self.connection = Connection(given.servers, wiring.service)
        self._questions = Questions(wiring, self.connection)
        self._owner: Owner | None = None
        self._answers: Answers | None = None
        self._goal = 0
        self._waits = "it is starting"
        self.ready = anyio.Event()
        self._begun: anyio.CancelScope | None = None
        self._ended = anyio.Event()

    def begin(self) -> None:
        """Work from now on; a problem of the work is a problem of the process."""
        self._begun = anyio.CancelScope()
        self._tasks.start_soon(self._work, self._begun)

    async def drain(self) -> None:
        """Finish the batch in hand, commit, release; give up what cannot be done in time."""
        if self._answers is not None:
            self._answers.close()
        if self._begun is None:
            return
        with anyio.move_on_after(GRACE) as grace:
            if self._owner is None or not self.connection.up:
                self._begun.cancel()  # nothing can be committed now: it is read again at the next start
            else:
                self._owner.stop()
            await self._ended.wait()
        if grace.cancelled_caught:
            self._begun.cancel()
            raise Undrained(f"the drain was not done in {GRACE:.0f} seconds: what is left is read at the next start")

    async def _work(self, begun: anyio.CancelScope) -> None:
        """Own the partitions until told to stop. An outage before they are claimed heals by starting over."""
        pauses = chain((0.25, 0.5, 1.0, 2.0), repeat(5.0))
        try:
            with begun:
                while True:
                    try:
                        return await self._own(await self._fit())
                    except* (LogUnfit, NatsError, TimeoutError) as problems:
                        self._heal(problems)
                    await anyio.sleep(next(pauses))
        finally:
            self._ended.set()

    async def _fit(self) -> Log:
        """The log, if it is as the mesh needs it."""
        nc = await self.connection.connect()
        partitions = await stream.check(nc)
        if partitions != self._given.partitions:
            raise WrongSetting(f"Q2C_PARTITIONS must be {partitions}, with which the log was made")
        return Log(nc, partitions)

    def _heal(self, problems: BaseExceptionGroup[Exception]) -> None:
        """Say, once, what is waited for. Raises what waiting does not mend."""
        problem = problems.exceptions[0]
        while isinstance(problem, ExceptionGroup):
            problem = problem.exceptions[0]
        if isinstance(problem, LogUnfit) and not problem.heals:
            raise problem
        self._owner = None
        waits = str(problem) or "the log does not answer"
        if self._waits != waits:
            self._waits = waits
            _note.warning(f"{waits}; trying again until it is mended")

    async def _own(self, log: Log) -> None:
        """Everything at once: the owner's loop, the projections, and the clock in the service that keeps it."""
        self._waits = "it is being restored from the log"
        async with AsyncExitStack() as opened:
            with anyio.CancelScope(shield=True):
                store = await working_copy(self._given.data, self._wiring, log)
                opened.push_async_callback(_shielded, store.close)
            for projection in self._projections:
                projection.open(self._given.data, await log.identity())
                opened.callback(projection.close)
            self._goal = await log.last()
            self._questions.open(log.nc, log.partitions)
            replicas = Replicas(log.nc, self._wiring.service, log.partitions, self._given.replica)
            opened.push_async_callback(_shielded, replicas.leave)
            wanted = await replicas.join()
            owner = Owner(self._wiring, log, store, wanted, scenario=self._given.clock == "scenario")
            answers = Answers(self._wiring, self._projections, owner)
            self._owner, self._answers = owner, answers
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(replicas.run, owner)
                tasks.start_soon(self._questions.follow, owner, answers)
                for projection in self._projections:
                    tasks.start_soon(projection.follow, log, answers.moved)
                if self._given.clock == "wall" and self._wiring.service == runtime.CLOCK_SERVICE:
                    tasks.start_soon(wall_clock, self._ticks(log))
                tasks.start_soon(self._announce, owner, answers)
                await owner.run()
                tasks.cancel_scope.cancel()

    def _ticks(self, log: Log) -> Say:
        """How the clock is said: kept once by the log, however many clocks say it."""
        tick = self._wiring.types[runtime.TICK]

        async def say(instant: datetime, identity: str) -> None:
            context = Context(
                id=identity, source=f"/{runtime.CLOCK_SERVICE}/clock", key="clock", at=instant, correlation=identity
            )
            message = msgspec.convert({"instant": instant}, tick)
            await log.say(wire.subject(tick, "clock"), wire.envelope(message, context), identity)

        return say

    async def _announce(self, owner: Owner, answers: Answers) -> None:
        """Say once that all is well; of a projection that stands still it has been said that it is not."""
        with suppress(Unanswered):
            while not await answers.reached(self._goal, PATIENCE, projected=True):
                _note.info("catching up with the log", goal=self._goal)
            self.ready.set()
            _note.info("ready", partitions=len(owner.partitions))

    @property
    def holds(self) -> tuple[int, ...]:
        """The partitions that are held now; none as a stand-by."""
        return () if self._owner is None else self._owner.partitions

    async def waits(self) -> list[str]:
        """What must happen before this service can be relied on; nothing when it can."""
        if not self.connection.up:
            return ["nats-server is not reachable"]
        if self._owner is None:
            return [self._waits]
        health = await self._owner.health()
        if not health.claimed:
            return [self._waits]
        found = [] if health.caught_up else ["it is catching up with the log"]
        if health.last_pull > SILENCE:
            found.append("the log is silent")
        behind = [projection for projection in self._projections if not projection.caught_up(self._goal)]
        return found + [item.failure or f"projection {item.entity} is catching up with the log" for item in behind]


async def _shielded(close: Callable[[], Awaitable[None]]) -> None:
    with anyio.CancelScope(shield=True):
        await close()


__all__ = ["GRACE", "SILENCE", "Running"]
