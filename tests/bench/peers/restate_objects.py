"""Restate: a virtual object for each key, whose handler takes durable steps, each from one state to the next.

A handler that sends each next step to itself as a message gets through as many, for twice the CPU.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import hypercorn.asyncio
import restate
from hypercorn.config import Config

from infra.fleet import ROOT
from infra.leash import Leash
from infra.processes import Process, start
from infra.server import HOST, free_ports
from tests.bench.peers.contender import PAYLOAD, STEPS, WARM_UP, NotHere, Work, advanced

SERVER = ROOT / ".tools" / "restate" / "node_modules" / "@restatedev"
STREAMS = 2147483647
"""As the production example of its documentation has it."""

chain = restate.VirtualObject("Chain")
left: set[str] = set()
done = asyncio.Event()


@chain.handler()
async def steps(context: restate.ObjectContext, count: int) -> None:
    for _ in range(count):
        payload = await context.get("payload", type_hint=str) or PAYLOAD
        context.set("payload", await context.run_typed("step", advanced, payload=payload))
    left.discard(context.key())
    if not left:
        done.set()


def _binary() -> Path:
    """The server that `make setup-bench` has installed from npm. NotHere."""
    found = sorted(SERVER.glob("restate-server-*/bin/restate-server"))
    if not found:
        raise NotHere("there is no restate-server: install npm and run `make setup-bench`")
    return found[0]


def about() -> str:
    package = json.loads((_binary().parents[1] / "package.json").read_text())
    return (
        f"restate-server {package['version']} (24 partitions, WAL fsync on), restate-sdk {version('restate-sdk')} "
        f"behind hypercorn {version('hypercorn')}, a virtual object a key, a durable step each"
    )


async def run(work: Work) -> None:
    handlers, ingress, admin, node = free_ports(4)
    serving = asyncio.create_task(_serve(handlers))
    try:
        async with _server(work.folder, ingress, admin, node):
            await _post(admin, "/deployments", {"uri": f"http://{HOST}:{handlers}"})
            await _chains(ingress, "warm", WARM_UP)
            with work.timed():
                await _chains(ingress, "chain", work.chains)
    finally:
        serving.cancel()
        await asyncio.wait([serving])


async def _serve(port: int) -> None:
    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.h2_max_concurrent_streams = config.keep_alive_max_requests = STREAMS
    config.keep_alive_timeout = float(STREAMS)
    await hypercorn.asyncio.serve(restate.app([chain]), config, shutdown_trigger=asyncio.Event().wait)


@asynccontextmanager
async def _server(folder: Path, ingress: int, admin: int, node: int) -> AsyncIterator[None]:
    environment = {
        **os.environ,
        "RESTATE_BASE_DIR": str(folder / "restate"),
        "RESTATE_BIND_ADDRESS": f"{HOST}:{node}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://{HOST}:{node}",
        "RESTATE_INGRESS__BIND_ADDRESS": f"{HOST}:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"{HOST}:{admin}",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "RESTATE_LOG_FILTER": "warn",
    }
    leash = Leash()
    try:
        command = [str(_binary()), "--no-logo"]
        server = await start("restate", command, folder / "restate.log", leash, environment=environment)
        try:
            await _until_healthy(admin, server)
            yield
        finally:
            await server.stop()
    finally:
        leash.close()


async def _until_healthy(admin: int, server: Process) -> None:
    while server.exit_code is None:
        with suppress(OSError):
            if await _request(admin, "GET", "/health") == 200:
                return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"restate-server did not start: {server.last_words()}")


async def _chains(ingress: int, name: str, count: int) -> None:
    keys = [f"{name}-{number}" for number in range(count)]
    left.update(keys)
    done.clear()
    await asyncio.gather(*(_post(ingress, f"/Chain/{key}/steps/send", STEPS) for key in keys))
    await done.wait()


async def _post(port: int, path: str, body: object) -> None:
    status = await _request(port, "POST", path, json.dumps(body).encode())
    if status >= 300:
        raise RuntimeError(f"{path} was answered with {status}")


async def _request(port: int, verb: str, path: str, body: bytes = b"") -> int:
    """The status of a plain HTTP request."""
    reader, writer = await asyncio.open_connection(HOST, port)
    head = f"{verb} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
