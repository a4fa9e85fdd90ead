"""A chain as the timeline keeps it: its figures, its steps in the order of the log, and what is outstanding."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from contracts.message import Record
from contracts.money import Money, total
from contracts.observability import JourneySummary, JourneyTimeline, Outstanding, TimelineStep, Waiting

Status = Literal["UNKNOWN", "OPEN", "HELD", "STALLED", "COMPLETED"]

_LONGEST = 2000

_AMOUNTS = msgspec.json.Decoder(tuple[tuple[str, Money], ...])
_WAITING = msgspec.json.Decoder(tuple[Waiting, ...])


class Owed(Record):
    number: str
    open: Money
    issued: datetime


class Chain(Record):
    """One journey that a quote opened."""

    correlation: str
    customer: str
    quote_id: str
    agreement_id: str
    value: Money | None
    """None until the quote is accepted."""
    billed: Money | None
    recognised: Money | None
    holds: tuple[tuple[str, datetime], ...]
    """(who holds the agreement and why, since when)."""
    waiting: tuple[Waiting, ...]
    late: tuple[tuple[str, str], ...]
    """(step, reference) of what was expected earlier."""
    owed: tuple[Owed, ...]

    @property
    def open(self) -> Money | None:
        return None if self.value is None else total((one.open for one in self.owed), self.value.currency)

    @property
    def unbilled(self) -> Money | None:
        return None if self.value is None or self.billed is None else self.value - self.billed

    @property
    def status(self) -> Status:
        if self.holds:
            return "HELD"
        if any((one.step, one.reference) in self.late for one in self.waiting):
            return "STALLED"
        return "COMPLETED" if self.value and not self.unbilled and not self.owed else "OPEN"


def show(rows: sqlite3.Connection, name: str) -> JourneyTimeline:
    """The journey of that id; for a chain that no quote opened, such as a lone payment's, only its steps."""
    correlation = _found(rows, name)
    chain = None if correlation is None else _chain(rows, correlation)
    return JourneyTimeline(
        journey=correlation,
        customer=chain.customer if chain else None,
        quote_id=chain.quote_id if chain else None,
        agreement_id=chain.agreement_id if chain else None,
        status=chain.status if chain else "UNKNOWN" if correlation is None else "OPEN",
        value=chain.value if chain else None,
        billed=chain.billed if chain else None,
        unbilled=chain.unbilled if chain else None,
        recognised=chain.recognised if chain else None,
        open=chain.open if chain else None,
        steps=() if correlation is None else tuple(_steps(rows, correlation)),
        outstanding=tuple(_outstanding(chain)) if chain else (),
    )


def summaries(rows: sqlite3.Connection) -> Iterator[JourneySummary]:
    """All journeys that a quote opened, oldest first."""
    for row in rows.execute("SELECT * FROM journeys ORDER BY sequence").fetchall():
        chain = _read(rows, row)
        yield JourneySummary(
            journey=chain.correlation,
            customer=chain.customer,
            quote_id=chain.quote_id,
            agreement_id=chain.agreement_id,
            status=chain.status,
            value=chain.value,
            billed=chain.billed,
            open=chain.open,
        )


def _found(rows: sqlite3.Connection, name: str) -> str | None:
    """The chain that is called so, or in which the name occurs: one that a quote opened before any other."""
    found: tuple[str] | None = rows.execute(
        "SELECT correlation FROM ("
        " SELECT correlation, sequence, 0 AS named FROM steps WHERE correlation = :name"
        " UNION ALL SELECT correlation, sequence, 1 FROM names WHERE name = :name"
        ") LEFT JOIN (SELECT correlation AS quoted FROM journeys) ON quoted = correlation"
        " ORDER BY quoted IS NULL, named, sequence LIMIT 1",
        {"name": name},
    ).fetchone()
    return found[0] if found else None


def _chain(rows: sqlite3.Connection, correlation: str) -> Chain | None:
    row = rows.execute("SELECT * FROM journeys WHERE correlation = ?", (correlation,)).fetchone()
    return None if row is None else _read(rows, row)


def _read(rows: sqlite3.Connection, row: Sequence[Any]) -> Chain:
    correlation, _, customer, quote_id, agreement_id, currency, value, billed, recognised, waiting = row
    owed = rows.execute(
        "SELECT number, currency, open, issued FROM invoices WHERE correlation = ? ORDER BY number", (correlation,)
    )
    holds = rows.execute("SELECT what, since FROM holds WHERE correlation = ? ORDER BY since, owner", (correlation,))
    late = rows.execute("SELECT step, reference FROM late WHERE correlation = ?", (correlation,))
    items = (Owed(number=item[0], open=Money(item[2], item[1]), issued=_instant(item[3])) for item in owed)
    return Chain(
        correlation=correlation,
        customer=customer,
        quote_id=quote_id,
        agreement_id=agreement_id,
        value=None if value is None else Money(value, currency),
        billed=None if billed is None else Money(billed, currency),
        recognised=None if recognised is None else Money(recognised, currency),
        holds=tuple((what, _instant(since)) for what, since in holds),
        waiting=_WAITING.decode(waiting),
        late=tuple((step, reference) for step, reference in late),
        owed=tuple(item for item in items if item.open.value > 0),
    )


def _steps(rows: sqlite3.Connection, correlation: str) -> Iterator[TimelineStep]:
    """What belongs to the chain, and the requests from outside that caused any of it."""
    found = rows.execute(
        "SELECT sequence, at, type, key, source, id, cause, summary, amounts,"
        " (SELECT type FROM steps AS why WHERE why.id = steps.cause LIMIT 1)"
        " FROM steps WHERE correlation = :chain"
        " OR (command = 1 AND id IN (SELECT cause FROM steps AS inside WHERE inside.correlation = :chain))"
        " ORDER BY sequence",
        {"chain": correlation},
    )
    for sequence, at, kind, key, source, id, cause, summary, amounts, why in found:
        yield TimelineStep(
            sequence=sequence,
            at=_instant(at),
            type=kind,
            key=key,
            source=source,
            id=id,
            cause=cause,
            cause_type=why,
            summary=summary,
            amounts=_AMOUNTS.decode(amounts),
        )


def _outstanding(chain: Chain) -> Iterator[Outstanding]:
    for what, since in chain.holds:
        yield Outstanding(what=what[:_LONGEST], reference=chain.agreement_id, since=since)
    for one in chain.waiting:
        late = "late" if (one.step, one.reference) in chain.late else "expected"
        yield Outstanding(what=f"{late}: {one.step}", reference=one.reference, since=one.due)
    for item in chain.owed:
        yield Outstanding(what="unpaid invoice", reference=item.number, amount=item.open, since=item.issued)
    if chain.unbilled:
        yield Outstanding(what="not yet billed", reference=chain.agreement_id, amount=chain.unbilled)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
