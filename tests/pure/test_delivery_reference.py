from datetime import UTC, date, datetime

from msgspec.structs import replace

from services.delivery import reference
from services.delivery.reference import Reference
from tests.pure.delivery_orders import CONSULTING, DE01, RATES, RATES_FROM_MARCH, template


def knowing(*broadcasts: object) -> Reference:
    known = reference.initial
    for broadcast in broadcasts:
        known = reference.evolve(known, broadcast)  # type: ignore[arg-type]  # a test may say any broadcast
    return known


def test_the_latest_version_of_a_template_is_used() -> None:
    newer = template("analyst", version=2)
    assert knowing(CONSULTING, newer).templates == {"CONSULTING": newer}


def test_the_day_is_that_of_the_legal_entity() -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    assert reference.day_of(knowing(DE01), "DE01", late) == date(2026, 4, 1)
    assert reference.day_of(knowing(DE01), "UK01", late) == date(2026, 3, 31)


def test_the_work_date_selects_the_version_of_a_rate_card() -> None:
    known = knowing(RATES, RATES_FROM_MARCH)
    assert reference.rate_card_on(known, "RC-EU", date(2025, 12, 31)) is None
    assert reference.rate_card_on(known, "RC-EU", date(2026, 2, 28)) == RATES
    assert reference.rate_card_on(known, "RC-EU", date(2026, 3, 1)) == RATES_FROM_MARCH
    assert reference.rate_card_on(known, "RC-UK", date(2026, 3, 1)) is None


def test_a_copy_of_what_was_published_changes_nothing() -> None:
    newer = template("analyst", version=2)
    known = knowing(CONSULTING, newer, RATES, RATES_FROM_MARCH)
    for copy in (CONSULTING, newer, RATES, RATES_FROM_MARCH, replace(RATES, currency="GBP")):
        assert reference.evolve(known, copy) == known


def test_a_role_may_have_no_cost_rate() -> None:
    assert reference.cost_rate_of(RATES, "architect") is None
    assert reference.cost_rate_of(RATES, "intern") is None
    assert str(reference.cost_rate_of(RATES_FROM_MARCH, "senior")) == "90.10"
