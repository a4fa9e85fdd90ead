"""A service with an effect worker in this process, on the log of one test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

from contracts import wire
from contracts.message import Context, Message
from contracts.wire import STREAM
from shared.decider import Wiring
from shared.effects import wire_effect
from shared.log import Log
from shared.outside import outside
from shared.owner import Owner
from shared.restore import working_copy
from shared.workers import Workers

M = TypeVar("M", bound=Message)


@dataclass
class Working:
    """What a test says to a service, and what it finds on the log."""

    log: Log
    wiring: Wiring
    said: int = 0

    async def say(self, message: Message, key: str = "ACME") -> int:
        """Put a message on the log as somebody outside would; its sequence."""
        self.said += 1
        return await self.say_as(message, self.context(f"m{self.said}", key))

    def context(self, name: str, key: str = "ACME") -> Context:
        return Context(id=name, source="/tests", key=key, at=datetime.now(UTC), correlation="j")

    async def say_as(self, message: Message, context: Context) -> int:
        subject = wire.subject(type(message), context.key)
        return (await self.log.say(subject, wire.envelope(message, context))).sequence

    async def heard(self, kind: type[M]) -> list[M]:
        """Every message of a kind on the log, in order."""
        found: list[M] = []
        async for batch in self.log.read(["q2c.cmd.>", "q2c.evt.>"], 0, await self.log.last()):
            for received in batch:
                message = wire.hear(received, self.wiring.types)
                if isinstance(message, kind):
                    found.append(message)
        return found

    async def until(self, kind: type[M], count: int = 1) -> list[M]:
        """All of a kind, once there are so many."""
        pull = self.log.pull(["q2c.>"], 0)
        try:
            async with asyncio.timeout(60):
                while len(found := await self.heard(kind)) < count:
                    await pull.batch(1000)
        finally:
            await pull.close()
        return found

    async def settled(self, consumer: str) -> None:
        """Until a consumer has nothing to bring and nothing in hand."""
        async with asyncio.timeout(60):
            while True:
                info = await self.log.nc.jetstream().consumer_info(STREAM, consumer)
                if not info.num_pending and not info.num_ack_pending:
                    return
                await asyncio.sleep(0.02)


@dataclass
class Serving(Working):
    """The service runs in this process."""

    workers: Workers = field(kw_only=True)


@asynccontextmanager
async def working(
    log: Log, folder: Path, wiring: Wiring, module: Any, *, secrets: Path | None = None
) -> AsyncIterator[Serving]:
    """The service, which has these actors and this effect worker, until the block ends."""
    effect = wire_effect(wiring, module)
    async with AsyncExitStack() as opened:
        store = await working_copy(folder, wiring, log)
        opened.push_async_callback(store.close)
        there = await opened.enter_async_context(outside(("*",), private=True, secrets=secrets))
        owner = Owner(wiring, log, store, sweeps=False)
        workers = Workers([effect], log, there, scenario=False)
        tasks = [asyncio.create_task(owner.run()), asyncio.create_task(workers.run())]
        try:
            yield Serving(log, wiring, workers=workers)
        finally:
            owner.stop()
            await workers.drain()
            await asyncio.gather(*tasks)


def varied(module: ModuleType, **changed: Any) -> Any:
    """The module with something else in it."""
    known = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    return SimpleNamespace(__name__=module.__name__, **{**known, **changed})
