"""Nothing outlives the command that started it: a leash ends the processes it holds when their owner is gone."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

_GRACE = 5.0
"""Seconds between asking a process to end and ending it."""


class Leash:
    """Holds process groups by a small process that reads a pipe: it closes when this process ends, even by kill -9."""

    def __init__(self) -> None:
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the owner
        )

    def hold(self, group: int) -> None:
        self._tell(f"+{group}")

    def release(self, group: int) -> None:
        """Its processes have ended: their number may be given to others."""
        self._tell(f"-{group}")

    def close(self) -> None:
        """End whatever is still held."""
        if self._watcher.stdin and not self._watcher.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._watcher.stdin.close()
        self._watcher.wait()

    def _tell(self, line: str) -> None:
        if self._watcher.stdin and not self._watcher.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._watcher.stdin.write(f"{line}\n".encode())
                self._watcher.stdin.flush()


def signal_group(group: int, what: signal.Signals) -> bool:
    """Whether anybody was there to be told."""
    try:
        os.killpg(group, what)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says this of a group that has only ended members
        return False
    return True


def _watch(lines: Iterable[str]) -> None:
    held: dict[int, None] = {}  # in the order in which they were started
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            held[group] = None
        else:
            held.pop(group, None)
    started = list(held)
    _end(started[1:])  # they finish what they are at, for which they need the server
    _end(started[:1])


def _end(groups: list[int]) -> None:
    """Ask them to finish, then end them."""
    for what, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, 1.0)):
        left = [group for group in groups if signal_group(group, what)]
        until = time.monotonic() + patience
        while left and time.monotonic() < until:
            time.sleep(0.05)
            left = [group for group in left if _alive(group)]


def _alive(group: int) -> bool:
    """Whether there is anybody in the group whom waiting for makes sense: one that ended may be left unburied."""
    try:
        with open(f"/proc/{group}/stat") as told:
            return told.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not os.path.isdir("/proc/self") and signal_group(group, signal.Signals(0))


if __name__ == "__main__":
    _watch(sys.stdin)
