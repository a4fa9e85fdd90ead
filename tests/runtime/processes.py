"""A service as a real process, followed by what it writes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.conftest import free_port

ROOT = Path(__file__).parents[2]


class Process:
    """A child whose stderr is read line by line; gone when its block ends."""

    def __init__(self, *command: str, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self.lines: list[str] = []

    async def __aenter__(self) -> Self:
        self._child = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, env=self._environment, stderr=asyncio.subprocess.PIPE
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._child.returncode is None:
            self._child.kill()
        await self._read_on(None)
        await self._child.wait()

    async def says(self, text: str) -> str:
        """The next line that has `text` in it. AssertionError when the process ends without."""
        line = await asyncio.wait_for(self._read_on(text), 60)
        assert line is not None, f"{text!r} was never said:\n" + "\n".join(self.lines)
        return line

    def ask_to_stop(self) -> None:
        self._child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._child.kill()

    def pause(self) -> None:
        """As if its machine stood still."""
        self._child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._child.send_signal(signal.SIGCONT)

    async def exit_code(self) -> int:
        await asyncio.wait_for(self._read_on(None), 60)
        return await asyncio.wait_for(self._child.wait(), 60)

    async def _read_on(self, text: str | None) -> str | None:
        assert self._child.stderr is not None
        while raw := await self._child.stderr.readline():
            line = raw.decode().rstrip()
            self.lines.append(line)
            if text is not None and text in line:
                return line
        return None


class Tally(Process):
    """The tally service as an operator runs it."""

    def __init__(
        self,
        nats: str,
        data: Path,
        port: int | None = None,
        app: str = "tests.runtime.tally.app:app",
        file_limit: int | None = None,
        **settings: str,
    ) -> None:
        """`file_limit`: bytes beyond which no file of the process can grow, as on a full disk."""
        self.port = port or free_port()
        limited = () if file_limit is None else ("prlimit", f"--fsize={file_limit}")
        super().__init__(
            *(*limited, sys.executable, "-m", "faststream", "run", app),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            environment={"Q2C_NATS": nats, "Q2C_DATA": str(data), "Q2C_PARTITIONS": "4", "Q2C_LOG": "json", **settings},
        )

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body of one of the routes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        return int(head.split()[1]), json.loads(body)

    def last_words(self) -> dict[str, Any]:
        """The last line of its log."""
        line: dict[str, Any] = json.loads(self.lines[-1])
        return line
