"""What the log's server, its operator, the disk and hostile messages can do to a service that works."""

import asyncio
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext

from contracts import runtime, wire
from contracts.runtime import MessageRejected
from contracts.wire import STREAM
from shared.log import Log
from tests.conftest import NatsServer
from tests.faults.flood import Flood
from tests.faults.poured import PARTITIONS, asked, proven, quiet, toys
from tests.runtime.toys.messages import TYPES, Add

OWN = runtime.of("toys")
MEGABYTE = 1024 * 1024


async def rejections(log: Log) -> list[MessageRejected]:
    found: list[MessageRejected] = []
    async for batch in log.read(["q2c.evt.toys.message.rejected.v1.>"], 0, await log.last()):
        for received in batch:
            message = wire.hear(received, wire.with_runtime(TYPES))
            assert isinstance(message, MessageRejected)
            found.append(message)
    return found


async def test_nats_server_is_killed_and_started_again(own_nats_server: NatsServer, tmp_path: Path) -> None:
    nc = await own_nats_server.fresh(PARTITIONS)
    log = Log(nc, PARTITIONS)
    flood = Flood(log, seed=21)
    async with toys(own_nats_server.url, tmp_path / "data"):
        for _ in range(3):
            pouring = asyncio.create_task(flood.pour(150))
            await flood.reached(flood.said + 50)
            own_nats_server.stop()
            own_nats_server.start()
            await pouring
        await proven(nc, log, flood)
    await nc.close()


async def test_an_operator_deletes_every_consumer(nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    log = Log(nats_client, PARTITIONS)
    flood = Flood(log, seed=22)
    js = nats_client.jetstream()
    async with toys(nats_server.url, tmp_path / "data"):
        for _ in range(5):
            await flood.pour(60)
            for consumer in await js.consumers_info(STREAM):
                await js.delete_consumer(STREAM, consumer.name)
        await proven(nats_client, log, flood)


async def test_answers_to_commits_are_lost(nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    log = Log(nats_client, PARTITIONS)
    flood = Flood(log, seed=23)
    async with toys(nats_server.url, tmp_path / "data", "answers lost:3"):
        await flood.pour(300)
        await proven(nats_client, log, flood)


async def test_the_stream_is_full_until_somebody_makes_room(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    log, js = Log(nats_client, PARTITIONS), nats_client.jetstream()
    flood = Flood(log, seed=24)
    async with toys(nats_server.url, tmp_path / "data") as running:
        await flood.pour(50)
        await quiet(nats_client, log)
        await _bound(js, (await js.stream_info(STREAM)).state.messages + 5)
        pouring = asyncio.create_task(flood.pour(100))
        await running.says("the log takes nothing")
        status, body = await running.get("/ready")
        assert (status, body["ready"]) == (503, False)
        assert "the log takes nothing" in body["waits_for"][0]
        await _bound(js, -1)
        await pouring
        await proven(nats_client, log, flood)
        assert (await running.get("/ready"))[0] == 200


async def _bound(js: JetStreamContext, messages: int) -> None:
    config = (await js.stream_info(STREAM)).config
    config.max_msgs = messages
    await js.update_stream(config)


async def test_a_slow_disk_slows_but_loses_nothing(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    log = Log(nats_client, PARTITIONS)
    flood = Flood(log, seed=25)
    async with toys(nats_server.url, tmp_path / "data", "slow disk:300"):
        await flood.pour(400)
        await proven(nats_client, log, flood)


async def test_a_message_of_a_megabyte_is_rejected_and_one_of_ten_is_never_taken(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    nc = await own_nats_server.fresh(PARTITIONS)
    log = Log(nc, PARTITIONS)
    flood = Flood(log, seed=26)
    async with toys(own_nats_server.url, tmp_path / "data"):
        await flood.pour(30)
        subject = wire.subject(Add, "K1")
        large = await log.say(subject, b'{"counter":"a","amount":1,"note":"%s"}' % (b"x" * (MEGABYTE - 500)))
        with pytest.raises(MaxPayloadError):
            await log.say(subject, b"x" * 10 * MEGABYTE)
        await flood.pour(30)
        await proven(nc, log, flood)
        (rejected,) = await rejections(log)
        assert rejected.sequence == large.sequence
        assert "bytes, more than the" in rejected.reason
    await nc.close()


async def test_ten_thousand_messages_to_one_actor(nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    log = Log(nats_client, PARTITIONS)
    async with toys(nats_server.url, tmp_path / "data"):
        for _ in range(10_000):
            await nats_client.publish(wire.subject(Add, "K1"), b'{"counter":"one","amount":1}')
        await nats_client.flush()
        await quiet(nats_client, log)
        assert await asked(nats_client, "toys.counter.count.v1", {"counter": "one"}, "K1") == {"total": 10_000}
        assert (await asked(nats_client, "toys.runtime.verify.v1"))["differences"] == []


async def test_a_poisoned_message_in_each_batch_parks_its_actors_only(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    log = Log(nats_client, PARTITIONS)
    flood = Flood(log, seed=27, poison=4)
    async with toys(nats_server.url, tmp_path / "data"):
        await flood.pour(300)
        await quiet(nats_client, log)
        listed = (await asked(nats_client, "toys.runtime.parked.v1"))["actors"]
        assert isinstance(listed, list)
        assert listed
    async with toys(nats_server.url, tmp_path / "data", mended=True):
        for parked in listed:
            command = OWN.retry(entity=parked["entity"], actor=parked["actor"])
            await log.say(wire.subject(type(command), parked["key"]), wire.encode(command))
        await proven(nats_client, log, flood)
