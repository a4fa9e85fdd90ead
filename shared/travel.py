"""An actor as it was: folded from what it had said by then."""

from datetime import datetime
from typing import Any, NamedTuple

from contracts import wire
from contracts.message import Event
from shared import deciding, folding
from shared.decider import Wiring
from shared.folding import Own, Recognition
from shared.log import Log
from shared.store import ActorRef


class Fact(NamedTuple):
    """An event that the actor said, by its place in the log."""

    sequence: int
    event: Event


class Then(NamedTuple):
    """The actor at that moment, and every fact that made it, in order."""

    state: Any
    wake: datetime | None
    opener: str | None
    facts: tuple[Fact, ...]


async def travel(wiring: Wiring, log: Log, ref: ActorRef, at: int | datetime) -> Then:
    """The actor after all that it had said up to a log sequence, or up to an instant. LookupError, RestoreFailed."""
    if ref.entity not in wiring.actors:
        raise LookupError(f"{wiring.service} has no entity {ref.entity}")
    actor = wiring.actors[ref.entity]
    entry, facts, recognition = deciding.fresh(actor), list[Fact](), Recognition(wiring, log.partitions)
    place = f"q2c.evt.{wiring.service}.{ref.entity}.*.*.{wire.partition(ref.key, log.partitions)}.{ref.key}"
    until = at if isinstance(at, int) else await log.last()
    async for batch in log.read([place], 0, until):
        for received in batch:
            own = recognition.of(received)
            if not isinstance(own, Own) or own.ref != ref or (isinstance(at, datetime) and own.event.at > at):
                continue
            folding.fold(own, entry, received.sequence)
            facts.append(Fact(received.sequence, own.event))
    return Then(entry.state, actor.wake_of(entry.state), entry.opener, tuple(facts))


__all__ = ["Fact", "Then", "travel"]
