"""Partitions and replicas: what a service gets through when its partitions are shared out to processes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.growth import TEXT
from tests.bench.loops import ground, said
from tests.bench.relay.messages import Note
from tests.bench.rounds import Measurement, Round, Sizes

KEYS = 1_000


def key_of(partitions: int, replicas: int) -> str:
    return f"messages_per_s_{partitions}_partitions_{replicas}_replicas"


async def rate(folder: Path, partitions: int, replicas: int, messages: int) -> float:
    """Messages a second of so many processes on a log with so many partitions."""
    share = partitions // replicas
    async with ground(folder, partitions) as here:
        processes = [
            await here.serve(
                f"relay-{replica}",
                "tests.bench.relay.app:app",
                Q2C_OWNS=f"{replica * share}-{(replica + 1) * share - 1}",
            )
            for replica in range(replicas)
        ]
        work = [said(Note(text=TEXT), f"N{number % KEYS}", f"note-{number}") for number in range(messages)]
        spent = await here.spent(*processes, work=work, service="relay")
    return messages / spent.seconds


@asynccontextmanager
async def opened(sizes: Sizes, folder: Path) -> AsyncIterator[Round]:
    async def play() -> Mapping[str, float | str]:
        """Each on a fresh log: the number of partitions is fixed when it is made."""
        rates: dict[str, float | str] = {}
        for partitions, replicas in sizes.partitions:
            with TemporaryDirectory(dir=folder) as place:
                found = await rate(Path(place), partitions, replicas, sizes.growth_messages)
            rates[key_of(partitions, replicas)] = found
        return rates

    yield play


REPLICAS = Measurement("replicas", opened)
