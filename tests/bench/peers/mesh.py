"""This mesh: one service with one actor, in one process; a step is a fact that the actor hears and answers."""

from infra.client import Mesh
from tests.bench.loops import Ground, ground, said
from tests.bench.peers.contender import PAYLOAD, STEPS, WARM_UP, Work
from tests.bench.relay.messages import Run


def about() -> str:
    return "nats-server with sync_interval always, 8 partitions, one service process"


async def run(work: Work) -> None:
    async with ground(work.folder) as here:
        await here.serve("relay", "tests.bench.relay.app:app")
        mesh = Mesh(here.log.nc, here.log, ["relay"])
        await _chains(here, mesh, "warm", WARM_UP)
        with work.timed():
            await _chains(here, mesh, "chain", work.chains)


async def _chains(here: Ground, mesh: Mesh, name: str, count: int) -> None:
    message = Run(steps=STEPS, payload=PAYLOAD)
    await here.lay_out(said(message, f"{name}-{number}", f"{name}-{number}") for number in range(count))
    await mesh.quiet()
