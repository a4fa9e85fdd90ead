"""Tax on a document by EN 16931: rounded once per category and rate, whatever the lines (I19, I22)."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from contracts.finance import InvoiceLine, TaxRate
from contracts.money import Money, exact, ratio
from contracts.order import TaxCategory
from services.finance.tax import breakdown, categories_of, mixes, net_of, totals

RATES = (
    TaxRate(category="S", percent="19"),
    TaxRate(category="Z", percent="0"),
    TaxRate(category="AE", percent="0", exemption_reason="Reverse charge"),
)
nets = st.decimals(min_value=-10_000, max_value=10_000, places=2)
categories: st.SearchStrategy[TaxCategory] = st.sampled_from(["S", "Z", "AE"])


def line(net: str, category: TaxCategory = "S", currency: str = "EUR") -> InvoiceLine:
    return InvoiceLine(
        line_no=1,
        line_id="L1",
        description="Advice",
        quantity="1",
        unit="LS",
        unit_price=net,
        net=Money(net, currency),
        tax_category=category,
    )


documents = st.lists(st.builds(line, nets.map(str), categories), min_size=1, max_size=8)


def rates_for(lines: Sequence[InvoiceLine]) -> list[TaxRate]:
    return [rate for rate in RATES if rate.category in categories_of(lines)]


def tax_on(net: str, percent: str, currency: str = "EUR", times: int = 1) -> str:
    rate = TaxRate(category="S", percent=percent)
    (group,) = breakdown([line(net, currency=currency)] * times, [rate], currency)
    return group.tax.amount


@pytest.mark.parametrize(("times", "tax"), [(2, "348.11"), (3, "522.17"), (4, "696.22")])
def test_tax_is_rounded_per_group_and_not_per_line(times: int, tax: str) -> None:
    """Domain B01: n lines of 696.22 at 25 %."""
    assert tax_on("696.22", "25", times=times) == tax


def test_a_tie_is_rounded_away_from_zero() -> None:
    assert tax_on("1794.50", "21") == "376.85"
    assert tax_on("-1794.50", "21") == "-376.85"


def test_a_currency_without_decimals_has_whole_tax() -> None:
    assert tax_on("1000", "19.25", "XAF") == "193"


def test_totals_are_added_up_in_the_order_of_the_standard() -> None:
    lines = [line("180000"), line("20.50", "Z")]
    groups = breakdown(lines, rates_for(lines), "EUR")
    found = totals(lines, groups, "EUR")
    assert [(group.category, group.taxable.amount, group.tax.amount) for group in groups] == [
        ("S", "180000.00", "34200.00"),
        ("Z", "20.50", "0.00"),
    ]
    assert (found.lines.amount, found.net.amount, found.tax.amount) == ("180020.50", "180020.50", "34200.00")
    assert (found.gross.amount, found.payable.amount) == ("214220.50", "214220.50")
    assert [found.allowances, found.charges, found.paid, found.rounding] == [Money.zero("EUR")] * 4


def test_what_is_not_taxed_says_why() -> None:
    (group,) = breakdown([line("100", "AE")], RATES[2:], "EUR")
    assert group.exemption_reason == "Reverse charge"


@pytest.mark.parametrize(
    ("categories", "mixed"), [(["O"], False), (["S"], False), (["S", "Z"], False), (["O", "S"], True)]
)
def test_what_is_outside_the_scope_of_tax_stands_alone(categories: list[TaxCategory], mixed: bool) -> None:
    assert mixes(categories) == mixed


@pytest.mark.parametrize(
    ("quantity", "price", "base", "net"),
    [("18.3333", "150", "1", "2750.00"), ("100", "180", "60", "300.00"), ("1", "0.005", "1", "0.01")],
)
def test_a_line_is_quantity_times_price_per_base_quantity_rounded_once(
    quantity: str, price: str, base: str, net: str
) -> None:
    made = InvoiceLine(
        line_no=1,
        line_id="L1",
        description="Advice",
        quantity=quantity,
        unit="HUR",
        unit_price=price,
        base_quantity=base,
        net=Money("0", "EUR"),
        tax_category="S",
    )
    assert net_of(made, "EUR").amount == net


@forall(documents)
def test_documents_hold_the_rules_of_the_standard_to_the_cent(lines: list[InvoiceLine]) -> None:
    """I19: BR-CO-10, 13, 14, 15, 16, 17; exactly one group for each category and rate."""
    groups = breakdown(lines, rates_for(lines), "EUR")
    found = totals(lines, groups, "EUR")
    assert found.lines.value == sum((each.net.value for each in lines), Decimal(0))
    assert found.net == found.lines - found.allowances + found.charges
    assert found.tax.value == sum((group.tax.value for group in groups), Decimal(0))
    assert found.gross == found.net + found.tax
    assert found.payable == found.gross - found.paid + found.rounding
    assert [group.category for group in groups] == categories_of(lines)
    for group in groups:
        own = sum((each.net.value for each in lines if each.tax_category == group.category), Decimal(0))
        assert group.taxable.value == own
        assert abs(group.tax.value - ratio(own, exact(group.percent), 100)) <= Decimal("0.005")


@forall(documents.flatmap(lambda lines: st.tuples(st.just(lines), st.permutations(lines))))
def test_the_order_of_the_lines_changes_nothing(documents: tuple[list[InvoiceLine], list[InvoiceLine]]) -> None:
    """I22."""
    lines, other = documents
    once, again = breakdown(lines, rates_for(lines), "EUR"), breakdown(other, rates_for(other)[::-1], "EUR")
    assert once == again
    assert totals(lines, once, "EUR") == totals(other, again, "EUR")
