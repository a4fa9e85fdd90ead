"""One round of one contender in a process of its own: `python -m tests.bench.peers MODULE CHAINS FOLDER`."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path

from contracts import wire
from tests.bench.peers.contender import NotHere, Work


def play(name: str, chains: int, folder: Path) -> dict[str, object]:
    """What it took, or why it could not be measured."""
    try:
        contender = import_module(f"tests.bench.peers.{name}")
        told = contender.about()
    except (ImportError, NotHere) as problem:
        return {"absent": str(problem)}
    work = Work(chains, folder)
    asyncio.run(contender.run(work))
    return {"about": told, "seconds": work.seconds, "cpu": work.cpu}


if __name__ == "__main__":
    name, chains, folder = sys.argv[1:]
    (Path(folder) / "outcome.json").write_bytes(wire.encode(play(name, int(chains), Path(folder))))
