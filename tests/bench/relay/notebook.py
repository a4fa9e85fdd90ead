"""A notebook writes down what it is told: one fact for each command."""

from collections.abc import Sequence

from contracts.message import Record
from tests.bench.relay.messages import Note, Noted

Heard = Note
Said = Noted


class Notebook(Record):
    pages: int = 0
    last: str = ""


initial = Notebook()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: Notebook, message: Heard) -> Sequence[Said]:
    return [Noted(page=state.pages + 1, text=message.text)]


def evolve(state: Notebook, event: Said) -> Notebook:
    return Notebook(pages=state.pages + 1, last=event.text)
