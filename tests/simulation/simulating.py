"""One simulated run from a seed: its log is checked, and its states are those of a run without any harm."""

from collections.abc import Callable, Mapping
from random import Random

from tests.simulation import firm_story, toy_story
from tests.simulation.nemesis import Nemesis
from tests.simulation.telling import Story, Told, tell
from tests.simulation.world import World

STORIES: Mapping[str, Callable[[Random], Story]] = {
    "toys": toy_story.story,
    "firm": firm_story.story,
    "hurried firm": firm_story.hurried,
}


class Broken(AssertionError):
    """A run in which a law did not hold; the same seed makes it happen again."""


def undisturbed(name: str, seed: int) -> Told:
    """The story that this seed makes, told to a fleet that is not harmed."""
    story = STORIES[name](Random(f"story {seed}"))
    world = World(seed, story.wirings, story.partitions)
    return world.run(tell(world, story))


def simulate(name: str, seed: int) -> Told:
    """The same, told to a fleet that is harmed as the seed has it. Broken, with what happened, if a law is."""
    story = STORIES[name](Random(f"story {seed}"))
    world = World(seed, story.wirings, story.partitions)
    nemesis = Nemesis(seed, world)
    try:
        told = world.run(tell(world, story, nemesis.rest))
        if story.settled is not None:
            _same(told, undisturbed(name, seed))
    except AssertionError as problem:
        happened = "\n".join(world.history[-60:])
        raise Broken(f"{problem}\n\n{happened}\n\nmake simulate STORY='{name}' SEED={seed}") from problem
    return told


def _same(told: Told, calm: Told) -> None:
    """Up to the order in which shared actors were asked."""
    for name in sorted(told.settled.keys() | calm.settled.keys()):
        ends, should = told.settled.get(name), calm.settled.get(name)
        assert ends == should, f"{name}: {ends}, undisturbed: {should}"


__all__ = ["STORIES", "Broken", "simulate", "undisturbed"]
