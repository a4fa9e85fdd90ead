"""A service that is killed at the worst moments: before, in the middle of and after each step of its loop."""

import shutil
from pathlib import Path

import pytest
from nats.aio.client import Client

from shared.log import Log
from tests.conftest import NatsServer
from tests.faults.flood import Flood
from tests.faults.poured import PARTITIONS, Toys, proven, toys

DISKS = pytest.mark.parametrize("disk", ["kept", "lost"])


async def killed_at(point: str, disk: str, server: NatsServer, nc: Client, data: Path) -> None:
    """Pour, let the service die at the point, start it again, pour on: as if nothing had been."""
    log = Log(nc, PARTITIONS)
    flood = Flood(log, seed=7)
    async with Toys(server.url, data, point) as dying:
        await dying.says('"ready"')
        await flood.pour(300)
        await dying.killed()
    if disk == "lost":
        shutil.rmtree(data)
    async with toys(server.url, data):
        await flood.pour(30)
        await proven(nc, log, flood)


@DISKS
async def test_before_decide(disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    await killed_at("before decide:40", disk, nats_server, nats_client, tmp_path / "data")


@DISKS
async def test_mid_batch(disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    await killed_at("mid-batch:43", disk, nats_server, nats_client, tmp_path / "data")


@DISKS
async def test_with_half_of_a_batch_sent(
    disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    await killed_at("batch half sent:5", disk, nats_server, nats_client, tmp_path / "data")


@DISKS
async def test_after_the_batch_is_sent_and_before_its_answer(
    disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    await killed_at("batch sent:6", disk, nats_server, nats_client, tmp_path / "data")


@DISKS
async def test_after_the_commit_and_before_sqlite(
    disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    await killed_at("committed:5", disk, nats_server, nats_client, tmp_path / "data")


@DISKS
async def test_mid_sqlite(disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    await killed_at("mid-SQLite:4", disk, nats_server, nats_client, tmp_path / "data")


async def test_during_restore(nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    log, data = Log(nats_client, PARTITIONS), tmp_path / "data"
    flood = Flood(log, seed=11)
    async with toys(nats_server.url, data):
        await flood.pour(300)
    shutil.rmtree(data)
    for _ in range(2):
        async with Toys(nats_server.url, data, "during restore:50") as dying:
            await dying.killed()
    async with toys(nats_server.url, data):
        await flood.pour(30)
        await proven(nats_client, log, flood)


@DISKS
async def test_during_snapshot(disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    log, data = Log(nats_client, PARTITIONS), tmp_path / "data"
    flood = Flood(log, seed=17)
    for nth in (1, 2):
        async with Toys(nats_server.url, data, f"during snapshot:{nth}", kept_every=1) as dying:
            await flood.pour(150)
            await dying.killed()
        if disk == "lost":
            shutil.rmtree(data)
    async with toys(nats_server.url, data, kept_every=1) as running:
        assert (disk == "lost") == any("a snapshot is brought" in line for line in running.lines)
        await flood.pour(30)
        await proven(nats_client, log, flood)


@DISKS
async def test_during_release(disk: str, nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    log, data = Log(nats_client, PARTITIONS), tmp_path / "data"
    flood = Flood(log, seed=13)
    async with Toys(nats_server.url, data, "during release:1") as dying:
        await dying.says('"ready"')
        await flood.pour(200)
        dying.ask_to_stop()
        await dying.killed()
    if disk == "lost":
        shutil.rmtree(data)
    async with toys(nats_server.url, data):
        await flood.pour(30)
        await proven(nats_client, log, flood)
