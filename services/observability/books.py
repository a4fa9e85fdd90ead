"""The books: what the journals say, and what the documents say, so that one can be held against the other."""

import sqlite3
from collections.abc import Sequence
from datetime import date
from typing import assert_never

from contracts.commercial import AgreementAmended, AgreementOpened, LegalEntityRegistered
from contracts.finance import (
    BillingPlanAgreed,
    BillingPlanAmended,
    BillingProgressed,
    CatchUpPosted,
    InvoiceIssued,
    JournalPosted,
    NumberAllotted,
    PaymentApplied,
    PaymentReceived,
    RevenueRecognised,
)
from contracts.money import Money
from contracts.observability import Books, ClockTicked, ShowBooks
from contracts.order import ServicesOrder
from services.observability.ledger import minor, read
from services.observability.reconciliation import books_of

tables = """
-- amounts are texts of whole minor units, for SQLite's own integers end at 92 quadrillion euros
CREATE TABLE today (one INTEGER PRIMARY KEY, instant TEXT NOT NULL);
CREATE TABLE entities (legal_entity TEXT PRIMARY KEY, currency TEXT NOT NULL, zone TEXT NOT NULL);
CREATE TABLE journals (
    journal_id TEXT PRIMARY KEY, legal_entity TEXT NOT NULL, accounting_date TEXT NOT NULL, customer TEXT NOT NULL,
    agreement_id TEXT
);
CREATE TABLE lines (
    journal_id TEXT NOT NULL, account TEXT NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL,
    functional_currency TEXT NOT NULL, functional_amount TEXT NOT NULL
);
CREATE INDEX lines_of ON lines (journal_id);
CREATE TABLE facts (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, legal_entity TEXT NOT NULL, customer TEXT NOT NULL, agreement_id TEXT,
    name TEXT NOT NULL, dated TEXT NOT NULL, due TEXT, currency TEXT NOT NULL, amount TEXT NOT NULL,
    net TEXT NOT NULL
);
CREATE INDEX facts_of ON facts (legal_entity, kind, name);
CREATE TABLE applied (
    id TEXT PRIMARY KEY, legal_entity TEXT NOT NULL, customer TEXT NOT NULL, payment_id TEXT NOT NULL,
    number TEXT NOT NULL, applied_on TEXT NOT NULL, amount TEXT NOT NULL
);
CREATE INDEX applied_in ON applied (legal_entity);
CREATE TABLE agreements (
    sequence INTEGER PRIMARY KEY, agreement_id TEXT NOT NULL, legal_entity TEXT NOT NULL, customer TEXT NOT NULL,
    at TEXT NOT NULL, currency TEXT NOT NULL, value TEXT NOT NULL
);
CREATE TABLE plans (
    sequence INTEGER PRIMARY KEY, customer TEXT NOT NULL, agreement_id TEXT NOT NULL, at TEXT NOT NULL,
    total TEXT NOT NULL, billed TEXT NOT NULL
);
CREATE INDEX plans_of ON plans (customer, agreement_id, sequence);
CREATE TABLE numbers (
    legal_entity TEXT NOT NULL, ordinal INTEGER NOT NULL, number TEXT NOT NULL, PRIMARY KEY (legal_entity, ordinal)
);
"""

Statement = tuple[str, tuple[str | int | float | bytes | None, ...]]
Heard = (
    LegalEntityRegistered
    | AgreementOpened
    | AgreementAmended
    | BillingPlanAgreed
    | BillingPlanAmended
    | BillingProgressed
    | InvoiceIssued
    | RevenueRecognised
    | CatchUpPosted
    | PaymentReceived
    | PaymentApplied
    | JournalPosted
    | NumberAllotted
    | ClockTicked
)

_FACT = "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


