"""A price: set with the rate that everybody knows, and set again whenever the rate changes."""

from collections.abc import Sequence

from contracts.message import Record
from tests.runtime.toys.messages import Priced, RateTold, SetPrice
from tests.runtime.toys.reference import Reference


class Price(Record):
    amount: int = 0
    rate: int = 0


initial = Price()


def actor_id(message: SetPrice | RateTold) -> str | None:
    return message.price if isinstance(message, SetPrice) else None


def decide(state: Price, message: SetPrice | RateTold, reference: Reference) -> Sequence[Priced]:
    amount = message.amount if isinstance(message, SetPrice) else state.amount
    return [Priced(price="p", amount=amount, with_rate=reference.percent)]


def evolve(state: Price, event: Priced) -> Price:
    assert state.amount in (0, event.amount)
    return Price(amount=event.amount, rate=event.with_rate)
