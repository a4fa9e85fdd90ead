"""A rate: told to everybody, and agreed once every partition has passed it on."""

from collections.abc import Sequence

from contracts.message import Record
from tests.runtime.toys.messages import RateAgreed, RateAwaited, RateHeard, RateTold, SetRate


class Rate(Record):
    percent: int = 0
    heard: tuple[int, ...] = ()


initial = Rate()


def actor_id(message: SetRate | RateHeard) -> str:
    return "only" if isinstance(message, SetRate) else message.asker


def decide(state: Rate, message: SetRate | RateHeard) -> Sequence[RateTold | RateAwaited | RateAgreed]:
    match message:
        case SetRate():
            return [RateTold(percent=message.percent)]
        case RateHeard():
            heard = [RateAwaited(partition=message.partition)]
            complete = len({*state.heard, message.partition}) == message.partitions
            return [*heard, RateAgreed(percent=state.percent)] if complete else heard


def evolve(state: Rate, event: RateTold | RateAwaited | RateAgreed) -> Rate:
    match event:
        case RateTold():
            return Rate(percent=event.percent)
        case RateAwaited():
            return Rate(percent=state.percent, heard=(*state.heard, event.partition))
        case RateAgreed():
            return Rate(percent=state.percent)
