"""The timeline: every message of the log by its journey, who said it when and why, and what is still outstanding."""

import sqlite3
from collections.abc import Sequence
from typing import assert_never

import msgspec

from contracts.commercial import (
    AgreementActivated,
    AgreementAmended,
    AgreementHeld,
    AgreementResumed,
    QuoteAccepted,
    QuotePriced,
)
from contracts.finance import BillingProgressed, CatchUpPosted, InvoiceIssued, PaymentApplied, RevenueRecognised
from contracts.message import Command, Message, name_of
from contracts.observability import (
    ClockTicked,
    JourneyList,
    JourneyProgressed,
    JourneyStalled,
    JourneyTimeline,
    ListTimelines,
    ShowTimeline,
)
from services.observability import chain
from services.observability.summary import amounts, names, summary

tables = """
CREATE TABLE steps (
    sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
    id TEXT NOT NULL, cause TEXT, correlation TEXT NOT NULL, command INTEGER NOT NULL, summary TEXT NOT NULL,
    amounts BLOB NOT NULL
);
CREATE INDEX steps_of ON steps (correlation);
CREATE INDEX step_by ON steps (id);
CREATE TABLE names (
    name TEXT NOT NULL, correlation TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (name, correlation)
) WITHOUT ROWID;
CREATE TABLE journeys (
    correlation TEXT PRIMARY KEY, sequence INTEGER NOT NULL, customer TEXT NOT NULL, quote_id TEXT NOT NULL,
    agreement_id TEXT NOT NULL, currency TEXT NOT NULL, value TEXT, billed TEXT, recognised TEXT,
    waiting BLOB NOT NULL DEFAULT '[]'
);
CREATE TABLE holds (
    correlation TEXT NOT NULL, owner TEXT NOT NULL, what TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (correlation, owner)
) WITHOUT ROWID;
CREATE TABLE invoices (
    legal_entity TEXT NOT NULL, number TEXT NOT NULL, correlation TEXT NOT NULL, currency TEXT NOT NULL,
    open TEXT NOT NULL, issued TEXT NOT NULL, PRIMARY KEY (legal_entity, number)
);
CREATE TABLE late (
    correlation TEXT NOT NULL, step TEXT NOT NULL, reference TEXT NOT NULL,
    PRIMARY KEY (correlation, step, reference)
) WITHOUT ROWID;
"""

Statement = tuple[str, tuple[str | int | float | bytes | None, ...]]


def project(message: Message) -> Sequence[Statement]:
    if isinstance(message, ClockTicked):
        return []  # time passes for everybody: a tick is no journey's step
    name = "INSERT OR IGNORE INTO names VALUES (?, ?, ?)"
    return [
        _step(message),
        *((name, (known, message.correlation, message.context.sequence)) for known in names(message)),
        *_figures(message),
    ]


def answer(rows: sqlite3.Connection, question: ShowTimeline | ListTimelines) -> JourneyTimeline | JourneyList:
    match question:
        case ShowTimeline():
            return chain.show(rows, question.id)
        case ListTimelines():
            return JourneyList(journeys=tuple(chain.summaries(rows)))
        case _:
            assert_never(question)


def _step(message: Message) -> Statement:
    said = message.context
    return (
        "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            said.sequence,
            said.at.isoformat(),
            name_of(type(message)),
            said.key,
            said.source,
            said.id,
            said.cause,
            said.correlation,
            isinstance(message, Command),
            summary(message),
            msgspec.json.encode(amounts(message)),
        ),
    )


def _figures(message: Message) -> Sequence[Statement]:
    """What the journey is worth and what it waits for, as its turning points say."""
    said = message.context
    journey, at = said.correlation, said.at.isoformat()
    match message:
        case QuotePriced(offer=offer):
            opened = (
                "INSERT INTO journeys (correlation, sequence, customer, quote_id, agreement_id, currency) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            )
            quote = (message.quote_id, offer.agreement_id, message.total.currency)
            return [(opened, (journey, said.sequence, said.key, *quote))]
        case QuoteAccepted():
            value = message.order.total.amount
            accepted = "UPDATE journeys SET value = ?, billed = '0', recognised = '0' WHERE correlation = ?"
            return [(accepted, (value, journey))]
        case AgreementAmended():
            return [("UPDATE journeys SET value = ? WHERE correlation = ?", (message.order.total.amount, journey))]
        case AgreementHeld():
            what = f"held by {message.owner}, {message.reason}: {message.detail}; {message.way_out}"
            return [("INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?)", (journey, message.owner, what, at))]
        case AgreementResumed():
            return [("DELETE FROM holds WHERE correlation = ? AND owner = ?", (journey, message.owner))]
        case AgreementActivated():
            return [("DELETE FROM holds WHERE correlation = ?", (journey,))]
        case BillingProgressed():
            return [("UPDATE journeys SET billed = ? WHERE correlation = ?", (message.billed.amount, journey))]
        case RevenueRecognised() | CatchUpPosted():
            recognised = message.contract_balance_basis.amount
            return [("UPDATE journeys SET recognised = ? WHERE correlation = ?", (recognised, journey))]
        case InvoiceIssued(legal_entity=entity, number=number):
            owed = message.totals.payable
            issued = "INSERT INTO invoices VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            return [(issued, (entity, number, journey, owed.currency, owed.amount, at))]
        case PaymentApplied(legal_entity=entity, number=number):
            applied = "UPDATE invoices SET open = ? WHERE legal_entity = ? AND number = ?"
            return [(applied, (message.open.amount, entity, number))]
        case JourneyProgressed():
            waiting = msgspec.json.encode(message.waiting)
            return [("UPDATE journeys SET waiting = ? WHERE correlation = ?", (waiting, journey))]
        case JourneyStalled():
            late = "INSERT OR IGNORE INTO late VALUES (?, ?, ?)"
            return [(late, (journey, message.step, message.reference))]
        case _:
            return []  # a step like any other
