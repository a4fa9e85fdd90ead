"""How much may go wrong, and how much may come in, before more than that is refused or stands still."""

from typing import NamedTuple

from contracts.wire import MAX_BODY


class Rate(NamedTuple):
    """How often something may happen: so often a second in the long run, and so many times at once."""

    a_second: int
    at_once: int


class Limits(NamedTuple):
    """What an operator may set of it."""

    per_actor: int = 10_000
    """Messages that may wait for one actor: before one more its partition stands still."""
    per_partition: int = 100_000
    """Messages that may wait in one partition."""
    window: int = 100
    """Messages heard of which a share may fail: beyond that the service stands still."""
    share: float = 0.5
    largest: int = MAX_BODY
    """Bytes of a command from outside."""
    actor: Rate = Rate(200, 20_000)
    """Commands from outside to one actor."""
    publisher: Rate = Rate(5_000, 1_000_000)
    """Commands of one publisher outside."""


LIMITS = Limits()
"""What holds where nobody has said otherwise."""

__all__ = ["LIMITS", "Limits", "Rate"]
