"""Buckets of tokens: so many at once, so many a second, by the time that messages carry."""

from hypothesis import given
from hypothesis import strategies as st

from shared.gate import Buckets
from shared.limits import LIMITS, Rate

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def taken(buckets: Buckets, times: list[int], name: str = "ACME") -> list[bool]:
    """Which of the messages at these times pass."""
    found = []
    for now in times:
        passes = buckets.has(name, now)
        if passes:
            buckets.take(name, now)
        found.append(passes)
    return found


def test_so_many_pass_at_once_and_then_so_many_a_second() -> None:
    buckets = Buckets(Rate(2, 5))
    assert taken(buckets, [NOW] * 7) == [True] * 5 + [False] * 2
    assert taken(buckets, [NOW + SECOND] * 3) == [True, True, False]
    assert taken(buckets, [NOW + 60 * SECOND] * 6) == [True] * 5 + [False]


def test_names_do_not_count_for_each_other() -> None:
    buckets = Buckets(Rate(1, 1))
    assert taken(buckets, [NOW, NOW], "ACME") == [True, False]
    assert taken(buckets, [NOW], "BETA") == [True]


def test_time_that_steps_back_gives_nothing_away() -> None:
    buckets = Buckets(Rate(1, 1))
    assert taken(buckets, [NOW, NOW - SECOND, NOW]) == [True, False, False]


def test_full_buckets_are_forgotten() -> None:
    buckets = Buckets(Rate(1000, 10))
    for number in range(50_000):
        buckets.take(str(number), NOW + number * SECOND)
    assert len(buckets) <= 10_001


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.integers(0, 3 * SECOND), max_size=120))
def test_in_any_stretch_of_time_no_more_pass_than_the_rate_allows(rate: int, at_once: int, gaps: list[int]) -> None:
    times = [NOW + sum(gaps[: place + 1]) for place in range(len(gaps))]
    passed = [now for now, passes in zip(times, taken(Buckets(Rate(rate, at_once)), times), strict=True) if passes]
    refill = SECOND // rate
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= at_once + (passed[last] - begin) // refill + 1


def test_nobody_meets_the_limits_in_good_faith() -> None:
    assert all(taken(Buckets(LIMITS.actor), [NOW] * 10_000))
    assert all(taken(Buckets(LIMITS.publisher), [NOW] * 200_000))
