"""One actor hears one message: what it says, with names, ids and bytes, and the state it is in afterwards."""

import traceback
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from msgspec import Struct

from contracts import wire
from contracts.message import Command, Context, Event, Message, Wake, is_identifier, name_of
from shared.decider import Wired
from shared.log import Saying
from shared.store import ActorRef, ActorRow

MAX_SAID = 900
"""Messages that one decision may say: so that they and the cursors fit in one atomic batch."""


_LONGEST = 1000
"""Characters kept of what a bug says of itself."""
_DEEPEST = 4000
"""Characters kept of a traceback: its innermost end."""


class Undecidable(Exception):
    """Deciding failed, which is a bug in the actor; the text says where and how, `traceback` by which calls."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        self.traceback = traceback


class Entry(Struct, gc=False):  # many are held, and none is part of a cycle
    """An actor as its owner holds it. `sequence` is that of its last event, 0 until it is on the log."""

    state: Any
    wake: datetime | None
    opener: str | None
    sequence: int

    def row(self, state: bytes) -> ActorRow:
        """What is kept of it; `state` is its own as bytes."""
        return ActorRow(state, self.wake, self.opener, self.sequence)


class Decision(NamedTuple):
    """What an actor says to one message; `events` are the places of its own events in `sayings`."""

    sayings: list[Saying]
    events: list[int]
    entry: Entry
    state: bytes
    """Of the entry, as it is kept; empty when nothing of it has changed."""


def fresh(actor: Wired) -> Entry:
    """An actor that has said nothing yet."""
    return Entry(actor.module.initial, None, None, 0)


def read(actor: Wired, row: ActorRow) -> Entry:
    return Entry(actor.codec.decode(row.state), row.wake, row.opener, row.sequence)


def id_of(actor: Wired, message: Message) -> str | None:
    """The actor of the entity that the message concerns, None when it concerns none. Undecidable when that fails."""
    try:
        found = actor.module.actor_id(message)
        if found is not None and not is_identifier(found):
            raise ValueError(f"{found!r} is not 1 to 64 letters, digits, _ or -")
    except Exception as problem:
        raise _undecidable("actor_id", problem) from problem
    return found


def wake_id(tick: str, source: str, instant: datetime) -> str:
    """The id of the wake that a tick brings to an actor."""
    return wire.derive(tick, source, instant.isoformat())


def woken(tick: Message, service: str, ref: ActorRef, entry: Entry, instant: datetime) -> Wake:
    """What an actor hears when the instant it asked for has come."""
    source = ref.source(service)
    return Wake().heard(
        Context(
            id=wake_id(tick.context.id, source, instant),
            source=tick.context.source,
            key=ref.key,
            at=instant,
            correlation=entry.opener or tick.context.correlation,
            cause=tick.context.id,
            sequence=tick.context.sequence,
        )
    )


def decide(actor: Wired, ref: ActorRef, partition: int, entry: Entry, message: Message, reference: Any) -> Decision:
    """What the actor says to `message`. Undecidable for any raise, and for what could not be said or folded again."""
    stage = "decide"
    try:
        said = _said(actor, entry.state, message, reference)
        sayings: list[Saying] = []
        events: list[int] = []
        state, opener, kept = entry.state, entry.opener, b""
        for n, item in enumerate(said):
            stage = f"saying {type(item).__name__}"
            context = _context(actor, ref, opener, message, item, n)
            data = wire.encode(item)
            # Constructors do not validate: what is said is checked as strictly as what is heard.
            heard = wire.decode(type(item), data)
            body = wire.envelope(item, context, data)
            if len(body) > wire.MAX_BODY:
                raise ValueError(f"the message has {len(body)} bytes, more than the {wire.MAX_BODY} that are allowed")
            if isinstance(heard, Event):
                stage = f"evolve on {type(item).__name__}"
                heard.__dict__["context"] = context
                state = actor.module.evolve(state, heard)
                stage = "the new state"
                state, kept = actor.codec.settled(state)
                opener = opener or opened(actor, state, context.correlation)
                events.append(n)
            sayings.append(Saying(partition, wire.subject(type(item), context.key), body))
        stage = "wakes"
        wake = actor.wake_of(state)
        if isinstance(message, Wake) and wake is not None and wake <= message.at:
            raise ValueError(
                f"woken at {message.at.isoformat()}, the actor still wants to be woken at {wake.isoformat()}"
            )
    except Exception as problem:
        raise _undecidable(stage, problem) from problem
    return Decision(sayings, events, Entry(state, wake, opener, entry.sequence), kept)


def _said(actor: Wired, state: Any, message: Message, reference: Any) -> Sequence[Message]:
    said = (
        actor.module.decide(state, message, reference) if actor.wants_reference else actor.module.decide(state, message)
    )
    if len(said) > MAX_SAID:
        raise ValueError(f"the actor says {len(said)} messages at once: continue by a command to itself")
    for item in said:
        if type(item) not in actor.says:
            raise TypeError(f"the actor says {type(item).__name__}, which its signature does not name")
    return said


def _context(actor: Wired, ref: ActorRef, opener: str | None, message: Message, item: Message, n: int) -> Context:
    """The envelope of the n-th message said: everything in it comes from the envelope of what was heard.

    A message may have a field of its own named `at` or `id`: it is not what is meant here.
    """
    heard, address = message.context, item.address
    key = ref.key if address.key is None else address.key
    if key != ref.key:
        _check_key(item, key)
    source = ref.source(actor.service)
    said_id = wire.derive(heard.id, source, n)
    correlation = address.journey or opener or heard.correlation
    is_wake = isinstance(message, Wake)
    return Context(
        id=said_id,
        source=source,
        key=key,
        at=heard.at,
        correlation=correlation,
        cause=heard.cause if is_wake else heard.id,
        traceparent=wire.trace(None if is_wake else heard.traceparent, correlation, said_id),
    )


def _check_key(item: Message, key: str) -> None:
    """Whether a message may be addressed to another key than its actor's. ValueError."""
    if not isinstance(item, Command):
        raise ValueError(f"{name_of(type(item))} is addressed to {key}: an event carries its own actor's key")
    if not is_identifier(key):
        raise ValueError(f"{name_of(type(item))} is addressed to {key!r}, which is not a key")


