"""The gate: how large what comes from outside may be, and how often it may come, by the log's own time.

What the services say to each other passes unmeasured: an answer between actors must never be lost. A refusal is a fact
on the log; the buckets are memory alone, so after a restart, or when the log is read again, all of them are full.
"""

from contracts.message import Command
from contracts.wire import OUTSIDE, Received, Refused
from shared.hearing import Hearing
from shared.limits import Limits, Rate

_SECOND = 1_000_000_000
_KEPT = 10_000
"""Buckets that may be kept before those that are full again are forgotten."""


class Buckets:
    """One bucket of tokens for each name. Time is the log's, in nanoseconds, and may step back a little.

    A bucket is one number, the time at which it is full again (the generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, rate: Rate) -> None:
        self._refill = _SECOND // rate.a_second
        self._depth = self._refill * rate.at_once
        self._full: dict[str, int] = {}
        self._keeps = _KEPT

    def __len__(self) -> int:
        return len(self._full)

    def has(self, name: str, now: int) -> bool:
        """Whether there is a token left."""
        return max(self._full.get(name, 0), now) + self._refill - now <= self._depth

    def take(self, name: str, now: int) -> None:
        self._full[name] = max(self._full.get(name, 0), now) + self._refill
        if len(self._full) > self._keeps:
            self._full = {name: full for name, full in self._full.items() if full > now}
            self._keeps = max(_KEPT, 2 * len(self._full))


class Gate:
    """What one owner lets in. A publisher is the `source` of an envelope, which it may have made up.

    Bare JSON does not say who sent it: all that comes for one key counts as one publisher, so that a flood for one
    customer keeps nobody else out.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.open()

    def open(self) -> None:
        """Begin anew, with full buckets."""
        self._actors, self._publishers = Buckets(self._limits.actor), Buckets(self._limits.publisher)

    def admit(self, received: Received, hearing: Hearing) -> None:
        """Refused: a command from outside that is too large, or one too many."""
        if received.in_batch or not isinstance(hearing.message, Command):
            return
        limits, now = self._limits, received.timestamp
        if len(received.body) > limits.largest:
            raise Refused(f"the command has {len(received.body)} bytes, more than the {limits.largest} allowed here")
        source = hearing.message.context.source
        publisher = f"{source} {hearing.message.key}" if source == OUTSIDE else source
        if not self._publishers.has(publisher, now):
            raise _too_often(f"from {publisher}", limits.publisher)
        actors = ["/".join(to.ref) for to in hearing.to]
        for actor in actors:
            if not self._actors.has(actor, now):
                raise _too_often(f"to {actor}", limits.actor)
        self._publishers.take(publisher, now)
        for actor in actors:
            self._actors.take(actor, now)


def _too_often(which: str, rate: Rate) -> Refused:
    return Refused(
        f"too many commands {which}: more than {rate.at_once} at once and {rate.a_second} a second; resubmit it later"
    )


__all__ = ["Buckets", "Gate"]
