"""Interleaved rounds: everything is set up first, then each measurement takes its turn in every round."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from msgspec import Struct

from tests.bench.figures import Rounds

Round = Callable[[], Awaitable[Mapping[str, float | str]]]
"""One round: a number by key, or the reason why there is none."""


class Sizes(Struct, frozen=True, kw_only=True):
    """How much work a run does. The default is the whole benchmark."""

    rounds: int = 5
    loop_messages: int = 16_000
    flows: int = 150
    hops: int = 100
    chains: int = 1_000
    """Of this mesh; a peer's are as many fewer as makes its rounds last about as long."""
    growth_messages: int = 8_000
    actors: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    events_behind: tuple[int, ...] = (10, 1_000, 10_000)
    actors_with_events: int = 20
    partitions: tuple[tuple[int, int], ...] = ((1, 1), (4, 1), (8, 1), (4, 2), (8, 2))
    """Partitions and replicas."""


QUICK = Sizes(
    rounds=1,
    loop_messages=400,
    flows=4,
    hops=5,
    chains=20,
    growth_messages=200,
    actors=(50, 100, 200),
    events_behind=(2, 4, 8),
    actors_with_events=5,
    partitions=((1, 1), (4, 2)),
)
"""Only to see that everything still works: its figures mean nothing."""


class Measurement(Struct, frozen=True):
    """A part of the benchmark: what it is called, and how it is set up in a folder of its own."""

    name: str
    opened: Callable[[Sizes, Path], AbstractAsyncContextManager[Round]]


async def measured(
    measurements: Sequence[Measurement], sizes: Sizes, folder: Path, report: Callable[[str], None]
) -> dict[str, Rounds | str]:
    """What each of them found, by key."""
    found: dict[str, list[float]] = {}
    absent: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        ready: list[tuple[str, Round]] = []
        for measurement in measurements:
            report(f"setting up {measurement.name}")
            place = folder / measurement.name.replace(" ", "-")
            place.mkdir(parents=True)
            ready.append((measurement.name, await stack.enter_async_context(measurement.opened(sizes, place))))
        for number in range(1, sizes.rounds + 1):
            for name, play in ready:
                report(f"round {number} of {sizes.rounds}: {name}")
                for key, value in (await play()).items():
                    if isinstance(value, str):
                        absent[key] = value
                    else:
                        found.setdefault(key, []).append(value)
    return {**absent, **{key: Rounds(tuple(values)) for key, values in found.items()}}
