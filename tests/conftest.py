"""What tests share: a real nats-server, because nothing that stands in for one keeps order or refuses a fence."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from contracts.wire import STREAM
from shared import bucket
from shared.stream import connect, provision


@dataclass
class NatsServer:
    """A nats-server that a test may stop and start again; what it stored stays."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        configuration = self.folder / "nats.conf"
        configuration.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\n'
            f"jetstream {{ store_dir: {json.dumps(str(self.folder / 'js'))}, sync_interval: always }}\n"
        )
        places = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
        binary = shutil.which("nats-server", path=places)
        assert binary is not None, "nats-server is neither installed with the dependencies nor on PATH"
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen([binary, "-c", configuration], stdout=log, stderr=log)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    async def client(self) -> Client:
        """A connection, once the server accepts one."""
        while True:
            try:
                return await connect(self.url, "tests")
            except OSError:
                await asyncio.sleep(0.02)

    async def fresh(self, partitions: int = 4) -> Client:
        """A connection to an empty log, of which there are no snapshots."""
        nc = await self.client()
        for stream in (STREAM, bucket.STREAM):
            with suppress(NotFoundError):
                await nc.jetstream().delete_stream(stream)
        await provision(nc, partitions)
        return nc


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """The server that all tests of a worker use, each with a fresh stream."""
    server = NatsServer(tmp_path_factory.mktemp("nats"), free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that one test may stop."""
    server = NatsServer(tmp_path, free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
async def nats_client(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A connection to an empty log of four partitions."""
    nc = await nats_server.fresh()
    yield nc
    await nc.close()
