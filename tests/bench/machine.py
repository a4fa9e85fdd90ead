"""Processes under measurement: started on a leash, held while work is laid out, their CPU and memory read."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

from infra.fleet import ROOT
from infra.leash import Leash
from infra.processes import Process, start
from infra.server import Server, embedded


async def python(name: str, leash: Leash, folder: Path, *arguments: str, **settings: str) -> Process:
    """A Python program of this repository, with these environment variables besides; what it says goes to `folder`."""
    environment = {**os.environ, **settings}
    return await start(
        name, [sys.executable, *arguments], folder / f"{name}.log", leash, folder=ROOT, environment=environment
    )


def _held(folder: Path) -> IO[str]:
    """A file that the server keeps open for as long as it lives."""
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "held").open("w")


@asynccontextmanager
async def nats(folder: Path, leash: Leash) -> AsyncIterator[Server]:
    """A nats-server of this run's own, that syncs each write."""
    with _held(folder) as mine:
        async with embedded(folder, leash, None, mine.fileno()) as server:
            yield server


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time that these processes have used so far, with those of their children that have ended."""
    return sum(sum(psutil.Process(pid).cpu_times()[:4]) for pid in pids)


def tree() -> list[int]:
    """This process and all that it has started."""
    me = psutil.Process()
    return [me.pid, *(child.pid for child in me.children(recursive=True))]


def child_with(text: str) -> int:
    """The child of this process that has `text` in its command line. LookupError when there is none."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(text in word for word in child.cmdline()):
                return int(child.pid)
    raise LookupError(f"no process was started with {text}")


def memory_mb(pid: int) -> float:
    """Resident memory, in units of 1,000,000 bytes."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


@contextmanager
def held(*pids: int) -> Iterator[None]:
    """They stand still, so that they find all of their work laid out when they go on."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
