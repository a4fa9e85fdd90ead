"""A whole mesh that lives as long as one command: server, stream, four services, and a connection to them."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client as Connection

from infra.client import Mesh, connect
from infra.failure import ABSENT, WRONG, Failure
from infra.fleet import SERVICES, Fleet, Report
from infra.leash import Leash
from infra.server import embedded, free_ports, refuse_taken
from shared.log import Log, LogUnfit, provision

PARTITIONS = 8


class Embedded:
    """A running mesh of this command's own."""

    def __init__(self, url: str, mesh: Mesh, fleet: Fleet, changed: list[str]) -> None:
        self.url = url
        self.mesh = mesh
        self.fleet = fleet
        self.changed = changed
        """What provisioning changed."""


async def provisioned(connection: Connection, partitions: int = PARTITIONS) -> list[str]:
    """Make the log what the mesh needs; what had to be changed. Failure when it cannot be."""
    try:
        return await provision(connection, partitions)
    except LogUnfit as unfit:
        raise Failure(str(unfit), ABSENT) from None


@asynccontextmanager
async def rehearsal(report: Report, data: Path | None = None, replicas: int = 1) -> AsyncIterator[Embedded]:
    """A throw-away mesh in a temporary folder, with the scenario's clock and ports that nobody uses."""
    if data is not None and _holds_something(data):
        raise Failure(f"{data} is not empty: name a folder to be made, for a rehearsal starts from nothing", WRONG)
    with contextlib.ExitStack() as folders:
        folder = data or Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="q2c-")))
        async with _running(folder, "scenario", None, free_ports(len(SERVICES) * replicas), report) as running:
            yield running


def _holds_something(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


@asynccontextmanager
async def lasting(
    data: Path, clock: str, port: int, http: int, report: Report, replicas: int = 1
) -> AsyncIterator[Embedded]:
    """A mesh for development: known ports, and a folder that is kept."""
    ports = [http + place for place in range(len(SERVICES) * replicas)]
    for service, taken in zip(SERVICES * replicas, ports, strict=True):
        refuse_taken(taken, f"the routes of {service}", "choose others with --http")
    async with _running(data, clock, port, ports, report) as running:
        yield running


@asynccontextmanager
async def _running(
    folder: Path, clock: str, port: int | None, ports: Sequence[int], report: Report
) -> AsyncIterator[Embedded]:
    leash = Leash()
    try:
        async with embedded(folder / "nats", leash, port) as url:
            connection = await connect(url)
            try:
                changed = await provisioned(connection)
                fleet = Fleet(url, folder, leash, clock=clock, ports=ports, report=report)
                try:
                    await fleet.start()
                    yield Embedded(url, Mesh(connection, Log(connection, PARTITIONS)), fleet, changed)
                finally:
                    await asyncio.shield(fleet.stop())
            finally:
                await connection.close()
    finally:
        leash.close()
