"""A counter: what is added to it, and a command to another key where it is to be passed on."""

from collections.abc import Sequence

import msgspec

from contracts.message import Record
from tests.runtime.toys.messages import Add, Added, Count, Counted, Repeat

TAGS = frozenset(f"tag{n}" for n in range(12))


class Counter(Record):
    total: int = 0
    seen: frozenset[str] = frozenset()
    by_amount: dict[str, int] = msgspec.field(default_factory=dict)


initial = Counter()


def actor_id(message: Add | Count) -> str:
    return message.counter


def decide(state: Counter, message: Add) -> Sequence[Added | Repeat]:
    total = state.total + message.amount
    passed_on = [Repeat(echo=message.counter).to(message.pass_on_to)] if message.pass_on_to else []
    return [*(Added(counter=message.counter, total=total, tags=TAGS) for _ in range(message.times)), *passed_on]


def evolve(state: Counter, event: Added) -> Counter:
    amounts = {**state.by_amount, str(event.total): len(state.by_amount)}
    return Counter(total=event.total, seen=event.tags, by_amount=dict(list(amounts.items())[-3:]))


def answer(state: Counter, question: Count) -> Counted:
    assert question.counter
    return Counted(total=state.total)
