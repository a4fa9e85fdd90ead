"""DBOS: a workflow of 20 steps for each key, whose state after each step is a row in its database."""

import asyncio
from importlib.metadata import version

from dbos import DBOS, DBOSConfig

from tests.bench.peers.contender import PAYLOAD, STEPS, WARM_UP, Work, advanced

POOL = 20


def settings() -> str:
    return f"DBOS {version('dbos')}, async workflows, all started at once, a pool of {POOL} connections"


@DBOS.step()
async def step(payload: str) -> str:
    return advanced(payload)


@DBOS.workflow()
async def chain(payload: str) -> str:
    for _ in range(STEPS):
        payload = await step(payload)
    return payload


async def run_on(database: str, work: Work) -> None:
    config: DBOSConfig = {
        "name": "chains",
        "system_database_url": database,
        "sys_db_pool_size": POOL,
        "log_level": "WARNING",
        "run_admin_server": False,
        "enable_otlp": False,
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        await _chains(WARM_UP)
        with work.timed():
            await _chains(work.chains)
    finally:
        DBOS.destroy()


async def _chains(count: int) -> None:
    handles = [await DBOS.start_workflow_async(chain, PAYLOAD) for _ in range(count)]
    await asyncio.gather(*(handle.get_result() for handle in handles))
