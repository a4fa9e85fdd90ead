"""One simulated run from a seed: its log is checked, and it ends as a run without any harm does."""

from collections.abc import Callable, Mapping
from random import Random

from tests.simulation import firm_story, toy_story
from tests.simulation.nemesis import Nemesis
from tests.simulation.telling import Story, Told, tell, tell_and_prove
from tests.simulation.world import World

STORIES: Mapping[str, Callable[[Random], Story]] = {
    "toys": toy_story.story,
    "firm": firm_story.story,
    "hurry": firm_story.hurried,
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
    world = World(seed, story.wirings, story.partitions, cramped=True)
    nemesis = Nemesis(seed, world)
    try:
        told = world.run(tell_and_prove(world, story, nemesis.rest))
        if story.settled is not None:
            ends, should = story.settled(told), story.settled(undisturbed(name, seed))
            for what in sorted(ends.keys() | should.keys()):
                assert ends.get(what) == should.get(what), f"{what}: {ends.get(what)}, not {should.get(what)}"
    except Exception as problem:
        told_of = str(problem) if isinstance(problem, AssertionError) else repr(problem)
        happened = "\n".join(world.history[-60:])
        raise Broken(f"{told_of}\n\n{happened}\n\nmake simulate STORY={name} SEED={seed}") from problem
    return told


__all__ = ["STORIES", "Broken", "simulate", "undisturbed"]
