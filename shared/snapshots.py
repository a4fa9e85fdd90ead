"""Snapshots of the working copy, one object per partition: they bound how far back the log is folded, and may be lost.

A snapshot is a small SQLite file of the same schema, compressed, with the rows of one partition. Whether it can be gone
on from is judged as that of any working copy: by its fingerprint and by how far it is.
"""

import asyncio
import gzip
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import aiosqlite
import msgspec
from msgspec import Struct
from nats.errors import Error as NatsError

from contracts import wire
from shared import telemetry
from shared.bucket import Bucket, Found, ObjectDamaged
from shared.lanes import Lane, Lanes
from shared.log import Log
from shared.store import SCHEMA, Progress, Store, progress_of

_TABLES = ("actor", "parked", "reference", "progress")
_AGAIN = 60.0
"""Seconds after which a snapshot that could not be taken is tried again."""
_FAILURES = (NatsError, TimeoutError, OSError, EOFError, sqlite3.Error, zlib.error, ObjectDamaged)
_note = telemetry.logger("snapshots")


class SnapshotUnfit(Exception):
    """A snapshot that cannot be used, and why: the log is folded instead."""


class Taken(Struct, frozen=True):
    """What is told of a snapshot beside it, so that it need not be fetched to know whether it is of use."""

    fingerprint: str
    progress: Progress


class Snapshots:
    """The snapshots of one service: brought when it restores, taken while it runs, never more than one at a time."""

    def __init__(self, service: str, log: Log, store: Store, *, messages: int, minutes: float) -> None:
        """A snapshot of a partition is due after so many `messages` of the log, or so many `minutes`."""
        self._service = service
        self._store = store
        self._bucket = Bucket(log.nc)
        self._messages = messages
        self._seconds = minutes * 60
        self._covered: dict[int, int] = {}
        """By partition: up to which cursor record a snapshot is known to go."""
        self._at: dict[int, float] = {}
        """By partition: when it was last looked after, on the event loop's clock."""
        self._not_before = 0.0
        self._taking: asyncio.Task[None] | None = None

    # --- brought -------------------------------------------------------------------------------------------------

    async def find(self, partition: int) -> tuple[Found, Progress] | None:
        """The snapshot of a partition and how far it is; None where there is none that fits this log and this code."""
        try:
            found = await self._bucket.find(self._name(partition))
            if found is None:
                return None
            taken = msgspec.json.decode(found.told, type=Taken)
        except (*_FAILURES, msgspec.MsgspecError) as problem:
            _note.warning("a snapshot cannot be used", partition=partition, problem=str(problem))
            return None
        if taken.fingerprint != self._store.fingerprint:
            _note.info("the snapshot is of another log, or its states have another shape", partition=partition)
            return None
        return found, taken.progress

    async def bring(self, partition: int, found: Found) -> None:
        """Put a snapshot in the place of the partition's rows. SnapshotUnfit: it cannot be, the rows are as before."""
        file = self._store.path.with_suffix(f".{partition}.bringing")
        try:
            with _passing(file), TemporaryFile(dir=file.parent) as packed:
                await self._bucket.fetch(found, packed)
                await asyncio.to_thread(_unpack, packed, file)
                await _copy_in(self._store, partition, file)
        except _FAILURES as problem:
            raise SnapshotUnfit(str(problem) or type(problem).__name__) from problem

    # --- taken ---------------------------------------------------------------------------------------------------

    def consider(self, lanes: Lanes) -> None:
        """Begin to take what is due, unless that is under way; the loop goes on meanwhile."""
        if (self._taking is None or self._taking.done()) and self._due(lanes) is not None:
            self._taking = asyncio.create_task(self._take_all(lanes))

    def _due(self, lanes: Lanes) -> Lane | None:
        """The partition that needs a snapshot most, if one does."""
        now = asyncio.get_running_loop().time()
        if now < self._not_before:
            return None
        due = [
            lane
            for partition, lane in lanes.items()
            if self._uncovered(lane) > self._messages
            or (self._uncovered(lane) > 0 and now - self._at.setdefault(partition, now) > self._seconds)
        ]
        return max(due, key=self._uncovered, default=None)

    def _uncovered(self, lane: Lane) -> int:
        return lane.fence - self._covered.get(lane.partition, 0)

    async def _take_all(self, lanes: Lanes) -> None:
        while (lane := self._due(lanes)) is not None:
            partition = lane.partition
            now = self._at[partition] = asyncio.get_running_loop().time()
            try:
                if partition not in self._covered:  # it may be as whoever owned the partition before has left it
                    known = await self.find(partition)
                    self._covered[partition] = known[1].folded if known and known[1].folded <= lane.fence else 0
                    continue
                progress = await self._put(partition)
            except _FAILURES as problem:
                self._not_before = now + _AGAIN
                _note.warning("a snapshot cannot be taken", partition=partition, problem=str(problem))
                return
            if progress is None:
                return
            self._covered[partition] = progress.folded
            _note.info("a snapshot is taken", partition=partition, sequence=progress.folded)

    async def _put(self, partition: int) -> Progress | None:
        file = self._store.path.with_suffix(f".{partition}.taking")
        with _passing(file), TemporaryFile(dir=file.parent) as packed:
            progress = await _copy_out(self._store, partition, file)
            if progress is not None:
                await asyncio.to_thread(_pack, file, packed)
                told = wire.encode(Taken(self._store.fingerprint, progress)).decode()
                await self._bucket.put(self._name(partition), told, packed)
            return progress

    async def close(self) -> None:
        """Give up what is under way: the snapshot before it stays."""
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking])

    def _name(self, partition: int) -> str:
        return f"{self._service}/{partition}"


