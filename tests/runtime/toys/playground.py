"""A toy service on a real nats-server: start an owner, say things, wait for quiet, look at what was said."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from contracts import wire
from contracts.message import Context, Message
from contracts.observability import ClockTicked
from shared.bucket import Bucket
from shared.decider import Wiring, wire_service
from shared.log import Committed, Log
from shared.owner import Owner
from shared.restore import working_copy
from shared.snapshots import Snapshots, Taken
from shared.store import Store
from tests.runtime.toys import alarm, counter, echo, glass, price, rate, reference
from tests.runtime.toys.messages import TYPES

M = TypeVar("M", bound=Message)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def dies_after(commits: int) -> Callable[..., Awaitable[Committed]]:
    """In place of `Log.commit`: that many commits succeed, then the process is gone."""
    commit = Log.commit
    done = 0

    async def replaced(log: Log, *arguments: Any) -> Committed:
        nonlocal done
        done += 1
        if done > commits:
            raise ConnectionError("killed")
        return await commit(log, *arguments)

    return replaced


def wiring() -> Wiring:
    return wire_service("toys", [alarm, counter, echo, glass, price, rate], reference, TYPES)


class Kept(NamedTuple):
    """A snapshot as it lies in the bucket."""

    taken: Taken
    data: bytes


@dataclass
class Running:
    """One owner that runs, with its working copy."""

    owner: Owner
    store: Store
    task: "asyncio.Task[None]"

    async def state(self, entity: str, key: str, actor_id: str) -> Any:
        return await self.owner.state_of(entity, key, actor_id)


@dataclass
class Playground:
    """The log of one test, and the folder of its working copies."""

    log: Log
    folder: Path
    code: Wiring = field(default_factory=wiring)
    said: int = 0

    async def open(
        self, folder: str = "a", partitions: Iterable[int] | None = None, kept_every: int | None = None, **options: Any
    ) -> Running:
        """`kept_every`: snapshots are kept, and taken after so many messages."""
        store = await working_copy(self.folder / folder, self.code, self.log)
        if kept_every is not None:
            options["kept"] = Snapshots("toys", self.log, store, messages=kept_every, minutes=10)
        owner = Owner(self.code, self.log, store, partitions, **options)
        return Running(owner, store, asyncio.create_task(owner.run()))

    @asynccontextmanager
    async def running(
        self, folder: str = "a", partitions: Iterable[int] | None = None, **options: Any
    ) -> AsyncIterator[Running]:
        """An owner that is stopped in good order at the end; what it raised is raised."""
        running = await self.open(folder, partitions, **options)
        try:
            yield running
            running.owner.stop()
            await asyncio.wait_for(running.task, 30)
        finally:
            await self.kill(running)

    async def kill(self, running: Running) -> None:
        """As kill -9 would end it: nothing in memory is saved."""
        while not running.task.done():  # nats-py may swallow a cancellation together with an answer
            running.task.cancel()
            await asyncio.wait([running.task], timeout=0.2)
        await running.store.close()

    async def say(self, message: Message, key: str = "ACME", at: datetime = NOON, id: str | None = None) -> int:
        """Put a message on the log as somebody outside would; its sequence."""
        self.said += 1
        name = id or f"m{self.said}"
        context = Context(id=name, source="/tests", key=key, at=at, correlation=f"j-{name}")
        stored = await self.log.say(wire.subject(type(message), key), wire.envelope(message, context))
        return stored.sequence

    async def say_all(self, messages: Iterable[Message], key: str = "ACME") -> None:
        """Many messages in a row, the last one acknowledged."""
        for message in messages:
            self.said += 1
            context = Context(id=f"m{self.said}", source="/tests", key=key, at=NOON, correlation=f"j-m{self.said}")
            await self.log.nc.publish(wire.subject(type(message), key), wire.envelope(message, context))
        await self.publish("q2c.sys.flushed", b"")

    async def tick(self, instant: datetime) -> int:
        return await self.say(ClockTicked(instant=instant), key="world", at=instant)

    async def publish(self, subject: str, body: bytes) -> int:
        return (await self.log.say(subject, body)).sequence

    async def quiet(self, *running: Running) -> None:
        """Until everybody has heard all there is, and nothing more is said."""
        before = -1
        while (last := await self.log.last()) != before:
            before = last
            for one in running:
                waiting = asyncio.create_task(one.owner.position(last, 20))
                await asyncio.wait({waiting, one.task}, return_when=asyncio.FIRST_COMPLETED)
                if one.task.done():
                    one.task.result()
                assert await waiting, "the owner has not come that far"

    async def received(self) -> list[wire.Received]:
        """Everything on the log but cursors."""
        found: list[wire.Received] = []
        async for batch in self.log.read(["q2c.cmd.>", "q2c.evt.>"], 0, await self.log.last()):
            found.extend(batch)
        return found

    async def heard(self, kind: type[M], key: str | None = None) -> list[M]:
        """Every message of a kind on the log, in order."""
        types = wire.with_runtime(TYPES)
        found: list[M] = []
        for received in await self.received():
            try:
                message = wire.hear(received, types)
            except wire.Refused:
                continue
            if isinstance(message, kind) and key in (None, message.key):
                found.append(message)
        return found

    async def kept(self, at_least: int, key: str = "ACME") -> Kept:
        """The snapshot of a key's partition, once there is one that goes so far."""
        shelf, name = Bucket(self.log.nc), f"toys/{wire.partition(key, self.log.partitions)}"
        async with asyncio.timeout(30):
            while True:
                found = await shelf.find(name)
                if found is not None:
                    taken = msgspec.json.decode(found.told, type=Taken)
                    if taken.progress.folded >= at_least:
                        data = io.BytesIO()
                        await shelf.fetch(found, data)
                        return Kept(taken, data.getvalue())
                await asyncio.sleep(0.01)
