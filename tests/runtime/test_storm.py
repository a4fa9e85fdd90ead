"""A bug that everybody meets stops the service before it parks the world; too many that wait stop one partition."""

import asyncio
from typing import NoReturn

import pytest

from contracts import runtime, wire
from contracts.message import Message
from contracts.runtime import ActorParked, PartitionPaused, PartitionResumed, ServicePaused, ServiceResumed
from shared import storm
from shared.limits import Limits
from tests.runtime.toys import alarm, glass
from tests.runtime.toys.messages import Add, Added, AlarmRang, SetAlarm, Touch, Touched
from tests.runtime.toys.playground import NOON, Playground, Running

OWN = runtime.of("toys")
STORMY = Limits(window=10, share=0.5)
ACMES = wire.partition("ACME", 4)


def touch(text: str, glass_id: str = "g") -> Touch:
    return Touch(glass=glass_id, text=text)


def retry(actor: str = "g") -> Message:
    return OWN.retry(entity="glass", actor=actor)


def discard(actor: str = "g") -> Message:
    return OWN.discard(entity="glass", actor=actor, reason="not worth mending")


async def stands(toys: Running) -> tuple[str, ...]:
    """Why something stands still, once it does."""
    async with asyncio.timeout(30):
        while not (why := (await toys.owner.health()).stands):
            if toys.task.done():
                toys.task.result()
            await asyncio.sleep(0.01)
    return why


async def heard_all(playground: Playground, kind: type[Message], count: int) -> None:
    """Until so many of a kind are on the log."""
    async with asyncio.timeout(30):
        while len(await playground.heard(kind)) < count:  # noqa: ASYNC110  # no event tells what is on the log
            await asyncio.sleep(0.01)


