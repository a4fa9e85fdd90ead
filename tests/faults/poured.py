"""One toy service as a process under a flood, whatever is done to it, and the proof that nothing came of the harm."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.log import Log
from tests.faults.flood import Flood, found
from tests.runtime.processes import Tally

PARTITIONS = 4
_PATIENCE = 90.0


class Toys(Tally):
    """The toy service as an operator runs it. `harm` names what it does to itself, see tests/faults/harm.py."""

    def __init__(
        self, nats: str, data: Path, harm: str = "", *, mended: bool = False, kept_every: int | None = None
    ) -> None:
        """`kept_every`: messages of the log after which snapshots are taken, if not as usual."""
        super().__init__(
            nats,
            data,
            app="tests.faults.toys:app",
            HARM=harm,
            MENDED="yes" if mended else "",
            Q2C_SNAPSHOT_MESSAGES="" if kept_every is None else str(kept_every),
        )

    def pause(self) -> None:
        self._child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._child.send_signal(signal.SIGCONT)

    async def killed(self) -> None:
        """It ended as by kill -9, which is what the harm is."""
        code = await self.exit_code()
        assert code == -signal.SIGKILL, f"it ended with {code}:\n" + "\n".join(self.lines[-20:])


@asynccontextmanager
async def toys(
    nats: str, data: Path, harm: str = "", *, mended: bool = False, kept_every: int | None = None
) -> AsyncIterator[Toys]:
    """A service that is ready, and that drains at the end."""
    async with Toys(nats, data, harm, mended=mended, kept_every=kept_every) as running:
        await running.says('"ready"')
        yield running
        running.ask_to_stop()
        assert await running.exit_code() == 0, "\n".join(running.lines[-20:])


async def asked(nc: Client, question: str, body: object = None, key: str = "ANY") -> dict[str, object]:
    """The answer to a question about the service, however long it is away."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                reply = await nc.request(f"q2c.ask.{question}.{key}", json.dumps(body or {}).encode(), timeout=30)
            except (NatsError, TimeoutError):
                await asyncio.sleep(0.1)
                continue
            answer: dict[str, object] = json.loads(reply.data)
            if "error" not in answer:
                return answer
            await asyncio.sleep(0.1)


async def quiet(nc: Client, log: Log) -> None:
    """Until everything is heard and nothing more is said."""
    before = -1
    while (last := await log.patiently(log.last)) != before:
        before = last
        while not (await asked(nc, "toys.runtime.position.v1", {"sequence": last, "wait": 10}))["ready"]:
            pass


async def proven(nc: Client, log: Log, flood: Flood) -> None:
    """Every message had its effect once and in order, and the states are what the log alone gives."""
    await quiet(nc, log)
    account = await found(log)
    assert account.answers == flood.account.answers
    assert account.counted == flood.account.counted
    assert account.repeated == flood.account.repeated
    assert account.touched == flood.account.touched
    assert (await asked(nc, "toys.runtime.verify.v1"))["differences"] == []


__all__ = ["PARTITIONS", "Toys", "asked", "proven", "quiet", "toys"]
