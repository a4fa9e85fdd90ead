"""A schedule: what of an order is billed when; it bills the order's total to the cent, or the order is refused."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain
from typing import Literal, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from contracts.finance import CapTerm, ScheduleEntry
from contracts.message import Period, joined
from contracts.money import Money, total
from contracts.order import (
    MOST_PARTS,
    FixedMilestone,
    ManagedServiceRecurring,
    OrderLine,
    ServicesOrder,
    TimeMaterialsCapped,
)
from services.finance.reference import Reference, day_of, functional_currency_of, fx_rate_on, start_of

MOST_MONTHS = 600
EARLIEST_YEAR = 2000
TEXT = 2000
"""Longest text of a message."""
PART = 100
"""Letters of a line's description, and of a milestone's name, in the description of what is billed."""


class Problem(NamedTuple):
    """Why an order cannot be billed as it stands, and what would mend it."""

    reason: Literal[
        "UNKNOWN_LEGAL_ENTITY",
        "FX_RATE_MISSING",
        "AMOUNTS_DO_NOT_SUM",
        "DUPLICATE_ID",
        "TERM_NOT_BILLABLE",
        "UNKNOWN_RATE_CARD",
    ]
    detail: str
    way_out: str


class Schedule(NamedTuple):
    entries: tuple[ScheduleEntry, ...]
    caps: tuple[CapTerm, ...]


def problem_of(order: ServicesOrder, at: datetime, reference: Reference) -> Problem | None:
    """The first thing that keeps the order from being billed, given what is known at `at`."""
    entity, currency = order.legal_entity, order.currency
    functional = functional_currency_of(reference, entity)
    if functional is None:
        return Problem("UNKNOWN_LEGAL_ENTITY", f"no legal entity {entity} is registered", f"register {entity}")
    if fx_rate_on(reference, currency, functional, day_of(reference, entity, at)) is None:
        detail = f"no exchange rate from {currency} into the books of {entity}, kept in {functional}, is known"
        return Problem("FX_RATE_MISSING", detail, f"publish the exchange rate {currency}-{functional}")
    return shape_of(order) or next((found for cap in caps_of(order) if (found := card_of(cap, reference))), None)


def shape_of(order: ServicesOrder) -> Problem | None:
    """What is wrong with the order's figures whatever anybody publishes."""
    for line in order.lines:
        if {money.currency for money in amounts_of(line)} != {order.currency}:
            return unsummed(f"line {line.line_id} is not wholly in {order.currency}")
        if not is_billable(line):
            detail = f"the term of line {line.line_id} starts before {EARLIEST_YEAR} or has over {MOST_MONTHS} months"
            return Problem("TERM_NOT_BILLABLE", detail, "offer a shorter term")
        planned = total((cap.cap for cap in caps_in(line)), order.currency) + total(
            (entry.amount for entry in entries_in(line, ZoneInfo("UTC"))), order.currency
        )
        if planned != line.price:
            return unsummed(f"line {line.line_id} costs {line.price} and would be billed {planned}")
    if (
        order.total.currency != order.currency
        or total((line.price for line in order.lines), order.currency) != order.total
    ):
        return unsummed(f"the lines do not sum to {order.total}")
    ids = (
        [line.line_id for line in order.lines],
        [entry.entry_id for entry in schedule_of(order, ZoneInfo("UTC")).entries],
    )
    if len(ids[1]) > MOST_PARTS:
        return Problem("TERM_NOT_BILLABLE", f"the order bills in more than {MOST_PARTS} parts", "sign it in parts")
    if any(len(set(each)) < len(each) for each in ids):
        return Problem("DUPLICATE_ID", "a line or a schedule entry stands twice", "give each its own id")
    return None


def unsummed(detail: str) -> Problem:
    return Problem("AMOUNTS_DO_NOT_SUM", detail, "sign an order whose milestones, fees and caps come to its prices")


