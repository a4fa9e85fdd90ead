"""A glass: breaks when touched roughly, until it is mended."""

from collections.abc import Sequence

from contracts.message import Record
from tests.runtime.toys.messages import Touch, Touched


class Glass(Record):
    touched: tuple[str, ...] = ()


initial = Glass()
rough = {"rough"}
"""A test mends the glass by emptying this: it stands for code that is fixed."""


def actor_id(message: Touch) -> str:
    if message.text == "nowhere" and rough:
        raise LookupError("which glass?")
    return message.glass


def decide(state: Glass, message: Touch) -> Sequence[Touched]:
    if message.text in rough:
        raise RuntimeError(f"{message.text} after {len(state.touched)}")
    return [Touched(glass=message.glass, text=message.text)]


def evolve(state: Glass, event: Touched) -> Glass:
    return Glass(touched=(*state.touched, event.text))
