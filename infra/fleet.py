"""The four services as four processes: started together, watched, started again when one dies, drained at the end."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from infra.failure import ABSENT, NO, WRONG, Failure
from infra.leash import Leash
from infra.processes import Process, start
from infra.server import HOST, free_ports

SERVICES = ("commercial", "delivery", "finance", "observability")
PORTS = (8101, 8102, 8103, 8104)
ROOT = Path(__file__).resolve().parent.parent

_READY_WITHIN = 60.0
_DEATHS, _WINDOW = 5, 60.0
"""A service that dies so often within so many seconds is not started again."""

_HOPELESS = (os.EX_CONFIG, os.EX_PROTOCOL, os.EX_UNAVAILABLE, os.EX_NOPERM)
"""Exit codes that starting again would not change: settings, the log, the port, permission."""

Report = Callable[[str], None]
T = TypeVar("T")


class Replica(NamedTuple):
    """One process of a service: its replicas share the partitions."""

    service: str
    ordinal: int = 0

    def __str__(self) -> str:
        return f"{self.service}-{self.ordinal}" if self.ordinal else self.service


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
        """`ports`: one for each service, then one for each second replica, and so on for as many as there are to be."""
        self.data = data
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._nats = nats
        self._leash = leash
        self._clock = clock
        rounds = range(len(ports) // len(services))
        replicas = [Replica(service, ordinal) for ordinal in rounds for service in services]
        self._ports = dict(zip(replicas, ports, strict=True))
        self._report = report
        self._running: dict[Replica, Process] = {}
        self._keepers: dict[Replica, asyncio.Task[None]] = {}
        self._stopping: set[Replica] = set()

    @property
    def replicas(self) -> list[Replica]:
        """All that are there, or were until they were removed."""
        return list(self._ports)

    def folder(self, service: str, ordinal: int = 0) -> Path:
        """Where a replica keeps its working copy: it may be deleted, the log is the truth."""
        return self.data / str(Replica(service, ordinal))

    def address(self, service: str, ordinal: int = 0) -> str:
        return f"http://{HOST}:{self._ports[Replica(service, ordinal)]}"

    def log(self, service: str, ordinal: int = 0) -> Path:
        return self.data / "logs" / f"{Replica(service, ordinal)}.log"

    async def start(self) -> None:
        """Start all services and wait until each has claimed its partitions and caught up with the log."""
        for replica in self._ports:
            await self._begin(replica)
        await unless(self.failure, self._all_ready())

    async def add(self, service: str, ordinal: int) -> None:
        """Start one more replica, or one that was removed, and wait until it is ready. Failure."""
        replica = Replica(service, ordinal)
        self._ports.setdefault(replica, free_ports(1)[0])
        self._stopping.discard(replica)
        await self._begin(replica)
        await unless(self.failure, self.ready(service, ordinal))

    async def remove(self, service: str, ordinal: int) -> int:
        """Drain one replica: the others take over what it held. Its exit code."""
        replica = Replica(service, ordinal)
        self._stopping.add(replica)
        code = await self._running.pop(replica).stop()
        await self._keepers.pop(replica)
        return code

    async def _begin(self, replica: Replica) -> None:
        self._running[replica] = await self._start(replica)
        self._keepers[replica] = asyncio.create_task(self._keep(replica))

    async def _all_ready(self) -> None:
        async with asyncio.TaskGroup() as everybody:
            for replica in self._ports:
                everybody.create_task(self.ready(*replica))

    async def ready(self, service: str, ordinal: int = 0) -> None:
        """Wait until a replica says that it is ready. Failure, with what it waits for, when it takes too long."""
        replica = Replica(service, ordinal)
        until = time.monotonic() + _READY_WITHIN
        told = "it does not answer"
        while time.monotonic() < until:
            try:
                status, told = await get(HOST, self._ports[replica], "/ready")
            except OSError:
                status = 0
            if status == 200:
                return
            await asyncio.sleep(0.05)
        log = self.log(service, ordinal)
        raise Failure(f"{replica} was not ready within {_READY_WITHIN:.0f} s ({told}): see {log}", ABSENT)

    async def stop(self) -> dict[str, int]:
        """Drain everybody: each finishes its batch, commits and releases. Gives their exit codes."""
        self._stopping.update(self._ports)
        codes = await asyncio.gather(*(process.stop() for process in self._running.values()))
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        if not self.failure.done():
            self.failure.cancel()
        return dict(zip(map(str, self._running), codes, strict=True))

    def kill(self, service: str, ordinal: int = 0) -> int:
        """End a replica as a crash would; it is started again. Gives the process id it had."""
        process = self._running[Replica(service, ordinal)]
        process.kill()
        return process.pid

    def pid(self, service: str, ordinal: int = 0) -> int:
        return self._running[Replica(service, ordinal)].pid

    async def _start(self, replica: Replica) -> Process:
        folder = self.folder(*replica)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise Failure(f"{folder} cannot be made ({problem.strerror}): choose another with --data", WRONG) from None
        port = str(self._ports[replica])
        module = f"services.{replica.service}.app:app"
        command = [sys.executable, "-m", "faststream", "run", module, "--host", HOST, "--port", port]
        environment = _environment(
            Q2C_NATS=self._nats,
            Q2C_DATA=str(folder),
            Q2C_REPLICA=str(replica.ordinal),
            Q2C_CLOCK=self._clock,
            Q2C_LOG="json",
        )
        log = self.log(*replica)
        return await start(str(replica), command, log, self._leash, folder=ROOT, environment=environment)

    async def _keep(self, replica: Replica) -> None:
        """Start a replica again whenever it dies, but not for ever."""
        deaths: list[float] = []
        while True:
            process = self._running[replica]
            code = await process.ended()
            if replica in self._stopping:
                return
            now = time.monotonic()
            deaths = [*(death for death in deaths if now - death < _WINDOW), now]
            if code in _HOPELESS:
                self._fail(Failure(f"{replica} cannot run: {process.last_words()}", ABSENT))
                return
            why = f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
            if len(deaths) >= _DEATHS:
                self._fail(Failure(f"{replica} {why} {_DEATHS} times: {process.last_words()} (see {process.log})", NO))
                return
            self._report(f"{replica} {why} and is started again (see {process.log})")
            await asyncio.sleep(0.2 * (len(deaths) - 1))
            try:
                self._running[replica] = await self._start(replica)
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
