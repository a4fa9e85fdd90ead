"""A disk in memory: real SQLite, reached as aiosqlite reaches it, by a process that may be killed at any step."""

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import IO, Any, TypeVar, cast

from msgspec import Struct

from shared.store import SCHEMA, Store
from tests.simulation.seeded_loop import Process, SeededLoop, within

T = TypeVar("T")


class Faults(Struct):
    """How bad a disk is: chances per transaction."""

    latency: float = 0.0002
    full: float = 0.0


class Disk:
    """What is left of a service's working copy when its process is gone."""

    def __init__(self, random: Random, faults: Faults) -> None:
        self.random = random
        self.faults = faults
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.executescript(SCHEMA)
        self._kept = self.db.serialize()

    def open(self, loop: SeededLoop, process: Process) -> Store:
        """The store on this disk, for a process that was started on it."""
        if self.db.in_transaction:
            self.db.execute("rollback")
        db = Connection(self, loop, process)
        return Store(cast("Any", db), Path("in memory"), "simulated", cast("IO[str]", None))

    def sync(self) -> None:
        """Reached the platter: a power cut leaves at least this."""
        if not self.db.in_transaction:
            self._kept = self.db.serialize()

    def lose_power(self) -> None:
        """The newest transactions are gone, as `synchronous = normal` allows."""
        if self.db.in_transaction:
            self.db.execute("rollback")
        self.db.deserialize(self._kept)

    def close(self) -> None:
        self.db.close()


class Connection:
    """As aiosqlite has it: one statement after the other in a thread, whoever waits for it."""

    def __init__(self, disk: Disk, loop: SeededLoop, process: Process) -> None:
        self._disk, self._loop, self._process = disk, loop, process
        self._context = within(process)
        self._done = 0.0

    @property
    def in_transaction(self) -> bool:
        return self._process.alive and self._disk.db.in_transaction

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> sqlite3.Cursor:
        full = sql == "begin immediate" and self._disk.random.random() < self._disk.faults.full
        if full:
            raise sqlite3.OperationalError("database or disk is full")
        return await self._work(lambda: self._disk.db.execute(sql, tuple(parameters)))

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> sqlite3.Cursor:
        rows = [tuple(row) for row in parameters]
        return await self._work(lambda: self._disk.db.executemany(sql, rows))

    async def execute_fetchall(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        return await self._work(lambda: self._disk.db.execute(sql, tuple(parameters)).fetchall())

    async def close(self) -> None:
        """Nothing is lost that was committed."""

    async def _work(self, work: Callable[[], T]) -> T:
        answer = self._loop.create_future()

        def done() -> None:
            try:
                result, problem = work(), None
            except sqlite3.Error as error:
                result, problem = None, error
            if not answer.done():
                if problem is None:
                    answer.set_result(result)
                else:
                    answer.set_exception(problem)

        spent = self._disk.random.expovariate(1.0) * self._disk.faults.latency
        self._done = max(self._done, self._loop.time() + spent)
        self._loop.call_at(self._done, done, context=self._context)
        return cast("T", await answer)
