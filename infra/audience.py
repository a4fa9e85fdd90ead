"""Whose business a message on the log is: who hears it, and who has to say that nobody can."""

from contracts import runtime, upcast, wire
from contracts.message import Event, Internal, Message
from contracts.wire import Place, Received, Refused
from shared.decider import Wiring


class Audience:
    """One service as it attends to the log."""

    def __init__(self, wiring: Wiring, partitions: int) -> None:
        self._wiring = wiring
        self._partitions = partitions
        self._sweeps = wiring.service == runtime.CLOCK_SERVICE
        self._services = frozenset(name.split(".", maxsplit=1)[0] for name in wiring.types)

    def place(self, received: Received) -> tuple[Place, int] | None:
        """What the subject says, and its partition, if the service hears it. Refused if it has to reject it."""
        try:
            return self._place(received)
        except Refused:
            if self.answers_for(received.subject):
                raise
            return None

    def _place(self, received: Received) -> tuple[Place, int] | None:
        place = wire.parse(received.subject)
        kind = self._wiring.types.get(upcast.successor(place.name))
        if not self._reads(place, kind):
            return None
        needed = wire.partition(place.key, self._partitions)
        if not self._hears(kind):
            if self._is_stray(place, kind):
                raise Refused(f"nobody hears {place.name}")
            if self._sweeps and place.kind == "evt" and not received.in_batch:
                wire.hear(received, self._wiring.types)
                if place.partition != needed:
                    raise Refused(f"{place.key} belongs to partition {needed}")
            return None
        if place.partition == needed:
            return place, needed
        raise Refused(f"{place.key} belongs to partition {needed}")

    def check_sayer(self, received: Received, message: Message) -> None:
        """Refused: an internal command that no actor of the service has said."""
        if not isinstance(message, Internal):
            return
        source = message.context.source
        parts, sayers = source.split("/"), self._wiring.sayers.get(type(message), ())
        if not (received.in_batch and len(parts) == 5 and parts[1] == self._wiring.service and parts[2] in sayers):
            raise Refused(f"{source} may not say it")

    def placed(self, subject: str) -> int | None:
        """The partition in which the stream keeps a subject; None where it has put it in none."""
        tokens = subject.split(".")
        if len(tokens) != 8 or not tokens[6].isascii() or not tokens[6].isdigit():
            return None
        return int(tokens[6]) if int(tokens[6]) < self._partitions else None

    def is_for_all(self, kind: type[Message] | None) -> bool:
        """Whether every partition hears it."""
        return kind is not None and (kind is self._wiring.tick or kind in self._wiring.broadcasts)

    def answers_for(self, subject: str) -> bool:
        """Who rejects what cannot be heard: the service that is commanded, else the one that sweeps."""
        tokens = subject.split(".")
        if self.placed(subject) is not None and tokens[1] == "cmd" and tokens[2] in self._services:
            return tokens[2] == self._wiring.service
        return self._sweeps

    def _reads(self, place: Place, kind: type[Message] | None) -> bool:
        if self._sweeps:
            return True
        if place.kind == "cmd":
            return place.service == self._wiring.service and place.partition is not None
        return kind is not None and issubclass(kind, Event) and self._hears(kind)

    def _hears(self, kind: type[Message] | None) -> bool:
        own = self._wiring.own
        return kind is not None and (
            kind in (own.retry, own.edit, own.discard, own.resume)
            or kind in self._wiring.hearers
            or self.is_for_all(kind)
        )

    def _is_stray(self, place: Place, kind: type[Message] | None) -> bool:
        """Whether nobody hears it, and this service has to say so."""
        placed = place.partition is not None and place.partition < self._partitions
        if placed and place.kind == "cmd" and place.service == self._wiring.service:
            return True
        unknown = place.kind == "evt" and (kind is None or not issubclass(kind, Event))
        return self._sweeps and (not placed or place.service not in self._services or unknown)