@pytest.fixture
def never_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that stands still does not try again by itself."""
    monkeypatch.setattr(storm, "_FIRST", 3600.0)


@pytest.mark.usefixtures("never_again")
async def test_when_too_many_fail_the_service_stands_still_and_says_so(playground: Playground) -> None:
    async with playground.running(limits=STORMY) as toys:
        sequences = [await playground.say(touch("rough", f"g{n}")) for n in range(8)]
        assert await stands(toys) == ("too many messages fail: decide raised RuntimeError: rough after 0",)
        assert len(await playground.heard(ActorParked)) == 5
        (fact,) = await playground.heard(ServicePaused)
        assert (fact.sequence, fact.reason) == (sequences[5], "decide raised RuntimeError: rough after 0")
        assert await toys.owner.position(sequences[4]) is False  # it does not rest
        assert (await toys.owner.verify()).differences == ()


@pytest.mark.usefixtures("never_again")
async def test_told_to_resume_the_service_goes_on_and_parks_who_fails(playground: Playground) -> None:
    async with playground.running(limits=STORMY) as toys:
        for n in range(8):
            await playground.say(touch("rough", f"g{n}"))
        await stands(toys)
        await playground.publish(wire.subject(OWN.resume, "GAMMA"), b'{"no": "reason"}')
        await playground.say(OWN.resume(reason="they are to be parked"), key="GAMMA")
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        assert len(await playground.heard(ActorParked)) == 8
        assert len(await playground.heard(Added)) == 1
        (resumed,) = await playground.heard(ServiceResumed)
        assert resumed.reason.startswith("told to at")
        assert (await toys.owner.health()).stands == ()
        assert (await toys.owner.verify()).differences == ()


async def test_the_service_goes_on_by_itself_once_the_message_it_stands_at_is_decided(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storm, "_FIRST", 0.05)
    async with playground.running(limits=STORMY) as toys:
        for n in range(8):
            await playground.say(touch("rough", f"g{n}"))
        await stands(toys)
        await heard_all(playground, ServicePaused, 1)
        glass.rough.clear()
        await playground.quiet(toys)
        assert [event.glass for event in await playground.heard(Touched)] == ["g5", "g6", "g7"]
        assert len(await playground.heard(ServicePaused)) == 1
        (resumed,) = await playground.heard(ServiceResumed)
        assert resumed.reason == "it has been decided"
        assert len(toys.owner.parked()) == 5
        assert (await toys.owner.verify()).differences == ()


@pytest.mark.usefixtures("never_again")
async def test_a_service_that_stood_still_parks_nobody_when_it_is_started_again(playground: Playground) -> None:
    async with playground.running(limits=STORMY) as toys:
        for n in range(20):
            await playground.say(touch("rough", f"g{n}"))
        await stands(toys)
    for folder in ("a", "another disk"):
        async with playground.running(folder, limits=STORMY) as toys:
            await stands(toys)
            assert len(await playground.heard(ActorParked)) == 5


@pytest.mark.usefixtures("never_again")
async def test_wakes_that_fail_make_a_storm_too(playground: Playground) -> None:
    async with playground.running(limits=STORMY) as toys:
        for n in range(9):
            await playground.say(SetAlarm(alarm=f"a{n}", at=NOON, rings=-1))
        await playground.tick(NOON)
        await stands(toys)
        await playground.say(OWN.resume(reason="go on"), key="GAMMA")
        await playground.quiet(toys)
        assert len(toys.owner.parked()) == 9
        assert (await toys.owner.verify()).differences == ()


async def test_some_failures_among_many_messages_are_no_storm(playground: Playground) -> None:
    async with playground.running(limits=STORMY) as toys:
        for n in range(60):
            await playground.say(touch("rough" if n % 2 else "softly", f"g{n}"))
        await playground.quiet(toys)
        assert len(await playground.heard(ActorParked)) == 30
        assert await playground.heard(ServicePaused) == []


async def test_what_waits_for_one_parked_actor_is_no_storm(playground: Playground) -> None:
    async with playground.running(limits=STORMY) as toys:
        for _ in range(30):
            await playground.say(touch("rough"))
        await playground.quiet(toys)
        assert len(toys.owner.parked()[0].waiting) == 30
        assert await playground.heard(ServicePaused) == []


FEW = pytest.mark.parametrize("limits", [Limits(per_actor=3), Limits(per_partition=3)])


@FEW
async def test_a_partition_in_which_too_many_wait_stands_still_while_the_others_go_on(
    playground: Playground, limits: Limits
) -> None:
    async with playground.running(limits=limits) as toys:
        texts = ["rough", *(f"n{n}" for n in range(9))]
        sequences = [await playground.say(touch(text)) for text in texts]
        await playground.say(Add(counter="c", amount=1))
        await playground.say(Add(counter="c", amount=1), key="GAMMA")
        (why,) = await stands(toys)
        assert why.startswith(f"partition {ACMES} stands still: 3 messages wait")
        await heard_all(playground, Added, 1)
        assert [event.key for event in await playground.heard(Added)] == ["GAMMA"]
        (paused,) = await playground.heard(PartitionPaused)
        assert (paused.partition, paused.sequence) == (ACMES, sequences[3])
        assert not await toys.owner.position(sequences[-1])
        assert (await toys.owner.verify()).differences == ()

        glass.rough.clear()
        await playground.say(retry())
        await playground.say(touch("afterwards"))
        await playground.quiet(toys)
        assert [event.text for event in await playground.heard(Touched)] == [*texts, "afterwards"]
        assert [event.key for event in await playground.heard(Added)] == ["GAMMA", "ACME"]
        assert [event.partition for event in await playground.heard(PartitionResumed)] == [ACMES]
        assert (await toys.owner.health()).stands == ()
        assert (await toys.owner.verify()).differences == ()


@FEW
async def test_a_partition_that_stands_still_does_so_after_a_restart_and_loses_nothing(
    playground: Playground, limits: Limits
) -> None:
    texts = ["rough", *(f"n{n}" for n in range(9))]
    for text in texts:
        await playground.say(touch(text))
    for folder in ("a", "a", "another disk"):
        async with playground.running(folder, limits=limits) as toys:
            await stands(toys)
            assert toys.owner.parked()[0].count == 3
            assert (await toys.owner.verify()).differences == ()
    glass.rough.clear()
    await playground.say(retry())
    async with playground.running("a third disk", limits=limits) as toys:
        await playground.quiet(toys)
        assert [event.text for event in await playground.heard(Touched)] == texts
        assert (await toys.owner.verify()).differences == ()


async def test_a_word_followed_ahead_of_its_place_is_not_followed_again_there(playground: Playground) -> None:
    async with playground.running(limits=Limits(per_actor=2)) as toys:
        await playground.say(touch("rough"))
        second = await playground.say(touch("rough"))
        third = await playground.say(touch("third"))
        await stands(toys)
        await playground.say(discard())
        await playground.quiet(toys)
        assert [one.sequence for one in toys.owner.parked()[0].waiting] == [second, third]
    async with playground.running("another disk", limits=Limits(per_actor=2)) as toys:
        await playground.quiet(toys)
        assert [one.sequence for one in toys.owner.parked()[0].waiting] == [second, third]
        assert (await toys.owner.verify()).differences == ()


async def test_a_tick_that_finds_no_room_for_a_wake_is_heard_when_there_is_room(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_state: alarm.Alarm, _message: Message) -> NoReturn:
        raise ArithmeticError("no bell")

    async with playground.running(limits=Limits(per_partition=2)) as toys:
        for n in range(4):
            await playground.say(SetAlarm(alarm=f"a{n}", at=NOON))
        await playground.quiet(toys)
        with monkeypatch.context() as patch:
            patch.setattr(alarm, "decide", fails)
            await playground.tick(NOON)
            await stands(toys)
        await playground.say(OWN.retry(entity="alarm", actor="a0"))
        await playground.quiet(toys)
        assert [one.actor for one in toys.owner.parked()] == ["a1"]
        await playground.say(OWN.retry(entity="alarm", actor="a1"))
        await playground.quiet(toys)
        assert [(await toys.state("alarm", "ACME", f"a{n}")).rings for n in range(4)] == [0, 0, 0, 0]
        assert len(await playground.heard(AlarmRang)) == 4
        assert (await toys.owner.verify()).differences == ()
