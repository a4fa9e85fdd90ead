"""A working copy restored from the log alone, in a process of its own: `python -m tests.bench.restoring URL FOLDER`."""

import asyncio
import sys
import time
from pathlib import Path

from infra.client import connect
from shared import restore
from shared.decider import wire_service
from shared.log import Log, check
from shared.process import collect_seldom
from tests.bench.figures import NOT_MEASURED
from tests.bench.loops import Ground
from tests.bench.relay import notebook, runner
from tests.bench.relay.messages import TYPES


async def restored(here: Ground, folder: Path) -> float:
    """Seconds from an empty folder to a service's states as the log gives them."""
    process = await here.run("restoring", "-m", "tests.bench.restoring", here.url, str(folder))
    if await process.ended():
        raise RuntimeError(f"nothing was restored: {process.last_words()}")
    return float(process.last_words().removesuffix(" s"))


async def restored_from_snapshot() -> float | str:
    """The seam for snapshots: until there are any there is nothing to measure."""
    return NOT_MEASURED


async def _restore(url: str, folder: Path) -> float:
    """Without a claim: whoever owns the partitions goes on."""
    connection = await connect(url)
    collect_seldom()  # as a service does before it restores
    try:
        log = Log(connection, await check(connection))
        wiring = wire_service("relay", [notebook, runner], types=TYPES)
        cursors = {partition: await log.cursor("relay", partition) for partition in range(log.partitions)}
        store = await restore.working_copy(folder, wiring, log)
        try:
            begun = time.perf_counter()
            await restore.restored(wiring, log, store, cursors, scenario=False)
            return time.perf_counter() - begun
        finally:
            await store.close()
    finally:
        await connection.close()


if __name__ == "__main__":
    print(f"{asyncio.run(_restore(sys.argv[1], Path(sys.argv[2])))} s")