def project(message: Heard) -> Sequence[Statement]:
    sequence, at = message.context.sequence, message.at.isoformat()
    match message:
        case ClockTicked():
            return [("INSERT OR REPLACE INTO today VALUES (1, ?)", (message.instant.isoformat(),))]
        case LegalEntityRegistered():
            entity = (message.legal_entity, message.functional_currency, message.time_zone)
            return [("INSERT OR REPLACE INTO entities VALUES (?, ?, ?)", entity)]
        case AgreementOpened() | AgreementAmended():
            return [_agreement(message.order, sequence, message.key, at)]
        case BillingPlanAgreed(agreement_id=agreement_id):
            return [_plan(sequence, message.key, agreement_id, at, minor(message.total), "0")]
        case BillingProgressed(agreement_id=agreement_id):
            return [_plan(sequence, message.key, agreement_id, at, minor(message.total), minor(message.billed))]
        case BillingPlanAmended(agreement_id=agreement_id):
            return [_plan_amended(sequence, message.key, agreement_id, at, minor(message.total))]
        case NumberAllotted():
            allotted = (message.legal_entity, message.ordinal, message.number)
            return [("INSERT INTO numbers VALUES (?, ?, ?) ON CONFLICT DO NOTHING", allotted)]
        case JournalPosted():
            return _journal(message)
        case PaymentApplied(legal_entity=entity):
            applied = (message.id, entity, message.key, message.payment_id, message.number)
            values = (*applied, message.applied_on.isoformat(), minor(message.amount))
            return [("INSERT INTO applied VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)]
        case InvoiceIssued() | PaymentReceived() | RevenueRecognised() | CatchUpPosted():
            return [_fact(message)]
        case _:
            assert_never(message)


def answer(rows: sqlite3.Connection, question: ShowBooks) -> Books:
    wanted = rows.execute(
        "SELECT legal_entity, currency, zone FROM entities WHERE ? IS NULL OR legal_entity = ? ORDER BY legal_entity",
        (question.legal_entity, question.legal_entity),
    ).fetchall()
    return Books(
        as_of=question.as_of,
        position=_position(rows),
        entities=tuple(books_of(read(rows, entity, question.as_of)) for entity in wanted),
    )


def _position(rows: sqlite3.Connection) -> int:
    """The log sequence that the rows are at; the runtime keeps it beside them."""
    sequence: int = rows.execute("SELECT sequence FROM progress").fetchone()[0]
    return sequence


def _agreement(order: ServicesOrder, sequence: int, customer: str, at: str) -> Statement:
    values = (sequence, order.agreement_id, order.legal_entity, customer, at, order.total.currency, minor(order.total))
    return ("INSERT INTO agreements VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _plan(sequence: int, customer: str, agreement_id: str, at: str, total: str, billed: str) -> Statement:
    return ("INSERT INTO plans VALUES (?, ?, ?, ?, ?, ?)", (sequence, customer, agreement_id, at, total, billed))


def _plan_amended(sequence: int, customer: str, agreement_id: str, at: str, total: str) -> Statement:
    """A change of the total is unbilled as yet."""
    amended = (
        "INSERT INTO plans SELECT ?, customer, agreement_id, ?, ?, billed FROM plans"
        " WHERE customer = ? AND agreement_id = ? ORDER BY sequence DESC LIMIT 1"
    )
    return (amended, (sequence, at, total, customer, agreement_id))


def _fact(message: InvoiceIssued | PaymentReceived | RevenueRecognised | CatchUpPosted) -> Statement:
    """What the journals must agree with."""
    match message:
        case InvoiceIssued(totals=totals, number=number, issue_date=dated):
            return _document(message, "INVOICE", number, dated, totals.gross, totals.net, message.due_date)
        case PaymentReceived(amount=amount, value_date=dated):
            return _document(message, "PAYMENT", message.payment_id, dated, amount, amount)
        case RevenueRecognised(amount=amount, recognised_on=dated) | CatchUpPosted(amount=amount, recognised_on=dated):
            return _document(message, "REVENUE", message.line_id, dated, amount, amount)
        case _:
            assert_never(message)


def _document(
    message: InvoiceIssued | PaymentReceived | RevenueRecognised | CatchUpPosted,
    kind: str,
    name: str,
    dated: date,
    amount: Money,
    net: Money,
    due: date | None = None,
) -> Statement:
    agreement_id = None if isinstance(message, PaymentReceived) else message.agreement_id
    whose = (message.id, kind, message.legal_entity, message.key, agreement_id)
    days = (dated.isoformat(), due.isoformat() if due else None)
    return (_FACT, (*whose, name, *days, amount.currency, minor(amount), minor(net)))


def _journal(message: JournalPosted) -> Sequence[Statement]:
    """The lines first: those of a journal that is known, such as a copy made by hand, count once."""
    dated = message.accounting_date.isoformat()
    journal = (message.journal_id, message.legal_entity, dated, message.customer, message.agreement_id)
    line = (
        "INSERT INTO lines SELECT :journal, ?, ?, ?, ?, ?"
        " WHERE NOT EXISTS (SELECT 1 FROM journals WHERE journal_id = :journal)"
    )
    return [
        *(
            (
                line,
                (
                    message.journal_id,
                    one.account,
                    one.amount.currency,
                    minor(one.amount),
                    one.functional_amount.currency,
                    minor(one.functional_amount),
                ),
            )
            for one in message.lines
        ),
        ("INSERT INTO journals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", journal),
    ]
