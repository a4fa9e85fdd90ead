"""Whatever lies on the log, a service goes on: what cannot be heard is rejected, and nothing stalls anybody."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from contracts import runtime, wire
from contracts.message import Context
from contracts.observability import ClockTicked
from contracts.runtime import ActorParked, MessageRejected
from shared.log import Log, cursor_subject
from tests.runtime.toys import glass
from tests.runtime.toys.messages import Add, Added, RateTold, SetAlarm, SetPrice, Touch, Touched
from tests.runtime.toys.playground import NOON, Playground, Running

ADD = wire.subject(Add, "ACME")
ONE = b'{"counter":"c","amount":1}'
FAR = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14)))
"""An instant that Python can hold and that UTC has no name for."""


async def raw(playground: Playground, *lines: bytes) -> None:
    """Speak to nats-server as any program may, without a client that knows better."""
    address = playground.log.nc.connected_url
    assert address is not None
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    await reader.readline()
    writer.writelines([b'CONNECT {"verbose":false,"headers":true}\r\n', *lines, b"PING\r\n"])
    await writer.drain()
    assert await asyncio.wait_for(reader.readline(), 10) == b"PONG\r\n"
    writer.close()
    await writer.wait_closed()


async def publish(playground: Playground, headers: bytes, body: bytes) -> None:
    sizes = b"%d %d" % (len(headers), len(headers) + len(body))
    await raw(playground, b"HPUB %s %s\r\n%s%s\r\n" % (ADD.encode(), sizes, headers, body))


async def goes_on(playground: Playground, toys: Running) -> None:
    """The owner hears what comes afterwards."""
    before = len(await playground.heard(Added))
    await playground.say(Add(counter="afterwards", amount=1))
    await asyncio.wait_for(playground.quiet(toys), 30)
    assert len(await playground.heard(Added)) > before


async def comes_back(playground: Playground) -> None:
    """Everything can be restored from the log alone."""
    async with playground.running("another disk") as toys:
        await goes_on(playground, toys)
        assert (await toys.owner.verify()).differences == ()


@pytest.mark.parametrize("key", [b"A\x0cB", b"A\x0bB", b"A\x00B", b"A\x85B", b"A\xc2\x85B", b"A\xffB", b"A\x1b[2JB"])
async def test_a_subject_of_any_bytes_is_rejected_and_read_past(playground: Playground, key: bytes) -> None:
    async with playground.running() as toys:
        await raw(playground, b"PUB q2c.cmd.toys.counter.add.v1.%s 2\r\n{}\r\n" % key)
        await goes_on(playground, toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert "must be 1 to 64" in rejected.reason
    await comes_back(playground)


@pytest.mark.parametrize(
    "headers",
    [
        b"NATS/1.0",
        b"N",
        b"GARBAGE\xff\r\n\r\n",
        b"NATS/1.0 1\xff0\r\n\r\n",
        b"NATS/1.0 503 \xff\r\n\r\n",
        b"NATS/1.0\r\n\xff: b\r\n\r\n",
        b"NATS/1.0 503\r\nNats-Msg-Id: q\r\n\r\n",
        b"NATS/1.0\r\nNats-Msg-Id: a\xff\xfeb\r\n\r\n",
    ],
)
async def test_headers_of_any_bytes_are_read_past(playground: Playground, headers: bytes) -> None:
    async with playground.running() as toys:
        await publish(playground, headers, ONE)
        await goes_on(playground, toys)
        assert len(await playground.heard(Added)) == 2
    await comes_back(playground)


@pytest.mark.parametrize("characters", [257, 60_000])
async def test_an_id_too_long_for_an_envelope_stands_for_itself_in_short(
    playground: Playground, characters: int
) -> None:
    async with playground.running() as toys:
        await playground.log.say(ADD, ONE, "x" * characters)
        await goes_on(playground, toys)
        said, _ = await playground.heard(Added)
        assert said.correlation == said.context.cause
        assert len(said.correlation) == 32
    await comes_back(playground)


async def test_a_message_with_an_id_beyond_ascii_is_the_same_when_it_is_retried(playground: Playground) -> None:
    body = b'{"glass":"g","text":"rough"}'
    async with playground.running() as toys:
        await playground.log.nc.publish(wire.subject(Touch, "ACME"), body, headers={"Nats-Msg-Id": "Zürich"})
        await playground.quiet(toys)
        (parked,) = await playground.heard(ActorParked)
        glass.rough.clear()
        await playground.say(runtime.of("toys").retry(entity="glass", actor="g"))
        await playground.quiet(toys)
        touched = (await playground.heard(Touched))[0]
        assert (touched.context.cause, touched.at) == (parked.context.cause, parked.at)
        assert touched.correlation == "Zürich"


async def test_rejections_find_room_beside_an_actor_that_says_much(playground: Playground) -> None:
    toys = await playground.open()
    await playground.quiet(toys)
    await playground.log.nc.publish(ADD, b'{"counter":"c","amount":1,"times":890}')
    for _ in range(200):
        await playground.log.nc.publish(ADD, b"{")
    try:
        await goes_on(playground, toys)
        assert len(await playground.heard(MessageRejected)) == 200
    finally:
        await playground.kill(toys)


async def test_a_word_about_an_actor_with_an_endless_name_is_rejected_briefly(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(runtime.of("toys").retry(entity="g" * 400_000, actor="g"))
        await goes_on(playground, toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert len(rejected.reason) == 1000


@pytest.mark.parametrize("data", [b'{"glass":"g","text":%d}' % 2**70, b'{"x":%s1%s}' % (b"[" * 5000, b"]" * 5000)])
async def test_an_edit_that_cannot_be_written_again_is_rejected(playground: Playground, data: bytes) -> None:
    async with playground.running() as toys:
        head = await playground.say(Touch(glass="g", text="rough"))
        body = b'{"entity":"glass","actor":"g","sequence":%d,"reason":"r","data":%s}' % (head, data)
        await playground.publish(wire.subject(runtime.of("toys").edit, "ACME"), body)
        await goes_on(playground, toys)
        assert len(await playground.heard(MessageRejected)) == 1


@pytest.mark.parametrize("at", [FAR, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))])
async def test_a_tick_beyond_time_is_rejected(playground: Playground, at: datetime) -> None:
    async with playground.running(scenario=True, sweeps=True) as toys:
        tick = b'{"instant":"%s"}' % at.isoformat().encode()
        await playground.publish(wire.subject(ClockTicked, "world"), tick)
        await goes_on(playground, toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert "cannot be told in UTC" in rejected.reason
    await comes_back(playground)


async def test_who_wants_to_be_woken_beyond_time_is_parked(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(SetAlarm(alarm="a", at=FAR))
        await goes_on(playground, toys)
        (parked,) = toys.owner.parked()
        assert "OverflowError" in parked.reason
    await comes_back(playground)


async def test_a_wake_before_1970_waits_as_the_wake_it_is(playground: Playground) -> None:
    early = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    async with playground.running() as toys:
        await playground.say(SetAlarm(alarm="a", at=early, rings=-1))
        await playground.tick(NOON)
        await playground.quiet(toys)
        (before,) = toys.owner.parked()
        assert before.waiting[0].wake == early
        assert (await toys.owner.verify()).differences == ()
    async with playground.running() as toys:
        await playground.quiet(toys)
        assert toys.owner.parked() == (before,)


async def test_a_partition_that_is_lost_in_the_middle_of_a_tick_ends_the_tick(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = await playground.open()
    try:
        await playground.say_all((SetAlarm(alarm=f"a{n}", at=NOON) for n in range(1100)), key="ACME")
        await playground.quiet(toys)
        commit, claimed = Log.commit, False

        async def late(log: Log, *arguments: object) -> object:
            nonlocal claimed
            if not claimed:
                claimed = True
                await log.claim("toys", "somebody else", [wire.partition("ACME", 4)])
            return await commit(log, *arguments)  # type: ignore[arg-type]  # handed on as they came

        monkeypatch.setattr(Log, "commit", late)
        await playground.tick(NOON)
        await playground.say(Add(counter="c", amount=1), key="GAMMA")
        await asyncio.wait_for(playground.quiet(toys), 30)
        assert toys.owner.partitions == tuple(sorted({0, 1, 2, 3} - {wire.partition("ACME", 4)}))
        assert len(await playground.heard(Added, "GAMMA")) == 1
    finally:
        await playground.kill(toys)


async def test_a_position_that_the_log_has_not_come_to_is_not_reached(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.quiet(toys)
        ahead = await playground.log.last() + 1
        assert not await toys.owner.position(ahead)
        waiting = asyncio.create_task(toys.owner.position(ahead, 30))
        await playground.publish("q2c.sys.nothing", b"")
        assert await waiting


async def test_a_partition_written_in_another_way_is_not_its_name(playground: Playground) -> None:
    async with playground.running("toys", sweeps=True) as toys:
        await playground.publish("q2c.cmd.toys.counter.add.v1.03.ACME", ONE)
        await goes_on(playground, toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert "'03' in the subject" in rejected.reason


async def test_a_broadcast_in_a_wrong_partition_is_rejected_and_never_learnt(playground: Playground) -> None:
    async with playground.running(sweeps=True) as toys:
        await playground.publish("q2c.evt.toys.rate.told.v1.1.ACME", b'{"percent":99}')
        await playground.say(SetPrice(price="p", amount=1))
        await playground.quiet(toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert "ACME belongs to partition 3" in rejected.reason
        assert (await toys.owner.verify()).differences == ()


async def test_an_older_tick_does_not_turn_time_back_when_the_log_is_folded(playground: Playground) -> None:
    async with playground.running(scenario=True) as toys:
        await playground.tick(NOON)
        await playground.tick(NOON - timedelta(days=1))
        await playground.publish(wire.subject(RateTold, "world"), b'{"percent":7}')
        await playground.say(SetPrice(price="p", amount=1))
        await playground.quiet(toys)
        assert (await toys.owner.verify()).differences == ()


async def test_garbage_among_the_cursors_costs_nobody_anything(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        await playground.publish(cursor_subject("toys", wire.partition("ACME", 4)), b"no cursor")
        await goes_on(playground, toys)
        await playground.publish(cursor_subject("toys", 0), b"{}")
        assert toys.owner.partitions == (0, 1, 2, 3)
    async with playground.running("another disk") as toys:
        await goes_on(playground, toys)
        assert (await toys.owner.verify()).differences == ()
        assert len(await playground.heard(Added)) == 3


async def forge(playground: Playground, body: bytes) -> None:
    """An event under the toys' name, in an atomic batch as they would store it."""
    headers = {"Nats-Batch-Id": "forged", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"}
    await playground.log.nc.request(wire.subject(Added, "ACME"), body, headers=headers)


async def test_what_others_say_under_our_name_is_no_reason_not_to_start(playground: Playground) -> None:
    lying = Context(id="x", source="/toys/counter/ACME/c", key="ACME", at=NOON, correlation="j", cause="y")
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        await forge(playground, b"\xff not even JSON")
        await forge(playground, wire.envelope(Added(counter="c", total=9), lying, b'{"counter":5}'))
        await forge(playground, wire.envelope(Added(counter="c", total=9), lying))
        await goes_on(playground, toys)
    async with playground.running("another disk") as toys:
        await playground.quiet(toys)
        assert (await toys.state("counter", "ACME", "c")).total == 1


async def test_a_reader_does_not_wait_for_what_is_taken_off_the_log(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await playground.publish(ADD, ONE)
    gone = await playground.publish(ADD, ONE)
    end = Log._end

    async def then_it_is_gone(log: Log) -> RawStreamMsg | None:
        found = await end(log)
        await log.nc.jetstream().delete_msg("Q2C", gone)
        monkeypatch.undo()
        return found

    monkeypatch.setattr(Log, "_end", then_it_is_gone)
    async with asyncio.timeout(30):
        found = [one.sequence async for batch in playground.log.read(["q2c.cmd.>"], 0, gone) for one in batch]
    assert found == [kept]


async def test_a_hostile_subject_does_not_cut_a_client_off(playground: Playground, nats_client: Client) -> None:
    heard = await nats_client.subscribe("hostile.>")
    await nats_client.flush()
    await raw(playground, b"PUB hostile.\xff\x0c 1\r\nx\r\n")
    assert (await heard.next_msg(10)).subject == "hostile.�\x0c"
    assert nats_client.stats["reconnects"] == 0


async def test_an_edit_that_is_as_deep_as_can_just_be_read_stops_nobody(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.publish(wire.subject(Touch, "ACME"), b'{"glass":"g","text":"rough"}')
        await playground.quiet(toys)
        edit = b'{"entity":"glass","actor":"g","sequence":1,"reason":"r","data":{"text":"rough","glass":%s}}'
        for depth in range(800, 1000):
            await playground.publish(
                wire.subject(runtime.of("toys").edit, "ACME"), edit % (b"[" * depth + b"]" * depth)
            )
        await goes_on(playground, toys)
        assert len(await playground.heard(MessageRejected)) == 200
