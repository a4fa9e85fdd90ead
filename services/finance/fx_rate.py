"""An exchange rate: what one unit of a currency buys of another, day after day; one direction, never turned round."""

from collections.abc import Sequence
from typing import assert_never

from contracts.finance import FxRatePublished, FxRateRefused, PublishFxRate
from contracts.message import Record, name_of
from contracts.money import exact, minor_units

Heard = PublishFxRate
Said = FxRatePublished | FxRateRefused


class FxRate(Record):
    latest: FxRatePublished | None = None


initial = FxRate()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: FxRate, message: Heard) -> Sequence[Said]:
    asked, latest = publication(message), state.latest
    match message:
        case PublishFxRate() if asked == latest:
            return []  # published twice with the same data
        case PublishFxRate() if message.key != f"{message.base}-{message.quote}":
            return [refuse(message, "KEY", f"the key of this rate is {message.base}-{message.quote}")]
        case PublishFxRate() if message.base == message.quote:
            return [refuse(message, "SAME_CURRENCY", "a currency buys one of itself")]
        case PublishFxRate() if not (is_money(message.base) and is_money(message.quote)):
            return [refuse(message, "CURRENCY", "both are currencies of ISO 4217")]
        case PublishFxRate() if exact(message.rate) <= 0:
            return [refuse(message, "NOT_POSITIVE", "a rate is above 0")]
        case PublishFxRate() if latest and message.on <= latest.on:
            return [refuse(message, "DAY", f"rates are published up to {latest.on} and are not changed afterwards")]
        case PublishFxRate():
            return [asked.about(message.correlation)]
        case _:
            assert_never(message)


def evolve(state: FxRate, event: Said) -> FxRate:
    match event:
        case FxRatePublished():
            return FxRate(latest=event)
        case FxRateRefused():
            return state
        case _:
            assert_never(event)


def is_money(currency: str) -> bool:
    """Whether an amount can be owed in `currency`: XAU looks like one and is not."""
    try:
        minor_units(currency)
    except ValueError:
        return False
    return True


def publication(message: PublishFxRate) -> FxRatePublished:
    return FxRatePublished(
        base=message.base, quote=message.quote, rate=message.rate, on=message.on, origin=message.origin
    )


def refuse(message: PublishFxRate, reason: str, detail: str) -> FxRateRefused:
    return FxRateRefused(
        base=message.base, quote=message.quote, request=name_of(PublishFxRate), reason=reason, detail=detail
    ).about(message.correlation)
