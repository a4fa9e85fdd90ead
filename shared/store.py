"""The working copy of a service in one SQLite file: it may lag the log, never lead it, and can be thrown away."""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

import aiosqlite
import msgspec
from msgspec import Struct

from contracts.wire import encode
from shared import telemetry
from shared.log import Within

SCHEMA = """
create table meta (name text primary key, value text not null) without rowid;
create table actor (
    partition integer not null, entity text not null, key text not null, id text not null,
    state text not null,      -- the fold of what the actor has said, JSON
    wake integer,             -- microseconds since 1970: when it wants to be woken
    opener text,              -- the chain it belongs to: the correlation of the event that opened it
    sequence integer not null,  -- of the last event folded
    primary key (partition, entity, key, id)
) without rowid;
create index due on actor (wake) where wake is not null;
create table parked (
    partition integer not null, entity text not null, key text not null, id text not null,
    sequence integer not null,  -- of the message that waits, or of the tick
    wake integer not null,    -- the instant asked for, before all time for a message
    message text not null, at integer not null,
    reason text,              -- why deciding failed; null behind the head
    edited integer not null,  -- log sequence of the command that gives other data, 0 where there is none
    primary key (partition, entity, key, id, sequence, wake)
) without rowid;
create table progress (
    partition integer primary key,
    input integer not null,   -- everything up to this log sequence has had its effect
    within text,              -- and this much of the message after it
    word text not null,       -- the last word about parked actors that has been followed
    tick integer,             -- the last tick up to input
    folded integer not null,  -- own events up to this log sequence are in the states: the last cursor record known
    recorded text not null    -- the batch of that record: another one means that the file lags
);
create table reference (
    partition integer primary key,
    state text not null       -- the fold of the broadcasts up to the input of the partition, JSON
);
"""
VERSION = "2"
"""Of the schema above: another one means folding from the start of the log."""

NO_WAKE = -(2**63)
"""Stands for the instant of a message that is no wake: before the first instant there is."""

_PUT_ACTOR = """
insert into actor values (?,?,?,?,?,?,?,?) on conflict (partition, entity, key, id)
do update set state = excluded.state, wake = excluded.wake, opener = excluded.opener, sequence = excluded.sequence
"""
"""A row is changed where it is: to replace it would mean to delete it first, at more than twice the price."""

_CHUNK = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WITHIN = msgspec.json.Decoder(Within)
_note = telemetry.logger("store")


class StoreUnfit(Exception):
    """The working copy cannot be read or written; the message says what to do."""


class ActorRef(NamedTuple):
    """An actor within its service."""

    entity: str
    key: str
    id: str

    def source(self, service: str) -> str:
        return f"/{service}/{self.entity}/{self.key}/{self.id}"


class ActorRow(NamedTuple):
    """What is kept of an actor."""

    state: bytes
    wake: datetime | None
    opener: str | None
    sequence: int


class ParkedKey(NamedTuple):
    """One message, or one wake, that waits for a parked actor."""

    actor: ActorRef
    sequence: int
    wake: datetime | None


class ParkedRow(NamedTuple):
    """What is kept of a message that waits; `reason` at the head of the queue only."""

    message: str
    at: datetime
    reason: str | None
    edited: int = 0
    """Log sequence of the command whose data is heard in its place."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far a partition is; see the schema."""

    partition: int
    input: int
    within: Within | None
    word: Within
    tick: datetime | None
    folded: int
    recorded: str


class Changes(Struct):
    """What a commit changed, not yet written. Later changes overwrite earlier ones."""

    actors: dict[ActorRef, tuple[int, ActorRow]] = {}
    parked: dict[ParkedKey, tuple[int, ParkedRow | None]] = {}
    progress: dict[int, Progress] = {}
    references: dict[int, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self.actors or self.parked or self.progress or self.references)

    def add(self, later: "Changes") -> None:
        """Take over what a later commit has changed."""
        self.actors.update(later.actors)
        self.parked.update(later.parked)
        self.progress.update(later.progress)
        self.references.update(later.references)

    def forget(self, partitions: Iterable[int]) -> None:
        """Drop what concerns partitions that are somebody else's now."""
        gone = set(partitions)
        self.actors = {ref: row for ref, row in self.actors.items() if row[0] not in gone}
        self.parked = {key: row for key, row in self.parked.items() if row[0] not in gone}
        self.progress = {partition: row for partition, row in self.progress.items() if partition not in gone}
        self.references = {partition: row for partition, row in self.references.items() if partition not in gone}


def micros(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _EPOCH) // timedelta(microseconds=1)


