"""What was said and what would be said: the same, word for word and address for address, or a difference."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from contracts import wire
from contracts.message import Message, name_of
from contracts.wire import Received, Refused


class Told(NamedTuple):
    """A message that was said, or would be. `message` is None where today's contracts cannot read it."""

    name: str
    key: str
    message: Message | None


class Difference(NamedTuple):
    """What one actor said to one message, and what it would say instead: only what is not the same."""

    sequence: int
    """Of the message that is heard."""
    heard: str
    at: datetime
    actor: str
    """Its address, `service/entity/key/id`; without an id where it cannot be told."""
    said: tuple[Told, ...]
    instead: tuple[Told, ...]
    problem: str | None
    """Why it would say nothing at all: it would be parked, or the message rejected."""


def told(received: Received, types: wire.Catalogue) -> Told:
    """A message without its place in the log."""
    place = wire.parse(received.subject)
    try:
        message = wire.hear(msgspec.structs.replace(received, sequence=0), types)
    except Refused:
        return Told(place.name, place.key, None)
    return Told(name_of(type(message)), place.key, message)


def same(was: Told | None, would: Told | None) -> bool:
    """Whether two are the same message with the same id, address, time, journey and cause."""
    if was is None or would is None or was.message is None or would.message is None:
        return False
    return (was.name, was.message, was.message.context) == (would.name, would.message, would.message.context)


def nothing_instead(received: Received, actor: str, said: tuple[Told, ...], problem: str | None) -> Difference:
    """What was said to a message that would reach nobody."""
    name = ".".join(received.subject.split(".")[2:6])
    return Difference(received.sequence, name, received.at, actor, said, (), problem)


__all__ = ["Difference", "Told", "nothing_instead", "same", "told"]
