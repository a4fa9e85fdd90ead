"""A log of its own with the relay or another service on it: how work is laid out, and how its end is noticed."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from contracts import wire
from contracts.message import Context, Message
from infra.client import connect
from infra.fleet import get
from infra.leash import Leash
from infra.processes import Process
from infra.server import HOST, free_ports
from shared.log import Cursor, Fence, Log, Recorded, Saying, provision
from tests.bench import machine

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PARTITIONS = 8
_MANY = 900
"""Messages laid out in one atomic batch."""


class Spent(NamedTuple):
    """What some work took."""

    seconds: float
    cpu: float
    """Seconds of CPU of the processes that did the work."""
    server: float
    """Seconds of CPU of nats-server."""


class Ground:
    """A nats-server, its log, and the processes that work on it."""

    def __init__(self, url: str, log: Log, leash: Leash, folder: Path, server: int) -> None:
        self.url, self.log, self.folder, self.server = url, log, folder, server
        self._leash = leash
        self._claims: dict[str, dict[int, Recorded]] = {}

    async def serve(self, name: str, app: str, **settings: str) -> Process:
        """A service as an operator runs it, ready."""
        (port,) = free_ports(1)
        environment = {
            "Q2C_NATS": self.url,
            "Q2C_DATA": str(self.folder / name),
            "Q2C_PARTITIONS": str(self.log.partitions),
            "Q2C_LOG": "json",
            **settings,
        }
        arguments = ("-m", "faststream", "run", app, "--host", HOST, "--port", str(port))
        process = await machine.python(name, self._leash, self.folder, *arguments, **environment)
        await self._ready(process, port)
        return process

    async def run(self, name: str, *arguments: str) -> Process:
        """Another program on this log."""
        return await machine.python(name, self._leash, self.folder, *arguments)

    async def _ready(self, process: Process, port: int) -> None:
        while process.exit_code is None:
            try:
                if (await get(HOST, port, "/ready"))[0] == 200:
                    return
            except OSError:
                pass
            await asyncio.sleep(0.02)
        raise RuntimeError(f"{process.name} did not start: {process.last_words()}")

    async def lay_out(self, messages: Iterable[tuple[str, bytes]], speaker: str = "bench") -> dict[int, int]:
        """Put messages on the log as fast as it takes them; the sequence of the last one of each partition."""
        if speaker not in self._claims:
            self._claims[speaker] = await self.log.claim(speaker, speaker, range(self.log.partitions))
        ends: dict[int, int] = {}
        left = iter(messages)
        while batch := [Saying(0, *message) for message in islice(left, _MANY)]:
            for saying, sequence in zip(batch, await self._lay(batch, speaker), strict=True):
                ends[wire.partition(saying.subject.rpartition(".")[2], self.log.partitions)] = sequence
        return ends

    async def _lay(self, batch: Sequence[Saying], speaker: str) -> list[int]:
        claims = self._claims[speaker]
        fences = {0: Fence(_next(claims[0]), claims[0].sequence)}
        committed = await self.log.commit(speaker, batch, fences)
        claims[0] = Recorded(fences[0].cursor, committed.fences[0])
        return committed.sequences

    async def close_claims(self, speaker: str) -> None:
        """Record the cursors of all partitions after what was laid out, as an owner would have."""
        claims = self._claims.pop(speaker)
        fences = {partition: Fence(_next(claim), claim.sequence) for partition, claim in claims.items()}
        await self.log.commit(speaker, [], fences)

    async def heard(self, service: str, ends: Mapping[int, int], *by: Process) -> None:
        """Until the service's cursor has reached its place in each partition."""
        for partition, sequence in ends.items():
            while True:
                cursor = (await self.log.cursor(service, partition)).cursor
                if cursor is not None and cursor.input >= sequence:
                    break
                for process in by:
                    if process.exit_code is not None:
                        raise RuntimeError(f"{process.name} has ended: {process.last_words()}")
                await asyncio.sleep(0.005)

    async def spent(self, *by: Process, work: Iterable[tuple[str, bytes]], service: str) -> Spent:
        """What these processes, all of one service, take for work that they find laid out."""
        pids = [process.pid for process in by]
        with machine.held(*pids):
            ends = await self.lay_out(work)
            cpu, server = machine.cpu_seconds(pids), machine.cpu_seconds([self.server])
            begun = time.perf_counter()
        await self.heard(service, ends, *by)
        seconds = time.perf_counter() - begun
        return Spent(seconds, machine.cpu_seconds(pids) - cpu, machine.cpu_seconds([self.server]) - server)


def _next(claim: Recorded) -> Cursor:
    assert claim.cursor is not None
    return msgspec.structs.replace(claim.cursor, batch=uuid.uuid4().hex)


def said(message: Message, key: str, identity: str) -> tuple[str, bytes]:
    """Subject and body of a message from outside."""
    context = Context(id=identity, source="/bench", key=key, at=NOON, correlation=identity)
    return wire.subject(type(message), key), wire.envelope(message, context)


@asynccontextmanager
async def ground(folder: Path, partitions: int = PARTITIONS) -> AsyncIterator[Ground]:
    """A fresh log on a nats-server that syncs each write; what runs on it ends with the block."""
    leash = Leash()
    try:
        async with machine.nats(folder / "nats", leash) as server:
            connection = await connect(server.url)
            try:
                await provision(connection, partitions)
                yield Ground(server.url, Log(connection, partitions), leash, folder, server.process.pid)
            finally:
                await connection.close()
    finally:
        leash.close()
