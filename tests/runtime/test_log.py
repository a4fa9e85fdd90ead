"""The log itself: made once, checked by everybody, and nothing lost when the server goes away."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.js import api

from contracts import wire
from contracts.wire import STREAM
from shared import bucket, pull
from shared.log import Cursor, Fence, Log, LogUnfit, Pull, Saying, check, provision
from tests.conftest import NatsServer
from tests.runtime.toys.messages import Add, Added
from tests.runtime.toys.playground import Playground


def fence(after: int, owner: str = "me", epoch: int = 1, batch: str = "b1") -> Fence:
    return Fence(Cursor(owner=owner, epoch=epoch, batch=batch, input=7), after)


async def test_provisioning_twice_changes_nothing(nats_client: Client) -> None:
    assert await provision(nats_client, 4) == []
    assert await check(nats_client) == 4


async def test_provisioning_says_what_it_reconciles_and_leaves_other_settings_alone(nats_client: Client) -> None:
    js = nats_client.jetstream()
    config = (await js.stream_info(STREAM)).config
    config.duplicate_window, config.max_bytes = 60, 10_000_000
    await js.update_stream(config)
    assert await provision(nats_client, 4) == [f"stream {STREAM}: duplicate_window 60.0 -> 120"]
    assert (await js.stream_info(STREAM)).config.max_bytes == 10_000_000


async def test_the_number_of_partitions_never_changes(nats_client: Client) -> None:
    with pytest.raises(LogUnfit, match="was made with 4 partitions, not 8 partitions: this can never be changed"):
        await provision(nats_client, 8)


async def test_a_missing_or_different_stream_is_told_with_what_to_do(nats_client: Client) -> None:
    js = nats_client.jetstream()
    config = (await js.stream_info(STREAM)).config
    config.subjects = ["q2c.cmd.>", "q2c.evt.>"]
    await js.update_stream(config)
    with pytest.raises(LogUnfit, match="run `q2c provision`"):
        await check(nats_client)
    await provision(nats_client, 4)
    await js.delete_stream(bucket.STREAM)
    with pytest.raises(LogUnfit, match="there is no object store Q2C_SNAPSHOTS: run `q2c provision`"):
        await check(nats_client)
    assert await provision(nats_client, 4) == ["created object store Q2C_SNAPSHOTS"]
    await js.delete_stream(STREAM)
    with pytest.raises(LogUnfit, match="there is no stream Q2C: run `q2c provision`") as unfit:
        await check(nats_client)
    assert unfit.value.heals
    await js.add_stream(api.StreamConfig(name=STREAM, subjects=["q2c.>"]))
    with pytest.raises(LogUnfit, match="another subject transform"):
        await check(nats_client)


@pytest.mark.parametrize("key", ["ACME", "DE01", "a", "_-_", "x" * 64, "C-2026-0001"])
async def test_the_server_puts_a_key_into_the_partition_that_is_computed(nats_client: Client, key: str) -> None:
    log = Log(nats_client, 4)
    stored = await log.say(wire.subject(Add, key), b"{}")
    received = await log.message(stored.sequence)
    assert received is not None
    assert wire.parse(received.subject).partition == wire.partition(key, 4)


async def test_a_message_said_twice_under_one_id_is_stored_once(nats_client: Client) -> None:
    log = Log(nats_client, 4)
    first = await log.say(wire.subject(Add, "A"), b"{}", "once")
    assert await log.say(wire.subject(Add, "A"), b"{}", "once") == (first.sequence, True)


async def test_a_batch_is_stored_whole_with_its_cursors(nats_client: Client) -> None:
    log = Log(nats_client, 4)
    said = [Saying(1, wire.subject(Added, "DELTA"), b"{}"), Saying(3, wire.subject(Added, "ACME"), b"{}")]
    committed = await log.commit("toys", said, {1: fence(0), 3: fence(0)})
    assert committed == ([1, 2], {1: 3, 3: 4}, frozenset())
    assert (await log.cursor("toys", 3)).sequence == 4


async def test_a_batch_that_was_stored_while_its_answer_was_lost_is_found_and_not_said_again(
    nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, send = Log(nats_client, 4), Log._batch

    async def loses_the_answer(*arguments: object) -> int:
        await send(*arguments)  # type: ignore[arg-type]  # passed on as they came
        raise TimeoutError

    monkeypatch.setattr(Log, "_batch", loses_the_answer)
    said = [Saying(1, wire.subject(Added, "DELTA"), b"{}"), Saying(3, wire.subject(Added, "ACME"), b"{}")]
    committed = await log.commit("toys", said, {1: fence(0), 3: fence(0)})
    assert committed == ([1, 2], {1: 3, 3: 4}, frozenset())
    assert await log.last() == 4


async def test_a_stale_fence_is_left_out_and_the_other_partitions_are_stored(nats_client: Client) -> None:
    log = Log(nats_client, 4)
    await log.commit("toys", [], {1: fence(0, "other", 2, "b0")})
    said = [Saying(1, wire.subject(Added, "DELTA"), b"{}"), Saying(3, wire.subject(Added, "ACME"), b"{}")]
    committed = await log.commit("toys", said, {1: fence(0), 3: fence(0)})
    assert committed == ([0, 2], {3: 3}, frozenset({1}))


async def test_a_claim_takes_over_what_was_recorded(nats_client: Client) -> None:
    log = Log(nats_client, 4)
    first = await log.claim("toys", "one", [0, 1])
    second = await log.claim("toys", "two", [1])
    assert first[1].cursor is not None
    assert second[1].cursor is not None
    assert (first[1].cursor.epoch, second[1].cursor.epoch, second[1].cursor.owner) == (1, 2, "two")


async def test_a_range_is_read_in_order_whatever_its_size(nats_client: Client) -> None:
    playground = Playground(Log(nats_client, 4), Path())
    await playground.say_all(Add(counter="c", amount=n) for n in range(2500))
    log, found = playground.log, list[int]()
    async for batch in log.read(["q2c.cmd.>"], 10, 2400):
        found.extend(received.sequence for received in batch)
    assert found == list(range(11, 2401))
    assert await log.pending(["q2c.cmd.>"], 2499)
    assert not await log.pending(["q2c.cmd.>"], 2500)
    assert not await log.pending(["q2c.evt.>"], 0)


async def test_reading_ends_at_its_end_though_nothing_that_is_read_lies_there(nats_client: Client) -> None:
    log = Log(nats_client, 4)
    playground = Playground(log, Path())
    first = await playground.say(Add(counter="c", amount=1))
    for end in ("q2c.evt.tests.of.another.v1.0.K", "q2c.evt.tests.höflich"):
        await playground.publish(end, b"")
        found = [[received.sequence for received in batch] async for batch in log.read(["q2c.cmd.>"], 0, 10_000)]
        assert found == [[first]]


async def test_in_a_cluster_what_is_pending_is_known_by_the_leader(
    nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(nats_client, 4)
    last = await Playground(log, Path()).say(Add(counter="c", amount=1))

    async def on_a_node_that_lags(nc: Client, filters: Sequence[str], after: int) -> api.ConsumerInfo:
        info = await pull.consumer(nc, filters, after)
        info.num_pending, info.cluster = 0, api.ClusterInfo(leader="n2", name="q2c")
        return info

    monkeypatch.setattr("shared.log.consumer", on_a_node_that_lags)

    assert await log.pending(["q2c.evt.>", "q2c.cmd.toys.*.*.*.*.*"], last - 1)
    assert not await log.pending(["q2c.evt.>", "q2c.cmd.toys.*.*.*.*.*"], last)


async def test_a_consumer_that_is_deleted_is_made_anew_where_it_was(nats_client: Client) -> None:
    playground = Playground(Log(nats_client, 4), Path())
    pull = playground.log.pull(["q2c.cmd.>"], 0)
    await playground.say_all(Add(counter="c", amount=n) for n in range(50))
    found = [received.sequence for received in await pull.batch(20)]
    for consumer in await nats_client.jetstream().consumers_info(STREAM):
        await nats_client.jetstream().delete_consumer(STREAM, consumer.name)
    while len(found) < 50:
        found.extend(received.sequence for received in await pull.batch(20))
    assert found == list(range(1, 51))
    await pull.close()


async def test_a_pull_ends_with_a_connection_that_is_closed_for_good(nats_client: Client) -> None:
    pull = Log(nats_client, 4).pull(["q2c.cmd.>"], 0)
    waiting = asyncio.create_task(pull.batch(1))
    await nats_client.flush()
    await nats_client.close()
    with pytest.raises(ConnectionClosedError):
        await asyncio.wait_for(waiting, 60)


async def test_a_message_that_is_lost_on_its_way_is_read_again_even_if_no_other_follows(
    nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, taken = Log(nats_client, 4), list[int]()

    def loses_the_first(pull: Pull, msg: Msg) -> None:
        taken.append(1)
        if len(taken) > 1:
            take(pull, msg)

    take = Pull._take
    monkeypatch.setattr(Pull, "_take", loses_the_first)
    await log.say(wire.subject(Add, "ACME"), b"{}")
    pull = log.pull(["q2c.cmd.>"], 0)
    assert [received.sequence for received in await pull.batch(10)] == [1]
    await pull.close()


async def test_after_a_restart_of_the_server_everything_goes_on(own_nats_server: NatsServer, tmp_path: Path) -> None:
    nc = await own_nats_server.fresh()
    playground = Playground(Log(nc, 4), tmp_path / "copies")
    async with playground.running() as toys:
        for _ in range(2):
            await playground.say_all(Add(counter="c", amount=1, pass_on_to="OMEGA") for _ in range(300))
            own_nats_server.stop()
            own_nats_server.start()
            outside = await own_nats_server.client()
            await outside.close()
            await playground.log.patiently(playground.log.last)
            await playground.say(Add(counter="c", amount=1))
            await playground.quiet(toys)
        assert [event.total for event in await playground.heard(Added)] == list(range(1, 603))
        assert (await toys.state("echo", "OMEGA", "c")).times == 600
        assert (await toys.owner.verify()).differences == ()
    await nc.close()


async def test_a_full_stream_stops_the_owner_only_until_there_is_room(nats_client: Client, tmp_path: Path) -> None:
    playground, js = Playground(Log(nats_client, 4), tmp_path), nats_client.jetstream()
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        config = (await js.stream_info(STREAM)).config
        config.max_msgs = (await js.stream_info(STREAM)).state.messages + 1
        await js.update_stream(config)
        sequence = await playground.say(Add(counter="c", amount=1))
        assert not await toys.owner.position(sequence, 0.5)
        config.max_msgs = -1
        await js.update_stream(config)
        await playground.quiet(toys)
        assert [event.total for event in await playground.heard(Added)] == [1, 2]
