"""An echo: counts how often it was told to repeat, and hears every addition for its own key."""

from collections.abc import Sequence

from contracts.message import Record
from tests.runtime.toys.messages import Added, Repeat, Repeated


class Echo(Record):
    times: int = 0


initial = Echo()


def actor_id(message: Repeat | Added) -> str | None:
    match message:
        case Repeat():
            return message.echo
        case Added():
            return "loud" if message.counter == "loud" else None


def decide(state: Echo, message: Repeat | Added) -> Sequence[Repeated]:
    return [Repeated(echo=actor_id(message) or "", times=state.times + 1)]


def evolve(state: Echo, event: Repeated) -> Echo:
    assert event.times == state.times + 1
    return Echo(times=event.times)
