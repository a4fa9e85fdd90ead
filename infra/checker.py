"""The checker: proves from the log alone that every message had its effect exactly once, in order, and no other."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from contracts import runtime, wire
from contracts.message import Event, name_of
from contracts.runtime import (
    ActorParked,
    ActorWaiting,
    MessageRejected,
    PartitionPaused,
    PartitionResumed,
    ServicePaused,
    ServiceResumed,
)
from contracts.wire import Received
from infra.ideal import Ideal
from infra.words import FactKey, Owed, fact_key
from shared.decider import Wiring
from shared.log import Cursor

Law = Literal["lost", "twice", "without cause", "different", "out of order", "cursor", "batch"]
_NAMED = 20
"""Findings told of one partition at most: what follows from the first is of little use."""


class Finding(NamedTuple):
    """A law that the log breaks: at which sequence, and how."""

    law: Law
    sequence: int
    text: str


class _Envelope(Struct):
    """Whose word it is."""

    id: str = ""
    source: str = ""
    type: str = ""


class _Said(NamedTuple):
    """What a partition of a service has said, as it lies on the log."""

    sequence: int
    subject: str
    body: bytes
    id: str


Lane = tuple[str, int]
"""A service and one of its partitions."""

_STANDING = (ServicePaused, ServiceResumed, PartitionPaused, PartitionResumed)
"""When a service stands still is its own judgement: that it says so brings nothing about."""
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_CURSOR = msgspec.json.Decoder(Cursor)
_BATCH, _PLACE = "Nats-Batch-Id", "Nats-Batch-Sequence"


class _Read(Struct):
    """The log, sorted by whose word is what."""

    said: dict[Lane, list[_Said]] = msgspec.field(default_factory=lambda: defaultdict(list))
    facts: dict[FactKey, Event] = {}
    cursors: dict[Lane, list[tuple[int, Cursor]]] = msgspec.field(default_factory=lambda: defaultdict(list))
    findings: list[Finding] = []


def check(
    log: Sequence[Received], wirings: Iterable[Wiring], partitions: int, *, scenario: bool = False, quiet: bool = True
) -> list[Finding]:
    """What is wrong with a log, from its first message on, for the services of `wirings`; nothing when all is well.

    `log` holds everything under `q2c.>` in order: of the cursors, those that are left. `quiet`: everything on it has
    been heard; otherwise what lies behind a cursor may still be owed. `scenario`: bare JSON takes the last tick's time.
    """
    wired = {wiring.service: wiring for wiring in wirings}
    read = _sorted(log, wired, partitions)
    ideals = [Ideal(wiring, partitions, read.facts, scenario=scenario) for wiring in wired.values()]
    for received in log:
        if not received.subject.startswith("q2c.sys."):
            for ideal in ideals:
                ideal.hear(received)
    found = [*read.findings, *_batches(log), *_cursors(read.cursors)]
    for ideal in ideals:
        for lane in ideal.lanes:
            place = (ideal.wiring.service, lane.partition)
            found.extend(_compared(place, lane.owed, read.said[place], read.cursors[place], quiet=quiet)[:_NAMED])
    return sorted(found, key=lambda finding: finding.sequence)


# --- whose word is what ---------------------------------------------------------------------------------------------


def _sorted(log: Sequence[Received], wired: Mapping[str, Wiring], partitions: int) -> _Read:
    read = _Read()
    for received in log:
        tokens = received.subject.split(".")
        if received.subject.startswith("q2c.sys.cursor."):
            if len(tokens) == 5 and tokens[3] in wired and tokens[4].isdigit():
                with suppress(ValueError, RecursionError):  # what anybody else has put there is no cursor
                    cursor = _CURSOR.decode(received.body)
                    read.cursors[tokens[3], int(tokens[4])].append((received.sequence, cursor))
        elif _BATCH in received.headers:
            _note_said(read, received, wired, partitions)
        elif _is_fact(tokens, wired) and ".".join(tokens[2:6]) not in _of_tasks(tokens[2]):
            text = f"{received.subject} is not {tokens[2]}'s word: it was put on the log by hand"
            read.findings.append(Finding("without cause", received.sequence, text))
    return read


def _is_fact(tokens: Sequence[str], wired: Mapping[str, Wiring]) -> bool:
    return len(tokens) == 8 and tokens[1] == "evt" and tokens[2] in wired


@cache
def _of_tasks(service: str) -> frozenset[str]:
    """What is said by tasks beside the loop: time, and whether the outside answers."""
    own = runtime.of(service)
    return frozenset((runtime.TICK, name_of(own.effect_paused), name_of(own.effect_resumed)))


def _note_said(read: _Read, received: Received, wired: Mapping[str, Wiring], partitions: int) -> None:
    try:
        envelope = _ENVELOPE.decode(received.body)
    except msgspec.MsgspecError:
        envelope = _Envelope()
    _, service, entity, *place = [*envelope.source.split("/"), "", ""]
    wiring = wired.get(service)
    if wiring is not None and entity in wiring.actors and len(place) == 4:
        partition: int | None = wire.partition(place[0], partitions)
    elif wiring is not None and entity == "runtime":
        partition = _of_runtime(read, received, wiring)
    else:
        if _is_fact(received.subject.split("."), wired):
            text = f"{received.subject} names {envelope.source or 'nobody'} as its source"
            read.findings.append(Finding("without cause", received.sequence, text))
        return
    if partition is not None:
        said = _Said(received.sequence, received.subject, received.body, envelope.id)
        read.said[service, partition].append(said)


def _of_runtime(read: _Read, received: Received, wiring: Wiring) -> int | None:
    """The partition that a word of the runtime is about, if it is owed; what it says of what waits is kept."""
    try:
        message = wire.hear(received, wiring.types)
    except wire.Refused:
        return -1
    if isinstance(message, MessageRejected | ActorParked | ActorWaiting):
        read.facts.setdefault(fact_key(message), message)
    if isinstance(message, _STANDING):
        return None
    if isinstance(message, runtime.Done):
        return message.partition
    return int(received.subject.split(".")[6])


# --- the laws -------------------------------------------------------------------------------------------------------


def _batches(log: Sequence[Received]) -> Iterator[Finding]:
    """A batch is whole and in one piece; of its cursors, which come last, only the latest are left."""
    begins: dict[str, int] = {}
    for received in log:
        batch = received.headers.get(_BATCH)
        if batch is None:
            continue
        begin = received.sequence - int(received.headers[_PLACE])
        if begins.setdefault(batch, begin) != begin:
            yield Finding("batch", received.sequence, f"batch {batch} is not in one piece")


def _cursors(cursors: Mapping[Lane, Sequence[tuple[int, Cursor]]]) -> Iterator[Finding]:
    """Epochs rise with every claim, one owner each; what has been heard stays heard, and comes before the cursor."""
    for (service, partition), kept in cursors.items():
        for sequence, cursor in kept:
            if cursor.input >= sequence:
                yield Finding("cursor", sequence, f"{service} {partition} has heard {cursor.input} before it was said")
        for (_, before), (sequence, cursor) in pairwise(kept):
            if cursor.epoch < before.epoch or (cursor.epoch == before.epoch and cursor.owner != before.owner):
                yield Finding("cursor", sequence, f"{service} {partition}: epoch {cursor.epoch} is not its owner's")
            if cursor.input < before.input:
                yield Finding("cursor", sequence, f"{service} {partition}: {before.input} is unheard at {cursor.input}")


def _compared(
    place: Lane, owed: Sequence[Owed], said: Sequence[_Said], cursors: Sequence[tuple[int, Cursor]], *, quiet: bool
) -> list[Finding]:
    """What a partition ought to have said against what it has said: everything once, in order, and nothing else."""
    service, partition = place
    recorded, cursor = cursors[-1] if cursors else (0, None)
    found = [
        Finding("cursor", one.sequence, f"{service} {partition} says {one.subject} behind its last cursor")
        for one in said
        if cursor is not None and one.sequence > recorded
    ]
    if cursor is not None:
        within = cursor.within.sequence if cursor.within else 0
        kept = {(one.subject, one.body) for one in said}
        found.extend(
            Finding("cursor", one.sequence, f"{service} {partition} has not heard it, and yet: {one.why}")
            for one in owed
            if cursor.input < one.sequence != within and (one.subject, one.body) in kept
        )
    if not quiet:
        input_ = 0 if cursor is None else cursor.input
        optional = [one for one in owed if one.sequence > input_]
        answered = len(said) - (len(owed) - len(optional))
        owed = owed[: len(owed) - len(optional) + max(0, min(answered, len(optional)))]
    if [(one.subject, one.body) for one in owed] == [(one.subject, one.body) for one in said]:
        return found
    return [*found, *_lost(owed, said), *_superfluous(owed, said), *_disordered(owed, said)]


def _lost(owed: Sequence[Owed], said: Sequence[_Said]) -> Iterator[Finding]:
    left = Counter((one.subject, one.body) for one in said)
    for one in owed:
        if one.body is None or not left[one.subject, one.body]:
            yield Finding("lost", one.sequence, one.why)
        else:
            left[one.subject, one.body] -= 1


def _superfluous(owed: Sequence[Owed], said: Sequence[_Said]) -> Iterator[Finding]:
    left = Counter((one.subject, one.body) for one in owed if one.body is not None)
    ever = frozenset(left)
    ids = {_ENVELOPE.decode(one.body).id for one in owed if one.body is not None}
    for one in said:
        place = (one.subject, one.body)
        if left[place]:
            left[place] -= 1
        elif place in ever:
            yield Finding("twice", one.sequence, f"{one.subject} is said once more")
        elif one.id in ids:
            yield Finding("different", one.sequence, f"{one.subject} says something else than it ought to")
        else:
            yield Finding("without cause", one.sequence, f"{one.subject}: nothing on the log brings it about")


def _disordered(owed: Sequence[Owed], said: Sequence[_Said]) -> Iterator[Finding]:
    """Of what was owed and was said, the first that does not stand where it ought to."""
    there = Counter((one.subject, one.body) for one in said)
    due = Counter((one.subject, one.body) for one in owed if one.body is not None)
    common = there & due
    ought = list(_first(((one.subject, one.body or b"") for one in owed), Counter(common)))
    has = list(_first(((one.subject, one.body) for one in said), Counter(common)))
    places = {(one.subject, one.body): one.sequence for one in reversed(said)}
    for should, does in zip(ought, has, strict=False):
        if should != does:
            text = f"{does[0]} is said before {should[0]} at {places[should]}, which was brought about earlier"
            yield Finding("out of order", places[does], text)
            return


def _first(items: Iterable[tuple[str, bytes]], counts: Counter[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for item in items:
        if counts[item]:
            counts[item] -= 1
            yield item


__all__ = ["Finding", "Law", "check"]
