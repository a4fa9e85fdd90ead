"""An event loop of virtual time and simulated processes: one seed decides who runs next, and a run can be repeated.

A process runs what it has been given in order, as asyncio promises; which process runs next is chance. One that is
killed never runs again, not even its `finally` blocks; one that is paused goes on later as if nothing had happened.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any, TypeVar, cast

T = TypeVar("T")

_process: ContextVar["Process | None"] = ContextVar("process", default=None)


class Process:
    """What lives and dies together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self.steps = 0
        self.ready: deque[Call] = deque()
        self.tasks: list[asyncio.Task[Any]] = []

    def kill(self) -> None:
        self.alive = False
        self.ready.clear()


class Call:
    """Something to be run by a process."""

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self.callback, self.args, self.context = callback, args, context
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Stuck(AssertionError):
    """Nothing is left to run, and what was waited for has not happened."""


class SeededLoop:
    """What asyncio needs of a loop, and no more: there is no input and no output here."""

    def __init__(self, random: Random, limit: int) -> None:
        """`limit`: steps after which a run is held to be stuck."""
        self.random = random
        self.steps = 0
        self.problems: list[str] = []
        """What was raised and heard by nobody."""
        self.watch: Callable[[Process], None] = lambda _process: None
        """Called before each step of a process."""
        self._limit = limit
        self._now = 0.0
        self._number = 0
        self._timers: list[tuple[float, int, Call]] = []
        self._world = Process("the world")
        self._processes = [self._world]
        """Those that may still run."""
        self._begun = [self._world]

    @property
    def _asyncio(self) -> asyncio.AbstractEventLoop:
        return cast("asyncio.AbstractEventLoop", self)

    # --- processes -----------------------------------------------------------------------------------------------

    def process(self, name: str) -> Process:
        """A new process, which has nothing to do yet: it does what is begun `within` it."""
        process = Process(name)
        self._processes.append(process)
        self._begun.append(process)
        return process

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run until the work is done; whatever else there is is then given up."""
        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=self._forget)
        asyncio._set_running_loop(self._asyncio)
        try:
            main = self.create_task(work)
            while not main.done():
                self._step()
            return main.result()
        finally:
            for process in self._begun:
                process.kill()
                for task in process.tasks:
                    if not task.done():
                        task.get_coro().close()
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*before)

    @staticmethod
    def _forget(_generator: AsyncGenerator[Any, Any]) -> None:
        """One that a killed process has left behind is not closed."""

    def _step(self) -> None:
        ready = [process for process in self._processes if process.ready and not process.paused]
        if not ready:
            self._processes = [process for process in self._processes if process.alive]
            self._pass_time()
            return
        process = ready[0] if len(ready) == 1 else self.random.choice(ready)
        if process is not self._world:
            self.watch(process)
            if process.paused or not process.ready:
                return
        call = process.ready.popleft()
        self.steps += 1
        process.steps += 1
        if self.steps > self._limit:
            raise Stuck(f"no end after {self.steps} steps and {self._now:.0f} s")
        if not call.cancelled:
            call.context.run(call.callback, *call.args)

    def _pass_time(self) -> None:
        """To the next instant at which anything is to happen."""
        while self._timers and self._timers[0][2].cancelled:
            heappop(self._timers)
        if not self._timers:
            raise Stuck(f"everybody waits for ever after {self._now:.1f} s")
        self._now = self._timers[0][0]
        while self._timers and self._timers[0][0] <= self._now:
            self._make_ready(heappop(self._timers)[2])

    def _make_ready(self, call: Call) -> None:
        process = call.context.get(_process, None) or self._world
        if process.alive and not call.cancelled:
            process.ready.append(call)

    # --- what asyncio asks of a loop -----------------------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Call:
        call = Call(callback, args, copy_context() if context is None else context)
        self._make_ready(call)
        return call

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Call:
        self._number += 1
        call = Call(callback, args, copy_context() if context is None else context)
        heappush(self._timers, (when, self._number, call))
        return call

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Call:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self._asyncio)

    def create_task(self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any) -> "asyncio.Task[T]":
        task: asyncio.Task[T] = asyncio.Task(coro, loop=self._asyncio, **options)
        (_process.get() or self._world).tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What a task raised and nobody asked for; of tasks that were killed there is nothing to say."""
        problem = context.get("exception")
        if problem is not None:
            self.problems.append(f"{context.get('message')}: {problem!r}")

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return False


def within(process: Process) -> Context:
    """For what happens inside a process: it is put off while that is paused, and never happens once that is dead."""
    context = Context()
    context.run(_process.set, process)
    return context


OUTSIDE = Context()
"""Belongs to no process: what the network and the server do goes on when whoever asked for it is dead."""


__all__ = ["OUTSIDE", "Call", "Process", "SeededLoop", "Stuck", "within"]
