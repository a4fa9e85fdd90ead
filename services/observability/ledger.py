"""The ledger of one legal entity up to a day: its journals, and the documents that they were made of."""

import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from contracts.message import Record
from contracts.money import Money, minor_units


def minor(amount: Money) -> str:
    """The amount in minor units, as it is kept."""
    return str(int(amount.value.scaleb(minor_units(amount.currency))))


def money(units: int, currency: str) -> Money:
    return Money(str(Decimal(units).scaleb(-minor_units(currency))), currency)


class Line(Record):
    """One line of one journal, in minor units; a debit is positive."""

    journal_id: str
    customer: str
    agreement_id: str | None
    account: str
    currency: str
    amount: int
    functional_currency: str
    functional_amount: int


class Fact(Record):
    """An invoice, a payment or recognised revenue, in minor units."""

    customer: str
    agreement_id: str | None
    name: str
    """Invoice number, payment id or line."""
    due: date | None
    currency: str
    amount: int
    net: int
    posted: bool


class Application(Record):
    """So much of a payment settled so much of an invoice."""

    customer: str
    payment_id: str
    number: str
    amount: int


class Agreement(Record):
    """An agreement as it stands on the day."""

    agreement_id: str
    customer: str
    currency: str
    value: int
    unbilled: int | None
    """What its billing plan says; None while no plan is agreed."""


class Ledger(Record):
    legal_entity: str
    currency: str
    today: date
    lines: tuple[Line, ...]
    invoices: tuple[Fact, ...]
    payments: tuple[Fact, ...]
    revenue: tuple[Fact, ...]
    applied: tuple[Application, ...]
    agreements: tuple[Agreement, ...]
    numbers: tuple[tuple[int, str, int], ...]
    """(ordinal, invoice number, how many invoices carry it): all that were allotted, whatever the day."""

    @property
    def currencies(self) -> list[str]:
        """Every currency that the entity trades in."""
        facts = {one.currency for one in (*self.invoices, *self.payments, *self.revenue)}
        return sorted({self.currency, *facts, *(one.currency for one in self.agreements)})


def read(rows: sqlite3.Connection, entity: tuple[str, str, str], as_of: date | None) -> Ledger:
    """All that counts up to `as_of`: a document counts from the accounting date of its journal on."""
    legal_entity, currency, zone = entity[0], entity[1], ZoneInfo(entity[2])
    last = as_of or date.max
    invoices = tuple(_facts(rows, legal_entity, "INVOICE", last))
    payments = tuple(_facts(rows, legal_entity, "PAYMENT", last))
    issued, received = {one.name for one in invoices}, {(one.customer, one.name) for one in payments}
    return Ledger(
        legal_entity=legal_entity,
        currency=currency,
        today=as_of or _today(rows, zone),
        lines=tuple(_lines(rows, legal_entity, last)),
        invoices=invoices,
        payments=payments,
        revenue=tuple(_facts(rows, legal_entity, "REVENUE", last)),
        applied=tuple(
            one
            for one in _applied(rows, legal_entity, last)
            if one.number in issued and (one.customer, one.payment_id) in received
        ),
        agreements=tuple(_agreements(rows, legal_entity, _end_of(as_of, zone))),
        numbers=tuple(_numbers(rows, legal_entity)),
    )


def _numbers(rows: sqlite3.Connection, legal_entity: str) -> Iterator[tuple[int, str, int]]:
    yield from rows.execute(
        "SELECT ordinal, number, (SELECT count(*) FROM facts WHERE facts.legal_entity = numbers.legal_entity"
        "  AND kind = 'INVOICE' AND name = number) FROM numbers WHERE legal_entity = ? ORDER BY ordinal",
        (legal_entity,),
    )


def _today(rows: sqlite3.Connection, zone: ZoneInfo) -> date:
    row = rows.execute("SELECT instant FROM today").fetchone()
    return date.min if row is None else datetime.fromisoformat(row[0]).astimezone(zone).date()


def _end_of(as_of: date | None, zone: ZoneInfo) -> str:
    """The first instant after the day; texts of instants in UTC sort as the instants do."""
    if as_of is None or as_of == date.max:
        return "9"
    after = datetime.combine(as_of + timedelta(days=1), datetime.min.time(), zone)
    return after.astimezone(ZoneInfo("UTC")).isoformat()


def _lines(rows: sqlite3.Connection, legal_entity: str, last: date) -> Iterator[Line]:
    found = rows.execute(
        "SELECT journal_id, customer, agreement_id, account, currency, amount, functional_currency, functional_amount"
        " FROM journals JOIN lines USING (journal_id) WHERE legal_entity = ? AND accounting_date <= ?"
        " ORDER BY accounting_date, journal_id",
        (legal_entity, last.isoformat()),
    )
    for journal_id, customer, agreement_id, account, currency, amount, functional_currency, functional in found:
        yield Line(
            journal_id=journal_id,
            customer=customer,
            agreement_id=agreement_id,
            account=account,
            currency=currency,
            amount=int(amount),
            functional_currency=functional_currency,
            functional_amount=int(functional),
        )


def _facts(rows: sqlite3.Connection, legal_entity: str, kind: str, last: date) -> Iterator[Fact]:
    found = rows.execute(
        "SELECT facts.customer, facts.agreement_id, name, due, currency, amount, net, journal_id IS NOT NULL,"
        " coalesce(accounting_date, dated) AS day FROM facts LEFT JOIN journals ON journal_id = id"
        " WHERE facts.legal_entity = ? AND kind = ? AND day <= ? ORDER BY day, name, id",
        (legal_entity, kind, last.isoformat()),
    )
    for customer, agreement_id, name, due, currency, amount, net, posted, _ in found:
        yield Fact(
            customer=customer,
            agreement_id=agreement_id,
            name=name,
            due=date.fromisoformat(due) if due else None,
            currency=currency,
            amount=int(amount),
            net=int(net),
            posted=bool(posted),
        )


def _applied(rows: sqlite3.Connection, legal_entity: str, last: date) -> Iterator[Application]:
    found = rows.execute(
        "SELECT customer, payment_id, number, amount FROM applied WHERE legal_entity = ? AND applied_on <= ?",
        (legal_entity, last.isoformat()),
    )
    for customer, payment_id, number, amount in found:
        yield Application(customer=customer, payment_id=payment_id, number=number, amount=int(amount))


def _agreements(rows: sqlite3.Connection, legal_entity: str, before: str) -> Iterator[Agreement]:
    found = rows.execute(
        "SELECT agreement_id, customer, currency, value, max(sequence)"
        " FROM agreements WHERE legal_entity = ? AND at < ? GROUP BY customer, agreement_id"
        " ORDER BY agreement_id, customer",
        (legal_entity, before),
    )
    for agreement_id, customer, currency, value, _ in found:
        yield Agreement(
            agreement_id=agreement_id,
            customer=customer,
            currency=currency,
            value=int(value),
            unbilled=_unbilled(rows, customer, agreement_id, before),
        )


def _unbilled(rows: sqlite3.Connection, customer: str, agreement_id: str, before: str) -> int | None:
    plan = rows.execute(
        "SELECT total, billed FROM plans WHERE customer = ? AND agreement_id = ? AND at < ?"
        " ORDER BY sequence DESC LIMIT 1",
        (customer, agreement_id, before),
    ).fetchone()
    return None if plan is None else int(plan[0]) - int(plan[1])
