"""Whatever harm chance does to a simulated fleet, every message has its effect exactly once and in order.

A run that fails prints its seed and what happened; `make simulate STORY=… SEED=…` makes the same happen again.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.simulating import simulate

ROOT = Path(__file__).parents[2]


def seeds(runs: int, together: int) -> pytest.MarkDecorator:
    """So many runs, some of them in one test."""
    return pytest.mark.parametrize(
        "some", [range(first, first + together) for first in range(0, runs, together)], ids=lambda some: str(some[0])
    )


@seeds(1800, 50)
def test_toys_that_hear_wake_pass_on_break_and_are_mended(some: range) -> None:
    for seed in some:
        simulate("toys", seed)


@seeds(160, 20)
def test_the_services_when_nobody_waits_for_anybody(some: range) -> None:
    for seed in some:
        simulate("hurry", seed)


@seeds(40, 5)
def test_the_services_end_with_the_same_books_to_the_cent(some: range) -> None:
    for seed in some:
        simulate("firm", seed)


def test_a_seed_makes_the_same_happen_in_every_process() -> None:
    program = (
        "from hashlib import sha256; from tests.simulation.simulating import simulate\n"
        "logs = [simulate(story, seed).log for story in ('toys', 'hurry') for seed in range(3)]\n"
        "print(sha256(repr(logs).encode()).hexdigest())"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] != b""
