"""What must hold of the business on a log: the books that it makes up agree with each other."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import get_type_hints

from contracts import wire
from contracts.observability import Books, ClockTicked, ShowBooks
from contracts.wire import Received, Refused
from services.observability import books as ledger
from shared.decider import members


def books(log: Sequence[Received], *, scenario: bool = False) -> Books:
    """The books that a log makes up; `scenario`: bare JSON takes the last tick's time."""
    heard = members(get_type_hints(ledger.project)["message"])
    tick: datetime | None = None
    with closing(sqlite3.connect(":memory:")) as rows:
        rows.executescript(f"CREATE TABLE progress (sequence INTEGER NOT NULL); {ledger.tables}")
        rows.execute("INSERT INTO progress VALUES (?)", (log[-1].sequence if log else 0,))
        for received in log:
            try:
                message = wire.hear(received, wire.catalogue(), tick if scenario else None)
            except Refused:
                continue
            if isinstance(message, ClockTicked):
                tick = message.instant
            if isinstance(message, heard):
                for sql, values in ledger.project(message):
                    rows.execute(sql, values)
        return ledger.answer(rows, ShowBooks())


def unreconciled(log: Sequence[Received], *, scenario: bool = False) -> Iterator[str]:
    """Every check of the books that does not hold: legal entity, check, and what differs. The log must be quiet."""
    for entity in books(log, scenario=scenario).entities:
        for one in entity.checks:
            if not one.holds:
                yield f"{entity.legal_entity}: not so that {one.name}: {one.detail}"


__all__ = ["books", "unreconciled"]
