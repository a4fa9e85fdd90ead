"""What concerns many actors at once: ticks that wake them, and broadcasts that everybody hears."""

from datetime import timedelta

import pytest

from contracts import runtime
from contracts.runtime import ActorParked
from shared.log import Log
from shared.store import Changes, Store
from tests.runtime.toys.messages import (
    Add,
    Added,
    AlarmRang,
    Priced,
    RateAgreed,
    RateTold,
    SetAlarm,
    SetPrice,
    SetRate,
)
from tests.runtime.toys.playground import NOON, Playground, dies_after

HOUR = timedelta(hours=1)


async def test_a_tick_wakes_who_is_due_at_the_instant_asked_for(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(SetAlarm(alarm="a", at=NOON + HOUR))
        await playground.tick(NOON)
        await playground.quiet(toys)
        assert await playground.heard(AlarmRang) == []
        await playground.tick(NOON + 5 * HOUR)
        await playground.tick(NOON + 6 * HOUR)
        await playground.quiet(toys)
        (rang,) = await playground.heard(AlarmRang)
        assert (rang.at, rang.correlation) == (NOON + HOUR, "j-m1")
        assert rang.context.cause == "m3"


async def test_a_jump_in_time_skips_no_wake_and_wakes_the_oldest_first(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(SetAlarm(alarm="a", at=NOON + 2 * HOUR, again_after_hours=2, rings=3))
        await playground.say(SetAlarm(alarm="b", at=NOON + HOUR, again_after_hours=2, rings=3))
        await playground.tick(NOON + 24 * HOUR)
        await playground.quiet(toys)
        rang = await playground.heard(AlarmRang)
        assert [(event.context.source[-1], (event.at - NOON) // HOUR) for event in rang] == [
            *(("b", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5), ("a", 6)),
        ]
        assert (await toys.owner.verify()).differences == ()


async def test_wakes_survive_a_restart_and_a_lost_disk(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(SetAlarm(alarm="a", at=NOON + HOUR, again_after_hours=1, rings=2))
        await playground.quiet(toys)
    async with playground.running("another disk") as toys:
        await playground.tick(NOON + HOUR)
        await playground.quiet(toys)
    async with playground.running("another disk") as toys:
        await playground.tick(NOON + 2 * HOUR)
        await playground.quiet(toys)
    assert [event.at for event in await playground.heard(AlarmRang)] == [NOON + HOUR, NOON + 2 * HOUR]


async def test_a_wake_that_does_not_move_the_next_one_parks_the_actor_and_waits_once(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(SetAlarm(alarm="a", at=NOON, rings=-1))
        for n in range(3):
            await playground.tick(NOON + n * HOUR)
        await playground.say(SetAlarm(alarm="a", at=NOON + 9 * HOUR))
        await playground.quiet(toys)
        (parked,) = toys.owner.parked()
        assert "still wants to be woken" in parked.reason
        assert [(waits.message, waits.wake) for waits in parked.waiting] == [
            ("wake", NOON),
            ("toys.alarm.set.v1", None),
        ]
        assert len(await playground.heard(ActorParked)) == 1
        await playground.say(runtime.of("toys").discard(entity="alarm", actor="a", reason="wrong alarm"))
        await playground.tick(NOON + 9 * HOUR)
        await playground.quiet(toys)
        assert toys.owner.parked() == ()
        assert [event.at for event in await playground.heard(AlarmRang)] == [NOON + 9 * HOUR]
        assert (await toys.owner.verify()).differences == ()


async def test_killed_in_the_middle_of_a_tick_every_alarm_rings_once(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = await playground.open()
    await playground.say_all(SetAlarm(alarm=f"a{n}", at=NOON + HOUR) for n in range(1100))
    await playground.quiet(toys)
    with monkeypatch.context() as patch:
        patch.setattr(Log, "commit", dies_after(1))
        await playground.tick(NOON + HOUR)
        with pytest.raises(ConnectionError):
            await toys.task
        await playground.kill(toys)
    before = len(await playground.heard(AlarmRang))
    assert 0 < before < 1100
    async with playground.running() as toys:
        await playground.quiet(toys)
        assert len(await playground.heard(AlarmRang)) == 1100
        assert (await toys.owner.verify()).differences == ()


async def test_a_broadcast_reaches_the_reference_and_every_existing_actor_and_is_agreed(playground: Playground) -> None:
    keys = ["ACME", "DELTA", "GAMMA", "OMEGA"]
    async with playground.running() as toys:
        await playground.say(SetRate(percent=5), key="EUR")
        await playground.quiet(toys)
        for key in keys:
            for n in range(3):
                await playground.say(SetPrice(price=f"p{n}", amount=100 + n), key=key)
        await playground.quiet(toys)
        assert {event.with_rate for event in await playground.heard(Priced)} == {5}
        await playground.say(SetRate(percent=7), key="EUR")
        await playground.quiet(toys)
        again = (await playground.heard(Priced))[12:]
        assert [event.with_rate for event in again] == [7] * 12
        by_key = {key: [event.amount for event in again if event.key == key] for key in keys}
        assert by_key == {key: [100, 101, 102] for key in keys}
        assert [event.percent for event in await playground.heard(RateAgreed)] == [5, 7]
        assert toys.owner.reference_of("ACME").percent == 7
        assert (await toys.owner.verify()).differences == ()


async def test_the_reference_survives_a_restart_and_a_lost_disk(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(SetRate(percent=5), key="EUR")
        await playground.say(SetRate(percent=6), key="EUR")
        await playground.quiet(toys)
        expected = toys.owner.reference_of("ACME")
    for folder in ("a", "another disk", "another disk"):
        async with playground.running(folder) as toys:
            await playground.say(SetPrice(price="p", amount=1))
            await playground.quiet(toys)
            assert toys.owner.reference_of("OMEGA") == expected
            assert (await toys.owner.verify()).differences == ()
    assert {event.with_rate for event in await playground.heard(Priced)} == {6}


async def test_killed_in_the_middle_of_a_broadcast_every_actor_hears_it_once(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = await playground.open()
    await playground.say_all(SetPrice(price=f"p{n}", amount=1) for n in range(1300))
    await playground.quiet(toys)
    writes = 0
    write = Store.write

    async def dies_when_it_is_under_way(store: Store, changes: Changes) -> None:
        nonlocal writes
        await write(store, changes)
        if any(row.within is not None and row.within.entity == "price" for row in changes.progress.values()):
            writes += 1
            raise ConnectionError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", dies_when_it_is_under_way)
        await playground.say(SetRate(percent=5), key="EUR")
        with pytest.raises(ConnectionError):
            await toys.task
        await playground.kill(toys)
    async with playground.running() as toys:
        await playground.quiet(toys)
        priced = await playground.heard(Priced)
        assert len(priced) == 2600
        assert {event.with_rate for event in priced[1300:]} == {5}
        assert len(await playground.heard(RateTold)) == len(await playground.heard(RateAgreed)) == 1
        assert (await toys.owner.verify()).differences == ()


async def test_in_a_scenario_bare_json_takes_the_last_ticks_time_also_after_a_restart(playground: Playground) -> None:
    async with playground.running(scenario=True) as toys:
        await playground.tick(NOON + HOUR)
        await playground.publish("q2c.cmd.toys.counter.add.v1.ACME", b'{"counter": "c", "amount": 1}')
        await playground.quiet(toys)
    async with playground.running("another disk", scenario=True) as toys:
        await playground.publish("q2c.cmd.toys.counter.add.v1.ACME", b'{"counter": "c", "amount": 1}')
        await playground.say(Add(counter="c", amount=1), at=NOON)
        await playground.quiet(toys)
        assert [event.at for event in await playground.heard(Added)] == [NOON + HOUR, NOON + HOUR, NOON]
