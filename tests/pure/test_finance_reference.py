"""What finance knows of the world: which version, rate and open day a date selects, in the legal entity's zone."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from contracts.commercial import PolicyPublished
from contracts.finance import AccountingPeriodClosed, FxRatePublished, TaxRate, TaxTablePublished
from contracts.message import Broadcast
from services.finance import reference
from services.finance.reference import (
    Reference,
    day_of,
    first_open_day,
    functional_currency_of,
    fx_rate_on,
    next_month,
    rate_card_on,
    rate_on,
    start_of,
    tax_rate_on,
    tax_table_on,
    zone_of,
)
from tests.pure.finance_orders import CARD, DE01, UK01, VAT_DE, utc

BERLIN = ZoneInfo("Europe/Berlin")


def know(*broadcasts: Broadcast) -> Reference:
    known = reference.initial
    for broadcast in broadcasts:
        assert isinstance(broadcast, reference.Heard)
        known = reference.evolve(known, broadcast)
    return known


def fx(rate: str, on: date) -> FxRatePublished:
    return FxRatePublished(base="USD", quote="EUR", rate=rate, on=on, origin="ECB")


def closed(period: str) -> AccountingPeriodClosed:
    return AccountingPeriodClosed(legal_entity="DE01", period=period, closed_by="K. Braun")


def test_a_legal_entity_decides_which_day_it_is() -> None:
    known = know(DE01, UK01)
    assert day_of(known, "DE01", utc(2026, 3, 31, 22)) == date(2026, 4, 1)
    assert day_of(known, "UK01", utc(2026, 3, 31, 22)) == date(2026, 3, 31)


def test_an_unknown_legal_entity_is_in_utc_and_has_no_books() -> None:
    known = know(DE01)
    assert zone_of(known, "XX01").key == "UTC"
    assert functional_currency_of(known, "XX01") is None
    assert functional_currency_of(known, "DE01") == "EUR"


def test_a_day_starts_at_local_midnight_summer_and_winter() -> None:
    assert start_of(BERLIN, date(2026, 3, 1)) == utc(2026, 2, 28, 23)
    assert start_of(BERLIN, date(2026, 4, 1)) == utc(2026, 3, 31, 22)


@pytest.mark.parametrize(
    ("instant", "following"),
    [
        (utc(2026, 2, 13, 17), utc(2026, 2, 28, 23)),
        (utc(2026, 2, 28, 23), utc(2026, 3, 31, 22)),
        (utc(2026, 12, 31, 12), utc(2026, 12, 31, 23)),
    ],
)
def test_the_next_month_starts_after_the_instant_where_the_legal_entity_is(
    instant: datetime, following: datetime
) -> None:
    assert next_month(BERLIN, instant) == following


def test_a_policy_is_the_latest_of_its_legal_entity() -> None:
    first = PolicyPublished(
        legal_entity="DE01", version=1, discount_limit_percent="10", payment_terms_days=30, dunning_days=(7,)
    )
    known = know(first, replace(first, version=2))
    assert known.policies["DE01"].version == 2


def test_the_tax_point_date_selects_the_table() -> None:
    raised = TaxTablePublished(
        legal_entity="DE01", version=2, effective_from=date(2027, 1, 1), rates=(TaxRate(category="S", percent="21"),)
    )
    known = know(VAT_DE, raised)
    assert tax_table_on(known, "DE01", date(2025, 12, 31)) is None
    assert tax_table_on(known, "DE01", date(2026, 12, 31)) == VAT_DE
    assert tax_rate_on(known, "DE01", "S", date(2027, 1, 1)) == raised.rates[0]
    assert tax_rate_on(known, "DE01", "Z", date(2026, 6, 1)) is None
    assert tax_rate_on(known, "UK01", "S", date(2026, 6, 1)) is None


def test_an_exchange_rate_holds_until_the_next_and_is_never_turned_round() -> None:
    known = know(fx("0.90", date(2026, 3, 2)), fx("0.91", date(2026, 3, 5)))
    assert fx_rate_on(known, "EUR", "EUR", date(2026, 1, 1)) == "1"
    assert fx_rate_on(known, "USD", "EUR", date(2026, 3, 1)) is None
    assert fx_rate_on(known, "USD", "EUR", date(2026, 3, 4)) == "0.90"
    assert fx_rate_on(known, "USD", "EUR", date(2026, 3, 5)) == "0.91"
    assert fx_rate_on(known, "EUR", "USD", date(2026, 3, 5)) is None


def test_the_work_date_selects_the_rate() -> None:
    dearer = replace(CARD, version=2, effective_from=date(2026, 7, 1), rates=CARD.rates[:1])
    known = know(CARD, dearer)
    assert rate_card_on(known, "UK-2026", date(2026, 7, 1)) == dearer
    assert rate_on(known, "UK-2026", "consultant", date(2026, 6, 30)) == "150"
    assert rate_on(known, "UK-2026", "consultant", date(2026, 7, 1)) is None
    assert rate_on(known, "UK-2026", "senior", date(2025, 12, 31)) is None


def test_a_copy_of_what_was_published_changes_nothing() -> None:
    policy = PolicyPublished(
        legal_entity="DE01", version=1, discount_limit_percent="10", payment_terms_days=30, dunning_days=(7,)
    )
    raised = replace(VAT_DE, version=2, effective_from=date(2027, 1, 1))
    dearer = replace(CARD, version=2, effective_from=date(2026, 7, 1))
    first, second = fx("0.90", date(2026, 3, 2)), fx("0.91", date(2026, 3, 5))
    said = (DE01, policy, replace(policy, version=2), VAT_DE, raised, CARD, dearer, first, second, closed("2026-03"))
    known = know(*said)
    for copy in said:
        assert reference.evolve(known, copy) == known


@pytest.mark.parametrize(
    ("day", "posted"),
    [
        (date(2026, 2, 27), date(2026, 4, 1)),
        (date(2026, 3, 31), date(2026, 4, 1)),
        (date(2026, 4, 2), date(2026, 4, 2)),
    ],
)
def test_what_belongs_to_a_closed_month_is_posted_on_the_first_open_day(day: date, posted: date) -> None:
    assert first_open_day(know(closed("2026-03")), "DE01", day) == posted


def test_nothing_is_closed_until_somebody_closes_it_and_stays_closed() -> None:
    assert first_open_day(know(), "DE01", date(2026, 3, 31)) == date(2026, 3, 31)
    assert first_open_day(know(closed("2026-12"), closed("2026-03")), "DE01", date(2026, 3, 1)) == date(2027, 1, 1)