@contextmanager
def _passing(file: Path) -> Iterator[None]:
    """A file of this name that is gone afterwards, as is what a process that was killed left of one."""
    file.unlink(missing_ok=True)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _pack(file: Path, packed: IO[bytes]) -> None:
    with file.open("rb") as source, gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as target:
        shutil.copyfileobj(source, target)
    packed.seek(0)


def _unpack(packed: IO[bytes], file: Path) -> None:
    packed.seek(0)
    with gzip.GzipFile(fileobj=packed, mode="rb") as source, file.open("wb") as target:
        shutil.copyfileobj(source, target)


async def _copy_out(store: Store, partition: int, file: Path) -> Progress | None:
    """The rows of a partition as they are at one moment, while the owner goes on writing; None before the first."""
    async with aiosqlite.connect(file, isolation_level=None, uri=True) as db:
        await db.execute("pragma journal_mode = off")
        await db.execute("pragma synchronous = off")
        await db.executescript(SCHEMA)
        await db.execute("attach ? as live", (_readable(store.path),))
        await db.execute("begin")
        for table in _TABLES:
            await db.execute(f"insert into {table} select * from live.{table} where partition = ?", (partition,))
        await db.execute("commit")
        return (await progress_of(db)).get(partition)


async def _copy_in(store: Store, partition: int, file: Path) -> None:
    """All rows of a partition are those of the file, or none is."""
    async with aiosqlite.connect(store.path, isolation_level=None, uri=True) as db:
        await db.execute("pragma trusted_schema = off")
        await db.execute("pragma synchronous = normal")
        await db.execute("attach ? as snapshot", (_readable(file),))
        if await _schema(db, "snapshot") != await _schema(db, "main"):
            raise ObjectDamaged("its tables are others than those of the working copy")
        await db.execute("begin immediate")
        for table in _TABLES:
            await db.execute(f"delete from main.{table} where partition = ?", (partition,))
            await db.execute(
                f"insert into main.{table} select * from snapshot.{table} where partition = ?", (partition,)
            )
        await db.execute("commit")


def _readable(file: Path) -> str:
    return f"{file.resolve().as_uri()}?mode=ro"


async def _schema(db: aiosqlite.Connection, name: str) -> list[tuple[str, ...]]:
    rows = await db.execute_fetchall(f"select type, name, sql from {name}.sqlite_master order by type, name")
    return [tuple(row) for row in rows]


__all__ = ["SnapshotUnfit", "Snapshots", "Taken"]
