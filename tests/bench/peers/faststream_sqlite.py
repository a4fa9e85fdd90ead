"""FastStream with one SQLite commit a message: what its tutorials lead to, on a work queue with acknowledgements."""

import asyncio
import sqlite3
from importlib.metadata import version

from fast_depends.msgspec import MsgSpecSerializer
from faststream.middlewares import AckPolicy
from faststream.nats import JStream, NatsBroker
from msgspec import Struct
from nats.js import api

from infra.client import connect
from infra.leash import Leash
from tests.bench import machine
from tests.bench.peers.contender import PAYLOAD, STEPS, WARM_UP, Work, advanced

STREAM = JStream("CHAINS", declare=False)
AT_ONCE = 200
TABLE = "create table state (key text primary key, steps integer not null, payload text not null)"


class Step(Struct):
    """A message of the chain."""

    key: str
    number: int
    payload: str


def about() -> str:
    return (
        f"FastStream {version('faststream')}, durable consumer, max_workers {AT_ONCE}, acknowledged once the next step "
        f"is on the stream; SQLite {sqlite3.sqlite_version} WAL, synchronous full; nats-server, sync_interval always"
    )


async def run(work: Work) -> None:
    leash = Leash()
    db = sqlite3.connect(work.folder / "states.sqlite3", isolation_level=None)
    try:
        db.executescript("pragma journal_mode = wal; pragma synchronous = full")
        db.execute(TABLE)
        async with machine.nats(work.folder / "nats", leash) as server:
            await _provide(server.url)
            async with NatsBroker(
                server.url, serializer=MsgSpecSerializer(use_fastdepends_errors=False), logger=None
            ) as broker:
                await _play(broker, db, work)
    finally:
        db.close()
        leash.close()


async def _provide(url: str) -> None:
    connection = await connect(url)
    await connection.jetstream().add_stream(
        api.StreamConfig(name="CHAINS", subjects=["chain.*"], retention=api.RetentionPolicy.WORK_QUEUE)
    )
    await connection.close()


async def _play(broker: NatsBroker, db: sqlite3.Connection, work: Work) -> None:
    left: set[str] = set()
    done = asyncio.Event()

    @broker.subscriber(
        "chain.*", stream=STREAM, durable="chains", max_workers=AT_ONCE, ack_policy=AckPolicy.NACK_ON_ERROR
    )
    async def step(message: Step) -> None:
        if message.number == STEPS:
            left.discard(message.key)
            if not left:
                done.set()
            return
        payload = commit(db, message)
        following = Step(message.key, message.number + 1, payload)
        await broker.publish(following, f"chain.{message.key}", stream="CHAINS", timeout=30)

    async def chains(keys: list[str]) -> None:
        left.update(keys)
        done.clear()
        for key in keys:
            await broker.publish(Step(key, 0, PAYLOAD), f"chain.{key}", stream="CHAINS", timeout=30)
        await done.wait()

    await broker.start()
    await chains([f"warm-{number}" for number in range(WARM_UP)])
    with work.timed():
        await chains([f"chain-{number}" for number in range(work.chains)])


def commit(db: sqlite3.Connection, message: Step) -> str:
    """The change of one step, on disk; a step that comes again changes nothing."""
    db.execute("begin immediate")
    row = db.execute("select steps, payload from state where key = ?", (message.key,)).fetchone()
    steps, payload = row or (0, message.payload)
    if steps == message.number:
        payload = advanced(payload)
        db.execute("insert or replace into state values (?, ?, ?)", (message.key, steps + 1, payload))
    db.execute("commit")
    return str(payload)
