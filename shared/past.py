"""What a service has said, in the order in which each of its partitions said it, read again from the log."""

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from contracts import runtime, wire
from contracts.message import Context, name_of, utc
from contracts.wire import Received
from shared import parking
from shared.folding import Numbers

_AT_ONCE = 500
_STORED: Mapping[str, str] = {"Nats-Batch-Sequence": ""}


class _Envelope(Struct, frozen=True):
    id: str
    source: str
    time: datetime
    causationid: str | None = None
    data: Raw = Raw(b"")


class _Identified(Struct, frozen=True):
    id: str
    specversion: str


class _Done(Struct, frozen=True):
    partition: int


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_IDENTIFIED = msgspec.json.Decoder(_Identified)
_DONE = msgspec.json.Decoder(_Done)


def id_of(received: Received) -> str:
    """The id of a message, also of one that cannot be understood."""
    try:
        return _IDENTIFIED.decode(received.body).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return received.id


class Said(NamedTuple):
    """One message as the service said it. `by_runtime`: it was no actor that spoke."""

    id: str
    source: str
    cause: str
    received: Received
    by_runtime: bool

    def rejects(self, place: str) -> bool:
        """Whether it says that the message at that place in the log was rejected."""
        return self.by_runtime and self.cause == place and ".message.rejected." in self.received.subject


class Past:
    """All that a service has said, in the order in which each partition said it; kept in a passing file."""

    def __init__(self, service: str, partitions: int) -> None:
        self.taken: set[str] = set()
        """Ids of what was taken since this was last emptied."""
        self.left = 0
        """How much is kept that was not taken."""
        self._source = f"/{service}/"
        self._runtime = parking.source(service)
        self._kept = {name_of(item) for item in (runtime.of(service).rejected, *parking.facts(service))}
        """What the runtime says to a message; that it stands still or goes on is no answer to one."""
        self._partitions = partitions
        self._numbers = Numbers()
        self._db = sqlite3.connect("")
        self._db.execute(
            "create table said (partition integer, sequence integer, id text, source text, cause text, subject text, "
            "timestamp integer, body blob, primary key (partition, sequence)) without rowid"
        )
        self._ahead: dict[int, deque[Said]] = {}
        self._after: dict[int, int] = {}

    def keep(self, batch: Iterable[Received]) -> None:
        rows = [row for one in batch if (row := self._row(one)) is not None]
        self._db.executemany("insert into said values (?,?,?,?,?,?,?,?)", rows)
        self.left += len(rows)

    def _row(self, received: Received) -> tuple[object, ...] | None:
        if not received.in_batch or received.subject.startswith("q2c.sys."):
            return None
        try:
            said = _ENVELOPE.decode(received.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if not said.source.startswith(self._source):
            return None
        parts = said.source.split("/")
        if len(parts) == 5:
            partition = wire.partition(parts[3], self._partitions)
            context = Context(
                id=said.id, source=said.source, key=parts[3], at=utc(said.time), correlation="", cause=said.causationid
            )
            if not self._numbers.knows(context):
                return None
        elif received.subject.startswith("q2c.cmd."):
            partition = _DONE.decode(said.data).partition
        else:
            place = wire.parse(received.subject)
            if place.name not in self._kept:
                return None
            partition = place.partition or 0
        return (
            *(partition, received.sequence, said.id, said.source, said.causationid or ""),
            *(received.subject, received.timestamp, received.body),
        )

    def head(self, partition: int) -> Said | None:
        """The next thing that the partition said."""
        ahead = self._ahead.setdefault(partition, deque())
        if not ahead and self._after.get(partition, 0) >= 0:
            rows = self._db.execute(
                "select sequence, id, source, cause, subject, timestamp, body from said "
                "where partition = ? and sequence > ? order by sequence limit ?",
                (partition, self._after.get(partition, 0), _AT_ONCE),
            ).fetchall()
            for sequence, id_, source, cause, subject, timestamp, body in rows:
                ahead.append(
                    Said(
                        id_,
                        source,
                        cause,
                        Received(subject, body, sequence, timestamp, _STORED),
                        source == self._runtime,
                    )
                )
            self._after[partition] = rows[-1][0] if rows else -1
        return ahead[0] if ahead else None

    def take(self, partition: int) -> None:
        self.taken.add(self._ahead[partition].popleft().id)
        self.left -= 1

    def answer(self, partition: int, cause: str, source: str) -> Iterator[Received]:
        """What was said next, as far as it is what a source said to one message."""
        n = 0
        while (head := self.head(partition)) is not None and head.id == wire.derive(cause, source, n):
            self.take(partition)
            n += 1
            yield head.received


__all__ = ["Past", "Said", "id_of"]
