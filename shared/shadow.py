"""The code of today hears a service's log again and says nothing: where it would speak otherwise is what is told.

Every message is decided on the states that the log's own facts give up to there: one difference brings about no other.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from heapq import heappop, heappush
from itertools import zip_longest
from typing import Any, cast

import msgspec

from contracts import runtime, wire
from contracts.message import Broadcast, Message, Wake, name_of
from contracts.runtime import NO_ACTOR, ResumeService
from contracts.wire import Received, Refused
from shared import deciding
from shared.decider import Wiring
from shared.deciding import Undecidable
from shared.difference import Difference, nothing_instead, same, told
from shared.folding import RestoreFailed
from shared.hearing import Addressee, Ears, Hearing, Word, addressee
from shared.lanes import Lane, recorded_lane
from shared.log import Log
from shared.memory import Memory
from shared.past import Past, id_of
from shared.store import ActorRef

_EVERYTHING = "q2c.>"
"""One filter: see `folding.own_events`."""


class Shadow:
    """One service heard again, from the first message on; judged from `since` on, a log sequence or an instant.

    The states of all its actors are in memory: see `Memory`.
    """

    def __init__(
        self, wiring: Wiring, log: Log, *, since: int | datetime = 0, scenario: bool = False, sweeps: bool | None = None
    ) -> None:
        sweeping = wiring.service == runtime.CLOCK_SERVICE if sweeps is None else sweeps
        self.decided = 0
        """Times that an actor has heard a message and was judged."""
        self.skipped = 0
        """Times that a message was parked or rejected when it came."""
        self.until = 0
        """The log sequence up to which the service had heard."""
        self._wiring = wiring
        self._log = log
        self._since = since
        self._ears = Ears(wiring, log.partitions, sweeps=sweeping, scenario=scenario)
        self._memory = Memory(wiring, log.partitions)
        self._past = Past(wiring.service, log.partitions)
        self._lanes: dict[int, Lane] = {}
        self._found: list[Difference] = []

    @property
    def unaccounted(self) -> int:
        """How much the service has said, at the end, that answers no message heard: none, unless one is half heard."""
        return self._past.left

    async def differences(self) -> AsyncIterator[Difference]:
        """In the order of the log. RestoreFailed when the code of today cannot fold what was said."""
        heard: dict[int, int] = {}
        for partition in range(self._log.partitions):
            recorded = await self._log.cursor(self._wiring.service, partition)
            if recorded.cursor is not None:
                heard[partition] = recorded.cursor.input
                lane = recorded_lane(self._wiring, partition, recorded)
                self._lanes[partition] = msgspec.structs.replace(lane, input=0, within=None, tick=None)
        self.until = max(heard.values(), default=0)
        async for batch in self._log.read([_EVERYTHING], 0, await self._log.last()):
            self._past.keep(batch)
        async for batch in self._log.read([_EVERYTHING], 0, self.until):
            for received in batch:
                for partition in [one for one in self._lanes if received.sequence > heard[one]]:
                    del self._lanes[partition]
                self._hear(received)
            found, self._found = self._found, []
            for difference in found:
                yield difference

    # --- one message of the log ----------------------------------------------------------------------------------

    def _hear(self, received: Received) -> None:
        if received.subject.startswith("q2c.sys."):
            return
        self._past.taken.clear()
        place = f"{received.stream}:{received.sequence}"
        try:
            heard = self._ears.understand(received, self._lanes)
        except Refused as problem:
            self._refused(received, place, problem.reason)
        else:
            if heard is not None and not self._was_rejected(self._lanes, place):
                self._hear_understood(heard, received.sequence)
        identity = id_of(received)
        for partition, lane in self._lanes.items():
            if (head := self._past.head(partition)) is not None and head.cause in (identity, place):
                self._rest(lane, received, (identity, place))

    def _hear_understood(self, heard: Hearing | Message, sequence: int) -> None:
        if isinstance(heard, Hearing):
            for to in heard.to:
                self._deliver(heard.lane, to, heard.message)
            heard.lane.done(sequence)
        else:
            self._hear_special(heard)

    def _was_rejected(self, partitions: Iterable[int], place: str) -> bool:
        """Whether the service rejected the message when it came."""
        heads = [self._past.head(partition) for partition in partitions]
        return any(head is not None and head.rejects(place) for head in heads)

    def _refused(self, received: Received, place: str, reason: str) -> None:
        lane = self._ears.lane_of(received.subject, self._lanes)
        if lane is None or received.sequence <= lane.input:
            return
        lane.done(received.sequence)
        if not self._was_rejected([lane.partition], place) and self._is_judged(received.sequence, received.at):
            actor = f"{self._wiring.service}/message/{received.subject.split('.')[-1]}"
            self._found.append(nothing_instead(received, actor, (), f"it would be rejected: {reason}"))

    def _is_judged(self, sequence: int, at: datetime) -> bool:
        return sequence >= self._since if isinstance(self._since, int) else at >= self._since

    def _rest(self, lane: Lane, received: Received, causes: tuple[str, str]) -> None:
        """What else was said to the message: that it is rejected or heard, and the words of whom it reaches no more."""
        gone: dict[str, list[Received]] = {}
        while (head := self._past.head(lane.partition)) is not None and head.cause in causes:
            if head.id in self._past.taken:
                break  # the answer to the same message, said twice
            self._past.take(lane.partition)
            if head.by_runtime:
                self.skipped += head.rejects(causes[1])
                self._memory.apply(head.received)
            else:
                gone.setdefault(head.source, []).append(head.received)
        for source, said in gone.items():
            self._memory.fold(lane.partition, said)
            if self._is_judged(received.sequence, received.at):
                words = tuple(told(one, self._wiring.types) for one in said)
                self._found.append(nothing_instead(received, source[1:], words, None))

    # --- one actor hears one message -----------------------------------------------------------------------------

    def _deliver(self, lane: Lane, to: Addressee, message: Message) -> None:
        cause = (message.context.cause or "") if isinstance(message, Wake) else message.id
        if self._was_parked(lane, to.ref, cause):
            self.skipped += 1
            return
        if to.ref in self._memory.parking:
            return  # a wake waits once
        source = to.ref.source(self._wiring.service)
        said = list(self._past.answer(lane.partition, message.id, source))
        if self._is_judged(message.context.sequence, message.at):
            self.decided += 1
            self._judge(lane, to, message, said)
        self._memory.fold(lane.partition, said)

    def _was_parked(self, lane: Lane, ref: ActorRef, cause: str) -> bool:
        """Whether the message waited when it came: that it did is the next thing that was said about the actor."""
        head = self._past.head(lane.partition)
        if head is None or head.cause != cause or not head.by_runtime:
            return False
        fact = self._memory.fact(head.received)
        if not isinstance(fact, runtime.ActorParked | runtime.ActorWaiting):
            return False
        if fact.entity != ref.entity or fact.actor not in (ref.id, NO_ACTOR):
            return False
        self._past.take(lane.partition)
        self._memory.parking.apply(fact, fact.key, fact.at)
        return True

    def _judge(self, lane: Lane, to: Addressee, message: Message, said: list[Received]) -> None:
        """Let the code of today decide, and keep in what it would speak differently."""
        entry = self._memory.entry(to.actor, to.ref)
        now: list[Received] = []
        problem = to.problem
        if problem is None:
            try:
                decision = deciding.decide(to.actor, to.ref, lane.partition, entry, message, lane.reference)
                now = [Received(saying.subject, saying.body) for saying in decision.sayings]
            except Undecidable as failed:
                problem = failed
        types = self._wiring.types
        before, after = ([told(one, types) for one in some] for some in (said, now))
        different = [(was, would) for was, would in zip_longest(before, after) if not same(was, would)]
        if different or problem is not None:
            self._found.append(
                Difference(
                    message.context.sequence,
                    "wake" if isinstance(message, Wake) else name_of(type(message)),
                    message.at,
                    to.ref.source(self._wiring.service)[1:],
                    tuple(was for was, _ in different if was is not None),
                    tuple(would for _, would in different if would is not None),
                    None if problem is None else f"it would be parked: {problem}",
                )
            )

    # --- what concerns many actors -------------------------------------------------------------------------------

    def _hear_special(self, message: Message) -> None:
        """A tick, a broadcast, or a word about a parked actor: as the owner hears them."""
        sequence = message.context.sequence
        if isinstance(message, Word | ResumeService):
            lane = self._lanes.get(wire.partition(message.key, self._log.partitions))
            if lane is not None:
                if isinstance(message, Word):
                    self._settle(lane, message)
                lane.done(sequence)
            return
        is_broadcast = isinstance(message, Broadcast) and type(message) in self._wiring.broadcasts
        for lane in [lane for lane in self._lanes.values() if lane.input < sequence]:
            if is_broadcast:
                self._broadcast(lane, message)
            if type(message) is self._wiring.tick:
                self._tick(lane, message)
            lane.done(sequence)

    def _broadcast(self, lane: Lane, message: Message) -> None:
        if type(message) in self._wiring.reference_hears:
            try:
                lane.learn(self._wiring, message)
            except Exception as problem:
                raise RestoreFailed(
                    f"the reference cannot take {name_of(type(message))} at log sequence {message.context.sequence}: "
                    f"{problem}"
                ) from problem
        for actor in self._wiring.hearers.get(type(message), ()):
            to = {ref: Addressee(actor, ref) for ref in self._memory.actors(lane.partition, actor.entity)}
            here = wire.partition(message.key, self._log.partitions) == lane.partition
            one = addressee(actor, message) if here else None
            if one is not None:
                to[one.ref] = one
            for ref in sorted(to):
                self._deliver(lane, to[ref], message)

    def _tick(self, lane: Lane, tick: Message) -> None:
        until: datetime = cast("Any", tick).instant
        due, later = self._memory.due(lane.partition, until), list[ActorRef]()
        while due:
            instant, ref = heappop(due)
            if self._memory.parking.has_wake(ref):
                later.append(ref)
                continue
            actor = self._wiring.actors[ref.entity]
            message = deciding.woken(tick, self._wiring.service, ref, self._memory.entry(actor, ref), instant)
            self._deliver(lane, Addressee(actor, ref), message)
            again = self._memory.entry(actor, ref).wake
            if again is not None and again <= until:
                if ref in self._memory.parking or again == instant:
                    later.append(ref)
                else:
                    heappush(due, (again, ref))
        for ref in later:
            self._memory.wake_later(lane.partition, ref)
        lane.tick = until if lane.tick is None else max(lane.tick, until)

    def _settle(self, lane: Lane, word: Word) -> None:
        """What was heard of a parked actor's queue when a word told so: taken as it was, for it is not judged."""
        ref = ActorRef(word.entity, word.key, word.actor)
        source = ref.source(self._wiring.service)
        while (head := self._past.head(lane.partition)) is not None:
            waits = self._memory.parking.head(ref)
            by_actor = waits is not None and (
                head.source == source
                or (ref.id == NO_ACTOR and (head.by_runtime or head.source.startswith(source.removesuffix(NO_ACTOR))))
            )
            if not by_actor and not (head.by_runtime and head.cause == word.id):
                return
            self._past.take(lane.partition)
            if head.by_runtime:
                self._memory.apply(head.received)
            else:
                self._memory.fold(lane.partition, [head.received])


__all__ = ["Shadow"]
