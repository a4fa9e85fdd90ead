"""When to call a destination again: back-off with jitter, and a breaker that leaves it alone once it keeps failing."""

import random
from collections.abc import Sequence

TRIPS_AFTER = 5
"""Failures one after the other, of whatever calls, after which a destination is left alone."""

RETRIES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds between the attempts of one call; the last is repeated for as long as it takes."""

_REST = (5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_JITTER = 0.2
_LONGEST = 24 * 3600.0


def delay(attempt: int, retries: Sequence[float], retry_after: float | None, chance: random.Random) -> float:
    """Seconds from the failed `attempt`, counted from 1, to the next: never sooner than the destination asked for.

    The jitter only adds: whoever was sent away at the same moment does not come back at the same moment.
    """
    planned = retries[min(attempt, len(retries)) - 1]
    asked = 0.0 if retry_after is None else min(max(retry_after, 0.0), _LONGEST)
    return max(planned, asked) * (1 + chance.random() * _JITTER)


class Breaker:
    """Of one destination. Instants are seconds of one clock, whichever."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._failures = 0
        self._trips = 0
        self._until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether the destination has kept failing and no call has come through since."""
        return self._trips > 0

    def wait(self, now: float) -> float:
        """Seconds until a call may be made; 0 allows one, which while the breaker is open is the only one."""
        if not self.is_open:
            return 0.0
        if now >= self._until and not self._probing:
            self._probing = True
            return 0.0
        return max(self._until - now, _REST[0] / 5)

    def succeeded(self) -> bool:
        """The destination has answered, be it with a no. Whether it had been left alone until now."""
        was_open = self.is_open
        self._failures = self._trips = 0
        self._probing = False
        return was_open

    def failed(self, now: float, retry_after: float | None = None) -> bool:
        """No answer. Whether the destination is left alone from now on and was not before."""
        self._failures += 1
        self._probing = False
        if self._failures < TRIPS_AFTER:
            return False
        self._until = now + delay(self._trips + 1, _REST, retry_after, self._chance)
        self._trips += 1
        return self._trips == 1

    def released(self) -> None:
        """The call that was allowed was not made after all."""
        self._probing = False


__all__ = ["RETRIES", "TRIPS_AFTER", "Breaker", "delay"]
