"""Every actor of a service in memory, as the log's own facts make it: about a kilobyte each."""

from collections.abc import Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush

from contracts.wire import Received
from shared import deciding, folding
from shared.decider import Wired, Wiring
from shared.deciding import Entry
from shared.folding import Own, Recognition
from shared.parking import Fact, Parking
from shared.store import ActorRef


class Memory:
    """States, wakes and what waits for parked actors, all of it folded and none of it decided."""

    def __init__(self, wiring: Wiring, partitions: int) -> None:
        self.parking = Parking(wiring.service)
        self._own = Recognition(wiring, partitions)
        self._entries: dict[ActorRef, Entry] = {}
        self._actors: dict[tuple[int, str], set[ActorRef]] = {}
        self._wakes: dict[int, list[tuple[datetime, ActorRef]]] = {}

    def entry(self, actor: Wired, ref: ActorRef) -> Entry:
        return self._entries.get(ref) or deciding.fresh(actor)

    def actors(self, partition: int, entity: str) -> Iterable[ActorRef]:
        """Every existing actor of an entity, in no order."""
        return self._actors.get((partition, entity), ())

    def fold(self, partition: int, said: Iterable[Received]) -> None:
        """What the actors of a partition have said. RestoreFailed."""
        for received in said:
            own = self._read(received)
            if not isinstance(own, Own):
                continue
            entry = self._entries.get(own.ref)
            if entry is None:
                entry = self._entries[own.ref] = deciding.fresh(own.actor)
                self._actors.setdefault((partition, own.ref.entity), set()).add(own.ref)
            folding.fold(own, entry, received.sequence)
            entry.wake = own.actor.wake_of(entry.state)
            self.wake_later(partition, own.ref)

    def apply(self, received: Received) -> None:
        """What the runtime has said about what waits."""
        if (fact := self.fact(received)) is not None:
            self.parking.apply(fact, fact.key, fact.at)

    def fact(self, received: Received) -> Fact | None:
        found = self._read(received)
        return None if isinstance(found, Own) else found

    def _read(self, received: Received) -> Own | Fact | None:
        return self._own.of(received) if received.subject.startswith("q2c.evt.") else None

    def due(self, partition: int, until: datetime) -> list[tuple[datetime, ActorRef]]:
        """A heap of those who want to be woken by `until`, taken out of those who wait for their time."""
        waiting, due = self._wakes.get(partition, []), set[tuple[datetime, ActorRef]]()
        while waiting and waiting[0][0] <= until:
            instant, ref = heappop(waiting)
            if self._entries[ref].wake == instant:
                due.add((instant, ref))
        found = list(due)
        heapify(found)
        return found

    def wake_later(self, partition: int, ref: ActorRef) -> None:
        """It waits for its time, or for the next tick if that has come."""
        wake = self._entries[ref].wake
        if wake is not None:
            heappush(self._wakes.setdefault(partition, []), (wake, ref))


__all__ = ["Memory"]
