"""One hop: a command is published, heard, decided, committed and seen by the next, with nothing else going on."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bench.figures import percentile
from tests.bench.loops import ground, said
from tests.bench.relay.messages import Note
from tests.bench.rounds import Measurement, Round, Sizes


@asynccontextmanager
async def opened(sizes: Sizes, folder: Path) -> AsyncIterator[Round]:
    async with ground(folder) as here:
        await here.serve("relay", "tests.bench.relay.app:app")
        number = 0

        async def play() -> Mapping[str, float | str]:
            nonlocal number
            pull = here.log.pull(["q2c.evt.relay.>"], await here.log.last())
            waits = []
            for _ in range(sizes.hops):
                number += 1
                subject, body = said(Note(text="are you there?"), f"N{number % 100}", f"hop-{number}")
                begun = time.perf_counter()
                await here.log.say(subject, body)
                await pull.batch(1)
                waits.append((time.perf_counter() - begun) * 1000)
            await pull.close()
            return {"hop_p50_ms": percentile(waits, 0.5), "hop_p99_ms": percentile(waits, 0.99)}

        await play()
        yield play


HOP = Measurement("hop", opened)
