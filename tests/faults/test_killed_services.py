"""Whatever process is killed at whatever moment, with or without its disk: every message has exactly one effect."""

import asyncio
import random

import pytest

from infra.fleet import SERVICES, Fleet
from tests.faults.half_year import Outcome, kill, play


@pytest.fixture(scope="module")
def undisturbed() -> Outcome:
    return asyncio.run(play())


def same(outcome: Outcome, undisturbed: Outcome) -> None:
    """Equal to the cent and to the message."""
    assert outcome.books == undisturbed.books
    assert outcome.said == undisturbed.said
    assert outcome.differences == dict.fromkeys(SERVICES, ())


def test_the_undisturbed_half_year_verifies(undisturbed: Outcome) -> None:
    assert undisturbed.restarts == ()
    same(undisturbed, undisturbed)
    assert all(check.holds for entity in undisturbed.books.entities for check in entity.checks)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_killed_in_mid_run_that_loses_its_disk_leaves_the_same_books(
    service: str, undisturbed: Outcome
) -> None:
    def harm(heard: int, fleet: Fleet) -> None:
        if heard in (150, 400):
            kill(fleet, service, lose_disk=True)

    outcome = asyncio.run(play(harm))

    assert len(outcome.restarts) == 2
    same(outcome, undisturbed)


def test_services_killed_at_random_leave_the_same_books(undisturbed: Outcome) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    moments = dict(zip(chance.sample(range(20, 650), 8), [*SERVICES, *SERVICES], strict=True))

    def harm(heard: int, fleet: Fleet) -> None:
        if heard in moments:
            kill(fleet, moments[heard], lose_disk=chance.random() < 0.5)

    outcome = asyncio.run(play(harm))

    assert 0 < len(outcome.restarts) <= len(moments)  # one that was down already cannot be killed again
    same(outcome, undisturbed)


def test_replicas_killed_in_mid_run_leave_the_same_books(undisturbed: Outcome) -> None:
    def harm(heard: int, fleet: Fleet) -> None:
        if heard in (100, 200, 300, 400):
            kill(fleet, SERVICES[heard // 100 - 1], heard // 100 % 2, lose_disk=heard > 200)

    outcome = asyncio.run(play(harm, replicas=2))

    assert len(outcome.restarts) == 4
    same(outcome, undisturbed)