def card_of(cap: CapTerm, reference: Reference) -> Problem | None:
    """What keeps time from being rated for the line."""
    cards = reference.rate_cards.get(cap.rate_card, ())
    if not cards:
        return Problem("UNKNOWN_RATE_CARD", f"no rate card {cap.rate_card} is published", f"publish {cap.rate_card}")
    if cards[0].currency != cap.cap.currency:
        detail = f"rate card {cap.rate_card} is in {cards[0].currency}, line {cap.line_id} in {cap.cap.currency}"
        return Problem("UNKNOWN_RATE_CARD", detail, "sign an order with a rate card in its currency")
    return None


def schedule_of(order: ServicesOrder, zone: ZoneInfo) -> Schedule:
    """The entries and caps of an order without a problem."""
    return Schedule(
        tuple(chain.from_iterable(entries_in(line, zone) for line in order.lines)),
        caps_of(order),
    )


def caps_of(order: ServicesOrder) -> tuple[CapTerm, ...]:
    return tuple(chain.from_iterable(caps_in(line) for line in order.lines))


def amounts_of(line: OrderLine) -> tuple[Money, ...]:
    match line.billing:
        case FixedMilestone():
            return (line.price, *(milestone.amount for milestone in line.billing.milestones))
        case ManagedServiceRecurring():
            return (line.price, line.billing.monthly_fee)
        case TimeMaterialsCapped():
            return (line.price, line.billing.cap)
        case _:
            assert_never(line.billing)


def is_billable(line: OrderLine) -> bool:
    """Whether its months can be counted."""
    if not isinstance(line.billing, ManagedServiceRecurring):
        return True
    start, end = line.billing.term.start, line.billing.term.end
    return start.year >= EARLIEST_YEAR and (end.year - start.year) * 12 + end.month - start.month < MOST_MONTHS


def caps_in(line: OrderLine) -> tuple[CapTerm, ...]:
    if not isinstance(line.billing, TimeMaterialsCapped):
        return ()
    return (CapTerm(line_id=line.line_id, cap=line.billing.cap, rate_card=line.billing.rate_card),)


def entries_in(line: OrderLine, zone: ZoneInfo) -> tuple[ScheduleEntry, ...]:
    """A milestone is billed when it is accepted, a month of the term on the first of its days, in the entity's zone."""
    match line.billing:
        case FixedMilestone():
            return tuple(
                ScheduleEntry(
                    entry_id=milestone.milestone_id,
                    line_id=line.line_id,
                    kind="MILESTONE",
                    description=described(line, milestone.name),
                    amount=milestone.amount,
                    milestone_id=milestone.milestone_id,
                )
                for milestone in line.billing.milestones
            )
        case ManagedServiceRecurring():
            fee = line.billing.monthly_fee
            return tuple(
                ScheduleEntry(
                    entry_id=joined(line.line_id, f"{period.start:%Y-%m}"),
                    line_id=line.line_id,
                    kind="PERIOD",
                    description=described(line, f"{period.start} to {period.end}"),
                    amount=fee.times(period.days, days_of_month(period)),
                    period=period,
                    bill_at=start_of(zone, period.start),
                )
                for period in months_of(line.billing.term)
            )
        case TimeMaterialsCapped():
            return ()
        case _:
            assert_never(line.billing)


def described(line: OrderLine, part: str) -> str:
    """Short, for a plan says it for each of its parts."""
    return f"{line.description[:PART]}: {part[:PART]}"


def months_of(term: Period) -> Iterator[Period]:
    """The calendar months of a term, the first and the last cut off where it begins and ends."""
    year, month = term.start.year, term.start.month
    while (year, month) <= (term.end.year, term.end.month):
        first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
        yield Period(start=max(first, term.start), end=min(last, term.end))
        year, month = year + month // 12, month % 12 + 1


def days_of_month(period: Period) -> int:
    """Days of the whole month that a period lies in: what its fee is divided by (domain 4.6)."""
    return monthrange(period.start.year, period.start.month)[1]
