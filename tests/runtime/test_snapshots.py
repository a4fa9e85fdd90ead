"""A snapshot bounds how far back the log is folded; one that is lost, damaged or of something else is no loss."""

import asyncio
import gzip
import io
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from nats.aio.client import Client
from nats.js.errors import APIError

from contracts import wire
from contracts.runtime import ActorParked
from shared import bucket
from shared.bucket import Bucket
from shared.snapshots import Taken
from tests.runtime.toys.messages import Add, Added, SetAlarm, SetPrice, SetRate, Touch
from tests.runtime.toys.playground import NOON, Kept, Playground

ACME = wire.partition("ACME", 4)
MANY = 1_000_000


async def put(playground: Playground, taken: Taken, data: bytes) -> None:
    await Bucket(playground.log.nc).put(f"toys/{ACME}", wire.encode(taken).decode(), io.BytesIO(data))


async def snapshot_of_thirty(playground: Playground) -> Kept:
    """A counter at 30 and its snapshot, then 5 more; everything is committed, nobody runs."""
    async with playground.running(kept_every=1) as toys:
        await playground.say_all([Add(counter="c", amount=1)] * 30)
        await playground.quiet(toys)
        found = await playground.kept((await playground.heard(Added))[-1].context.sequence)
    async with playground.running() as toys:
        await playground.say_all([Add(counter="c", amount=1)] * 5)
        await playground.quiet(toys)
    return found


async def test_a_service_that_lost_its_disk_reads_a_snapshot_and_what_followed(playground: Playground) -> None:
    found = await snapshot_of_thirty(playground)
    purged = playground.log.nc.jetstream().purge_stream
    await purged(wire.STREAM, subject="q2c.evt.toys.counter.added.v1.>", seq=found.taken.progress.folded)
    assert len(await playground.heard(Added)) == 5
    async with playground.running("another disk", kept_every=MANY) as toys:
        await playground.quiet(toys)
        assert (await toys.state("counter", "ACME", "c")).total == 35
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        assert (await playground.heard(Added))[-1].total == 36
        (difference,) = (await toys.owner.verify()).differences  # the log alone no longer tells it all
        assert "counter/ACME/c" in difference


async def test_a_snapshot_and_what_followed_give_what_the_whole_log_gives(playground: Playground) -> None:
    async with playground.running(kept_every=1) as toys:
        for half in range(2):
            await playground.say_all([Add(counter=f"c{n % 7}", amount=n, pass_on_to="OMEGA") for n in range(40)])
            await playground.say(SetAlarm(alarm="a", at=NOON, again_after_hours=1, rings=3))
            await playground.say(SetRate(percent=half + 7))
            await playground.say(SetPrice(price="p", amount=half + 1))
            await playground.say(Touch(glass="g", text="rough"))
            await playground.say(Touch(glass="g", text="gently"))
            await playground.tick(NOON + timedelta(hours=half))
            await playground.quiet(toys)
            if half == 0:
                await playground.kept((await playground.heard(ActorParked))[-1].context.sequence)
                toys.owner._kept = None  # from here on it must be read from the log
        parked = toys.owner.parked()
    async with playground.running("another disk", kept_every=MANY) as toys:
        await playground.quiet(toys)
        assert (await toys.owner.verify()).differences == ()
        assert toys.owner.parked() == parked
        assert toys.owner.reference_of("ACME").percent == 8


async def test_snapshots_are_consistent_whatever_is_written_meanwhile_and_whoever_is_killed(
    playground: Playground,
) -> None:
    for round_ in range(6):
        toys = await playground.open(f"disk {round_}", kept_every=20)
        await playground.say_all(Add(counter=f"c{n % 50}", amount=1, pass_on_to="OMEGA") for n in range(150))
        await toys.owner.position(await playground.log.last() - 100, 20)
        await playground.kill(toys)
    async with playground.running("last disk", kept_every=20) as toys:
        await playground.quiet(toys)
        assert len(await playground.heard(Added)) == 900
        assert sum([(await toys.state("counter", "ACME", f"c{n}")).total for n in range(50)]) == 900
        assert (await toys.owner.verify()).differences == ()


