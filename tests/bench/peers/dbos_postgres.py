"""DBOS on PostgreSQL, which its documentation recommends for production."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from infra.server import HOST, free_ports
from tests.bench.peers.contender import NotHere, Work
from tests.bench.peers.dbos_workflows import run_on, settings


def about() -> str:
    return f"{settings()}; {_version()} as initdb makes it, fsync and synchronous_commit on"


async def run(work: Work) -> None:
    async with _postgres() as address:
        await run_on(f"postgresql+psycopg://postgres@{address}/chains", work)


def _program(name: str) -> str:
    """From a Debian package or from PATH. NotHere."""
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise NotHere(f"there is no {name}: install PostgreSQL")
    return found


def _version() -> str:
    return subprocess.run(
        [_program("postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()


@asynccontextmanager
async def _postgres() -> AsyncIterator[str]:
    """A server of this round's own; as PostgreSQL does not run as root, root starts it as `postgres`."""
    user = "postgres" if os.geteuid() == 0 else None
    start = partial(asyncio.create_subprocess_exec, cwd="/", user=user, stdout=DEVNULL, stderr=DEVNULL)
    folder = Path(tempfile.mkdtemp(prefix="q2c-bench-postgres-"))
    if user:
        shutil.chown(folder, user)
    try:
        made = await start(_program("initdb"), "-D", folder, "-U", "postgres", "-A", "trust", "-E", "UTF8")
        if await made.wait():
            raise RuntimeError("initdb failed")
        (port,) = free_ports(1)
        server = await start(_program("postgres"), "-D", folder, "-h", HOST, "-p", str(port), "-k", folder)
        try:
            await _listens(port)
            yield f"{HOST}:{port}"
        finally:
            server.terminate()
            await server.wait()
    finally:
        shutil.rmtree(folder)


async def _listens(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
