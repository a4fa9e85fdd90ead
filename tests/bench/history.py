"""Long logs in little time: what notebooks have said, as their service would have said it."""

from collections.abc import Iterator

from contracts import wire
from contracts.message import Context
from tests.bench.loops import NOON
from tests.bench.relay.messages import Noted


def histories(actors: int, events: int, text: str) -> Iterator[tuple[str, bytes]]:
    """Subject and body of so many events of each of so many notebooks, page after page."""
    for page in range(1, events + 1):
        data = wire.encode(Noted(page=page, text=text))
        event = Noted(page=page, text=text)
        for number in range(actors):
            key = f"N{number}"
            source, cause = f"/relay/notebook/{key}/{key}", f"past-{page}-{number}"
            identity = wire.derive(cause, source, 0)
            context = Context(id=identity, source=source, key=key, at=NOON, correlation=cause, cause=cause)
            yield wire.subject(Noted, key), wire.envelope(event, context, data)
