"""The four services as four processes: started together, watched, started again when one dies, drained at the end."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from infra.failure import ABSENT, NO, WRONG, Failure
from infra.leash import Leash
from infra.processes import Process, start
from infra.server import HOST

SERVICES = ("commercial", "delivery", "finance", "observability")
PORTS = (8101, 8102, 8103, 8104)
ROOT = Path(__file__).resolve().parent.parent

_READY_WITHIN = 60.0
_DEATHS, _WINDOW = 5, 60.0
"""A service that dies so often within so many seconds is not started again."""

_HOPELESS = (os.EX_CONFIG, os.EX_PROTOCOL, os.EX_UNAVAILABLE, os.EX_NOPERM, os.EX_IOERR, os.EX_DATAERR)
"""Exit codes that starting again at once would not change: settings, the log, the port, permission, the disk, the data.

A full disk is one of them: room has to be made first, and the log's own server stands on the same disk.
"""

Report = Callable[[str], None]
T = TypeVar("T")


class Fleet:
    """The processes of the services. `failure` is done once the mesh cannot go on."""

    def __init__(
        self,
        nats: str,
        data: Path,
        leash: Leash,
        *,
        clock: str,
        ports: Sequence[int],
        report: Report,
        services: Sequence[str] = SERVICES,
    ) -> None:
        self.data = data
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._nats = nats
        self._leash = leash
        self._clock = clock
        self._ports = dict(zip(services, ports, strict=True))
        self._report = report
        self._running: dict[str, Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    def folder(self, service: str) -> Path:
        """Where a service keeps its working copy: it may be deleted, the log is the truth."""
        return self.data / service

    def address(self, service: str) -> str:
        return f"http://{HOST}:{self._ports[service]}"

    def log(self, service: str) -> Path:
        return self.data / "logs" / f"{service}.log"

    async def start(self) -> None:
        """Start all services and wait until each has claimed its partitions and caught up with the log."""
        for service in self._ports:
            self._running[service] = await self._start(service)
            self._keepers.append(asyncio.create_task(self._keep(service)))
        await unless(self.failure, self._all_ready())

    def depend_on(self, process: Process) -> None:
        """The mesh cannot go on without this one."""
        self._keepers.append(asyncio.create_task(self._miss(process)))

    async def _all_ready(self) -> None:
        await asyncio.gather(*map(self.ready, self._ports))

    async def ready(self, service: str) -> None:
        """Wait until the service says that it is ready. Failure, with what it waits for, when it takes too long."""
        until = time.monotonic() + _READY_WITHIN
        told = "it does not answer"
        while time.monotonic() < until:
            try:
                status, told = await get(HOST, self._ports[service], "/ready")
            except OSError:
                status = 0
            if status == 200:
                return
            await asyncio.sleep(0.05)
        raise Failure(f"{service} was not ready within {_READY_WITHIN:.0f} s ({told}): see {self.log(service)}", ABSENT)

    async def stop(self) -> dict[str, int]:
        """Drain all services: each finishes its batch, commits and releases. Gives their exit codes."""
        self._stopping = True
        codes = await asyncio.gather(*(process.stop() for process in self._running.values()))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if not self.failure.done():
            self.failure.cancel()
        return dict(zip(self._running, codes, strict=True))

    def kill(self, service: str) -> int:
        """End a service as a crash would; it is started again. Gives the process id it had."""
        process = self._running[service]
        process.kill()
        return process.pid

    def pid(self, service: str) -> int:
        return self._running[service].pid

    async def _start(self, service: str) -> Process:
        folder = self.folder(service)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise Failure(f"{folder} cannot be made ({problem.strerror}): choose another with --data", WRONG) from None
        port = str(self._ports[service])
        module = f"services.{service}.app:app"
        command = [sys.executable, "-m", "faststream", "run", module, "--host", HOST, "--port", port]
        environment = _environment(Q2C_NATS=self._nats, Q2C_DATA=str(folder), Q2C_CLOCK=self._clock, Q2C_LOG="json")
        return await start(service, command, self.log(service), self._leash, folder=ROOT, environment=environment)

    async def _miss(self, process: Process) -> None:
        await process.ended()
        if not self._stopping:
            self._fail(Failure(f"{process.how_it_ended()}: {process.last_words()} (see {process.log})", ABSENT))

    async def _keep(self, service: str) -> None:
        """Start a service again whenever it dies, but not for ever."""
        deaths: list[float] = []
        while True:
            process = self._running[service]
            code = await process.ended()
            if self._stopping:
                return
            now = time.monotonic()
            deaths = [*(death for death in deaths if now - death < _WINDOW), now]
            if code in _HOPELESS:
                self._fail(Failure(f"{service} cannot run: {process.last_words()}", ABSENT))
                return
            how = process.how_it_ended()
            if len(deaths) >= _DEATHS:
                self._fail(Failure(f"{how} {_DEATHS} times: {process.last_words()} (see {process.log})", NO))
                return
            self._report(f"{how} and is started again (see {process.log})")
            await asyncio.sleep(0.2 * (len(deaths) - 1))
            try:
                self._running[service] = await self._start(service)
            except Failure as failure:
                self._fail(failure)
                return

    def _fail(self, failure: Failure) -> None:
        if not self.failure.done():
            self.failure.set_exception(failure)


def _environment(**settings: str) -> Mapping[str, str]:
    """This process's environment with the fleet's own settings instead of whatever was set before."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}
    return {**inherited, **settings, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}


async def unless(failure: asyncio.Future[None], work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives; it is given up once the mesh cannot go on."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task, failure), return_when=asyncio.FIRST_COMPLETED)
        if failure.done() and not failure.cancelled():
            failure.result()
        return await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def get(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and body of a plain HTTP request. OSError when nobody answers."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        head, _, body = (await reader.read()).decode(errors="replace").partition("\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    words = head.split(maxsplit=2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), body.strip()
