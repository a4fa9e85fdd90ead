"""Simulate runs of one's own: one seed again, with all that happened in it, or many that nobody has tried."""

import argparse
import random
import sys
import time

from tests.simulation.simulating import STORIES, Broken, simulate


def main() -> int:
    """0 when every law held in every run, else 1 with the seed and what happened."""
    options = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    options.add_argument("--story", choices=STORIES, default="toys")
    options.add_argument("--seed", type=int, help="the first seed; by default one that chance chooses")
    options.add_argument("--runs", type=int, help="how many; by default one with a seed, and 1000 without")
    given = options.parse_args()
    first = random.randrange(10**9) if given.seed is None else given.seed
    runs = given.runs or (1000 if given.seed is None else 1)
    began, broken = time.monotonic(), 0
    for seed in range(first, first + runs):
        try:
            simulate(given.story, seed)
        except Broken as problem:
            broken += 1
            print(problem, end="\n\n", flush=True)
    print(f"{runs} runs of the {given.story} from seed {first} in {time.monotonic() - began:.0f} s: {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
