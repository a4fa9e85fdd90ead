"""The loop of one owner: each message has its effect exactly once, whatever ends the owner and whenever."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from contracts import wire
from shared.store import Changes, Store, StoreUnfit
from tests.runtime.toys.messages import Add, Added, Repeated
from tests.runtime.toys.playground import Playground

KEYS = ("ACME", "BETA", "GAMMA", "DELTA", "OMEGA")


async def test_what_is_said_is_on_the_log_and_in_the_state(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=2))
        await playground.say(Add(counter="c", amount=3))
        await playground.quiet(toys)
        assert [event.total for event in await playground.heard(Added)] == [2, 5]
        assert (await toys.state("counter", "ACME", "c")).total == 5
        assert (await toys.state("counter", "ACME", "other")).total == 0


async def test_a_command_to_another_key_arrives_there_with_its_cause_and_journey(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=2, pass_on_to="OMEGA"), id="first")
        await playground.quiet(toys)
        (repeated,) = await playground.heard(Repeated)
        assert repeated.key == "OMEGA"
        assert repeated.correlation == "j-first"
        assert (await toys.state("echo", "OMEGA", "c")).times == 1
        (added,) = await playground.heard(Added)
        assert added.context.cause == "first"
        assert added.id == wire.derive("first", "/toys/counter/ACME/c", 0)
        assert added.context.traceparent
        assert added.context.traceparent[3:35] == (repeated.context.traceparent or "")[3:35]


async def test_an_actor_stays_in_the_journey_of_its_opener(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1), id="opener")
        await playground.say(Add(counter="c", amount=1), id="later")
        await playground.quiet(toys)
    async with playground.running("another disk") as toys:
        await playground.say(Add(counter="c", amount=1), id="last")
        await playground.quiet(toys)
    assert {event.correlation for event in await playground.heard(Added)} == {"j-opener"}


async def test_one_event_is_heard_by_every_entity_that_names_it(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="loud", amount=2, times=3))
        await playground.quiet(toys)
        assert (await toys.state("echo", "ACME", "loud")).times == 3


async def test_killed_between_commit_and_write_nothing_is_lost_and_nothing_said_twice(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = asyncio.Event()

    async def never(_store: Store, _changes: Changes) -> None:
        committed.set()
        await asyncio.Event().wait()

    toys = await playground.open()
    await playground.say(Add(counter="c", amount=1))
    await playground.quiet(toys)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", never)
        await playground.say(Add(counter="c", amount=10))
        await committed.wait()
        await playground.kill(toys)
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=100))
        await playground.quiet(toys)
        assert [event.total for event in await playground.heard(Added)] == [1, 11, 111]
        assert (await toys.owner.verify()).differences == ()


async def test_killed_again_and_again_every_message_has_one_effect(playground: Playground) -> None:
    expected = dict.fromkeys(KEYS, 0)
    for round_ in range(8):
        toys = await playground.open("a" if round_ % 3 else f"lost {round_}")
        for n in range(20):
            key = KEYS[n % len(KEYS)]
            expected[key] += n
            await playground.say(Add(counter="c", amount=n, pass_on_to=KEYS[(n + 1) % len(KEYS)]), key=key)
        if round_ % 2:
            await toys.owner.position(await playground.log.last() - 10, 5)
        await playground.kill(toys)
    async with playground.running() as toys:
        await playground.quiet(toys)
        assert {key: (await toys.state("counter", key, "c")).total for key in KEYS} == expected
        assert [len(await playground.heard(Repeated)), len(await playground.heard(Added))] == [160, 160]
        assert (await toys.owner.verify()).differences == ()


@pytest.mark.parametrize("folder", ["a", "another disk"])
async def test_a_restart_goes_on_from_the_file_or_without_it_from_the_log(playground: Playground, folder: str) -> None:
    async with playground.running() as toys:
        for n in range(30):
            await playground.say(Add(counter=f"c{n % 3}", amount=n), key=KEYS[n % 5])
        await playground.quiet(toys)
    before = await playground.log.last()
    async with playground.running(folder) as toys:
        await playground.quiet(toys)
        assert len(await playground.heard(Added)) == 30
        verified = await toys.owner.verify()
        assert verified.differences == ()
        assert verified.actors == 15
        assert await playground.log.last() == before + 4  # nothing but the claim


async def test_a_state_that_differs_from_the_log_is_found_by_verifying(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        assert (await toys.owner.verify()).differences == ()
        await toys.store._db.execute("update actor set state = replace(state, '1', '2')")
        (difference,) = (await toys.owner.verify()).differences
        assert "counter/ACME/c" in difference


async def test_an_event_copied_by_hand_is_not_folded(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        original = next(item for item in await playground.received() if ".added." in item.subject)
        await playground.publish(original.subject, original.body)
        forged = original.body.replace(b'"total":1', b'"total":9')
        await playground.publish(wire.subject(Added, "ACME"), forged)
        await playground.quiet(toys)
    async with playground.running("another disk") as toys:
        await playground.quiet(toys)
        assert (await toys.state("counter", "ACME", "c")).total == 1


async def test_of_two_owners_the_older_is_refused_and_stands_by(playground: Playground) -> None:
    async with playground.running("late") as late:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(late)
        async with playground.running("new") as toys:
            for _ in range(20):
                for key in KEYS:
                    await playground.say(Add(counter="c", amount=1), key=key)
            await playground.quiet(late, toys)
            assert (late.owner.partitions, toys.owner.partitions) == ((), (0, 1, 2, 3))
            totals = [event.total for event in await playground.heard(Added, "ACME")]
            assert totals == list(range(1, 22))
            assert (await toys.owner.verify()).differences == ()


async def test_an_owner_that_loses_some_partitions_goes_on_with_the_others(playground: Playground) -> None:
    async with playground.running("all") as whole:
        await playground.quiet(whole)
        async with playground.running("some", [0, 1]) as some:
            for n in range(40):
                await playground.say(Add(counter="c", amount=1, pass_on_to=KEYS[(n + 1) % 5]), key=KEYS[n % 5])
            await playground.quiet(whole, some)
            assert set(whole.owner.partitions) == {2, 3}
            assert set(some.owner.partitions) == {0, 1}
            assert len(await playground.heard(Added)) == 40
            assert len(await playground.heard(Repeated)) == 40
            for one in (whole, some):
                assert (await one.owner.verify()).differences == ()


async def test_more_than_fits_into_one_batch_is_said_in_several(playground: Playground) -> None:
    async with playground.running() as toys:
        for _ in range(5):
            await playground.say(Add(counter="c", amount=1, times=700))
        await playground.quiet(toys)
        assert len(await playground.heard(Added)) == 3500
        assert toys.owner.parked() == ()


async def test_who_says_too_much_at_once_is_parked(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1, times=901))
        await playground.quiet(toys)
        (parked,) = toys.owner.parked()
        assert "says 901 messages at once" in parked.reason


async def test_a_file_is_used_by_one_process_at_a_time(playground: Playground) -> None:
    async with playground.running():
        with pytest.raises(StoreUnfit, match="in use by another process"):
            await playground.open()


async def test_a_disk_that_fails_stops_the_owner(playground: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_store: Store, _changes: Changes) -> None:
        raise StoreUnfit("disk full")

    toys = await playground.open()
    monkeypatch.setattr(Store, "write", fails)
    await playground.say(Add(counter="c", amount=1))
    with pytest.raises(StoreUnfit, match="disk full"):
        await asyncio.wait_for(toys.task, 20)
    await toys.store.close()


async def test_a_silent_owner_knows_where_it_is(playground: Playground) -> None:
    async with playground.running() as toys:
        health = await toys.owner.health()
        await playground.quiet(toys)
        assert not await toys.owner.position(await playground.publish("q2c.cmd.toys.counter.add.v1.A", b"{}"))
        await playground.quiet(toys)
        health = await toys.owner.health()
        assert (health.claimed, health.caught_up, health.partitions) == (True, True, (0, 1, 2, 3))


async def test_deciding_gives_the_same_bytes_under_any_hash_seed() -> None:
    program = "from tests.runtime.toys.bytes import said; print(said())"
    root = Path(__file__).parents[2]
    outputs = {
        subprocess.run(  # noqa: ASYNC221
            [sys.executable, "-c", program], cwd=root, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
