"""The nats-server in memory answers as the real one does: every case is run against both."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, cast

import pytest
from nats.aio.client import Client

from contracts import wire
from contracts.wire import STREAM
from shared.log import Cursor, Fence, Log, NotStored, Saying
from shared.pull import consumer
from tests.runtime.toys.messages import Add, Added
from tests.simulation.memory_client import Network
from tests.simulation.seeded_loop import SeededLoop, within

Case = Callable[[Client, Log], Coroutine[Any, Any, None]]
CASES: list[Case] = []
ACME, DELTA = wire.subject(Added, "ACME"), wire.subject(Added, "DELTA")
"""In partitions 3 and 1 of 4."""


def case(work: Case) -> Case:
    CASES.append(work)
    return work


def fence(after: int, batch: str = "b") -> Fence:
    return Fence(Cursor(owner="me", epoch=1, batch=batch, input=0), after)


async def refusal(log: Log, said: list[Saying], fences: dict[int, Fence]) -> int:
    """The code with which the server refuses a batch."""
    with pytest.raises(NotStored) as refused:
        await log._batch(said, "toys", fences)
    return refused.value.code


async def sequences(log: Log, *filters: str) -> list[int]:
    return [one.sequence async for batch in log.read(filters, 0, await log.last()) for one in batch]


@case
async def a_key_is_put_into_its_partition(_nc: Client, log: Log) -> None:
    stored = await log.say(ACME, b"{}")
    found = await log.message(stored.sequence)
    assert found is not None
    assert (found.subject, found.body) == ("q2c.evt.toys.counter.added.v1.3.ACME", b"{}")


@case
async def a_subject_of_another_length_is_left_alone(_nc: Client, log: Log) -> None:
    stored = await log.say("q2c.cmd.toys.counter.add.v1.7.ACME", b"{}")
    found = await log.message(stored.sequence)
    assert found is not None
    assert found.subject == "q2c.cmd.toys.counter.add.v1.7.ACME"


@case
async def what_is_said_twice_under_one_id_is_stored_once(_nc: Client, log: Log) -> None:
    assert await log.say(ACME, b"1", "id") == (1, False)
    assert await log.say(DELTA, b"2", "id") == (1, True)
    assert await log.say(ACME, b"3", "other") == (2, False)


@case
async def a_batch_is_stored_in_one_piece_with_its_cursors_last(_nc: Client, log: Log) -> None:
    said = [Saying(3, ACME, b"1"), Saying(1, DELTA, b"2")]
    assert await log._batch(said, "toys", {1: fence(0), 3: fence(0)}) == 4
    assert (await log.cursor("toys", 1)).sequence == 3
    assert (await log.cursor("toys", 3)).sequence == 4
    found = await log.message(2)
    assert found is not None
    assert found.headers["Nats-Batch-Sequence"] == "2"


@case
async def one_stale_fence_refuses_the_whole_batch(_nc: Client, log: Log) -> None:
    await log._batch([], "toys", {1: fence(0), 3: fence(0)})
    assert await refusal(log, [Saying(3, ACME, b"1")], {1: fence(1), 3: fence(1)}) == 10071
    assert await log.last() == 2
    assert await log._batch([], "toys", {1: fence(1), 3: fence(2)}) == 4


@case
async def a_batch_that_was_stored_is_refused_when_it_comes_again(_nc: Client, log: Log) -> None:
    said = [Saying(3, ACME, b"1")]
    await log._batch(said, "toys", {3: fence(0)})
    assert await refusal(log, said, {3: fence(0)}) == 10071
    assert await log.last() == 2


@case
async def a_batch_with_a_gap_is_refused(nc: Client, log: Log) -> None:
    await nc.publish(ACME, b"1", headers={"Nats-Batch-Id": "gap", "Nats-Batch-Sequence": "1"})
    last = {"Nats-Batch-Id": "gap", "Nats-Batch-Sequence": "3", "Nats-Batch-Commit": "1"}
    answer = json.loads((await nc.request(ACME, b"3", headers=last, timeout=5)).data)
    assert answer["error"]["err_code"] == 10176
    assert await log.last() == 0


@case
async def a_batch_that_is_not_committed_is_not_there(nc: Client, log: Log) -> None:
    await nc.publish(ACME, b"1", headers={"Nats-Batch-Id": "open", "Nats-Batch-Sequence": "1"})
    assert (await log.say(DELTA, b"2")).sequence == 1
    assert await sequences(log, "q2c.evt.>") == [1]


@case
async def of_the_cursors_of_a_partition_only_the_last_is_left(_nc: Client, log: Log) -> None:
    await log._batch([], "toys", {3: fence(0, "first")})
    await log._batch([], "toys", {3: fence(1, "second")})
    assert await log.message(1) is None
    recorded = await log.cursor("toys", 3)
    assert recorded.cursor is not None
    assert (recorded.cursor.batch, recorded.sequence) == ("second", 2)
    assert await sequences(log, "q2c.>") == [2]


@case
async def a_consumer_gives_what_passes_its_filters_in_order_and_counts_it(_nc: Client, log: Log) -> None:
    for _ in range(3):
        await log.say(ACME, b"{}")
        await log.say(DELTA, b"{}")
        await log.say(wire.subject(Add, "ACME"), b"{}")
    assert await log.count(["q2c.evt.*.*.*.*.3.*"], 1) == 2
    assert await sequences(log, "q2c.evt.toys.counter.added.v1.3.*", "q2c.cmd.>") == [1, 3, 4, 6, 7, 9]
    pull = log.pull(["q2c.cmd.toys.*.*.*.*.*"], 3)
    assert [one.sequence for one in await pull.batch(1)] == [6]
    assert [one.sequence for one in await pull.batch(9)] == [9]
    await log.say(wire.subject(Add, "ACME"), b"{}")
    assert [one.sequence for one in await pull.batch(9)] == [10]
    await pull.close()


async def told(nc: Client, log: Log, work: Callable[[str], Awaitable[object]]) -> list[dict[str, str | None]]:
    """The statuses that a consumer of one message tells while this is done to it."""
    await log.say(wire.subject(Add, "ACME"), b"{}")
    name = (await consumer(nc, ["q2c.cmd.>"], 0)).name
    headers: list[dict[str, str | None]] = []
    delivered, ended = asyncio.Event(), asyncio.Event()

    async def heard(msg: Any) -> None:
        if (msg.headers or {}).get("Status"):
            names = ("Status", "Nats-Last-Consumer", "Nats-Last-Stream", "Nats-Pending-Messages")
            headers.append({name: msg.headers.get(name) for name in names})
            if headers[-1]["Status"] != "100":
                ended.set()
        else:
            delivered.set()

    subscription = await nc.subscribe(nc.new_inbox(), cb=heard)
    request = json.dumps({"batch": 5, "expires": 2_500_000_000, "idle_heartbeat": 1_000_000_000}).encode()
    await nc.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}", request, reply=subscription.subject)
    await delivered.wait()
    await work(name)
    await ended.wait()
    await subscription.unsubscribe()
    return headers


@case
async def a_heartbeat_names_what_was_last_delivered_and_a_request_ends(nc: Client, log: Log) -> None:
    heartbeat, *_, end = await told(nc, log, lambda _: asyncio.sleep(0))
    assert (heartbeat["Status"], heartbeat["Nats-Last-Consumer"], heartbeat["Nats-Last-Stream"]) == ("100", "1", "1")
    assert (end["Status"], end["Nats-Pending-Messages"]) == ("408", "4")


@case
async def the_end_of_a_consumer_is_told_to_who_waits_for_it(nc: Client, log: Log) -> None:
    *_, end = await told(nc, log, lambda name: nc.jetstream().delete_consumer(STREAM, name))
    assert (end["Status"], end["Nats-Pending-Messages"]) == ("409", None)


@case
async def two_claims_of_one_partition_are_one_after_the_other(_nc: Client, log: Log) -> None:
    claims = await asyncio.gather(log.claim("toys", "one", [0, 1]), log.claim("toys", "two", [1, 0]))
    epochs = {recorded.cursor.epoch for claim in claims for recorded in claim.values() if recorded.cursor}
    assert epochs == {1, 2}


every_case = pytest.mark.parametrize("work", CASES, ids=lambda work: work.__name__)


@every_case
async def test_the_real_server(work: Case, nats_client: Client) -> None:
    await work(nats_client, Log(nats_client, 4))


@every_case
def test_the_server_in_memory(work: Case) -> None:
    loop = SeededLoop(Random(0), 100_000)
    process = loop.process("case")
    client = cast("Client", Network(loop, 4, Random(0)).connect(process))

    async def run() -> None:
        await within(process).run(loop.create_task, work(client, Log(client, 4)))

    loop.run(run())
