"""Pricing: a line's list price, its discount as an allowance of its own, and a net price that its billing brings in."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import chain

from contracts.commercial import Effort, QuoteLine, RateCardPublished
from contracts.message import Record
from contracts.money import LARGEST, Money, exact, ratio, total
from contracts.order import MOST_PARTS, FixedMilestone, ManagedServiceRecurring, OrderLine, TimeMaterialsCapped
from services.commercial.billing_terms import (
    FIRST_YEAR,
    LAST_YEAR,
    LONGEST_TERM_DAYS,
    amounts_of,
    billed_by,
    is_in_reach,
    parts_of,
)
from services.commercial.problem import Problem

DO_NOT_SUM = {
    FixedMilestone: "MILESTONES_DO_NOT_SUM",
    ManagedServiceRecurring: "FEES_DO_NOT_SUM",
    TimeMaterialsCapped: "CAP_IS_NOT_PRICE",
}
MEASURED_BY = {
    FixedMilestone: ("COST_TO_COST",),
    ManagedServiceRecurring: ("COST_TO_COST", "ELAPSED"),
    TimeMaterialsCapped: ("COST_TO_COST", "RIGHT_TO_INVOICE"),
}
"""How revenue can be recognised by what the billing knows: only a retainer has a term, only time has claims."""


class Rates(Record):
    """What the lines of one quote are priced with."""

    currency: str
    effort: RateCardPublished | None
    """The card that prices effort, in the version of the day."""
    time: dict[str, RateCardPublished]
    """The cards that lines billed by time may name; the work date will choose the version."""

    def of(self, role: str) -> Decimal | None:
        """What an hour of the role costs."""
        known = self.effort.rates if self.effort else ()
        return next((exact(rate.bill_rate) for rate in known if rate.role == role), None)


def problem_of(lines: Sequence[QuoteLine], rates: Rates) -> Problem | None:
    """Why the lines cannot be offered as they are."""
    return next(_problems(lines, rates), None)


def price_line(line: QuoteLine, rates: Rates) -> OrderLine:
    """The line of the order. It must have no problem."""
    if line.effort:
        list_price = Money.rounded(effort_value(line.effort, rates), rates.currency)
    elif line.price is not None:
        list_price = line.price
    else:
        list_price = billed_by(line.billing, rates.currency)
    discount = list_price.times(exact(line.discount_percent), 100)
    return OrderLine(
        line_id=line.line_id,
        service_line=line.service_line,
        description=line.description,
        list_price=list_price,
        discount=discount,
        price=list_price - discount,
        billing=line.billing,
        revenue_method=line.revenue_method,
        tax_category=line.tax_category,
        budget=line.budget,
    )


def effort_value(effort: Sequence[Effort], rates: Rates) -> Decimal:
    """Minutes / 60 x hourly rate, summed over the roles and not yet rounded."""
    with localcontext(prec=60):
        per_hour = sum((work.minutes * (rates.of(work.role) or Decimal()) for work in effort), Decimal())
    return ratio(per_hour, 1, 60)


def _problems(lines: Sequence[QuoteLine], rates: Rates) -> Iterator[Problem]:
    """Each reason supposes that none before it holds: only the first is of use."""
    fixed = [line.billing for line in lines if isinstance(line.billing, FixedMilestone)]
    yield from _repeated("line", [line.line_id for line in lines])
    yield from _repeated("milestone", [known.milestone_id for billing in fixed for known in billing.milestones])
    for line in lines:
        for reason, detail in chain(_amounts(line, rates), _terms(line, rates), _price(line, rates)):
            yield Problem(reason=reason, detail=f"line {line.line_id} {detail}")
    parts = sum(parts_of(line.billing) for line in lines)
    if parts > MOST_PARTS:
        detail = f"it would bill in {parts} parts: offer what has more than {MOST_PARTS} in several quotes"
        yield Problem(reason="TOO_MANY_PARTS", detail=detail)
    price = total((price_line(line, rates).price for line in lines), rates.currency)
    if price.value > LARGEST:
        yield Problem(reason="TOO_LARGE", detail=f"the lines cost {price} together, which no order is worth")


def _repeated(kind: str, ids: Sequence[str]) -> Iterator[Problem]:
    for repeated in (known for known, times in Counter(ids).items() if times > 1):
        yield Problem(reason=f"DUPLICATE_{kind.upper()}", detail=f"{kind} {repeated} stands more than once")


def _amounts(line: QuoteLine, rates: Rates) -> Iterator[tuple[str, str]]:
    billed = amounts_of(line.billing)
    for amount in (*billed, line.budget.cost, *(() if line.price is None else (line.price,))):
        if amount.currency != rates.currency:
            yield "CURRENCY", f"names {amount} and is offered in {rates.currency}"
        if abs(amount.value) > LARGEST:
            yield "TOO_LARGE", f"names {amount}, which no order is worth"
    if any(amount.value <= 0 for amount in billed):
        yield "NOT_POSITIVE", "bills nothing or less: milestones, fees and caps are positive"


def _terms(line: QuoteLine, rates: Rates) -> Iterator[tuple[str, str]]:
    billing = line.billing
    if isinstance(billing, ManagedServiceRecurring) and billing.term.days > LONGEST_TERM_DAYS:
        yield "TERM", "runs for more than ten years"
    if isinstance(billing, ManagedServiceRecurring) and not is_in_reach(billing.term):
        yield "TERM", f"lies before {FIRST_YEAR} or after {LAST_YEAR}"
    if isinstance(billing, TimeMaterialsCapped):
        yield from _card(f"rate card {billing.rate_card}", rates.time.get(billing.rate_card), rates)
    if line.revenue_method not in MEASURED_BY[type(billing)]:
        yield "REVENUE_METHOD", f"cannot be recognised by {line.revenue_method}, being billed as it is"
    if line.budget.cost.value < 0 or (line.revenue_method == "COST_TO_COST" and not line.budget.cost):
        yield "BUDGET", "has no cost budget by which progress could be measured"


def _price(line: QuoteLine, rates: Rates) -> Iterator[tuple[str, str]]:
    if not 0 <= exact(line.discount_percent) <= 100:
        yield "DISCOUNT", "has a discount that is not a percentage from 0 to 100"
    if line.price is not None and line.effort:
        yield "PRICE_AND_EFFORT", "has a price and an effort: only one of them makes its price"
    if line.price is None and not line.effort and exact(line.discount_percent):
        yield "DISCOUNT", "has a discount and neither a price nor an effort to take it from"
    if line.effort:
        yield from _card("the rate card that the quote names", rates.effort, rates)
        for work in (work for work in line.effort if rates.of(work.role) is None):
            yield "NO_RATE", f"needs role {work.role}, which the rate card does not price"
        if effort_value(line.effort, rates) > LARGEST:
            yield "TOO_LARGE", "is worth more than an order can be"
    price, billed = price_line(line, rates).price, billed_by(line.billing, rates.currency)
    if price != billed:
        yield DO_NOT_SUM[type(line.billing)], f"costs {price} and would bill {billed}"


def _card(name: str, card: RateCardPublished | None, rates: Rates) -> Iterator[tuple[str, str]]:
    if card is None:
        yield "NO_RATE", f"needs {name}, of which no version is in force"
    elif card.currency != rates.currency:
        yield "CURRENCY", f"needs {name}, which is in {card.currency}, not in {rates.currency}"
