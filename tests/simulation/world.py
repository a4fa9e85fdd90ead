"""A simulated fleet: owners on disks and a log in memory, somebody who does harm to them, and somebody who watches."""

import asyncio
import logging
import uuid
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any, NamedTuple, TypeVar, cast
from unittest.mock import patch

import structlog
from nats.errors import Error as NatsError

from contracts import wire
from contracts.message import Context, Message
from shared.decider import Wiring
from shared.log import Log
from shared.owner import Owner, Superseded
from shared.store import StoreUnfit
from tests.simulation.disk import Disk, Faults
from tests.simulation.memory_client import Network
from tests.simulation.seeded_loop import OUTSIDE, Process, SeededLoop, within

T = TypeVar("T")
Rows = Mapping[str, Mapping[str, str]]
"""What a working copy says, by table and row."""

STEPS = 400_000
"""No run needs nearly as many."""

SIZES = {
    "shared.states.MAX_BATCH": (8, 40, 1000),
    "shared.states._LAG": (10, 5000),
    "shared.states._CACHED": (3, 20_000),
    "shared.states._BEHIND": (1, 20_000),
    "shared.owner._TURN": (1, 7, 500),
    "shared.folding._CHUNK": (5, 20_000),
    "shared.pull._ASKED": (6, 1000),
}
"""What the runtime does at once: small in some harmed runs, so that little is enough to come to its limits."""


class Line(NamedTuple):
    """What somebody outside says; the next line of the same key is said when this one is on the log."""

    message: Message
    key: str
    context: Context


class Post:
    """A place in the fleet: some partitions of a service, whoever holds them, on one disk."""

    def __init__(self, wiring: Wiring, partitions: Sequence[int], disk: Disk) -> None:
        self.wiring, self.partitions, self.disk = wiring, tuple(partitions), disk
        self.starts = 0
        self.process: Process | None = None
        self.owner: Owner | None = None
        self.over: asyncio.Future[BaseException | None]
        self.retired = False
        """Somebody else is to hold its partitions: once it has ended it is not started again."""
        self.draining = False

    @property
    def name(self) -> str:
        return f"{self.wiring.service} {','.join(map(str, self.partitions))}"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive and not self.over.done()


