"""The counter of the newer version: its state has another shape, and it says how often it has counted."""

from collections.abc import Sequence

from contracts.message import Event, Record
from tests.runtime.tally.messages import Add, AskTotal, Total


class Added(Event, tag="tally.counter.added.v1"):
    """Counted: `total` so far, in so many `times`."""

    amount: int
    total: int
    times: int = 0


class Counter(Record):
    total: int = 0
    times: int = 0


initial = Counter()


def actor_id(message: Add | AskTotal) -> str:
    return message.key


def decide(state: Counter, message: Add) -> Sequence[Added]:
    return [Added(amount=message.amount, total=state.total + message.amount, times=state.times + 1)]


def evolve(state: Counter, event: Added) -> Counter:
    return Counter(total=event.total, times=state.times + 1)


def answer(state: Counter, question: AskTotal) -> Total:
    assert question.key
    return Total(total=state.total)
