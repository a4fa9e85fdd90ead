"""A destination that fails is called again later and later, and left alone once it keeps failing."""

import random

import pytest

from shared.breaker import RETRIES, TRIPS_AFTER, Breaker, delay


def chance() -> random.Random:
    return random.Random(7)


@pytest.mark.parametrize("attempt", range(1, 20))
def test_the_delay_follows_the_schedule_and_jitter_only_adds(attempt: int) -> None:
    planned = RETRIES[min(attempt, len(RETRIES)) - 1]
    assert planned <= delay(attempt, RETRIES, None, chance()) <= planned * 1.2


def test_a_destination_is_never_called_sooner_than_it_asked_for() -> None:
    assert 120 <= delay(1, (5,), 120, chance()) <= 144
    assert 5 <= delay(1, (5,), 1, chance()) <= 6


@pytest.mark.parametrize("asked", [1e12, float("inf")])
def test_a_destination_cannot_ask_for_more_than_a_day(asked: float) -> None:
    assert delay(1, (5,), asked, chance()) <= 24 * 3600 * 1.2


def test_those_sent_away_together_do_not_come_back_together() -> None:
    one = chance()
    assert len({delay(1, (5,), None, one) for _ in range(100)}) == 100


def tripped(breaker: Breaker, now: float = 0.0) -> bool:
    return [breaker.failed(now) for _ in range(TRIPS_AFTER)][-1]


def test_a_few_failures_leave_the_way_open() -> None:
    breaker = Breaker(chance())
    assert [breaker.failed(0.0) for _ in range(TRIPS_AFTER - 1)] == [False] * (TRIPS_AFTER - 1)
    assert (breaker.wait(0.0), breaker.is_open) == (0.0, False)


def test_an_answer_in_between_forgives_all_failures() -> None:
    breaker = Breaker(chance())
    for _ in range(3 * TRIPS_AFTER):
        breaker.failed(0.0)
        assert not breaker.succeeded()
    assert not breaker.is_open


def test_a_destination_that_keeps_failing_is_left_alone_and_this_is_told_once() -> None:
    breaker = Breaker(chance())
    assert tripped(breaker)
    assert breaker.wait(1.0) > 0
    assert breaker.wait(60.0) == 0.0
    assert not breaker.failed(60.0)


def test_one_call_alone_tries_whether_it_answers_again() -> None:
    breaker = Breaker(chance())
    tripped(breaker)
    assert breaker.wait(60.0) == 0.0
    assert breaker.wait(60.0) > 0
    assert breaker.succeeded()
    assert breaker.wait(60.0) == breaker.wait(60.0) == 0.0


def test_a_trial_that_fails_makes_the_rest_longer() -> None:
    breaker = Breaker(chance())
    tripped(breaker)
    first = breaker.wait(0.0)
    assert breaker.wait(100.0) == 0.0
    breaker.failed(100.0)
    assert breaker.wait(100.0) > first


def test_a_trial_that_was_not_made_leaves_room_for_another() -> None:
    breaker = Breaker(chance())
    tripped(breaker)
    assert breaker.wait(60.0) == 0.0
    breaker.released()
    assert breaker.wait(60.0) == 0.0


def test_a_rest_lasts_for_as_long_as_the_destination_asked() -> None:
    breaker = Breaker(chance())
    for _ in range(TRIPS_AFTER):
        breaker.failed(0.0, 3600)
    assert breaker.wait(0.0) >= 3600
