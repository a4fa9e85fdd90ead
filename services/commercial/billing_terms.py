"""Billing terms: what a line will bring in, net of tax, when everything agreed has been billed."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import assert_never

from contracts.message import Period
from contracts.money import Money, total
from contracts.order import BillingMethod, FixedMilestone, ManagedServiceRecurring, TimeMaterialsCapped

LONGEST_TERM_DAYS = 3653
"""Ten years: what a customer signs for longer is renewed."""

FIRST_YEAR, LAST_YEAR = 2000, 2199
"""The years in which a term may lie."""


def is_in_reach(term: Period) -> bool:
    return term.start.year >= FIRST_YEAR and term.end.year <= LAST_YEAR


def amounts_of(billing: BillingMethod) -> tuple[Money, ...]:
    """The amounts that the terms name."""
    match billing:
        case FixedMilestone():
            return tuple(milestone.amount for milestone in billing.milestones)
        case ManagedServiceRecurring():
            return (billing.monthly_fee,)
        case TimeMaterialsCapped():
            return (billing.cap,)
        case _:
            assert_never(billing)


def billed_by(billing: BillingMethod, currency: str) -> Money:
    """What the terms bill in all: the milestones, each month's fee rounded by itself (domain 4.6), the cap."""
    match billing:
        case FixedMilestone() | TimeMaterialsCapped():
            return total(amounts_of(billing), currency)
        case ManagedServiceRecurring():
            fees = (billing.monthly_fee.times(active, days) for active, days in months_of(billing.term))
            return total(fees, currency)
        case _:
            assert_never(billing)


def parts_of(billing: BillingMethod) -> int:
    """In how many milestones and months it is billed; time is billed as it comes."""
    match billing:
        case FixedMilestone():
            return len(billing.milestones)
        case ManagedServiceRecurring():
            return sum(1 for _ in months_of(billing.term))
        case TimeMaterialsCapped():
            return 0
        case _:
            assert_never(billing)


def months_of(term: Period) -> Iterator[tuple[int, int]]:
    """For each calendar month of the term: its days within the term, and all its days."""
    for month in range(term.start.year * 12 + term.start.month - 1, term.end.year * 12 + term.end.month):
        year, before = divmod(month, 12)
        days = monthrange(year, before + 1)[1]
        first, last = date(year, before + 1, 1), date(year, before + 1, days)
        yield (min(last, term.end) - max(first, term.start)).days + 1, days
