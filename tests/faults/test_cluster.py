"""The log on three nodes: a leader that dies, a node that is cut off, all of them gone and back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.log import Log
from tests.faults.cluster import NODES, Cluster, cluster, connected
from tests.faults.flood import Flood
from tests.faults.poured import PARTITIONS, proven, toys

pytestmark = [
    pytest.mark.timeout(300),
    # nats-py leaves the socket of a silent node to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning"),
]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path) as three:
        yield three


async def test_the_leader_of_the_log_is_killed_again_and_again(nodes: Cluster, tmp_path: Path) -> None:
    async with connected(nodes, PARTITIONS) as nc, toys(nodes.url, tmp_path / "data"):
        log = Log(nc, PARTITIONS)
        flood = Flood(log, seed=1)
        for _ in range(3):
            pouring = asyncio.create_task(flood.pour(200))
            leader = await nodes.leader(nc)
            nodes.kill(leader)
            await pouring
            nodes.start(leader)
            await nodes.whole(nc)
        await proven(nc, log, flood)


async def test_one_node_is_cut_off(nodes: Cluster, tmp_path: Path) -> None:
    async with connected(nodes, PARTITIONS) as nc, toys(nodes.url, tmp_path / "data"):
        log = Log(nc, PARTITIONS)
        flood = Flood(log, seed=2)
        for node in NODES:  # whichever of them the service is connected to, and whichever leads
            pouring = asyncio.create_task(flood.pour(200))
            nodes.cut_off(node)
            await pouring
            nodes.let_in(node)
            await nodes.whole(nc)
        await proven(nc, log, flood)


async def test_all_nodes_are_killed_and_started_again(nodes: Cluster, tmp_path: Path) -> None:
    async with connected(nodes, PARTITIONS) as nc, toys(nodes.url, tmp_path / "data"):
        log = Log(nc, PARTITIONS)
        flood = Flood(log, seed=3)
        await flood.pour(100)
        pouring = asyncio.create_task(flood.pour(200))
        nodes.kill()
        nodes.start()
        await pouring
        await proven(nc, log, flood)
