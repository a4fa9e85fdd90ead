"""The replicas of a service agree on who holds what, each from what it has heard."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.membership import BEATS, Hello, View, assigned

PARTITIONS = st.integers(1, 64)
ORDINALS = st.sets(st.integers(0, 63), min_size=1, max_size=12)


def hello(name: str, ordinal: int, *, since: int = 0, beat: int = 0, leaves: bool = False, **holds: int) -> Hello:
    return Hello(
        replica=name,
        ordinal=ordinal,
        since=since,
        holds={int(partition[1:]): epoch for partition, epoch in holds.items()},
        beat=beat,
        leaves=leaves,
    )


def moved(before: dict[int, int], after: dict[int, int]) -> set[int]:
    return {partition for partition in before if before[partition] != after[partition]}


@given(ORDINALS, PARTITIONS)
def test_every_partition_has_exactly_one_holder_who_is_there(ordinals: set[int], partitions: int) -> None:
    held = assigned(ordinals, partitions)
    assert held.keys() == set(range(partitions))
    assert set(held.values()) <= ordinals


@given(ORDINALS, PARTITIONS)
def test_nobody_has_two_more_than_another(ordinals: set[int], partitions: int) -> None:
    load = Counter(assigned(ordinals, partitions).values())
    counts = [load[ordinal] for ordinal in ordinals]
    assert max(counts) - min(counts) <= 1


@given(st.integers(1, 16), PARTITIONS)
def test_one_more_replica_takes_its_share_and_moves_nothing_else(replicas: int, partitions: int) -> None:
    before, after = assigned(range(replicas), partitions), assigned(range(replicas + 1), partitions)
    assert {after[partition] for partition in moved(before, after)} <= {replicas}
    assert len(moved(before, after)) == partitions // (replicas + 1)


@given(st.integers(2, 16), PARTITIONS, st.data())
def test_of_one_that_dies_only_its_own_partitions_move(replicas: int, partitions: int, data: st.DataObject) -> None:
    dead = data.draw(st.integers(0, replicas - 1))
    before = assigned(range(replicas), partitions)
    after = assigned(set(range(replicas)) - {dead}, partitions)
    assert moved(before, after) == {partition for partition, ordinal in before.items() if ordinal == dead}


def test_who_is_not_heard_for_some_beats_is_gone() -> None:
    me, view = hello("me", 0), View("me", 2)
    assert view.hear(hello("other", 1, p1=1))
    assert not view.hear(hello("other", 1, p1=1))
    for beat in range(1, BEATS + 1):
        view.hear(hello("me", 0, beat=beat))
        assert view.wanted(me) == {0}
    view.hear(hello("me", 0, beat=BEATS + 1))
    assert view.wanted(me) == {0, 1}


def test_who_says_that_he_leaves_is_gone_at_once() -> None:
    me, view = hello("me", 0), View("me", 2)
    view.hear(hello("other", 1, p1=1))
    view.hear(hello("other", 1, leaves=True))
    assert view.wanted(me) == {0, 1}


def test_what_a_replica_says_between_its_beats_makes_nobody_older() -> None:
    me, view = hello("me", 0), View("me", 2)
    view.hear(hello("other", 1, p1=1))
    for _ in range(2 * BEATS):
        view.hear(hello("me", 0, beat=1))
    assert view.wanted(me) == {0}


def test_a_partition_that_somebody_still_holds_is_waited_for() -> None:
    me, view = hello("me", 0), View("me", 2)
    view.hear(hello("other", 1, p0=3, p1=3))
    assert view.wanted(me) == set()
    view.hear(hello("other", 1, p1=3))
    assert view.wanted(me) == {0}


def test_of_two_who_hold_a_partition_the_one_with_the_older_claim_lets_go() -> None:
    old, new = hello("old", 0, p0=1, p1=1), hello("new", 1, p0=2, p1=2)
    for_old, for_new = View("old", 2), View("new", 2)
    for_old.hear(new)
    for_new.hear(old)
    assert for_old.wanted(old) == set()
    assert for_new.wanted(new) == {1}


def test_of_two_with_one_ordinal_the_later_stands_by() -> None:
    first, later = hello("first", 0, since=1), hello("later", 0, since=2)
    for_first, for_later = View("first", 2), View("later", 2)
    for_first.hear(later)
    for_later.hear(first)
    assert for_first.wanted(first) == {0, 1}
    assert for_later.wanted(later) == set()


class Replica:
    """A replica as it behaves: it lets go at once what it is not to hold, and claims under a new epoch."""

    def __init__(self, name: str, ordinal: int, since: int, partitions: int) -> None:
        self.me = hello(name, ordinal, since=since)
        self.view = View(name, partitions)

    def holds(self) -> dict[int, int]:
        return dict(self.me.holds)

    def settle(self, epochs: dict[int, int]) -> None:
        wanted, holds = self.view.wanted(self.me), self.holds()
        kept = {partition: epoch for partition, epoch in holds.items() if partition in wanted}
        for partition in wanted - holds.keys():
            epochs[partition] = kept[partition] = epochs.get(partition, 0) + 1
        self.say(kept)

    def is_refused(self, epochs: dict[int, int]) -> None:
        """Its next commits: where somebody has claimed since, it learns that it holds nothing."""
        self.say({partition: epoch for partition, epoch in self.holds().items() if epochs[partition] == epoch})

    def say(self, holds: dict[int, int]) -> None:
        self.me = Hello(replica=self.me.replica, ordinal=self.me.ordinal, since=self.me.since, holds=holds)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=5), st.integers(1, 8), st.data())
def test_whoever_starts_when_and_hears_whom_in_any_order_in_the_end_each_partition_has_one_holder(
    who: list[tuple[int, int]], partitions: int, data: st.DataObject
) -> None:
    replicas = [Replica(f"r{place}", *one, partitions) for place, one in enumerate(who)]
    epochs: dict[int, int] = {}
    for replica in replicas:
        if data.draw(st.booleans(), label="claims all before it hears anybody"):
            replica.settle(epochs)
    for round_ in range(9):
        for speaker in data.draw(st.permutations(replicas)):
            for listener in replicas:
                listener.view.hear(speaker.me)
                listener.settle(epochs)
        if round_ < 6:
            data.draw(st.sampled_from(replicas)).is_refused(epochs)
        else:
            for replica in replicas:
                replica.is_refused(epochs)
    held = Counter(partition for replica in replicas for partition in replica.me.holds)
    assert held == Counter(range(partitions))
    assert all(epochs[partition] == epoch for replica in replicas for partition, epoch in replica.me.holds.items())
