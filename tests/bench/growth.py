"""Growth: what a message costs, and what a service weighs, with many actors and with long histories behind them."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.processes import Process
from tests.bench import machine
from tests.bench.history import histories
from tests.bench.loops import Ground, ground, said
from tests.bench.relay.messages import Note
from tests.bench.restoring import restored, restored_from_snapshot
from tests.bench.rounds import Measurement, Round, Sizes

TEXT = "What was agreed on the telephone, in about as many words as such a note has. " * 2


class Grown:
    """A service that has so many actors, each with so many events behind it."""

    def __init__(self, here: Ground, process: Process, actors: int, events: int, restored_in: float) -> None:
        self.here, self.process, self.actors = here, process, actors
        self.events = actors * events
        self.first_restore = self.events / restored_in
        """Events a second."""

    async def cost(self, messages: int, turn: int) -> float:
        """CPU seconds of service and server for each of so many messages to actors taken at random."""
        chance = random.Random(turn)
        keys = [f"N{chance.randrange(self.actors)}" for _ in range(messages)]
        work = [said(Note(text=TEXT), key, f"note-{turn}-{place}") for place, key in enumerate(keys)]
        spent = await self.here.spent(self.process, work=work, service="relay")
        self.events += messages
        return (spent.cpu + spent.server) / messages

    async def restore(self) -> float:
        """Events a second, folded into an empty file."""
        with TemporaryDirectory(dir=self.here.folder) as empty:
            return self.events / await restored(self.here, Path(empty))


@asynccontextmanager
async def grown(folder: Path, actors: int, events: int) -> AsyncIterator[Grown]:
    """The log is written first, and the service's file folded from it, as after the loss of a disk."""
    async with ground(folder) as here:
        await here.lay_out(histories(actors, events, TEXT), "relay")
        await here.close_claims("relay")
        seconds = await restored(here, here.folder / "relay")
        yield Grown(here, await here.serve("relay", "tests.bench.relay.app:app"), actors, events, seconds)


@asynccontextmanager
async def opened(sizes: Sizes, folder: Path) -> AsyncIterator[Round]:
    async with AsyncExitStack() as stack:

        async def made(name: str, actors: int, events: int) -> Grown:
            return await stack.enter_async_context(grown(folder / name, actors, events))

        few, many, most = [await made(f"actors-{count}", count, 1) for count in sizes.actors]
        short, long, longest = [
            await made(f"events-{count}", sizes.actors_with_events, count) for count in sizes.events_behind
        ]
        turn = 0

        async def play() -> Mapping[str, float | str]:
            nonlocal turn
            turn += 1
            each = (few, many, most, short, long, longest)
            costs = {one: await one.cost(sizes.growth_messages, turn) for one in each}
            return {
                "message_us_1k_actors": costs[few] * 1e6,
                "message_us_100k_actors": costs[many] * 1e6,
                "message_us_1m_actors": costs[most] * 1e6,
                "growth_100k": costs[many] / costs[few],
                "growth_1m": costs[most] / costs[few],
                "growth_1k_events": costs[long] / costs[short],
                "growth_10k_events": costs[longest] / costs[short],
                "restore_events_per_s": await many.restore(),
                "restore_events_per_s_short": await long.restore(),
                "restore_events_per_s_1m": most.first_restore,
                "snapshot_restore_s": await restored_from_snapshot(),
                "rss_mb_1m_actors": machine.memory_mb(most.process.pid),
            }

        yield play


GROWTH = Measurement("growth", opened)