def instant(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


class Store:
    """The SQLite file of one service on one machine."""

    def __init__(self, db: aiosqlite.Connection, path: Path, fingerprint: str, lock: IO[str]) -> None:
        self.path = path
        self.fingerprint = fingerprint
        """Of the log, the shapes of the states and the schema: what has another one cannot be gone on from."""
        self._db = db
        self._lock = lock

    @classmethod
    async def open(cls, path: Path, fingerprint: str) -> "Store":
        """The working copy at `path`, empty if it is new, unreadable as SQLite or of another fingerprint.

        StoreUnfit when the folder cannot be used or another process holds the file.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = open(path.with_suffix(".lock"), "w")  # noqa: ASYNC230, SIM115
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StoreUnfit(f"{path} is in use by another process: stop it, or choose another Q2C_DATA") from None
        except OSError as problem:
            raise StoreUnfit(f"{path.parent} cannot be used: {problem.strerror}: choose another Q2C_DATA") from None
        full = f"{VERSION}:{fingerprint}"
        try:
            return cls(await _opened(path, full), path, full, lock)
        except (sqlite3.Error, OSError) as problem:
            lock.close()
            raise StoreUnfit(f"{path} cannot be opened: {problem}") from None

    async def close(self) -> None:
        await self._db.close()
        self._lock.close()

    async def progress(self) -> dict[int, Progress]:
        """How far each partition is in this file."""
        try:
            return await progress_of(self._db)
        except sqlite3.Error as problem:
            raise StoreUnfit(f"{self.path} cannot be read: {problem}") from problem

    async def references(self) -> dict[int, bytes]:
        """What broadcasts have told each partition, where they have told anything."""
        return {row[0]: row[1].encode() for row in await self._rows("select partition, state from reference")}

    async def load(self, wanted: Sequence[tuple[int, ActorRef]]) -> dict[ActorRef, ActorRow]:
        """The actors among `wanted` (with their partitions) that exist."""
        found: dict[ActorRef, ActorRow] = {}
        for at in range(0, len(wanted), _CHUNK):
            chunk = wanted[at : at + _CHUNK]
            values = ",".join(["(?,?,?,?)"] * len(chunk))
            rows = await self._rows(
                f"with wanted (partition, entity, key, id) as (values {values}) "
                "select entity, key, id, state, wake, opener, sequence from wanted cross join actor "
                "using (partition, entity, key, id)",
                [part for partition, ref in chunk for part in (partition, *ref)],
            )
            for entity, key, id_, state, wake, opener, sequence in rows:
                found[ActorRef(entity, key, id_)] = ActorRow(state.encode(), instant(wake), opener, sequence)
        return found

    async def due(self, until: datetime) -> dict[int, list[tuple[datetime, ActorRef]]]:
        """Who wants to be woken by `until`, by partition."""
        rows = await self._rows("select partition, wake, entity, key, id from actor where wake <= ?", (micros(until),))
        found: dict[int, list[tuple[datetime, ActorRef]]] = {}
        for partition, wake, *ref in rows:
            found.setdefault(partition, []).append((_EPOCH + timedelta(microseconds=wake), ActorRef(*ref)))
        return found

    async def actors(self, partition: int, entity: str) -> list[ActorRef]:
        """Every actor of an entity in a partition, by key and id."""
        rows = await self._rows(
            "select entity, key, id from actor where partition = ? and entity = ? order by key, id", (partition, entity)
        )
        return [ActorRef(*row) for row in rows]

    async def parked(self, partition: int) -> list[tuple[ParkedKey, ParkedRow]]:
        """Everything that waits in a partition, in the order in which it came."""
        rows = await self._rows(
            "select entity, key, id, sequence, wake, message, at, reason, edited from parked where partition = ? "
            "order by sequence, wake",
            (partition,),
        )
        return [
            (
                ParkedKey(ActorRef(*row[:3]), row[3], None if row[4] == NO_WAKE else instant(row[4])),
                ParkedRow(row[5], _EPOCH + timedelta(microseconds=row[6]), row[7], row[8]),
            )
            for row in rows
        ]

    async def write(self, changes: Changes) -> None:
        """All of `changes` in one transaction. StoreUnfit when the disk does not take it: nothing is written then."""
        try:
            await self._db.execute("begin immediate")
            try:
                await self._put(changes)
                await self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    await self._db.execute("rollback")
                raise
        except sqlite3.Error as problem:
            raise StoreUnfit(f"{self.path} cannot be written: {problem}") from problem

    async def _put(self, changes: Changes) -> None:
        if changes.actors:
            await self._db.executemany(
                _PUT_ACTOR,
                [
                    (partition, *ref, row.state.decode(), micros(row.wake), row.opener, row.sequence)
                    for ref, (partition, row) in changes.actors.items()
                ],
            )
        if changes.parked:
            keys = {
                key: (at, *key.actor, key.sequence, wake_order(key.wake)) for key, (at, _) in changes.parked.items()
            }
            await self._db.executemany(
                "delete from parked where partition=? and entity=? and key=? and id=? and sequence=? and wake=?",
                list(keys.values()),
            )
            await self._db.executemany(
                "insert into parked values (?,?,?,?,?,?,?,?,?,?)",
                [
                    (*keys[key], row.message, micros(row.at), row.reason, row.edited)
                    for key, (_, row) in changes.parked.items()
                    if row is not None
                ],
            )
        if changes.progress:
            await self._db.executemany(
                "insert or replace into progress values (?,?,?,?,?,?,?)",
                [
                    (
                        row.partition,
                        row.input,
                        None if row.within is None else encode(row.within).decode(),
                        encode(row.word).decode(),
                        micros(row.tick),
                        row.folded,
                        row.recorded,
                    )
                    for row in changes.progress.values()
                ],
            )

        if changes.references:
            await self._db.executemany(
                "insert or replace into reference values (?,?)",
                [(partition, state.decode()) for partition, state in changes.references.items()],
            )

    async def forget(self, partition: int) -> None:
        """Throw away everything of one partition: it will be folded from the log again."""
        for table in ("progress", "reference", "actor", "parked"):  # without progress, the rest is known to be nothing
            await self._db.execute(f"delete from {table} where partition = ?", (partition,))

    async def dump(self, partition: int) -> dict[str, dict[str, str]]:
        """What a partition's rows say, by table and row, for comparing two files."""
        columns = {
            "actor": ("entity || '/' || key || '/' || id", "json_array(state, wake, opener, sequence)"),
            "parked": (
                "entity || '/' || key || '/' || id || ' ' || sequence || ' ' || wake",
                "json_array(message, at, reason, edited)",
            ),
            "reference": ("'state'", "state"),
        }
        return {
            table: {
                row[0]: row[1] or ""
                for row in await self._rows(
                    f"select {name}, {text} from {table} where partition = ? order by 1",
                    (partition,),
                )
            }
            for table, (name, text) in columns.items()
        }

    async def _rows(self, statement: str, parameters: Iterable[Any] = ()) -> list[Any]:
        try:
            return list(await self._db.execute_fetchall(statement, parameters))
        except sqlite3.Error as problem:
            raise StoreUnfit(f"{self.path} cannot be read: {problem}") from problem


async def progress_of(db: aiosqlite.Connection) -> dict[int, Progress]:
    """How far each partition is in a file of this schema."""
    rows = await db.execute_fetchall("select partition, input, within, word, tick, folded, recorded from progress")
    return {
        row[0]: Progress(
            partition=row[0],
            input=row[1],
            within=None if row[2] is None else _WITHIN.decode(row[2]),
            word=_WITHIN.decode(row[3]),
            tick=instant(row[4]),
            folded=row[5],
            recorded=row[6],
        )
        for row in rows
    }


def wake_order(wake: datetime | None) -> int:
    """A message that is no wake sorts before one at the same sequence, and null is no part of a primary key."""
    found = micros(wake)
    return NO_WAKE if found is None else found


async def _opened(path: Path, fingerprint: str) -> aiosqlite.Connection:
    """A connection to a file with this schema and fingerprint; any other file is thrown away."""
    db = await _connect(path)
    try:
        found = list(await db.execute_fetchall("select value from meta where name = 'fingerprint'"))
    except sqlite3.OperationalError as problem:
        if "no such table" not in str(problem):
            await db.close()
            raise
        found = []
    except sqlite3.DatabaseError as problem:
        _note.warning("the working copy is not readable and will be folded from the log", problem=str(problem))
        found = []
    if [row[0] for row in found] == [fingerprint]:
        return db
    if found:
        _note.info("states have another shape than in the working copy: they will be folded from the log")
    await db.close()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    db = await _connect(path)
    await db.executescript(SCHEMA)
    await db.execute("insert into meta values ('fingerprint', ?)", (fingerprint,))
    return db


async def _connect(path: Path) -> aiosqlite.Connection:
    """Write-ahead logging; a power cut may lose the newest transactions, which are on the log anyway."""
    db = await aiosqlite.connect(os.fspath(path), isolation_level=None)
    try:
        await db.execute("pragma journal_mode = wal")
        await db.execute("pragma synchronous = normal")
    except sqlite3.OperationalError:
        await db.close()
        raise
    except sqlite3.DatabaseError as problem:
        _note.warning("the working copy is damaged", problem=str(problem))
    return db


__all__ = [
    "ActorRef",
    "ActorRow",
    "Changes",
    "ParkedKey",
    "ParkedRow",
    "Progress",
    "Store",
    "StoreUnfit",
    "instant",
    "micros",
    "progress_of",
    "wake_order",
]
