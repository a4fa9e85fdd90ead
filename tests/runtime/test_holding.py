"""An owner claims and releases partitions while it runs: every message has its effect once, in the order of its key."""

import asyncio
from collections import Counter
from datetime import timedelta

from contracts.runtime import ActorParked
from tests.runtime.toys.messages import (
    Add,
    Added,
    AlarmRang,
    RateHeard,
    RateTold,
    Repeated,
    SetAlarm,
    SetPrice,
    SetRate,
    Touch,
)
from tests.runtime.toys.playground import NOON, Playground, Running

KEYS = ("ACME", "BETA", "GAMMA", "DELTA", "OMEGA")
HOUR = timedelta(hours=1)


async def hand_over(giver: Running, taker: Running, *partitions: int) -> None:
    """As the replicas agree on it: released by the one, then claimed by the other."""
    giver.owner.hold(set(giver.owner.partitions) - set(partitions))
    await holds(giver, set(giver.owner.partitions) - set(partitions))
    taker.owner.hold({*taker.owner.partitions, *partitions})
    await holds(taker, {*taker.owner.partitions, *partitions})


async def holds(one: Running, partitions: set[int]) -> None:
    known = one.owner.claimed
    while set(one.owner.partitions) != partitions:
        known = await one.owner.moves(known)


async def test_partitions_that_go_to_and_fro_under_load_lose_and_double_nothing(playground: Playground) -> None:
    async with playground.running("one") as one, playground.running("other", ()) as other:

        async def speak() -> None:
            for n in range(400):
                await playground.say(Add(counter="c", amount=1, pass_on_to=KEYS[(n + 1) % 5]), key=KEYS[n % 5])

        speaking = asyncio.create_task(speak())
        for _ in range(3):
            await hand_over(one, other, 0, 3)
            await hand_over(one, other, 1)
            await hand_over(other, one, 3, 1, 0)
        await speaking
        await hand_over(one, other, 1, 2)
        await playground.quiet(one, other)
        for key in KEYS:
            assert [event.total for event in await playground.heard(Added, key)] == list(range(1, 81))
        assert len(await playground.heard(Repeated)) == 400
        for part in (one, other):
            assert (await part.owner.verify()).differences == ()


async def test_what_waits_for_a_parked_actor_moves_with_it(playground: Playground) -> None:
    async with playground.running("one") as one, playground.running("other", ()) as other:
        await playground.say(Touch(glass="g", text="rough"))
        await playground.say(Touch(glass="g", text="gently"))
        await playground.quiet(one)
        (parked,) = one.owner.parked()
        await hand_over(one, other, 0, 1, 2, 3)
        assert (one.owner.parked(), other.owner.parked()) == ((), (parked,))
        await playground.say(Touch(glass="g", text="gently"))
        await hand_over(other, one, 0, 1, 2, 3)
        await playground.quiet(one)
        assert [len(actor.waiting) for actor in one.owner.parked()] == [3]
        assert len(await playground.heard(ActorParked)) == 1
        assert (await one.owner.verify()).differences == ()


async def test_time_and_broadcasts_reach_each_partition_once_whoever_holds_it(playground: Playground) -> None:
    async with playground.running("one") as one, playground.running("other", ()) as other:
        for key in KEYS:
            await playground.say(SetAlarm(alarm="a", at=NOON + HOUR, again_after_hours=1, rings=9), key=key)
            await playground.say(SetPrice(price="p", amount=100), key=key)
        for n in range(1, 10):
            await playground.tick(NOON + n * HOUR)
            await playground.say(SetRate(percent=n), key="EUR")
            giver, taker = (one, other) if n % 2 else (other, one)
            await hand_over(giver, taker, n % 4, (n + 1) % 4)
        await playground.quiet(one, other)
        rang = Counter((event.key, event.at) for event in await playground.heard(AlarmRang))
        assert rang == Counter((key, NOON + n * HOUR) for key in KEYS for n in range(1, 10))
        told = [message.id for message in await playground.heard(RateTold)]
        done = Counter((message.broadcast, message.partition) for message in await playground.heard(RateHeard))
        assert done == Counter((broadcast, partition) for broadcast in told for partition in range(4))
        assert len(told) == 9
        for part in (one, other):
            assert (await part.owner.verify()).differences == ()


async def test_a_partition_that_comes_back_is_restored_from_where_the_file_was(playground: Playground) -> None:
    async with playground.running("one") as one, playground.running("other", ()) as other:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(one)
        await hand_over(one, other, 0, 1, 2, 3)
        await playground.say(Add(counter="c", amount=10))
        await playground.quiet(other)
        await hand_over(other, one, 0, 1, 2, 3)
        await playground.say(Add(counter="c", amount=100))
        await playground.quiet(one)
        assert [event.total for event in await playground.heard(Added)] == [1, 11, 111]
        assert (await one.state("counter", "ACME", "c")).total == 111
        assert (await one.owner.verify()).differences == ()


async def test_a_silent_owner_that_was_robbed_learns_it_when_it_is_asked(playground: Playground) -> None:
    async with playground.running("robbed") as robbed:
        await playground.quiet(robbed)
        async with playground.running("robber", [0, 1]) as robber:
            await playground.quiet(robber)
            assert set(robbed.owner.partitions) == {0, 1, 2, 3}
            assert await robber.owner.confirmed([0, 1])
            assert await robbed.owner.confirmed([2, 3])
            assert not await robbed.owner.confirmed([1, 2])
            await holds(robbed, {0, 2, 3})
            assert not await robbed.owner.confirmed([1])


async def test_a_stand_by_is_healthy_and_hears_nothing(playground: Playground) -> None:
    async with playground.running("owner") as owner, playground.running("stand-by", ()) as stand_by:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(owner, stand_by)
        health = await stand_by.owner.health()
        assert (health.claimed, health.caught_up, health.last_pull, health.partitions) == (True, True, 0.0, ())


async def test_a_place_beyond_the_end_of_the_log_is_not_reached(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.quiet(toys)
        beyond = await playground.log.last() + 1
        assert not await toys.owner.position(beyond)
        await playground.say(Add(counter="c", amount=1))
        assert await toys.owner.position(beyond, 20)


async def test_what_was_reached_without_a_partition_is_not_reached_with_it(playground: Playground) -> None:
    async with playground.running("one", [1]) as one:
        for n in range(300):
            await playground.say(Add(counter="c", amount=1), key=KEYS[n % 5])
        await playground.quiet(one)
        last = await playground.say(Add(counter="c", amount=1), key="OMEGA")  # of another partition
        assert await one.owner.position(last, 20)
        one.owner.hold({0, 1, 2, 3})
        await holds(one, {0, 1, 2, 3})
        assert await one.owner.position(last, 20)
        assert [(await one.state("counter", key, "c")).total for key in KEYS] == [60, 60, 60, 60, 61]
