"""What an actor answers to a message, as it has to lie on the log, and the state that it is in afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from contracts import wire
from contracts.message import Context, Event, Message, Wake, name_of
from contracts.runtime import ActorParked, ActorWaiting, EditMessage, MessageRejected
from shared.decider import Wired
from shared.store import ActorRef


class Owed(NamedTuple):
    """One thing that a partition of a service has to say, because of the message at `sequence`."""

    sequence: int
    subject: str
    body: bytes | None
    """None for a fact whose wording is the service's own, where the log has no such fact."""
    why: str


FactKey = tuple[str, int, ActorRef | None, datetime | None, str]
Facts = Mapping[FactKey, Event]
"""What the log says was rejected or waits, by `fact_key`: the reasons are the service's own, and code is mended."""


def fact_key(fact: MessageRejected | ActorParked | ActorWaiting) -> FactKey:
    """Who says that which message cannot be heard, by whom, and what brought it to say so."""
    service, cause = name_of(type(fact)).split(".", maxsplit=1)[0], fact.context.cause or ""
    if isinstance(fact, MessageRejected):
        return (service, fact.sequence, None, None, cause)
    return (service, fact.sequence, ActorRef(fact.entity, fact.context.key, fact.actor), fact.wake, cause)


class Actor(Struct):
    """An actor after all that it has heard."""

    state: Any
    wake: datetime | None = None
    opener: str | None = None


class Waits(NamedTuple):
    """A message that waits for a parked actor; the tick, for a wake."""

    message: Message
    wake: datetime | None

    @property
    def place(self) -> tuple[int, bool, datetime | None]:
        """What waits is heard in the order of the log, a wake after a message."""
        return (self.message.context.sequence, self.wake is not None, self.wake)


def edited(original: Message, command: EditMessage) -> Message:
    """The message with other data, in its own place and time; what is said to it names the command as its cause."""
    context = msgspec.structs.replace(original.context, id=command.context.id, cause=original.context.id)
    return wire.decode(type(original), wire.encode(command.data)).heard(context)


def envelope(said_id: str, source: str, key: str, cause: Context, correlation: str | None = None) -> Context:
    """What an answer to `cause` carries: everything in it comes from what was heard."""
    journey = correlation or cause.correlation
    return Context(
        id=said_id,
        source=source,
        key=key,
        at=cause.at,
        correlation=journey,
        cause=cause.id,
        traceparent=wire.trace(cause.traceparent, journey, said_id),
    )


def answers(
    wired: Wired, ref: ActorRef, actor: Actor | None, message: Message, reference: Any
) -> tuple[list[tuple[Message, Context]], Actor | None]:
    """Everything said, and the actor afterwards; None if no event has changed it. Raises what its module raises."""
    module, source = wired.module, ref.source(wired.service)
    state, opener = (module.initial, None) if actor is None else (actor.state, actor.opener)
    known = (reference,) if wired.wants_reference else ()
    said: list[tuple[Message, Context]] = []
    for n, item in enumerate(module.decide(state, message, *known)):
        heard, journey = message.context, item.address.journey or opener or message.context.correlation
        said_id = wire.derive(heard.id, source, n)
        context = envelope(said_id, source, item.address.key or ref.key, heard, journey)
        if isinstance(message, Wake):
            trace = wire.trace(None, journey, said_id)
            context = msgspec.structs.replace(context, cause=heard.cause, traceparent=trace)
        event = wire.decode(type(item), wire.encode(item))
        if isinstance(event, Event):
            event.__dict__["context"] = context
            state = wired.codec.settle(module.evolve(state, event))
            opener = opener or (journey if state != module.initial else None)
        said.append((item, context))
    wake = wired.wake_of(state)
    if isinstance(message, Wake) and wake is not None and wake <= message.context.at:
        raise ValueError(f"it still wants to be woken at {wake.isoformat()}")
    changed = any(isinstance(item, Event) for item, _ in said)
    return said, Actor(state, wake, opener) if changed else None
