"""What is asked of every contender: chains of 20 durable steps for one key each, many at once, with 300 bytes each.

A step reads the state of its key, changes it and hands over to the next one. When a step is done its effect is on disk.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tests.bench import machine

STEPS = 20
PAYLOAD = "x" * 300
WARM_UP = 5
"""Chains before the clock runs."""


class NotHere(Exception):
    """A part of the contender is not installed; the text says which."""


class Work(Struct):
    """The chains of one round, and what they took."""

    chains: int
    folder: Path
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of CPU of everything: client, workers, servers."""

    @contextmanager
    def timed(self) -> Iterator[None]:
        """From the moment at which the first chain is asked for until the last one is done."""
        cpu, begun = machine.cpu_seconds(machine.tree()), time.perf_counter()
        yield
        self.seconds = time.perf_counter() - begun
        self.cpu = machine.cpu_seconds(machine.tree()) - cpu


def advanced(payload: str) -> str:
    """The change that each step makes to the state of its key."""
    return payload[1:] + payload[:1]
