"""The replicas of a service share its partitions: who is there, and who is to hold what. A hint; the fence decides."""

from collections import Counter
from collections.abc import Collection, Mapping

from msgspec import Struct

BEATS = 5
"""A replica that is not heard while this one has heard itself so often counts as gone."""


class Hello(Struct, frozen=True, kw_only=True):
    """What a replica says of itself, again and again, and at once when it changes."""

    replica: str
    """One process, from its start to its end."""
    ordinal: int
    """Which share is its own. Of several with one ordinal the first has it, the others stand by."""
    since: int
    """When it started, in nanoseconds since 1970."""
    holds: Mapping[int, int] = {}
    """The partitions that it has claimed, with the epoch of each claim."""
    beat: int = 0
    """How often it has said so in its time."""
    leaves: bool = False


def assigned(ordinals: Collection[int], partitions: int) -> dict[int, int]:
    """The ordinal that is to hold each partition: everybody the same number, give or take one.

    Every partition has a home among the ordinals up to the highest; while that one is missing, whoever has least stands
    in. So one that comes or goes moves its own partitions and hardly any other.
    """
    homes = _homes(max(ordinals) + 1, partitions)
    held = {partition: home for partition, home in enumerate(homes) if home in ordinals}
    load = Counter(held.values())
    for partition in range(partitions):
        if partition not in held:
            held[partition] = min(ordinals, key=lambda ordinal: (load[ordinal], ordinal))
            load[held[partition]] += 1
    return held


def _homes(replicas: int, partitions: int) -> list[int]:
    """The home of each partition: each newcomer takes its share, one by one, from whoever has most."""
    homes = [0] * partitions
    for newcomer in range(1, replicas):
        for _ in range(partitions // (newcomer + 1)):
            load = Counter(homes)
            richest = max(range(newcomer), key=lambda ordinal: (load[ordinal], -ordinal))
            homes[partitions - 1 - homes[::-1].index(richest)] = newcomer
    return homes


class View:
    """What one replica knows of the others from what it has heard.

    Time is counted in its own beats as they come back to it: while it hears nothing at all, nobody is gone.
    """

    def __init__(self, replica: str, partitions: int) -> None:
        self._replica = replica
        self._partitions = partitions
        self._beat = 0
        self._heard: dict[str, tuple[Hello, int]] = {}

    def hear(self, hello: Hello) -> bool:
        """Take in what a replica says; whether it was unknown."""
        if hello.replica == self._replica:
            self._beat = hello.beat
            self._heard = {
                replica: (said, at) for replica, (said, at) in self._heard.items() if self._beat - at <= BEATS
            }
            return False
        if hello.leaves:
            self._heard.pop(hello.replica, None)
            return False
        unknown = hello.replica not in self._heard
        self._heard[hello.replica] = hello, self._beat
        return unknown

    def wanted(self, me: Hello) -> frozenset[int]:
        """The partitions that are to be held now: those assigned to this replica that no other one still holds."""
        others = [hello for hello, _ in self._heard.values()]
        first: dict[int, Hello] = {}
        for hello in sorted([me, *others], key=lambda hello: (hello.since, hello.replica)):
            first.setdefault(hello.ordinal, hello)
        if first[me.ordinal].replica != me.replica:
            return frozenset()
        share = assigned(first, self._partitions)
        return frozenset(
            partition
            for partition, ordinal in share.items()
            if ordinal == me.ordinal
            and all(hello.holds.get(partition, 0) <= me.holds.get(partition, 0) for hello in others)
        )


__all__ = ["BEATS", "Hello", "View", "assigned"]