def opened(actor: Wired, state: Any, correlation: str) -> str | None:
    """The chain an actor belongs to from now on: that of the first event that made something of it.

    What it says before, such as a refusal because it does not exist, binds it to nothing.
    """
    return correlation if state != actor.module.initial else None


def number_of(context: Context, first: int = 0) -> int | None:
    """Which of the messages that its source said in answer to its cause a message is; None when it is none of them.

    The number `first` is tried first: there are as many to try as a decision may say messages, for a cause that was
    heard and for a tick that woke the actor.
    """
    cause, source, at, found = context.cause, context.source, context.at, context.id
    if cause is None:
        return None
    if wire.derive(cause, source, first) == found:
        return first
    causes = (cause, wake_id(cause, source, at))
    tried = chain(range(first, MAX_SAID), range(first))
    return next((n for n in tried if any(wire.derive(one, source, n) == found for one in causes)), None)


def is_own(context: Context, source: str) -> bool:
    """Whether a message that names `source` was said by it: its id is one that the actor would have given."""
    return context.source == source and number_of(context) is not None


def _undecidable(stage: str, problem: Exception) -> Undecidable:
    """Both texts will be said, so they are UTF-8 and of bounded length; no value of a variable is in them."""
    reason = _sayable(f"{stage} raised {type(problem).__name__}: {problem}")
    calls = _sayable("".join(traceback.format_exception(problem)))
    return Undecidable(
        reason if len(reason) <= _LONGEST else reason[:_LONGEST] + "…",
        calls if len(calls) <= _DEEPEST else "…" + calls[-_DEEPEST:],
    )


def _sayable(text: str) -> str:
    return text.encode(errors="replace").decode()


__all__ = [
    "MAX_SAID",
    "Decision",
    "Entry",
    "Undecidable",
    "decide",
    "fresh",
    "id_of",
    "number_of",
    "opened",
    "read",
    "woken",
]