class World:
    """One run. Everything that is chance in it comes from its seed."""

    def __init__(self, seed: int, wirings: Iterable[Wiring], partitions: int, *, cramped: bool = False) -> None:
        """`cramped`: what the runtime does at once may be little."""
        self.random = Random(f"world {seed}")
        self.loop = SeededLoop(Random(f"loop {seed}"), STEPS)
        self.network = Network(self.loop, partitions, Random(f"network {seed}"))
        self.partitions = partitions
        self.faults = Faults()
        self.posts: list[Post] = []
        self._gone: list[Post] = []
        """Supplanted, and perhaps not aware of it."""
        self.history: list[str] = []
        self._wirings = list(wirings)
        self._outside = self.loop.process("outside")
        self._client = self.network.connect(self._outside)
        self._names = Random(f"uuid {seed}")
        self._cramped = cramped

    def note(self, what: str) -> None:
        self.history.append(
            f"step {self.loop.steps:>6}  {self.loop.time():9.4f} s  log {self.network.server.last:>4}  {what}"
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let this happen in this world. AssertionError for what was raised and heard by nobody."""
        with self._seeded():
            result = self.loop.run(work)
        assert not self.loop.problems, "\n".join(self.loop.problems)
        return result

    @contextmanager
    def _seeded(self) -> Any:
        """What the runtime takes from the world around it, it takes from the seed; and nothing is logged."""
        before = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        try:
            with ExitStack() as patches:
                patches.enter_context(patch("uuid.uuid4", self._name))
                for size, choices in SIZES.items() if self._cramped else ():
                    patches.enter_context(patch(size, self.random.choice(choices)))
                yield
        finally:
            structlog.configure(**before)

    def _name(self) -> uuid.UUID:
        return uuid.UUID(int=self._names.getrandbits(128), version=4)

    # --- owners --------------------------------------------------------------------------------------------------

    def disk(self) -> Disk:
        return Disk(self.random, self.faults)

    def staff(self) -> None:
        """One owner for each service."""
        for wiring in self._wirings:
            self.appoint(Post(wiring, range(self.partitions), self.disk()))

    def appoint(self, post: Post) -> None:
        self.posts.append(post)
        self._start(post)

    def _start(self, post: Post) -> None:
        post.starts += 1
        post.over = self.loop.create_future()
        post.process = self.loop.process(f"{post.name} #{post.starts}")
        task = within(post.process).run(self.loop.create_task, self._own(post))
        task.add_done_callback(lambda ended: self._ended(post, ended.exception()), context=OUTSIDE)
        self.note(f"{post.process.name} starts")

    async def _own(self, post: Post) -> None:
        assert post.process is not None
        log = Log(cast("Any", self.network.connect(post.process)), self.partitions)
        store = post.disk.open(self.loop, post.process)
        post.owner = Owner(post.wiring, log, store, post.partitions)
        await post.owner.run()

    def _ended(self, post: Post, problem: BaseException | None) -> None:
        """A process has ended, by itself or as it was told to; another one takes its place."""
        assert post.process is not None
        if post.over.done():
            return
        self.note(f"{post.process.name} ends: {problem!r}" if problem else f"{post.process.name} ends")
        post.process.kill()
        allowed = (Superseded, StoreUnfit, NatsError, TimeoutError)
        if problem is not None and not isinstance(problem, allowed):
            post.over.set_exception(problem)
            self.loop.problems.append(f"{post.process.name} ended with {problem!r}")
            return
        post.over.set_result(problem)
        self._replace(post)

    def _replace(self, post: Post) -> None:
        if not post.retired and not post.draining:
            pause = self.random.expovariate(1.0) * 0.05
            self.loop.call_later(pause, self._start, post, context=OUTSIDE)

    def kill(self, post: Post) -> None:
        """As kill -9 ends it."""
        if post.alive:
            assert post.process is not None
            self.note(f"{post.process.name} is killed after {post.process.steps} steps")
            post.process.kill()
            post.over.set_result(None)
            self._replace(post)

    def pause(self, post: Post, seconds: float) -> None:
        """As SIGSTOP and SIGCONT do it."""
        process = post.process
        if process is not None and not process.paused:
            self.note(f"{process.name} is stopped for {seconds:.2f} s")
            process.paused = True
            self.loop.call_later(seconds, self._resume, process, context=OUTSIDE)

    def _resume(self, process: Process) -> None:
        process.paused = False

    def supplant(self, post: Post, partitions: Sequence[int], disk: Disk) -> None:
        """Somebody else is to hold these partitions from now on; who holds them now is not told."""
        rest = [partition for partition in post.partitions if partition not in partitions]
        self.note(f"{post.name} is to leave {list(partitions)} to another")
        if rest:
            post.partitions = tuple(rest)
        else:
            post.retired = True
            self.posts.remove(post)
            self._gone.append(post)
        self.appoint(Post(post.wiring, partitions, disk))

    async def drain(self) -> None:
        """Every owner ends in good order. One that only learns now that it was superseded starts again first."""
        for post in self._gone:
            self.kill(post)
        for post in self.posts:
            post.draining = True
        for post in list(self.posts):
            while True:
                assert post.owner is not None
                post.owner.stop()
                if await post.over is None:
                    break
                self._start(post)
                while not await self._has_reached(post, self.network.server.last):
                    pass

    # --- watching ------------------------------------------------------------------------------------------------

    async def quiet(self) -> None:
        """Until everybody has heard all there is, and nothing more is said."""
        before = -1
        while True:
            last = self.network.server.last
            reached = [await self._has_reached(post, last) for post in list(self.posts)]
            if all(reached) and before == last == self.network.server.last:
                return
            before = last

    async def _has_reached(self, post: Post, sequence: int) -> bool:
        if not post.alive or post.owner is None:
            await asyncio.sleep(0.05)
            return False
        asked = within(cast("Process", post.process)).run(asyncio.create_task, post.owner.position(sequence, 5.0))
        either: list[asyncio.Future[Any]] = [asked, post.over]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not asked.done() or not asked.result():
            return False
        if not set(post.partitions) <= set(post.owner.partitions):
            self.note(f"{post.name} holds {post.owner.partitions} only: an operator starts it again")
            self.kill(post)
            return False
        return True

    async def rows(self) -> dict[tuple[str, int], Rows]:
        """What the working copies say, by service and partition."""
        found: dict[tuple[str, int], Rows] = {}
        for post in self.posts:
            process = self.loop.process("auditor")
            store = post.disk.open(self.loop, process)
            for partition in post.partitions:
                found[post.wiring.service, partition] = await within(process).run(
                    asyncio.create_task, store.dump(partition)
                )
        return found

    # --- outside -------------------------------------------------------------------------------------------------

    async def say(self, lines: Iterable[Line]) -> None:
        """What somebody outside has to say: in order for each key, in any order across keys."""
        by_key: dict[str, list[Line]] = {}
        for line in lines:
            by_key.setdefault(line.key, []).append(line)
        outside = within(self._outside)
        await asyncio.gather(*(outside.run(asyncio.create_task, self._tell(told)) for told in by_key.values()))

    async def _tell(self, lines: Sequence[Line]) -> None:
        log = Log(cast("Any", self._client), self.partitions)
        for line in lines:
            await asyncio.sleep(self.random.expovariate(1.0) * 0.005)
            body = wire.envelope(line.message, line.context)
            while True:
                try:
                    await log.say(wire.subject(type(line.message), line.key), body, line.context.id)
                    break
                except (NatsError, TimeoutError):
                    await asyncio.sleep(0.01)


__all__ = ["Line", "Post", "Rows", "World"]
