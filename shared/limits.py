"""How much may go wrong before more stands still than the actors that met a bug."""

from typing import NamedTuple


class Limits(NamedTuple):
    """What an operator may set of it."""

    per_actor: int = 10_000
    """Messages that may wait for one actor: before one more its partition stands still."""
    per_partition: int = 100_000
    """Messages that may wait in one partition."""
    window: int = 100
    """Messages heard of which a share may fail: beyond that the service stands still."""
    share: float = 0.5


LIMITS = Limits()
"""What holds where nobody has said otherwise."""

__all__ = ["LIMITS", "Limits"]
