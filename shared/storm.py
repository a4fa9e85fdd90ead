"""A storm: so many of the last messages failed that the fault is not theirs, and the service stands still."""

from collections import deque

from contracts.message import Context
from shared.limits import Limits

_FIRST, _LONGEST = 1.0, 60.0
"""Seconds until the message at which a service stands is tried again: twice as long each time."""


class Storming(Exception):
    """Too much has failed: the message that is the `cause` is not heard, and none after it; the text says why."""

    def __init__(self, partition: int, reason: str, cause: Context) -> None:
        super().__init__(reason)
        self.partition, self.cause = partition, cause


class Storm:
    """The outcomes of the last messages, and whether the service stands still because of them."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.share * limits.window
        self._failed: deque[bool] = deque(maxlen=limits.window)
        self._pause = _FIRST
        self.stands = False

    def breaks(self) -> bool:
        """One more has failed: whether the service is to stand still before it rather than park it."""
        if not self.stands:
            self._failed.append(True)
            self.stands = sum(self._failed) > self._most
        return self.stands

    def passed(self) -> bool:
        """One more has been decided: whether that ends a storm."""
        ended = self.stands
        if ended:
            self.end()
        self._failed.append(False)
        return ended

    def end(self) -> None:
        """Count anew."""
        self._failed.clear()
        self._pause, self.stands = _FIRST, False

    def pause(self) -> float:
        """Seconds to wait before the next try."""
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST)
        return pause


__all__ = ["Storm", "Storming"]
