"""The log's server, started for this command alone: nats-server with JetStream, syncing each write to disk."""

import asyncio
import json
import re
import shutil
import socket
import sysconfig
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from infra.failure import ABSENT, WRONG, Failure
from infra.leash import Leash
from infra.processes import Process, start

OLDEST = (2, 15)
HOST = "127.0.0.1"
_STARTS_WITHIN = 15.0


def binary() -> Path:
    """The nats-server that comes with the dependencies, else the one on PATH."""
    packaged = Path(sysconfig.get_path("scripts")) / "nats-server"
    if packaged.is_file():
        return packaged
    found = shutil.which("nats-server")
    if found is None:
        raise Failure("there is no nats-server: run `make setup`, or install nats-server 2.15 or newer", ABSENT)
    return Path(found)


async def version(server: Path) -> tuple[int, ...]:
    """The version that the binary tells. Failure when it is older than the mesh needs."""
    process = await asyncio.create_subprocess_exec(server, "--version", stdout=asyncio.subprocess.PIPE)
    told = (await process.communicate())[0].decode()
    numbers = re.search(r"v(\d+)\.(\d+)\.(\d+)", told)
    found = tuple(map(int, numbers.groups())) if numbers else (0,)
    if found < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise Failure(f"{server} is {told.strip() or 'unknown'}: the mesh needs nats-server {needed} or newer", WRONG)
    return found


class Server(NamedTuple):
    """A running nats-server."""

    url: str
    process: Process


@asynccontextmanager
async def embedded(folder: Path, leash: Leash, port: int | None, keeps: int) -> AsyncIterator[Server]:
    """A server that keeps its log in `folder`, and the open file `keeps`. Without a `port` it takes a free one."""
    server = binary()
    await version(server)
    settings = _prepare(folder, port)
    command = [str(server), "--config", str(settings)]
    process = await start("nats-server", command, folder / "nats-server.log", leash, keeps=[keeps])
    try:
        yield Server(await _address(process, folder), process)
    finally:
        await process.stop()


def _prepare(folder: Path, port: int | None) -> Path:
    """A folder with the server's configuration in it. Failure when it cannot be written."""
    text = f"""\
listen: "{HOST}:{-1 if port is None else port}"
ports_file_dir: {json.dumps(str(folder))}
jetstream {{
  store_dir: {json.dumps(str(folder))}
  sync_interval: always  # an acknowledged message survives a power cut
}}
"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.ports"):
            old.unlink()
        settings = folder / "nats-server.conf"
        settings.write_text(text)
    except OSError as problem:
        raise Failure(
            f"{folder} cannot be written ({problem.strerror}): choose another folder with --data", WRONG
        ) from None
    return settings


async def _address(process: Process, folder: Path) -> str:
    """Where the server listens: it writes so into a file once it does."""
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until:
        if address := _announced(folder):
            return address
        if process.exit_code is not None:
            raise Failure(f"nats-server did not start: {process.last_words()}", ABSENT)
        await asyncio.sleep(0.01)
    raise Failure(f"nats-server did not start within {_STARTS_WITHIN:.0f} s: see {process.log}", ABSENT)


def _announced(folder: Path) -> str | None:
    for told in folder.glob("*.ports"):
        addresses = json.loads(told.read_text() or "{}").get("nats")
        if addresses:
            return str(addresses[0]).rstrip("/")
    return None


def refuse_taken(port: int, what: str, way_out: str) -> None:
    """Failure when somebody listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise Failure(f"port {port} for {what} is taken: end what uses it, or {way_out}", ABSENT) from None


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
