"""What has gone wrong in a mesh, read from the facts on the log: it is there also when a service is not."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from contracts import runtime, wire
from contracts.message import Event, name_of
from contracts.money import Money
from contracts.runtime import ActorParked, MessageRejected, PartitionPaused, PartitionResumed, ServicePaused
from contracts.wire import OUTSIDE, Received, Refused
from infra.client import Mesh
from shared import parking
from shared.parking import UNTRIED, Parking, Waits
from shared.store import ActorRef

_AT_ONCE = 64


class Actor(NamedTuple):
    """An actor's address, written `service/entity/key/id`."""

    service: str
    entity: str
    key: str
    id: str

    def __str__(self) -> str:
        return "/".join(self)


class Parked(NamedTuple):
    """An actor that met a bug, and all that waits for it, in order."""

    actor: Actor
    reason: str
    since: datetime
    traceback: str
    queue: Sequence[Waits]


class Stands(NamedTuple):
    """A service, or one of its partitions, that stands still before a message."""

    service: str
    partition: int | None
    sequence: int
    since: datetime
    reason: str


class Rejected(NamedTuple):
    """A message that services could not hear, by its place in the log."""

    sequence: int
    subject: str
    services: tuple[str, ...]
    reason: str
    at: datetime
    journey: str
    resubmitted: int | None
    """Where its corrected copy is."""


async def parked(mesh: Mesh, services: Iterable[str]) -> list[Parked]:
    """Every parked actor of some services."""
    found: list[Parked] = []
    for service in services:
        waiting, tracebacks = Parking(service), dict[tuple[ActorRef, int], str]()
        for fact in await _facts(mesh, service, parking.facts(service)):
            assert isinstance(fact, parking.Fact)
            waiting.apply(fact, fact.key, fact.at)
            if isinstance(fact, ActorParked):
                tracebacks[ActorRef(fact.entity, fact.key, fact.actor), fact.sequence] = fact.traceback
        for one in waiting.listing():
            ref = ActorRef(one.entity, one.key, one.actor)
            traceback = "" if one.reason == UNTRIED else tracebacks.get((ref, one.waiting[0].sequence), "")
            found.append(Parked(Actor(service, *ref), one.reason, one.since, traceback, waiting.queue(ref)))
    return found


async def standing(mesh: Mesh, services: Iterable[str]) -> list[Stands]:
    """What stands still, of some services."""
    found: list[Stands] = []
    for service in services:
        own = runtime.of(service)
        last: dict[int | None, Event] = {}
        for fact in await _facts(mesh, service, (own.paused, own.resumed, own.partition_paused, own.partition_resumed)):
            place = fact.partition if isinstance(fact, PartitionPaused | PartitionResumed) else None
            last[place] = fact
        found.extend(
            Stands(service, place, fact.sequence, fact.at, fact.reason)
            for place, fact in last.items()
            if isinstance(fact, ServicePaused | PartitionPaused)
        )
    return found


async def _facts(mesh: Mesh, service: str, types: Iterable[type[Event]]) -> list[Event]:
    """What the runtime of a service said of some types, in order."""
    filters = [f"q2c.evt.{name_of(item)}.*.*" for item in types]
    found: list[Event] = []
    async for received in mesh.read(filters, 0, await mesh.log.last()):
        fact = wire.hear(received, wire.catalogue()) if _is_own(service, received) else None
        if isinstance(fact, Event):
            found.append(fact)
    return found


def _is_own(service: str, received: Received) -> bool:
    """Whether the runtime of the service said it: anybody may put a fact under its name."""
    if not received.in_batch:
        return False
    try:
        context, data = wire.opened(received)
        return parking.is_own(service, wire.parse(received.subject).name, context, data)
    except Refused:
        return False


async def rejected(mesh: Mesh, services: Iterable[str]) -> list[Rejected]:
    """Every rejected message, in the order of the log."""
    found: dict[int, Rejected] = {}
    for service in services:
        for fact in await _facts(mesh, service, (runtime.of(service).rejected,)):
            assert isinstance(fact, MessageRejected)
            known = found.get(fact.sequence)
            by = (*(known.services if known else ()), service)
            found[fact.sequence] = Rejected(
                fact.sequence, fact.subject, by, fact.reason, fact.at, fact.correlation, None
            )
    if not found:
        return []
    copies = await _copies(mesh, min(found))
    return [one._replace(resubmitted=copies.get(place(sequence))) for sequence, one in sorted(found.items())]


def place(sequence: int) -> str:
    """How a message is named whose own id nobody could read."""
    return Received("", b"", sequence).id


class _Caused(msgspec.Struct):
    causationid: str | None = None
    source: str | None = None


async def _copies(mesh: Mesh, after: int) -> dict[str, int]:
    """Which commands from outside name a cause, and where the last one of each is."""
    decoder, found = msgspec.json.Decoder(_Caused), dict[str, int]()
    async for received in mesh.read(("q2c.cmd.>",), after, await mesh.log.last()):
        if b'"causationid"' in received.body:
            try:
                said = decoder.decode(received.body)
            except (ValueError, RecursionError):
                continue
            if said.causationid is not None and said.source == OUTSIDE:
                found[said.causationid] = received.sequence
    return found


async def messages(mesh: Mesh, sequences: Sequence[int]) -> list[Received]:
    """Messages by their places, those left out that are no longer on the log."""
    found: list[Received | None] = []
    for start in range(0, len(sequences), _AT_ONCE):
        some = sequences[start : start + _AT_ONCE]
        found.extend(await asyncio.gather(*(mesh.log.message(sequence) for sequence in some)))
    return [received for received in found if received is not None]


def at_risk(waiting: Iterable[Received]) -> tuple[Money, ...]:
    """What messages that wait are about, by currency: of each its largest amount, for the others are parts of it."""
    total: dict[str, Decimal] = {}
    for received in waiting:
        try:
            message = wire.hear(received, wire.catalogue())
        except Refused:
            continue
        largest: dict[str, Decimal] = {}
        for money in _money(message):
            largest[money.currency] = max(abs(money.value), largest.get(money.currency, Decimal(0)))
        for currency, value in largest.items():
            total[currency] = total.get(currency, Decimal(0)) + value
    return tuple(Money(f"{value:f}", currency) for currency, value in sorted(total.items()))


def _money(value: Any) -> Iterable[Money]:
    """Every amount anywhere in a message."""
    if isinstance(value, Money):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _money(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _money(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _money(inner)


__all__ = ["Actor", "Parked", "Rejected", "Stands", "at_risk", "messages", "parked", "place", "rejected", "standing"]
