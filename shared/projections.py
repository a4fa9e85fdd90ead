"""A projection is a read model: what it hears, in the log's order, as rows of a SQLite file beside its cursor."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints, runtime_checkable

from anyio import CancelScope, to_thread

from contracts import runtime, wire
from contracts.message import Message, Question, name_of
from shared import telemetry
from shared.decider import WiringError, asked, entity_of, message_types
from shared.log import Log
from shared.pull import Pull
from shared.store import StoreUnfit

SqlValue = str | int | float | bytes | None
Statement = tuple[str, tuple[SqlValue, ...]]
T = TypeVar("T")

_AT_ONCE = 1000
_PROGRESS = "CREATE TABLE progress (sequence INTEGER NOT NULL, ticked TEXT, made TEXT NOT NULL);"


@runtime_checkable
class Projects(Protocol):
    """What a module must have to be a projection. `answer(rows, question)` is optional; `rows` cannot be written to."""

    @property
    def tables(self) -> str: ...

    @property
    def project(self) -> Callable[[Any], Sequence[Statement]]: ...


class Stopped(Exception):
    """A projection raised, which is a bug: it stands before that message until its code is mended."""


def position(rows: sqlite3.Connection) -> int:
    """The log sequence up to which `rows` were projected."""
    sequence: int = rows.execute("SELECT sequence FROM progress").fetchone()[0]
    return sequence


class Projection:
    """One projection module, checked, and its file. `scenario`: bare JSON takes the last tick's time."""

    def __init__(self, service: str, module: Projects, types: wire.Catalogue, *, scenario: bool = False) -> None:
        self.entity = entity_of(module)
        self.asked: Mapping[type[Question], type[Any]] = asked(module)
        self.sequence = 0
        self.failure: str | None = None
        """Why it stands still, if it does."""
        self._pull: Pull | None = None
        self._service, self._module, self._types, self._scenario = service, module, types, scenario
        self._hears = _hears(service, self.entity, module, self.asked)
        self._ticked: datetime | None = None
        self._rows: sqlite3.Connection | None = None

    def open(self, folder: Path, log: str) -> None:
        """Open the file, anew when the module's tables or code, or the `log`, are not those it was made with."""
        file = folder / f"{self._service}.{self.entity}.sqlite3"
        made = self._fingerprint(log)
        rows = _known(file, made)
        if rows is None:
            for suffix in ("", "-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
            rows = _connect(file)
            rows.executescript(f"BEGIN; {_PROGRESS} {self._module.tables}")
            rows.execute("INSERT INTO progress VALUES (0, NULL, ?)", (made,))
            rows.execute("COMMIT")
        sequence, ticked = rows.execute("SELECT sequence, ticked FROM progress").fetchone()
        self.sequence, self._ticked = sequence, None if ticked is None else datetime.fromisoformat(ticked)
        self._rows, self._file = rows, file

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    async def follow(self, log: Log, moved: Callable[[], None]) -> None:
        """Project the log without end, saying `moved` after every batch; a bug in the module ends it for now."""
        self._pull = log.pull(["q2c.>"], self.sequence)
        try:
            while True:
                await self.write(await self._pull.batch(_AT_ONCE))
                moved()
        except Stopped as stopped:
            self.failure = str(stopped)
            telemetry.logger("projections").exception("a projection stands still", projection=self.entity)
            moved()
        finally:
            with CancelScope(shield=True):
                await self._pull.close()

    def caught_up(self, goal: int) -> bool:
        """Whether it runs and holds what was on the log when the service began."""
        return self.failure is None and self.sequence >= goal

    async def write(self, batch: Sequence[wire.Received]) -> None:
        """Project what the log holds next, rows and cursor in one transaction. Stopped when the module raised."""
        await to_thread.run_sync(self._write, batch)

    async def answer(self, question: Question) -> Any:
        """The module's answer, from one snapshot of the rows."""
        answer: Callable[[sqlite3.Connection, Any], Any] = self._module.answer  # type: ignore[attr-defined]  # in `asked`
        return await self.read(lambda rows: answer(rows, question))

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What `query` finds in one snapshot of the rows."""
        return await to_thread.run_sync(self._read, query)

    def _write(self, batch: Sequence[wire.Received]) -> None:
        assert self._rows is not None, "open it first"
        before = self._ticked
        self._rows.execute("BEGIN")
        try:
            for received in batch:
                self._project(self._rows, received)
            ticked = None if self._ticked is None else self._ticked.isoformat()
            self._rows.execute("UPDATE progress SET sequence = ?, ticked = ?", (batch[-1].sequence, ticked))
            self._rows.execute("COMMIT")
        except BaseException as problem:
            self._ticked = before
            self._rows.rollback()
            if _of_the_disk(problem):
                raise StoreUnfit(f"{self._file} cannot be written: {problem}") from problem
            raise
        self.sequence = batch[-1].sequence

    def _project(self, rows: sqlite3.Connection, received: wire.Received) -> None:
        if received.subject.startswith("q2c.sys."):
            return
        try:
            message = wire.hear(received, self._types, self._ticked if self._scenario else None)
        except wire.Refused:
            return  # whoever it was meant for has rejected it
        if name_of(type(message)) == runtime.TICK:
            instant: datetime = message.instant  # type: ignore[attr-defined]  # the tick's contract: it has one
            self._ticked = instant if self._ticked is None else max(self._ticked, instant)
        if self._hears is not None and type(message) not in self._hears:
            return
        try:
            statements = self._module.project(message)
            for sql, values in statements:
                rows.execute(sql, values)
        except Exception as problem:
            if _of_the_disk(problem):
                raise
            raise Stopped(
                f"projection {self.entity} cannot project sequence {received.sequence}: {problem!r}"
            ) from problem

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        uri = f"{self._file.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as rows:
            rows.execute("BEGIN")
            return query(rows)

    def _fingerprint(self, log: str) -> str:
        """Other tables, other code or another log make other rows: they are projected from the start."""
        source = getattr(self._module, "__file__", None)
        code = Path(source).read_bytes() if source else b""
        return blake2b(b"\0".join((log.encode(), self._module.tables.encode(), code)), digest_size=16).hexdigest()


_THE_DISK = {"SQLITE_FULL", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR"}


def _of_the_disk(problem: BaseException) -> bool:
    """Whether the disk or another process is at fault, not the projection's code."""
    name: str = getattr(problem, "sqlite_errorname", "")
    return isinstance(problem, sqlite3.Error) and any(name.startswith(fault) for fault in _THE_DISK)


def _connect(file: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        rows.execute("PRAGMA journal_mode = WAL")
        rows.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes from the file is projected again
    except sqlite3.Error:
        rows.close()
        raise
    return rows


def _known(file: Path, made: str) -> sqlite3.Connection | None:
    """The rows in `file` when they were made by this very projection; else they are not worth keeping."""
    if not file.exists():
        return None
    rows = None
    try:
        rows = _connect(file)
        if rows.execute("SELECT made FROM progress").fetchone() == (made,):
            return rows
    except sqlite3.DatabaseError as problem:
        if _of_the_disk(problem):
            raise StoreUnfit(f"{file} cannot be opened: {problem}") from problem
    if rows is not None:
        rows.close()
    return None


def _hears(
    service: str, entity: str, module: Projects, questions: Mapping[type[Question], Any]
) -> frozenset[type[Message]] | None:
    """What the signatures say is heard; None: everything that can be decoded. WiringError when they are wrong."""
    for question in questions:
        if not name_of(question).startswith(f"{service}.{entity}."):
            raise WiringError(f"{entity} answers {name_of(question)}, which is asked of another entity")
    hints = [hint for name, hint in get_type_hints(module.project).items() if name != "return"]
    if len(hints) != 1:
        raise WiringError(f"{entity}.project must take one message and say of which types")
    heard = message_types(hints[0], f"{entity}.project hears")
    return None if Message in heard else frozenset(heard)


__all__ = ["Projection", "Projects", "SqlValue", "Statement", "Stopped", "position"]
