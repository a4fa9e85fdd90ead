"""Rate cards: versions without a gap and with rising dates, one currency, each role once."""

from datetime import date

import pytest
from msgspec.structs import replace

from contracts.commercial import PublishRateCard, RateCardPublished, RateCardRefused
from contracts.order import RoleRate
from services.commercial import rate_card
from tests.story import at, given

RATES = (RoleRate(role="architect", bill_rate="180", cost_rate="93.333333"), RoleRate(role="engineer", bill_rate="0"))
PUBLISH = PublishRateCard(version=1, currency="EUR", effective_from=date(2026, 1, 1), rates=RATES)
PUBLISHED = RateCardPublished(
    rate_card="STANDARD", version=1, currency="EUR", effective_from=date(2026, 1, 1), rates=RATES
)
NEXT = replace(PUBLISH, version=2, effective_from=date(2026, 7, 1))


def heard(message: PublishRateCard) -> PublishRateCard:
    return at(message, key="STANDARD")


def rate(bill: str, cost: str | None = None) -> tuple[RoleRate]:
    return (RoleRate(role="architect", bill_rate=bill, cost_rate=cost),)


def test_a_rate_card_is_named_by_its_key() -> None:
    assert rate_card.actor_id(heard(PUBLISH)) == "STANDARD"


def test_the_first_version_is_published() -> None:
    given(rate_card).when(heard(PUBLISH)).then(PUBLISHED)


def test_publishing_the_same_version_twice_says_nothing() -> None:
    given(rate_card, PUBLISHED).when(heard(PUBLISH)).then_nothing()


def test_the_next_version_takes_effect_later() -> None:
    given(rate_card, PUBLISHED).when(heard(NEXT)).then(replace(PUBLISHED, version=2, effective_from=date(2026, 7, 1)))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (replace(NEXT, version=3), "VERSION"),
        (replace(PUBLISH, rates=rate("190")), "VERSION"),
        (replace(NEXT, currency="ZZZ"), "CURRENCY"),
        (replace(NEXT, currency="GBP"), "CURRENCY"),
        (replace(NEXT, effective_from=date(2026, 1, 1)), "EFFECTIVE_FROM"),
        (replace(NEXT, rates=rate("180") * 2), "DUPLICATE_ROLE"),
        (replace(NEXT, rates=rate("-1")), "RATE"),
        (replace(NEXT, rates=rate("180", "-0.5")), "RATE"),
        (replace(NEXT, rates=rate("180.1234567")), "RATE"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: PublishRateCard, reason: str) -> None:
    refused = given(rate_card, PUBLISHED).when(heard(wrong)).the(RateCardRefused)
    assert (refused.reason, refused.version, refused.rate_card) == (reason, wrong.version, "STANDARD")


def test_a_refused_version_may_be_published_corrected() -> None:
    given(rate_card).when(heard(replace(PUBLISH, currency="ZZZ")), heard(PUBLISH)).then(PUBLISHED)
