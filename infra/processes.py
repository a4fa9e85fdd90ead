"""One process of the mesh: on a leash, in a group of its own, its output in a file."""

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.failure import WRONG, Failure
from infra.leash import Leash, signal_group

_GRACE = 20.0
"""Seconds a process may take to finish what it is at before it is ended."""


class Process:
    """A started process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path, leash: Leash) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._leash = leash

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    async def ended(self) -> int:
        """Waits for its end; the exit code."""
        code = await self._process.wait()
        self._leash.release(self.pid)
        return code

    async def stop(self) -> int:
        """Ask it to finish, wait, and end it when it takes too long; the exit code."""
        if self.exit_code is None:
            signal_group(self.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(_GRACE):
                return await self.ended()
        except TimeoutError:
            self.kill()
            return await self.ended()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        signal_group(self.pid, signal.SIGKILL)

    def how_it_ended(self) -> str:
        code = self.exit_code or 0
        how = f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
        return f"{self.name} {how}"

    def last_words(self) -> str:
        """The last line it wrote: mostly why it ended."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        for line in reversed(lines):
            try:
                told = json.loads(line)
            except ValueError:
                return line
            if isinstance(told, dict) and "event" in told:
                return str(told["event"])
        return "it said nothing"


async def start(
    name: str,
    command: Sequence[str],
    log: Path,
    leash: Leash,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    keeps: Sequence[int] = (),
) -> Process:
    """Start `command` in `folder`; what it prints is added to `log`. It holds the open files `keeps` too."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        out = log.open("ab")
    except OSError as problem:
        raise Failure(
            f"{log} cannot be written ({problem.strerror}): choose another folder with --data", WRONG
        ) from None
    with out:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=environment,
            start_new_session=True,
            pass_fds=keeps,
        )
    leash.hold(process.pid)
    return Process(name, process, log, leash)
