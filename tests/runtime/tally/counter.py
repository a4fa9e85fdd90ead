"""A counter adds up what it is told; 13 is its bug."""

from collections.abc import Sequence
from typing import assert_never

from contracts.message import Record
from tests.runtime.tally.messages import Add, Added, AskTotal, Total

Heard = Add
Said = Added


class Counter(Record):
    total: int = 0


initial = Counter()


def actor_id(message: Heard | AskTotal) -> str:
    return message.key


def decide(state: Counter, message: Heard) -> Sequence[Said]:
    match message:
        case Add(amount=13):
            raise ArithmeticError("13 cannot be counted")
        case Add():
            return [Added(amount=message.amount, total=state.total + message.amount)]
        case _:
            assert_never(message)


def evolve(state: Counter, event: Said) -> Counter:
    return Counter(total=event.total if event.amount else state.total)


def answer(state: Counter, question: AskTotal) -> Total:
    if question.at_least < 0:
        raise ArithmeticError("a bug in answering")
    return Total(total=state.total)
