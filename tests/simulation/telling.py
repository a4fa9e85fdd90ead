"""A story for a simulated fleet, and what is left when it has been told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from contracts.wire import Received
from infra.checker import check
from shared.decider import Wiring
from tests.simulation.world import Line, Rows, World

AllRows = Mapping[tuple[str, int], Rows]
"""By service and partition."""


def nothing() -> None:
    """Nothing changes."""


def unknown(_log: Sequence[Received]) -> Iterable[str]:
    """What must hold of the business is not known."""
    return ()


class Act(NamedTuple):
    """What is said, and what changes when it has been heard and all is quiet."""

    lines: list[Line]
    then: Callable[[], None] = nothing


class Story(NamedTuple):
    """What is said from outside, to which services, and what must hold in the end."""

    wirings: Sequence[Wiring]
    partitions: int
    acts: Sequence[Act]
    settled: "Callable[[Told], dict[str, Any]] | None" = None
    """Of the log and the states, that which is the same in every run; None if there is no such thing."""
    broken: Callable[[Sequence[Received]], Iterable[str]] = unknown
    """What must hold of the business on a quiet log and does not."""


class Told(NamedTuple):
    """What is left of a story."""

    log: Sequence[Received]
    rows: AllRows
    """What the working copies say."""


async def tell(world: World, story: Story, rest: Callable[[], None] = nothing) -> Told:
    """Tell it to a fleet, which may be harmed until `rest` is called, and drain the fleet."""
    world.staff()
    for act in story.acts:
        await world.say(act.lines)
        await world.quiet()
        act.then()
    rest()
    await world.quiet()
    await world.drain()
    return Told(world.network.server.everything(), await world.rows())


async def tell_and_prove(world: World, story: Story, rest: Callable[[], None]) -> Told:
    """Tell it, and hold what is left to every law. AssertionError when one does not hold."""
    told = await tell(world, story, rest)
    found = [*map(str, check(told.log, story.wirings, story.partitions)), *story.broken(told.log)]
    assert not found, "\n".join(found[:20])
    await _rebuild(world, told.rows)
    return told


async def _rebuild(world: World, rows: AllRows) -> None:
    """From empty disks, the log gives the same bytes."""
    world.posts.clear()
    world.staff()
    await world.quiet()
    await world.drain()
    rebuilt = await world.rows()
    for place in rows:
        assert rebuilt[place] == rows[place], f"{place} is rebuilt otherwise: {rebuilt[place]}, not {rows[place]}"


__all__ = ["Act", "AllRows", "Story", "Told", "tell", "tell_and_prove"]
