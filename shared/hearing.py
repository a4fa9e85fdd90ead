"""What a message on the log is to the owner that reads it: for one actor, for many, to be rejected, or nothing."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from contracts import runtime, upcast, wire
from contracts.message import Event, Internal, Message, name_of
from contracts.runtime import NO_ACTOR, DiscardMessage, EditMessage, ResumeService, RetryActor
from contracts.wire import Received, Refused
from shared import deciding
from shared.decider import Wired, Wiring
from shared.deciding import Undecidable
from shared.lanes import Lane, Lanes
from shared.store import ActorRef

Word = RetryActor | EditMessage | DiscardMessage
"""What is said about a parked actor, by those who operate the service."""


class Addressee(NamedTuple):
    """An actor that hears a message. `problem`: it could not be told which one, and the message waits for nobody."""

    actor: Wired
    ref: ActorRef
    problem: Undecidable | None = None


class Hearing(NamedTuple):
    """A message for single actors of one partition."""

    lane: Lane
    message: Message
    to: list[Addressee]


class Ears:
    """The reading side of one owner. `sweeps`: also rejects what no service reads. `scenario`: ticks give the time."""

    def __init__(self, wiring: Wiring, partitions: int, *, sweeps: bool, scenario: bool) -> None:
        self._wiring = wiring
        self._partitions = partitions
        self._sweeps = sweeps
        self._scenario = scenario
        self._services = frozenset(name.split(".", maxsplit=1)[0] for name in wiring.types)

    def filters(self, owned: Iterable[int]) -> list[str]:
        """What the owner reads: commands to its service, the events its actors hear, broadcasts and ticks."""
        if self._sweeps:
            return ["q2c.cmd.>", "q2c.evt.>"]
        everywhere = {name_of(item) for item in self._wiring.broadcasts} | {runtime.TICK}
        here = {name_of(item) for item in self._wiring.hearers if issubclass(item, Event)} - everywhere
        places = places_of(owned, self._partitions)
        commands = [f"q2c.cmd.{self._wiring.service}.*.*.*.{place}.*" for place in places]
        return [*commands, *subjects(everywhere, ["*"]), *subjects(here, places)]

    def understand(self, received: Received, lanes: Lanes) -> Hearing | Message | None:
        """A message for single actors, one that concerns many, or None for what does not concern this owner.

        Refused, with the reason, for what this owner has to reject.
        """
        try:
            return self._understood(received, lanes)
        except Refused:
            if self._has_to_reject(received.subject):
                raise
            return None

    def _understood(self, received: Received, lanes: Lanes) -> Hearing | Message | None:
        place = wire.parse(received.subject)
        message_type = self._wiring.types.get(upcast.successor(place.name))
        if message_type is not None and self._is_for_all(message_type):
            return self._for_all(received, place, lanes)
        lane = lanes.get(-1 if place.partition is None else place.partition)
        if lane is None:
            self._sweep(place, message_type)
            return None
        if received.sequence <= lane.input:
            return None
        own = self._wiring.own
        to = () if message_type is None else self._wiring.hearers.get(message_type, ())
        if not to and message_type not in (own.retry, own.edit, own.discard, own.resume):
            if place.kind == "cmd" and place.service == self._wiring.service:
                raise Refused(f"{self._wiring.service} hears no command {place.name}")
            self._sweep(place, message_type)
            if self._sweeps and place.kind == "evt" and not received.in_batch:  # by hand, not by a service
                check_partition(place, self._partitions)
                wire.hear(received, self._wiring.types)
            return None
        check_partition(place, self._partitions)
        message = wire.hear(received, self._wiring.types, lane.tick if self._scenario else None)
        if isinstance(message, Internal):
            self._check_sayer(received, message)
        if isinstance(message, Word | ResumeService):
            return message
        return Hearing(lane, message, [found for actor in to if (found := addressee(actor, message)) is not None])

    def lane_of(self, subject: str, lanes: Lanes) -> Lane | None:
        """The lane in which a message is rejected: its own where it has one, else that of partition 0."""
        tokens = subject.split(".")
        return lanes.get(self._placed(tokens) or 0)

    def _placed(self, tokens: list[str]) -> int | None:
        """The partition in which the message lies, where its subject has one."""
        partition = wire.partition_of(tokens[6]) if len(tokens) == 8 else None
        return partition if partition is not None and partition < self._partitions else None

    def _has_to_reject(self, subject: str) -> bool:
        """A command with a partition is read by the service it names, and by it alone.

        Anything else, also a fact that several services hear, is rejected by the one that sweeps.
        """
        tokens = subject.split(".")
        if self._placed(tokens) is not None and tokens[1] == "cmd" and tokens[2] in self._services:
            return tokens[2] == self._wiring.service
        return self._sweeps

    def _is_for_all(self, message_type: type[Message]) -> bool:
        return message_type is self._wiring.tick or message_type in self._wiring.broadcasts

    def _for_all(self, received: Received, place: wire.Place, lanes: Lanes) -> Message | None:
        behind = [lane for lane in lanes.values() if lane.input < received.sequence]
        if not behind:
            return None
        check_partition(place, self._partitions)
        return wire.hear(received, self._wiring.types, behind[0].tick if self._scenario else None)

    def _check_sayer(self, received: Received, message: Internal) -> None:
        """Refused: an internal command that no actor of this service has said, or a copy of one made by hand."""
        source = message.context.source
        parts, sayers = source.split("/"), self._wiring.sayers.get(type(message), ())
        told = len(parts) == 5 and parts[1] == self._wiring.service and parts[2] in sayers
        if not (told and received.in_batch and deciding.is_own(message.context, source)):
            who = " or ".join(f"{self._wiring.service}.{entity}" for entity in sayers) or "nobody"
            raise Refused(f"{name_of(type(message))} is internal: {who} says it, nobody else may")

    def _sweep(self, place: wire.Place, message_type: type[Message] | None) -> None:
        """Refused: what no other service would reject, because none reads it."""
        if not self._sweeps:
            return
        if place.partition is None or place.partition >= self._partitions:
            raise Refused(f"{place.partition} is not a partition of the log")
        if place.service not in self._services:
            raise Refused(f"there is no service {place.service}")
        if place.kind == "evt" and message_type is None:
            raise Refused(f"there is no message named {place.name}")
        if place.kind == "evt" and message_type is not None and wire.kind(message_type) != "evt":
            raise Refused(f"{place.name} is no event: it is published on q2c.{wire.kind(message_type)}")


def check_partition(place: wire.Place, partitions: int) -> None:
    """Refused: what somebody has put where its key does not belong."""
    needed = wire.partition(place.key, partitions)
    if place.partition != needed:
        raise Refused(f"key {place.key} belongs to partition {needed}, not {place.partition}")


def addressee(actor: Wired, message: Message) -> Addressee | None:
    """Who of an entity hears the message; None when it concerns none of them."""
    try:
        found = deciding.id_of(actor, message)
    except Undecidable as problem:
        return Addressee(actor, ActorRef(actor.entity, message.context.key, NO_ACTOR), problem)
    return None if found is None else Addressee(actor, ActorRef(actor.entity, message.context.key, found))


def places_of(owned: Iterable[int], partitions: int) -> list[str]:
    """The partition tokens to read."""
    mine = sorted(owned)
    return ["*"] if len(mine) == partitions else [str(partition) for partition in mine]


def subjects(names: Iterable[str], places: Iterable[str]) -> list[str]:
    """Where events of these names, and of the versions they have replaced, are kept."""
    return [f"q2c.evt.{old}.{place}.*" for name in sorted(names) for old in upcast.ancestors(name) for place in places]


def matching(patterns: Iterable[str], keys: Sequence[str]) -> list[str]:
    """Where events are kept whose names match, of these keys, or of all when there are none."""
    return [f"q2c.evt.{pattern}.*.{key}" for pattern in patterns for key in keys or ("*",)]


__all__ = ["Addressee", "Ears", "Hearing", "Word", "addressee", "check_partition", "matching", "places_of", "subjects"]
