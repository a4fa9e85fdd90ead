"""One simulated run from a seed: its log is checked, and its states are those of a run without any harm."""

from random import Random
from typing import Any, NamedTuple

from contracts.wire import Received
from infra.checker import check
from tests.runtime.toys import glass
from tests.runtime.toys.playground import wiring
from tests.simulation import toy_story
from tests.simulation.nemesis import Nemesis
from tests.simulation.world import Post, World

PARTITIONS = 4


class Broken(AssertionError):
    """A run in which something went wrong; the seed makes it happen again."""


class Outcome(NamedTuple):
    """What is left of a run."""

    states: dict[str, Any]
    harms: int
    messages: int
    steps: int


def toys(seed: int, *, harmed: bool = True) -> Outcome:
    """One story of the toys. Broken, with what happened, when a law does not hold."""
    glass.rough.clear()
    glass.rough.update(("rough", "nowhere"))
    world = World(seed, [wiring()], PARTITIONS)
    try:
        return world.run(_toys(seed, world, harmed))
    except AssertionError as problem:
        raise Broken(f"seed {seed}: {problem}\n" + "\n".join(world.history[-60:])) from problem


async def _toys(seed: int, world: World, harmed: bool) -> Outcome:
    random = Random(f"story {seed}")
    world.staff()
    nemesis = Nemesis(seed, world) if harmed else None
    await world.say(toy_story.beginning(random))
    await world.quiet()
    glass.rough.clear()
    await world.say(toy_story.ending(random))
    if nemesis is not None:
        nemesis.rest()
    await world.quiet()
    await world.drain()
    found = check(world.network.server.everything(), [wiring()], world.partitions)
    assert not found, "\n".join(map(str, found[:20]))
    rows = await world.rows()
    await _rebuilt(world, rows)
    states = {name: state for one in rows.values() for name, state in toy_story.settled(one).items()}
    return Outcome(states, sum(post.starts for post in world.posts), world.network.server.last, world.loop.steps)


def log_of(seed: int) -> list[Received]:
    """The log of a story of the toys to which no harm was done, every cursor included."""
    world = World(seed, [wiring()], PARTITIONS)

    async def told() -> list[Received]:
        random = Random(f"story {seed}")
        world.staff()
        glass.rough.update(("rough", "nowhere"))
        await world.say(toy_story.beginning(random))
        await world.quiet()
        glass.rough.clear()
        await world.say(toy_story.ending(random))
        await world.quiet()
        await world.drain()
        return world.network.server.everything()

    return world.run(told())


async def _rebuilt(world: World, rows: Any) -> None:
    """From empty disks, the log gives the same bytes."""
    world.posts.clear()
    world.staff()
    await world.quiet()
    await world.drain()
    rebuilt = await world.rows()
    for place in rows:
        assert rebuilt[place] == rows[place], f"{place} is rebuilt otherwise: {rebuilt[place]} {rows[place]}"


__all__ = ["Broken", "Outcome", "Post", "toys"]
