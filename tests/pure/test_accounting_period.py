"""An accounting period: closed once it is over, where the legal entity is, and never opened again."""

from datetime import UTC, datetime

import pytest

from contracts.finance import AccountingPeriodClosed, AccountingPeriodRefused, CloseAccountingPeriod
from services.finance import accounting_period
from tests.pure.finance_orders import DE01, utc
from tests.story import Story, at, given

MARCH = AccountingPeriodClosed(legal_entity="DE01", period="2026-03", closed_by="K. Braun")


def close(period: str, on: datetime = datetime(2026, 5, 4, tzinfo=UTC)) -> CloseAccountingPeriod:
    return at(CloseAccountingPeriod(period=period, closed_by="K. Braun"), on, key="DE01")


def known(*said: AccountingPeriodClosed) -> Story:
    return given(accounting_period, *said).knowing(DE01)


def reason(story: Story) -> str:
    return story.the(AccountingPeriodRefused).reason


def test_a_month_that_is_over_is_closed() -> None:
    known().when(close("2026-03")).then(MARCH)


def test_closing_a_month_closes_those_before_it() -> None:
    assert known(MARCH).when(close("2026-04")).the(AccountingPeriodClosed).period == "2026-04"
    assert reason(known(MARCH).when(close("2026-02"))) == "ALREADY_CLOSED"


def test_the_same_month_twice_is_closed_once() -> None:
    known().when(close("2026-03"), close("2026-03")).then_nothing()


@pytest.mark.parametrize(
    ("on", "over"), [(utc(2026, 3, 31, 21), False), (utc(2026, 3, 31, 22), True), (utc(2026, 4, 1), True)]
)
def test_a_month_is_over_at_midnight_where_the_legal_entity_is(on: datetime, over: bool) -> None:
    closing = known().when(close("2026-03", on))
    assert closing.said == (MARCH,) if over else reason(closing) == "NOT_OVER"


def test_an_unknown_legal_entity_has_no_books() -> None:
    story = given(accounting_period).knowing().when(close("2026-03"))
    assert reason(story) == "UNKNOWN_LEGAL_ENTITY"


def test_a_refusal_changes_nothing() -> None:
    known().when(close("2026-12"), close("2026-03")).then(MARCH)


def test_a_legal_entity_has_one_set_of_books() -> None:
    assert accounting_period.actor_id(close("2026-03")) == "DE01"