async def test_a_disk_that_lags_far_behind_takes_the_snapshot(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playground.running("old disk") as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
    await snapshot_of_thirty(playground)
    purged = playground.log.nc.jetstream().purge_stream
    last = (await playground.heard(Added))[-5].context.sequence
    await purged(wire.STREAM, subject="q2c.evt.toys.counter.added.v1.>", seq=last)
    monkeypatch.setattr("shared.restore._WORTH", 10)
    async with playground.running("old disk", kept_every=MANY) as toys:
        await playground.quiet(toys)
        assert (await toys.state("counter", "ACME", "c")).total == 36


def changed(data: bytes, *statements: str) -> bytes:
    """A snapshot with other contents."""
    db = sqlite3.connect(":memory:")
    db.deserialize(gzip.decompress(data))
    for statement in statements:
        db.execute(statement)
    db.commit()
    return gzip.compress(db.serialize())


WRONG = "update actor set state = replace(state, '30', '999')"

FORGED: dict[str, Callable[[Kept], Kept]] = {
    "it is no archive": lambda one: Kept(one.taken, b"nothing of the kind"),
    "the archive is torn": lambda one: Kept(one.taken, one.data[: len(one.data) // 2]),
    "the file is torn": lambda one: Kept(one.taken, gzip.compress(gzip.decompress(one.data)[:8192])),
    "it has other tables": lambda one: Kept(
        one.taken, changed(one.data, WRONG, "alter table actor add column more text default ''")
    ),
    "it is of another log": lambda one: Kept(replace(one.taken, fingerprint="1:another log"), changed(one.data, WRONG)),
    "it is of a future": lambda one: Kept(
        replace(one.taken, progress=replace(one.taken.progress, folded=MANY, recorded="another")),
        changed(one.data, WRONG, f"update progress set folded = {MANY}, recorded = 'another'"),
    ),
    "it claims to be of the past and is of a future": lambda one: Kept(
        one.taken, changed(one.data, WRONG, f"update progress set folded = {MANY}, recorded = 'another'")
    ),
    "it is of another partition": lambda one: Kept(
        one.taken,
        changed(one.data, WRONG, "update actor set partition = 3 - partition", "update progress set partition = 9"),
    ),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
async def test_a_snapshot_that_is_not_what_it_should_be_is_no_loss(
    forged: Callable[[Kept], Kept], playground: Playground
) -> None:
    await put(playground, *forged(await snapshot_of_thirty(playground)))
    async with playground.running("another disk", kept_every=MANY) as toys:
        await playground.quiet(toys)
        assert (await toys.state("counter", "ACME", "c")).total == 35
        assert (await toys.owner.verify()).differences == ()
    assert [file.name for file in (playground.folder / "another disk").iterdir() if "bringing" in file.name] == []


async def lose_a_chunk(nc: Client) -> None:
    await nc.jetstream().purge_stream(bucket.STREAM, subject=f"$O.{bucket.NAME}.C.toys.{ACME}.>")


async def garble_the_description(nc: Client) -> None:
    await nc.jetstream().publish(bucket._description_subject(f"toys/{ACME}"), b"{")


async def change_a_chunk(nc: Client) -> None:
    js = nc.jetstream()
    chunk = await js.get_msg(bucket.STREAM, seq=1, next=True, subject=f"$O.{bucket.NAME}.C.toys.{ACME}.*")
    assert chunk.subject
    await lose_a_chunk(nc)
    await js.publish(chunk.subject, gzip.compress(changed(chunk.data or b"", WRONG)))


async def lose_the_bucket(nc: Client) -> None:
    await nc.jetstream().delete_stream(bucket.STREAM)


@pytest.mark.parametrize("harm", [lose_a_chunk, garble_the_description, change_a_chunk, lose_the_bucket])
async def test_a_damaged_bucket_is_no_loss(harm: Callable[[Client], Awaitable[None]], playground: Playground) -> None:
    await snapshot_of_thirty(playground)
    await harm(playground.log.nc)
    async with playground.running("another disk", kept_every=1) as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        assert (await toys.state("counter", "ACME", "c")).total == 36
        assert (await toys.owner.verify()).differences == ()


async def test_what_was_damaged_is_replaced_by_the_next_snapshot(playground: Playground) -> None:
    await snapshot_of_thirty(playground)
    await garble_the_description(playground.log.nc)
    async with playground.running(kept_every=1) as toys:
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        assert await playground.kept((await playground.heard(Added))[-1].context.sequence)


class Broken(io.BytesIO):
    """A disk that fails after the first chunk."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError("the disk fails")
        return super().read(size)


async def chunks(nc: Client) -> int:
    state = (await nc.jetstream().stream_info(bucket.STREAM, subjects_filter=f"$O.{bucket.NAME}.C.some.>")).state
    return sum((state.subjects or {}).values())


async def test_an_object_is_there_until_another_has_taken_its_place(nats_client: Client) -> None:
    shelf, content = Bucket(nats_client), io.BytesIO()
    await shelf.put("some/thing", "first", io.BytesIO(b"1" * 600_000))
    assert await chunks(nats_client) == 3
    with pytest.raises(OSError, match="the disk fails"):
        await shelf.put("some/thing", "second", Broken(b"2" * 600_000))
    found = await shelf.find("some/thing")
    assert found
    await shelf.fetch(found, content)
    assert (found.told, content.getvalue()) == ("first", b"1" * 600_000)
    assert await chunks(nats_client) == 4
    await shelf.put("some/thing", "third", io.BytesIO(b"3" * 300_000))
    assert await chunks(nats_client) == 2  # neither the first nor what the second left behind
    with pytest.raises(bucket.ObjectDamaged, match="3 of its 3 chunks are missing"):
        await shelf.fetch(found, content)


async def test_of_two_that_put_an_object_at_once_the_later_is_refused(nats_client: Client) -> None:
    shelf = Bucket(nats_client)

    await shelf.put("some/thing", "first", io.BytesIO(b"1"))
    slow, proceed = asyncio.Event(), asyncio.Event()
    publish = shelf._js.publish

    async def held(*arguments: object, **named: object) -> object:
        slow.set()
        await proceed.wait()
        return await publish(*arguments, **named)  # type: ignore[arg-type]  # handed on as they are

    late = Bucket(nats_client)
    late._js.publish = held  # type: ignore[assignment,method-assign]  # to hold it between two steps
    task = asyncio.create_task(late.put("some/thing", "late", io.BytesIO(b"2")))
    await slow.wait()
    await shelf.put("some/thing", "theirs", io.BytesIO(b"3"))
    proceed.set()
    with pytest.raises(APIError, match="wrong last sequence"):
        await task
    found = await shelf.find("some/thing")
    assert found
    content = io.BytesIO()
    await shelf.fetch(found, content)
    assert (found.told, content.getvalue()) == ("theirs", b"3")


async def test_the_nats_tools_understand_what_is_put(nats_client: Client) -> None:
    await Bucket(nats_client).put("some/thing", "told", io.BytesIO(b"content"))
    store = await nats_client.jetstream().object_store(bucket.NAME)
    assert (await store.get("some/thing")).data == b"content"
    await store.delete("some/thing")
    assert await Bucket(nats_client).find("some/thing") is None
    await Bucket(nats_client).put("some/thing", "again", io.BytesIO(b"more"))
    assert (await store.get("some/thing")).data == b"more"
