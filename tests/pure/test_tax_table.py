"""A tax table: versions and dates rise, a category stands once, a rate fits its category."""

from datetime import date

import pytest

from contracts.finance import PublishTaxTable, TaxRate, TaxTableRefused
from services.finance import tax_table
from tests.pure.finance_orders import VAT_DE
from tests.story import Story, at, given

STANDARD = TaxRate(category="S", percent="19")


def publish(version: int, effective_from: date, *rates: TaxRate) -> PublishTaxTable:
    return at(PublishTaxTable(version=version, effective_from=effective_from, rates=rates), key="DE01")


FIRST = publish(1, date(2026, 1, 1), *VAT_DE.rates)


def reason(story: Story) -> str:
    return story.the(TaxTableRefused).reason


def test_the_first_version_is_published() -> None:
    given(tax_table).when(FIRST).then(VAT_DE)


def test_the_same_version_twice_is_published_once() -> None:
    given(tax_table).when(FIRST, FIRST).then_nothing()


def test_the_next_version_holds_from_a_later_day() -> None:
    following = given(tax_table, VAT_DE).when(publish(2, date(2027, 1, 1), STANDARD))
    assert following.the(type(VAT_DE)).version == 2


def test_a_version_may_not_be_left_out() -> None:
    assert reason(given(tax_table, VAT_DE).when(publish(3, date(2027, 1, 1), STANDARD))) == "VERSION"


def test_a_version_is_not_published_with_other_data() -> None:
    assert reason(given(tax_table, VAT_DE).when(publish(1, date(2026, 1, 1), STANDARD))) == "VERSION"


def test_a_version_does_not_reach_back_before_the_one_it_follows() -> None:
    assert reason(given(tax_table, VAT_DE).when(publish(2, date(2026, 1, 1), STANDARD))) == "EFFECTIVE_FROM"


def test_a_category_has_one_rate() -> None:
    assert reason(given(tax_table).when(publish(1, date(2026, 1, 1), STANDARD, STANDARD))) == "DUPLICATE_CATEGORY"


@pytest.mark.parametrize(
    "rate",
    [
        TaxRate(category="S", percent="0"),
        TaxRate(category="S", percent="-1"),
        TaxRate(category="S", percent="101"),
        TaxRate(category="S", percent="19", exemption_reason="none"),
        TaxRate(category="Z", percent="1"),
        TaxRate(category="Z", percent="0", exemption_reason="none"),
        TaxRate(category="AE", percent="19", exemption_reason="Reverse charge"),
        TaxRate(category="AE", percent="0"),
    ],
)
def test_a_rate_fits_its_category_and_says_why_nothing_is_charged(rate: TaxRate) -> None:
    assert reason(given(tax_table).when(publish(1, date(2026, 1, 1), rate))) == "RATE"


def test_zero_rated_and_reverse_charge_stand_beside_the_standard_rate() -> None:
    rates = (STANDARD, TaxRate(category="Z", percent="0"), TaxRate(category="AE", percent="0", exemption_reason="AE"))
    assert given(tax_table).when(publish(1, date(2026, 1, 1), *rates)).the(type(VAT_DE)).rates == rates


def test_a_refusal_changes_nothing() -> None:
    given(tax_table).when(publish(2, date(2026, 1, 1), STANDARD), FIRST).then(VAT_DE)


def test_a_legal_entity_has_one_table() -> None:
    assert tax_table.actor_id(FIRST) == "DE01"
