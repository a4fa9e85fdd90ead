"""Replicas come, go, die, freeze and are upgraded under load: nothing is lost, doubled or reordered for a key."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from nats.aio.client import Client

from shared.log import Log
from tests.conftest import NatsServer
from tests.faults.replicas import KEYS, PARTITIONS, Load, Replica, shared, under_load


async def test_replicas_that_are_added_and_removed_under_load_share_the_partitions(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    async with Replica(nats_server, tmp_path, 0) as first, under_load(nats_client):
        await shared({first: [0, 1, 2, 3]})
        async with Replica(nats_server, tmp_path, 1) as second:
            await shared({first: [0, 1], second: [2, 3]})
            async with Replica(nats_server, tmp_path, 2) as third:
                await shared({first: [0], second: [2, 3], third: [1]})
                await second.drained()
                await shared({first: [0, 2], third: [1, 3]})
                await third.drained()
                await shared({first: [0, 1, 2, 3]})


async def test_the_partitions_of_a_killed_replica_are_taken_over_and_given_back(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    async with AsyncExitStack() as running, under_load(nats_client, unanswered=1):
        first = await running.enter_async_context(Replica(nats_server, tmp_path, 0))
        second = await running.enter_async_context(Replica(nats_server, tmp_path, 1))
        await shared({first: [0, 1], second: [2, 3]})
        first.kill()
        killed = time.monotonic()
        await shared({second: [0, 1, 2, 3]})
        print(f"taken over after {time.monotonic() - killed:.1f} s")
        again = await running.enter_async_context(Replica(nats_server, tmp_path, 0))
        await shared({again: [0, 1], second: [2, 3]})


async def test_a_replica_that_was_stopped_past_its_lease_is_refused_and_goes_on_as_a_member(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    first, second = Replica(nats_server, tmp_path, 0), Replica(nats_server, tmp_path, 1)
    async with first, second, under_load(nats_client, unanswered=1) as load:
        await shared({first: [0, 1], second: [2, 3]})
        first.pause()
        await shared({second: [0, 1, 2, 3]})
        await load.says_more(50)  # what the late one would like to decide as well
        first.go_on()
        await shared({first: [0, 1], second: [2, 3]})


async def test_replicas_that_start_at_the_same_instant_agree(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    replicas = [Replica(nats_server, tmp_path, ordinal) for ordinal in range(3)]
    async with replicas[0], replicas[1], replicas[2], under_load(nats_client):
        await shared(dict(zip(replicas, ([0], [2, 3], [1]), strict=True)))


async def test_of_replicas_that_start_at_the_same_instant_with_one_ordinal_all_but_one_stand_by(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    first, second = Replica(nats_server, tmp_path, 0, "a"), Replica(nats_server, tmp_path, 0, "b")
    async with first, second, under_load(nats_client):
        held: list[object] = []
        while sorted(held, key=str) != [[0, 1, 2, 3], []]:
            await asyncio.sleep(0.05)
            held = [await first.holds(), await second.holds()]
        owner, stand_by = (first, second) if held[0] else (second, first)
        await owner.drained()
        await shared({stand_by: [0, 1, 2, 3]})


async def test_an_old_and_a_new_version_share_the_partitions_while_one_replaces_the_other(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    newer = "tests.runtime.tally.newer.app:app"
    async with AsyncExitStack() as running, under_load(nats_client):
        first = await running.enter_async_context(Replica(nats_server, tmp_path, 0))
        second = await running.enter_async_context(Replica(nats_server, tmp_path, 1))
        await shared({first: [0, 1], second: [2, 3]})
        await second.drained()
        await shared({first: [0, 1, 2, 3]})
        upgraded = await running.enter_async_context(Replica(nats_server, tmp_path, 1, app=newer))
        await shared({first: [0, 1], upgraded: [2, 3]})
        stand_by = await running.enter_async_context(Replica(nats_server, tmp_path, 0, "beside", app=newer))
        await shared({stand_by: []})
        await first.drained()
        await shared({stand_by: [0, 1], upgraded: [2, 3]})


async def test_replicas_outlive_a_restart_of_nats_server_without_a_fight(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    nc = await own_nats_server.fresh(4)
    async with Replica(own_nats_server, tmp_path, 0) as first, Replica(own_nats_server, tmp_path, 1) as second:
        await shared({first: [0, 1], second: [2, 3]})
        load = Load(nc)
        await load.more(50)
        own_nats_server.stop()
        await asyncio.gather(first.says("trying again"), second.says("trying again"))
        await asyncio.sleep(3.0)  # longer than a lease
        own_nats_server.start()
        await shared({first: [0, 1], second: [2, 3]})
        await load.more(50)
        await load.proven()
        assert not any("another owner has claimed" in line for one in (first, second) for line in one.lines)
    await nc.close()


async def test_a_key_whose_partition_nobody_holds_is_answered_with_ask_again(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    async with Replica(nats_server, tmp_path, 0) as first, Replica(nats_server, tmp_path, 1) as second:
        await shared({first: [0, 1], second: [2, 3]})
        load = Load(nats_client)
        await load.more(12)
        await load.quiet()
        first.pause()
        for key in load.totals:
            await load.check(key)
        assert load.put_off
        first.go_on()
        await load.proven()


async def test_one_replica_speaks_for_all_and_one_for_the_projections(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    async with Replica(nats_server, tmp_path, 0) as first, Replica(nats_server, tmp_path, 1) as second:
        await shared({first: [0, 1], second: [2, 3]})
        load = Load(nats_client)
        await load.more(12)
        for key in KEYS:
            await load.say(key, 13)  # which is the counter's bug
        await load.quiet()
        parked = (await load.ask("runtime.parked.v1.ANY"))["actors"]
        assert isinstance(parked, list)
        assert sorted(actor["key"] for actor in parked) == sorted(KEYS)
        last = str(await Log(nats_client, PARTITIONS).last())
        before = await load.ask("history.list.v1.ANY", **{"Q2c-After": last})
        assert isinstance(before["amounts"], list)
        assert sorted(before["amounts"]) == [100 + number for number in range(1, 13)]
        await first.drained()  # now the other one speaks
        after = await load.ask("history.list.v1.ANY", **{"Q2c-After": last})
        assert after["amounts"] == before["amounts"]
