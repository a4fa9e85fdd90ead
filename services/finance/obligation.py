"""A performance obligation: what of its price is earned, measured by cost, by days or by the right to invoice.

Targets are cumulative and rounded once; what is posted is the target less what was posted before (domain 4.12).
"""

from datetime import date, timedelta
from typing import Literal, assert_never

from msgspec.structs import replace

from contracts.finance import ObligationTerm, ProgressNoted, RevenueRecognised
from contracts.message import Period, Record
from contracts.money import Money, total
from contracts.order import LineChange, ManagedServiceRecurring, OrderLine, RevenueMethod

Cause = Literal["PROGRESS", "PERIOD_END", "CLAIM"]
Progress = tuple[str, str]
"""Exact, as (part, whole)."""

DAY = timedelta(days=1)


class Obligation(Record):
    """One line of the agreement, as it is recognised."""

    line_id: str
    method: RevenueMethod
    price: Money
    """What of the transaction price is allocated to it."""
    estimate: Money
    """Cost at completion."""
    cost: Money
    """Cost to date."""
    recognised: Money
    """To date."""
    term: Period | None = None
    through: date | None = None
    """For ELAPSED: the last day whose revenue is recognised."""


class Obligations(Record):
    """What one agreement has promised, and how much of it is earned."""

    agreement_id: str = ""
    legal_entity: str = ""
    currency: str = ""
    time_zone: str = "UTC"
    opened_on: date | None = None  # None until the agreement is opened
    activated_on: date | None = None
    lines: tuple[Obligation, ...] = ()
    early: tuple[ProgressNoted, ...] = ()
    """Progress heard before the agreement, the latest of each line."""
    staged: str | None = None
    settled: str | None = None
    """The last change order that was applied or released."""

    def line(self, line_id: str) -> Obligation | None:
        return next((one for one in self.lines if one.line_id == line_id), None)

    @property
    def recognised(self) -> Money:
        return total((one.recognised for one in self.lines), self.currency)


def term_of(line: OrderLine) -> ObligationTerm:
    """A line is one obligation; its own price is what is allocated to it (I26)."""
    return ObligationTerm(
        line_id=line.line_id,
        method=line.revenue_method,
        allocated_price=line.price,
        estimated_cost=line.budget.cost,
        term=line.billing.term if isinstance(line.billing, ManagedServiceRecurring) else None,
    )


def terms(one: Obligation) -> ObligationTerm:
    """The obligation as it is published."""
    return ObligationTerm(
        line_id=one.line_id,
        method=one.method,
        allocated_price=one.price,
        estimated_cost=one.estimate,
        term=one.term,
    )


def opened(term: ObligationTerm) -> Obligation:
    return Obligation(
        line_id=term.line_id,
        method=term.method,
        price=term.allocated_price,
        estimate=term.estimated_cost,
        cost=Money.zero(term.estimated_cost.currency),
        recognised=Money.zero(term.allocated_price.currency),
        term=term.term,
    )


def recognised(one: Obligation, event: RevenueRecognised) -> Obligation:
    after = replace(one, recognised=event.recognised_to_date)
    match event.cause:
        case "PROGRESS":
            cost, estimate = (Money(part, one.estimate.currency) for part in event.progress)
            return replace(after, cost=cost, estimate=estimate)
        case "PERIOD_END":
            return replace(after, through=event.recognised_on)
        case "CLAIM":
            return after
        case _:
            assert_never(event.cause)


def changed(one: Obligation, change: LineChange) -> Obligation:
    """The obligation under a change's terms; what was recognised is as it was."""
    return replace(one, price=one.price + change.price_delta, estimate=one.estimate + change.cost_delta)


def earned_by_cost(one: Obligation) -> Money:
    """price x cost to date / estimate, never less than nothing and never more than the price (I27)."""
    cost, estimate = one.cost.value, one.estimate.value
    if cost <= 0:
        return Money.zero(one.price.currency)
    if cost >= estimate:
        return one.price
    return one.price.times(cost, estimate)


def progress_by_cost(one: Obligation) -> Progress:
    return one.cost.amount, one.estimate.amount


def earned_by_day(one: Obligation, term: Period, last: date) -> Money:
    """price x days to date / days of the term, so that every cut of the term sums to the price (I07)."""
    return one.price.times(_days_to(term, last), term.days)


def progress_by_day(term: Period, last: date) -> Progress:
    return str(_days_to(term, last)), str(term.days)


def _days_to(term: Period, last: date) -> int:
    return (min(last, term.end) - term.start).days + 1


def next_close(one: Obligation, since: date) -> date | None:
    """The first day of a month on which the days before it are to be recognised; None when nothing is left to earn.

    Not before `since`, the day of activation: months that were over by then are caught up at the first close.
    """
    if one.method != "ELAPSED" or one.term is None:
        return None
    if one.through is not None and one.through >= one.term.end:
        return None
    unearned = one.term.start if one.through is None else one.through + DAY
    earliest = max(unearned + DAY, since)
    return earliest if earliest.day == 1 else (earliest.replace(day=1) + 31 * DAY).replace(day=1)


def under(term: ObligationTerm, one: Obligation) -> Obligation:
    """The obligation under amended terms."""
    return replace(one, price=term.allocated_price, estimate=term.estimated_cost)
