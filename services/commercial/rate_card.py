"""A rate card: what an hour of each role costs the customer, in versions that the work date chooses from."""

from collections.abc import Sequence
from typing import assert_never

from contracts.commercial import PublishRateCard, RateCardPublished, RateCardRefused
from contracts.message import Record, name_of
from contracts.money import LARGEST, exact
from contracts.order import RoleRate
from services.commercial.currency import is_currency

Heard = PublishRateCard
Said = RateCardPublished | RateCardRefused

RATE_DECIMALS = 6
"""A rate is finer than the minor unit, but not arbitrarily so (EN 16931 BT-146 sets no limit; domain 2.0 does)."""


class RateCard(Record):
    latest: RateCardPublished | None = None


initial = RateCard()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: RateCard, message: Heard) -> Sequence[Said]:
    asked, latest = publication(message), state.latest
    following = latest.version + 1 if latest else 1
    roles = [rate.role for rate in message.rates]
    match message:
        case PublishRateCard() if asked == latest:
            return []  # published twice with the same data
        case PublishRateCard() if message.version != following:
            return [refuse(message, "VERSION", f"the next version is {following}, not {message.version}")]
        case PublishRateCard() if not is_currency(message.currency):
            return [refuse(message, "CURRENCY", f"{message.currency} is not a currency of ISO 4217")]
        case PublishRateCard() if latest and message.currency != latest.currency:
            return [refuse(message, "CURRENCY", f"the card is in {latest.currency}: another currency is another card")]
        case PublishRateCard() if latest and message.effective_from <= latest.effective_from:
            return [refuse(message, "EFFECTIVE_FROM", f"version {latest.version} holds from {latest.effective_from}")]
        case PublishRateCard() if len(set(roles)) < len(roles):
            return [refuse(message, "DUPLICATE_ROLE", "a role stands once in a rate card")]
        case PublishRateCard() if not all(is_rate(rate) for rate in message.rates):
            return [refuse(message, "RATE", f"a rate is from 0 to {LARGEST} and has at most {RATE_DECIMALS} decimals")]
        case PublishRateCard():
            return [asked]
        case _:
            assert_never(message)


def evolve(state: RateCard, event: Said) -> RateCard:
    match event:
        case RateCardPublished():
            return RateCard(latest=event)
        case RateCardRefused():
            return state
        case _:
            assert_never(event)


def is_rate(rate: RoleRate) -> bool:
    texts = [rate.bill_rate] if rate.cost_rate is None else [rate.bill_rate, rate.cost_rate]
    return all(0 <= exact(text) <= LARGEST and len(text.partition(".")[2]) <= RATE_DECIMALS for text in texts)


def publication(message: PublishRateCard) -> RateCardPublished:
    return RateCardPublished(
        rate_card=message.key,
        version=message.version,
        currency=message.currency,
        effective_from=message.effective_from,
        rates=message.rates,
    )


def refuse(message: PublishRateCard, reason: str, detail: str) -> RateCardRefused:
    return RateCardRefused(
        rate_card=message.key,
        version=message.version,
        request=name_of(PublishRateCard),
        reason=reason,
        detail=detail,
    )
