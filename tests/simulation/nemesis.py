"""Somebody who does harm: at steps that chance has chosen, to whichever process is about to take one."""

from random import Random

from tests.simulation.disk import Disk
from tests.simulation.seeded_loop import Process
from tests.simulation.weather import CALM, weather
from tests.simulation.world import Post, World

KINDS = (
    "kill",
    "kill",
    "lose the disk",
    "lose power",
    "drain",
    "pause",
    "cut",
    "restart the server",
    "supplant",
    "supplant while paused",
    "split",
    "delete consumers",
    "sync",
)


class Nemesis:
    """Harms a world a few times, then lets it be."""

    def __init__(self, seed: int, world: World) -> None:
        self._random = random = Random(f"nemesis {seed}")
        self._world = world
        self._steps = 0
        self._left = random.randint(1, 10)
        self._next, self._grown = self._gap(), 0
        world.network.weather = weather(random)
        world.faults.full = random.choice((0.0, 0.0, 0.02))
        world.loop.watch = self._before

    def rest(self) -> None:
        """No more harm; what hinders anybody is taken away."""
        self._left = 0
        self._world.network.weather = CALM
        self._world.faults.full = 0.0

    def _gap(self) -> int:
        """Steps until the next harm: few or many."""
        return int(10 ** self._random.uniform(0.0, 3.3))

    def _before(self, process: Process) -> None:
        self._steps += 1
        if not self._left or self._steps < self._next:
            self._grown = 0
            return
        if not self._grown:  # every other harm waits for the next thing that is stored: much can go wrong just then
            self._grown = self._world.network.server.last + self._random.randint(0, 1)
        if self._world.network.server.last < self._grown:
            return
        post = next((post for post in self._world.posts if post.process is process), None)
        if post is None:
            return
        self._left -= 1
        self._next = self._steps + self._gap()
        self._harm(post, self._random.choice(KINDS))

    def _harm(self, post: Post, kind: str) -> None:
        world, random = self._world, self._random
        world.note(f"{kind}: {post.name}")
        match kind:
            case "kill":
                world.kill(post)
            case "lose the disk":
                world.kill(post)
                post.disk = world.disk()
            case "lose power":
                world.kill(post)
                post.disk.lose_power()
            case "drain" if post.owner is not None:
                post.owner.stop()
            case "pause":
                world.pause(post, random.choice((0.01, 1.0, 20.0)))
            case "cut":
                for client in world.network.clients:
                    if client.process is post.process:
                        client.cut(random.choice((0.01, 1.0, 12.0)))
            case "restart the server":
                world.network.restart(random.choice((0.01, 2.0)))
            case "supplant":
                world.supplant(post, post.partitions, self._disk(post))
            case "supplant while paused":
                world.pause(post, random.choice((0.05, 1.0, 8.0)))
                world.supplant(post, post.partitions, self._disk(post))
            case "split" if len(post.partitions) > 1:
                some = random.sample(post.partitions, random.randint(1, len(post.partitions) - 1))
                world.supplant(post, sorted(some), self._disk(post))
            case "delete consumers":
                for name in list(world.network.server.consumers):
                    world.network.server.delete(name)
            case "sync":
                post.disk.sync()
            case _:
                pass  # there is nothing to split or to drain

    def _disk(self, post: Post) -> Disk:
        """A disk of its own: empty, or as an older one of the same service was left."""
        disk = self._world.disk()
        if self._random.random() < 0.5 and not post.disk.db.in_transaction:
            disk.db.deserialize(post.disk.db.serialize())
        return disk


__all__ = ["Nemesis"]
