"""Three nats-servers that keep the log together: each may be killed, cut off and started again."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.wire import STREAM
from infra.server import binary, free_ports
from shared.stream import LogUnfit, provision

NODES = ("n1", "n2", "n3")
_PATIENCE = 60.0


class Cluster:
    """The nodes by name. A node that is cut off neither hears nor answers, while it believes that all is well."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(2 * len(NODES))
        self._folder = folder
        self._ports = dict(zip(NODES, ports[: len(NODES)], strict=True))
        self._routes = dict(zip(NODES, ports[len(NODES) :], strict=True))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return ",".join(f"nats://127.0.0.1:{port}" for port in self._ports.values())

    def start(self, *nodes: str) -> None:
        for node in nodes or NODES:
            with (self._folder / f"{node}.log").open("ab") as log:
                self._running[node] = subprocess.Popen([binary(), "-c", self._settings(node)], stdout=log, stderr=log)

    def kill(self, *nodes: str) -> None:
        for node in nodes or tuple(self._running):
            process = self._running.pop(node)
            process.kill()
            process.wait()

    def cut_off(self, node: str) -> None:
        self._running[node].send_signal(signal.SIGSTOP)

    def let_in(self, node: str) -> None:
        self._running[node].send_signal(signal.SIGCONT)

    def _settings(self, node: str) -> Path:
        routes = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in self._routes.values())
        settings = self._folder / f"{node}.conf"
        settings.write_text(
            f'server_name: {node}\nlisten: "127.0.0.1:{self._ports[node]}"\nping_interval: "2s"\n'
            f"jetstream {{ store_dir: {json.dumps(os.fspath(self._folder / node))}, sync_interval: always }}\n"
            f'cluster {{ name: q2c, listen: "127.0.0.1:{self._routes[node]}", routes: [{routes}] }}\n'
        )
        return settings

    async def client(self) -> Client:
        """A connection that finds a node which answers, for as long as the cluster lives."""

        async def ignore(_problem: Exception) -> None:
            """What goes wrong is raised where it is noticed."""

        while True:
            try:
                return await nats.connect(
                    self.url.split(","),
                    name="tests",
                    connect_timeout=1,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.1,
                    ping_interval=1,
                    error_cb=ignore,
                )
            except (NatsError, OSError, TimeoutError):
                await asyncio.sleep(0.05)

    async def fresh(self, partitions: int) -> Client:
        """A connection to an empty log on three nodes."""
        nc = await self.client()
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    await provision(nc, partitions, replicas=len(NODES))
                except (NatsError, TimeoutError, LogUnfit):
                    await asyncio.sleep(0.1)
                else:
                    return nc

    async def leader(self, nc: Client) -> str:
        """The node that leads the stream."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    cluster = (await nc.jetstream().stream_info(STREAM)).cluster
                except (NatsError, TimeoutError):
                    cluster = None
                if cluster is not None and cluster.leader:
                    return str(cluster.leader)
                await asyncio.sleep(0.05)

    async def whole(self, nc: Client) -> None:
        """Until every node has everything."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    cluster = (await nc.jetstream().stream_info(STREAM)).cluster
                except (NatsError, TimeoutError):
                    cluster = None
                if cluster is not None and cluster.leader and all(peer.current for peer in cluster.replicas or ()):
                    return
                await asyncio.sleep(0.05)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    nodes = Cluster(folder)
    nodes.start()
    try:
        yield nodes
    finally:
        nodes.kill()


@asynccontextmanager
async def connected(nodes: Cluster, partitions: int) -> AsyncIterator[Client]:
    nc = await nodes.fresh(partitions)
    try:
        yield nc
    finally:
        await nc.close()


__all__ = ["NODES", "Cluster", "cluster", "connected"]
