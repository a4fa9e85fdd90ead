"""An exchange rate: positive, for its pair, published once for a day, days rising."""

from datetime import date

import pytest

from contracts.finance import FxRatePublished, FxRateRefused, PublishFxRate
from services.finance import fx_rate
from tests.story import Story, at, given


def publish(rate: str = "0.9", on: date = date(2026, 3, 2), base: str = "USD", quote: str = "EUR") -> PublishFxRate:
    return at(PublishFxRate(base=base, quote=quote, rate=rate, on=on, origin="ECB"), key=f"{base}-{quote}")


PUBLISHED = FxRatePublished(base="USD", quote="EUR", rate="0.9", on=date(2026, 3, 2), origin="ECB")


def reason(story: Story) -> str:
    return story.the(FxRateRefused).reason


def test_a_rate_is_published_for_a_day() -> None:
    given(fx_rate).when(publish()).then(PUBLISHED)


def test_the_same_rate_twice_is_published_once() -> None:
    given(fx_rate).when(publish(), publish()).then_nothing()


def test_the_next_day_has_its_own_rate() -> None:
    following = given(fx_rate, PUBLISHED).when(publish("0.91", date(2026, 3, 3)))
    assert following.the(FxRatePublished).rate == "0.91"


@pytest.mark.parametrize("on", [date(2026, 3, 2), date(2026, 3, 1)])
def test_a_day_that_is_published_is_not_changed_afterwards(on: date) -> None:
    assert reason(given(fx_rate, PUBLISHED).when(publish("0.95", on))) == "DAY"


@pytest.mark.parametrize("rate", ["0", "-0.9"])
def test_a_rate_is_above_zero(rate: str) -> None:
    assert reason(given(fx_rate).when(publish(rate))) == "NOT_POSITIVE"


def test_a_rate_stands_under_its_own_pair() -> None:
    assert reason(given(fx_rate).when(at(publish(), key="EUR-USD"))) == "KEY"


def test_a_currency_has_no_rate_with_itself() -> None:
    assert reason(given(fx_rate).when(publish(base="EUR"))) == "SAME_CURRENCY"


@pytest.mark.parametrize(("base", "quote"), [("XXX", "EUR"), ("USD", "ZZZ"), ("XAU", "EUR")])
def test_both_are_currencies_that_money_is_owed_in(base: str, quote: str) -> None:
    assert reason(given(fx_rate).when(publish(base=base, quote=quote))) == "CURRENCY"


def test_a_refusal_changes_nothing() -> None:
    given(fx_rate).when(publish("0"), publish()).then(PUBLISHED)


def test_a_pair_has_one_series_of_rates() -> None:
    assert fx_rate.actor_id(publish()) == "USD-EUR"
