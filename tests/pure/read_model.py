"""A projection's rows without a broker: what it makes of a log that is given in order."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from types import ModuleType
from typing import get_type_hints

from msgspec.structs import replace

from contracts.message import Context, Message
from shared.decider import members
from tests.story import NOON


def said(
    message: Message,
    id: str = "",
    *,
    at: datetime = NOON,
    key: str = "ACME",
    journey: str = "J-1",
    cause: str | None = None,
) -> Message:
    """A message for the log; without an id it gets one from its place."""
    return message.heard(Context(id=id, source="/tests/story/ACME/1", key=key, at=at, correlation=journey, cause=cause))


class Rows(sqlite3.Connection):
    """Rows that are given back with the last test that looks at them."""

    def __del__(self) -> None:
        self.close()


def rows_of(projection: ModuleType, log: Sequence[Message]) -> sqlite3.Connection:
    """What the runtime would keep after the log; a message without an envelope gets one."""
    rows = sqlite3.connect(":memory:", factory=Rows)
    rows.executescript(f"CREATE TABLE progress (sequence INTEGER NOT NULL); {projection.tables}")
    rows.execute("INSERT INTO progress VALUES (?)", (len(log),))
    heard = members(get_type_hints(projection.project)["message"])
    for sequence, message in enumerate(log, start=1):
        given = message if "context" in message.__dict__ else said(message)
        context = replace(given.context, sequence=sequence, id=given.context.id or f"m-{sequence}")
        if isinstance(given, heard):
            for sql, values in projection.project(given.heard(context)):
                rows.execute(sql, values)
    return rows
