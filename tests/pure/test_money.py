"""Money is exact: no float, one rounding, no cent lost or made when it is split or spread over time."""

from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from hypothesis import assume
from hypothesis import given as forall
from hypothesis import strategies as st

from contracts.money import Money, allocate, exact, minor_units, ratio, total

PLACES = {"XAF": 0, "EUR": 2, "KWD": 3}
units = st.integers(min_value=-(10**12), max_value=10**12)
currencies = st.sampled_from(sorted(PLACES))
money = st.builds(
    lambda amount, currency: Money(str(Decimal(amount).scaleb(-PLACES[currency])), currency), units, currencies
)
weights = st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=12).filter(any)


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


@pytest.mark.parametrize(("currency", "places"), [("XAF", 0), ("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4)])
def test_a_currency_has_its_own_decimals(currency: str, places: int) -> None:
    assert minor_units(currency) == places


@pytest.mark.parametrize("currency", ["EURO", "ZZZ", "XXX", "XAU"])
def test_what_is_not_a_currency_is_not_owed(currency: str) -> None:
    with pytest.raises(ValueError, match=r"unknown currency|no minor unit"):
        Money("1", currency)


@pytest.mark.parametrize("text", ["", "1e3", "NaN", "1_000", " 1", "1\n", "+1", ".5", "1.", "Infinity"])
def test_only_plain_decimal_numbers_are_read(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        exact(text)


@pytest.mark.parametrize(("text", "same"), [("1", "1.00"), ("1.000", "1.00"), ("-0.00", "0.00"), ("007", "7.00")])
def test_an_amount_is_written_with_the_decimals_of_its_currency(text: str, same: str) -> None:
    assert eur(text).amount == same


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(ValueError, match="more decimals"):
        eur("1.005")
    with pytest.raises(ValueError, match="more decimals"):
        Money("1.5", "XAF")


@pytest.mark.parametrize(
    ("value", "rounded"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("0.0049", "0.00"), ("-0.001", "0.00")]
)
def test_a_half_is_rounded_away_from_zero(value: str, rounded: str) -> None:
    assert Money.rounded(Decimal(value), "EUR") == eur(rounded)


def test_money_of_different_currencies_neither_adds_up_nor_compares() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        eur("1") + Money("1", "GBP")
    with pytest.raises(ValueError, match="do not add up"):
        eur("1") - Money("1", "GBP")
    with pytest.raises(ValueError, match="do not add up"):
        assert eur("1") < Money("1", "GBP")
    with pytest.raises(ValueError, match="do not add up"):
        assert eur("1") <= Money("1", "GBP")


def test_a_json_number_is_not_money() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.amount"):
        msgspec.json.decode(b'{"amount": 1.1, "currency": "EUR"}', type=Money)


def test_it_reads_as_a_person_writes_it() -> None:
    assert str(eur("180000")) == "180,000.00 EUR"


def test_a_ratio_is_not_rounded_on_the_way() -> None:
    assert ratio(Decimal("295714"), 490, 490) == Decimal("295714")
    assert eur("690000").times(210, 490) == eur("295714.29")


@forall(money)
def test_what_is_written_reads_the_same(amount: Money) -> None:
    assert msgspec.json.decode(msgspec.json.encode(amount), type=Money) == amount


@forall(currencies, st.lists(units, max_size=5))
def test_adding_and_taking_away_is_exact(currency: str, amounts: list[int]) -> None:
    parts = [Money(str(Decimal(amount).scaleb(-PLACES[currency])), currency) for amount in amounts]
    whole = total(parts, currency)
    assert whole.value == sum((part.value for part in parts), Decimal(0))
    for part in parts:
        whole -= part
    assert whole == Money.zero(currency)
    assert not whole


@forall(money, money)
def test_amounts_are_ordered_as_numbers_are(one: Money, other: Money) -> None:
    other = Money.rounded(other.value, one.currency)
    assert (one < other, one <= other, one > other, one >= other) == (
        one.value < other.value,
        one.value <= other.value,
        one.value > other.value,
        one.value >= other.value,
    )


# --- I06: largest remainder ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whole", "shares", "parts"),
    [
        ("100.00", [50, 25, 75], ["33.33", "16.67", "50.00"]),
        ("100.00", [1, 1, 1], ["33.34", "33.33", "33.33"]),
        ("26.09", [1, 1, 1], ["8.70", "8.70", "8.69"]),
        ("-100.00", [1, 1, 1], ["-33.34", "-33.33", "-33.33"]),
        ("0.01", [1, 0], ["0.01", "0.00"]),
    ],
)
def test_a_split_gives_the_missing_cents_to_the_largest_remainders(
    whole: str, shares: list[int], parts: list[str]
) -> None:
    assert allocate(eur(whole), shares) == tuple(eur(part) for part in parts)


@forall(money, weights)
def test_the_parts_of_a_split_sum_to_the_whole(whole: Money, shares: list[int]) -> None:
    assert total(allocate(whole, shares), whole.currency) == whole


@forall(money, weights)
def test_each_part_is_within_one_minor_unit_of_its_exact_share(whole: Money, shares: list[int]) -> None:
    unit = Decimal(1).scaleb(-minor_units(whole.currency))
    for part, weight in zip(allocate(whole, shares), shares, strict=True):
        assert abs(part.value - ratio(whole.value, weight, sum(shares))) < unit


@forall(money, weights)
def test_a_split_of_the_negative_is_the_negative_of_the_split(whole: Money, shares: list[int]) -> None:
    assert allocate(-whole, shares) == tuple(-part for part in allocate(whole, shares))


@forall(money, weights)
def test_only_a_tie_is_decided_by_the_order_of_the_weights(whole: Money, shares: list[int]) -> None:
    unit = Decimal(1).scaleb(-minor_units(whole.currency))
    remainders = [abs(ratio(whole.value, weight, sum(shares))) % unit for weight in shares]
    assume(len(set(remainders)) == len(remainders))
    assert allocate(whole, shares[::-1]) == allocate(whole, shares)[::-1]


@pytest.mark.parametrize("shares", [[], [0], [0, 0], [1, -1]])
def test_a_split_without_weights_has_no_answer(shares: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(eur("1"), shares)


# --- I07: cumulative series ----------------------------------------------------------------------------------------


def spread(whole: Money, days: list[int]) -> list[Money]:
    """What each period gets when the cumulative share is rounded and what was given before is taken off."""
    cuts = [sum(days[:at]) for at in range(len(days) + 1)]
    return [whole.times(upto, cuts[-1]) - whole.times(before, cuts[-1]) for before, upto in pairwise(cuts)]


def test_a_year_from_mid_january_is_spread_without_a_jump_at_the_end() -> None:
    months = [17, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 14]
    assert [part.amount for part in spread(eur("10000"), months)] == [
        "465.75",
        "767.13",
        "849.31",
        "821.92",
        "849.31",
        "821.92",
        "849.32",
        "849.31",
        "821.92",
        "849.32",
        "821.91",
        "849.32",
        "383.56",
    ]


@forall(money, st.lists(st.integers(min_value=1, max_value=31), min_size=1, max_size=14))
def test_the_periods_sum_to_the_total_for_every_cut_and_never_turn_negative(whole: Money, days: list[int]) -> None:
    parts = spread(whole, days)
    assert total(parts, whole.currency) == whole
    assert all(part.value * whole.value >= 0 for part in parts)
