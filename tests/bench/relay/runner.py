"""A runner takes step after step: each is a fact, which it hears itself and answers with the next."""

from collections.abc import Sequence
from typing import assert_never

from contracts.message import Record
from tests.bench.relay.messages import Run, Stepped

Heard = Run | Stepped
Said = Stepped


class Runner(Record):
    distance: int = 0
    payload: str = ""


initial = Runner()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: Runner, message: Heard) -> Sequence[Said]:
    match message:
        case Run(steps=left, payload=payload) | Stepped(left=left, payload=payload) if left > 0:
            return [Stepped(distance=state.distance + 1, left=left - 1, payload=payload[1:] + payload[:1])]
        case Run() | Stepped():
            return []  # the end of the way
        case _:
            assert_never(message)


def evolve(state: Runner, event: Said) -> Runner:
    return Runner(distance=state.distance + 1, payload=event.payload)
