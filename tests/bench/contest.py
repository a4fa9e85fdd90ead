"""The contest: this mesh and its peers take turns at the same chains, each round in a process and folder of its own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from infra.leash import Leash
from tests.bench import machine
from tests.bench.figures import NOT_MEASURED
from tests.bench.peers.contender import STEPS
from tests.bench.rounds import Measurement, Round, Sizes


class Contender(Struct, frozen=True):
    """A module below `tests.bench.peers`, and how much of the work fills a round of its."""

    name: str
    module: str
    share: float


MESH = Contender("this mesh", "mesh", 1.0)
PEERS = (
    Contender("FastStream, SQLite commit a message", "faststream_sqlite", 0.1),
    Contender("DBOS on SQLite", "dbos_sqlite", 0.04),
    Contender("DBOS on PostgreSQL", "dbos_postgres", 0.1),
    Contender("Restate", "restate_objects", 0.15),
    Contender("Temporal", "temporal_workflows", 0.04),
)
MANY = 10
"""Chains at once at least, however small the run."""


class Outcome(Struct, frozen=True):
    """What the process of a contender tells."""

    about: str = ""
    seconds: float = 0.0
    cpu: float = 0.0
    absent: str | None = None
    chains: int = 0

    @property
    def steps_per_s(self) -> float:
        return self.chains * STEPS / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU of all its processes for each step."""
        return self.cpu / (self.chains * STEPS) * 1e6


async def outcome(contender: Contender, sizes: Sizes, folder: Path) -> Outcome:
    """One round. RuntimeError when the contender fails: a peer that is broken is no peer that is slow."""
    chains = max(MANY, round(sizes.chains * contender.share))
    leash = Leash()
    with TemporaryDirectory(dir=folder) as place:
        arguments = ("-m", "tests.bench.peers", contender.module, str(chains), place)
        process = await machine.python(contender.module, leash, Path(place), *arguments)
        if await process.ended():
            raise RuntimeError(f"{contender.name} failed: {process.last_words()}")
        told = msgspec.json.decode((Path(place) / "outcome.json").read_bytes(), type=Outcome)
    leash.close()
    return msgspec.structs.replace(told, chains=chains)


@asynccontextmanager
async def opened(sizes: Sizes, folder: Path) -> AsyncIterator[Round]:
    async def play() -> Mapping[str, float | str]:
        mesh = await outcome(MESH, sizes, folder)
        found: dict[str, float | str] = {
            "mesh_steps_per_s": mesh.steps_per_s,
            "mesh_step_cpu_us": mesh.cpu_us,
            "about.this mesh": mesh.about,
        }
        peers = []
        for peer in PEERS:
            it = await outcome(peer, sizes, folder)
            if it.absent is not None:
                found[f"peers.{peer.name}"] = NOT_MEASURED
                found[f"about.{peer.name}"] = it.absent
                continue
            peers.append(it)
            found[f"peers.{peer.name}"] = it.steps_per_s
            found[f"peer_cpu_us.{peer.name}"] = it.cpu_us
            found[f"about.{peer.name}"] = it.about
        if peers:
            found["peer_ratio"] = mesh.steps_per_s / max(it.steps_per_s for it in peers)
            found["peer_cpu_ratio"] = min(it.cpu_us for it in peers) / mesh.cpu_us
        else:
            found["peer_ratio"] = found["peer_cpu_ratio"] = NOT_MEASURED
        return found

    yield play


CONTEST = Measurement("peers", opened)
