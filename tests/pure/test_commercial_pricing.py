"""Pricing: what a line costs to the cent, and why a line that would bill something else is not offered."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.commercial import Effort, QuoteLine, QuotePriced, QuoteRefused, SubmitQuote
from contracts.message import Period
from contracts.money import Money
from contracts.order import Budget, ManagedServiceRecurring, OrderLine, RoleRate
from services.commercial import quote
from services.commercial.billing_terms import billed_by
from tests.pure.commercial_firm import (
    CAPPED,
    FIRM,
    JANUARY,
    RATES,
    RETAINER,
    eur,
    fixed_line,
    gbp,
    milestones,
    offered,
    retainer_line,
    time_line,
)
from tests.story import Story, at, given

HOURS = (Effort(role="architect", minutes=750), Effort(role="engineer", minutes=100))
"""12.5 h x 180 + 1 h 40 min x 93.3333 = 2,250 + 155.5555 = 2,405.5555, rounded once."""


def submitted(command: SubmitQuote) -> Story:
    return given(quote).knowing(*FIRM).when(at(command, JANUARY))


def priced(command: SubmitQuote) -> OrderLine:
    (line,) = submitted(command).the(QuotePriced).offer.lines
    return line


def reason(*lines: QuoteLine, rate_card: str | None = None) -> str:
    story = submitted(offered(*lines, rate_card=rate_card)).says(QuoteRefused)
    return story.the(QuoteRefused).reason


# --- prices ---------------------------------------------------------------------------------------------------------


def test_a_fixed_price_stands_as_given() -> None:
    line = priced(offered(fixed_line(price=eur(600_000))))
    assert (line.list_price, line.discount, line.price) == (eur(600_000), eur(0), eur(600_000))


def test_without_price_or_effort_a_line_costs_what_it_bills() -> None:
    assert priced(offered(fixed_line())).price == eur(600_000)
    assert priced(offered(time_line())).price == eur(5_000)


def test_effort_is_priced_by_role_and_rounded_once_for_the_line() -> None:
    line = fixed_line(billing=milestones("2405.56"), effort=HOURS)
    offer = submitted(offered(line, rate_card="STANDARD")).the(QuotePriced).offer
    assert offer.lines[0].list_price == eur("2405.56")
    assert offer.rate_card_version == 1


def test_a_quote_without_effort_names_no_rate_card_version() -> None:
    offer = submitted(offered(fixed_line(), rate_card="STANDARD")).the(QuotePriced).offer
    assert offer.rate_card_version is None


def test_a_discount_is_an_amount_of_its_own_rounded_half_up() -> None:
    """2,405.56 x 7.5 % = 180.417."""
    line = priced(
        offered(fixed_line(billing=milestones("2225.14"), effort=HOURS, discount_percent="7.5"), rate_card="STANDARD")
    )
    assert (line.list_price, line.discount, line.price) == (eur("2405.56"), eur("180.42"), eur("2225.14"))


def test_a_retainer_costs_the_sum_of_its_months_each_prorated_by_itself() -> None:
    assert priced(offered(retainer_line())).price == eur(240_000)
    assert priced(offered(retainer_line(price=eur(240_000)))).price == eur(240_000)


@pytest.mark.parametrize(
    ("start", "end", "fee", "price"),
    [
        (date(2026, 4, 16), date(2026, 4, 30), "20000", "10000.00"),
        (date(2026, 2, 10), date(2026, 2, 28), "20000", "13571.43"),
        (date(2024, 2, 1), date(2024, 2, 29), "100", "100.00"),
        (date(2026, 1, 31), date(2026, 3, 1), "31", "33.00"),
        (date(2026, 12, 31), date(2027, 1, 1), "31", "2.00"),
    ],
)
def test_a_part_of_a_month_costs_its_share_of_that_month(start: date, end: date, fee: str, price: str) -> None:
    retainer = ManagedServiceRecurring(monthly_fee=eur(fee), term=Period(start=start, end=end))
    assert billed_by(retainer, "EUR") == eur(price)


@for_all(
    cents=st.integers(1, 10**12),
    percent=st.decimals(0, 100, places=4),
)
def test_list_price_less_discount_is_the_price(cents: int, percent: Decimal) -> None:
    listed = eur(str(Decimal(cents).scaleb(-2)))
    discount = listed.times(percent, 100)
    net = listed - discount
    if net:
        line = fixed_line(billing=milestones(net.amount), price=listed, discount_percent=str(percent))
        result = priced(offered(line))
        assert (result.list_price, result.discount, result.price) == (listed, discount, net)
        assert result.list_price - result.discount == result.price


# --- what is not offered --------------------------------------------------------------------------------------------


def test_milestones_must_sum_to_the_net_price() -> None:
    assert reason(fixed_line(price=eur(600_001))) == "MILESTONES_DO_NOT_SUM"
    assert reason(fixed_line(price=eur(600_000), discount_percent="1")) == "MILESTONES_DO_NOT_SUM"
    assert reason(fixed_line(price=eur(0))) == "MILESTONES_DO_NOT_SUM"


def test_the_refusal_names_the_line_and_both_sums() -> None:
    refused = submitted(offered(fixed_line(price=eur(600_001)))).the(QuoteRefused)
    assert refused.detail == "line L1 costs 600,001.00 EUR and would bill 600,000.00 EUR"
    assert (refused.quote_id, refused.version, refused.request) == ("Q-1", 1, "commercial.quote.submit.v1")


def test_a_retainer_costs_its_fees_and_time_costs_its_cap() -> None:
    assert reason(retainer_line(price=eur(239_999))) == "FEES_DO_NOT_SUM"
    assert reason(time_line(price=eur(4_999))) == "CAP_IS_NOT_PRICE"


@pytest.mark.parametrize(
    "line",
    [
        fixed_line(price=gbp(600_000)),
        fixed_line(budget=Budget(minutes=1, cost=gbp(1))),
        retainer_line(billing=replace(RETAINER, monthly_fee=gbp(20_000))),
        time_line(billing=replace(CAPPED, cap=gbp(5_000))),
        time_line(billing=replace(CAPPED, rate_card="LONDON")),
    ],
)
def test_a_quote_has_one_currency(line: QuoteLine) -> None:
    assert reason(line) == "CURRENCY"


def test_effort_is_not_priced_in_another_currency() -> None:
    assert reason(fixed_line(effort=HOURS), rate_card="LONDON") == "CURRENCY"


@pytest.mark.parametrize("rate_card", [None, "UNKNOWN"])
def test_effort_needs_a_rate_card(rate_card: str | None) -> None:
    assert reason(fixed_line(effort=HOURS), rate_card=rate_card) == "NO_RATE"


def test_effort_needs_a_rate_for_each_role() -> None:
    assert reason(fixed_line(effort=(Effort(role="pilot", minutes=60),)), rate_card="STANDARD") == "NO_RATE"


def test_time_needs_a_known_rate_card() -> None:
    assert reason(time_line(billing=replace(CAPPED, rate_card="UNKNOWN"))) == "NO_RATE"


def test_a_line_or_a_milestone_stands_once() -> None:
    assert reason(fixed_line(), fixed_line()) == "DUPLICATE_LINE"
    assert reason(fixed_line(), fixed_line(line_id="L2")) == "DUPLICATE_MILESTONE"


@pytest.mark.parametrize(
    "line",
    [
        fixed_line(billing=milestones(600_000, 0)),
        fixed_line(billing=milestones(600_000, -1)),
        retainer_line(billing=replace(RETAINER, monthly_fee=eur(0))),
        time_line(billing=replace(CAPPED, cap=eur(-1))),
    ],
)
def test_nothing_is_billed_for_nothing(line: QuoteLine) -> None:
    assert reason(line) == "NOT_POSITIVE"


@pytest.mark.parametrize("percent", ["-1", "100.01"])
def test_a_discount_is_a_percentage(percent: str) -> None:
    assert reason(fixed_line(price=eur(600_000), discount_percent=percent)) == "DISCOUNT"


def test_a_discount_needs_a_list_price_to_be_taken_from() -> None:
    assert reason(fixed_line(discount_percent="10")) == "DISCOUNT"


def test_a_line_has_a_price_or_an_effort() -> None:
    assert reason(fixed_line(price=eur(600_000), effort=HOURS), rate_card="STANDARD") == "PRICE_AND_EFFORT"


def test_a_term_is_at_most_ten_years() -> None:
    for_ever = Period(start=date(2026, 1, 1), end=date(9999, 12, 31))
    assert reason(retainer_line(billing=replace(RETAINER, term=for_ever))) == "TERM"


def test_revenue_is_measured_by_what_the_billing_knows() -> None:
    assert reason(replace(fixed_line(), revenue_method="ELAPSED")) == "REVENUE_METHOD"
    assert reason(replace(retainer_line(), revenue_method="RIGHT_TO_INVOICE")) == "REVENUE_METHOD"
    assert reason(replace(time_line(), revenue_method="ELAPSED")) == "REVENUE_METHOD"


def test_cost_to_cost_needs_a_cost_budget() -> None:
    assert reason(fixed_line(budget=Budget(minutes=1, cost=eur(0)))) == "BUDGET"
    assert reason(replace(time_line(), budget=Budget(minutes=1, cost=eur(-1)))) == "BUDGET"


def test_an_offer_is_short_enough_to_be_said() -> None:
    lengthy = (
        replace(fixed_line(line_id=f"L{at}", billing=milestones(1, prefix=f"P{at}-")), description="d" * 2000)
        for at in range(90)
    )
    assert reason(*lengthy) == "TOO_LONG"


def test_no_amount_is_too_large_to_be_added() -> None:
    assert reason(fixed_line(price=Money("999999999999999999", "EUR"))) == "TOO_LARGE"
    golden = replace(RATES, rate_card="GOLD", rates=(RoleRate(role="architect", bill_rate="999999999999999999"),))
    command = at(offered(fixed_line(effort=HOURS[:1]), rate_card="GOLD"), JANUARY)
    story = given(quote).knowing(*FIRM, golden).when(command)
    assert story.the(QuoteRefused).reason == "TOO_LARGE"
