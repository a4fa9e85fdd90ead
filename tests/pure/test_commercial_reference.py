"""The reference: what each actor of the commercial service knows, and on which day it is."""

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from services.commercial import reference
from services.commercial.reference import Reference, day_of, end_of, rate_card_on
from tests.pure.commercial_firm import DE01, POLICY, RATES


def knowing(*events: reference.Heard) -> Reference:
    known = reference.initial
    for event in events:
        known = reference.evolve(known, event)
    return known


def test_the_day_is_the_one_where_the_legal_entity_is() -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    assert day_of(knowing(DE01), "DE01", late) == date(2026, 4, 1)


def test_an_unknown_legal_entity_has_no_zone_but_utc() -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    assert day_of(knowing(), "DE01", late) == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        ("Europe/Berlin", date(2026, 3, 31), datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("Pacific/Pago_Pago", date(2026, 3, 31), datetime(2026, 4, 1, 11, tzinfo=UTC)),
        ("Pacific/Kiritimati", date(2026, 3, 31), datetime(2026, 3, 31, 10, tzinfo=UTC)),
        # In Cairo the clock goes from 24:00 on 23 April to 1:00: the new day starts at 1:00.
        ("Africa/Cairo", date(2026, 4, 23), datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_where_the_legal_entity_is(zone: str, day: date, end: datetime) -> None:
    assert end_of(knowing(replace(DE01, time_zone=zone)), "DE01", day) == end


def test_the_policy_is_the_one_published_last() -> None:
    assert knowing(POLICY, replace(POLICY, version=2)).policies["DE01"].version == 2


def test_the_rate_card_is_the_version_in_force_on_the_day() -> None:
    known = knowing(RATES, replace(RATES, version=2, effective_from=date(2026, 7, 1)))
    versions = [
        rate_card_on(known, "STANDARD", day) for day in (date(2025, 12, 31), date(2026, 6, 30), date(2026, 7, 1))
    ]
    assert [card and card.version for card in versions] == [None, 1, 2]


def test_an_unknown_rate_card_has_no_version() -> None:
    assert rate_card_on(knowing(), "STANDARD", date(2026, 7, 1)) is None


def test_a_broadcast_heard_twice_is_known_once() -> None:
    assert knowing(DE01, POLICY, RATES, RATES, POLICY, DE01) == knowing(DE01, POLICY, RATES)
