"""Replicas of the tally service under load, and the proof that nobody noticed what was done to them."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from contracts import wire
from shared.log import Log
from tests.conftest import NatsServer
from tests.runtime.processes import Tally

PARTITIONS = 4
KEYS = [f"K{number}" for number in range(12)]
_PATIENCE = 40.0
_SILENCE = 20.0
"""Seconds after which a question counts as not answered at all."""


class Load:
    """Adds to every key in turn, and asks for totals meanwhile: an answer from a stale view would be one too small."""

    def __init__(self, nc: Client) -> None:
        self._nc, self._log = nc, Log(nc, PARTITIONS)
        self.totals: dict[str, list[int]] = {key: [0] for key in KEYS}
        self._coming = dict.fromkeys(KEYS, 0)
        self.said = 0
        self.asked = 0
        self.put_off = 0
        """Questions that were answered with `ask again`."""
        self.unanswered = 0
        """Questions that nobody answered: whoever was about to has died or stands still."""
        self._grew = asyncio.Event()
        self._enough = False

    async def pour(self) -> None:
        """Say and ask at the same time until it is enough."""
        await asyncio.gather(self._say_on(), self._ask_on())

    def enough(self) -> None:
        self._enough = True

    async def _say_on(self) -> None:
        while not self._enough:
            await self.more(1)

    async def _ask_on(self) -> None:
        while not self._enough:
            await self.check(KEYS[self.asked % len(KEYS)])

    async def more(self, count: int) -> None:
        for _ in range(count):
            number = self.said + 1
            key, amount = KEYS[number % len(KEYS)], 100 + number
            self._coming[key] = self.totals[key][-1] + amount
            await self.say(key, amount, f"add-{number}")
            self.said = number
            self.totals[key].append(self._coming[key])
            self._grew.set()

    async def say(self, key: str, amount: int, message_id: str | None = None) -> None:
        body = b'{"amount": %d}' % amount
        await self._log.patiently(self._log.say, f"q2c.cmd.tally.counter.add.v1.{key}", body, message_id)

    async def says_more(self, count: int) -> None:
        """Wait until so many more commands have been said."""
        until = self.said + count
        while self.said < until:
            self._grew.clear()
            await self._grew.wait()

    async def check(self, key: str) -> None:
        """Whoever holds the key now knows all that was added, and what is being added at most."""
        known = len(self.totals[key])
        last = str(await self._log.patiently(self._log.last))
        answer = await self.ask(f"counter.total.v1.{key}", **{"Q2c-After": last})
        assert answer["total"] in (*self.totals[key][known - 1 :], self._coming[key])
        self.asked += 1

    async def ask(self, question: str, body: object = None, **headers: str) -> dict[str, object]:
        """The answer, asking again when told so, or when nobody answers."""
        while True:
            try:
                reply = await self._nc.request(
                    f"q2c.ask.tally.{question}", json.dumps(body or {}).encode(), headers=headers, timeout=_SILENCE
                )
            except NoRespondersError:  # no replica has started yet
                await asyncio.sleep(0.05)
                continue
            except NatsTimeoutError:
                self.unanswered += 1
                continue
            answer: dict[str, object] = json.loads(reply.data)
            if "error" not in answer:
                return answer
            assert (reply.headers or {})["Nats-Service-Error-Code"] in ("503", "504"), answer
            self.put_off += 1
            await asyncio.sleep(0.05)

    async def quiet(self) -> None:
        """Until all partitions have heard all there is."""
        before = -1
        while (last := await self._log.last()) != before:
            before = last
            while not (await self.ask("runtime.position.v1.ANY", {"sequence": last, "wait": 5}))["ready"]:
                pass

    async def proven(self) -> None:
        """Every command has had its effect once, in the order of its key; the states are what the log alone gives."""
        await self.quiet()
        commands: dict[str, list[tuple[str, int]]] = defaultdict(list)
        effects: dict[str, list[tuple[str, int]]] = defaultdict(list)
        totals: dict[str, list[int]] = defaultdict(list)
        last: dict[int, int] = {}
        async for batch in self._log.read(["q2c.cmd.>", "q2c.evt.>"], 0, await self._log.last()):
            for received in batch:
                *_, place, key = received.subject.split(".")
                body = msgspec.json.decode(received.body)
                if received.subject.startswith("q2c.cmd."):
                    commands[key].append((received.headers["Nats-Msg-Id"], body["amount"]))
                    last[int(place)] = received.sequence
                else:
                    assert ".counter.added." in received.subject, received.subject
                    effects[key].append((body["causationid"], body["data"]["amount"]))
                    totals[key].append(body["data"]["total"])
        assert sum(map(len, commands.values())) == self.said
        assert effects == commands
        for key, amounts in commands.items():
            assert totals[key] == [sum(amount for _, amount in amounts[: n + 1]) for n in range(len(amounts))]
        for partition, sequence in last.items():
            cursor = (await self._log.cursor("tally", partition)).cursor
            assert cursor is not None
            assert cursor.input >= sequence
        assert {wire.partition(key, PARTITIONS) for key in KEYS} == set(range(PARTITIONS))
        verified = await self.ask("runtime.verify.v1.ANY")
        assert (verified["actors"], verified["differences"]) == (len(KEYS), [])
        for key in KEYS:
            await self.check(key)


@asynccontextmanager
async def under_load(nc: Client, *, unanswered: int = 0) -> AsyncIterator[Load]:
    """Commands and questions without end while the block runs; then the proof. `unanswered`: questions at most."""
    load = Load(nc)
    pouring = asyncio.create_task(load.pour())
    try:
        yield load
    except BaseException:
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        raise
    load.enough()
    await pouring
    await load.proven()
    assert load.unanswered <= unanswered
    print(f"{load.said} commands, {load.asked} questions, {load.put_off} times told to ask again")


class Replica(Tally):
    """One replica of the tally service, with a folder of its own."""

    def __init__(
        self, server: NatsServer, folder: Path, ordinal: int, name: str = "", app: str = "tests.runtime.tally.app:app"
    ) -> None:
        super().__init__(server.url, folder / (name or str(ordinal)), app=app, Q2C_REPLICA=str(ordinal))

    async def holds(self) -> object:
        """The partitions that it holds; None before it is ready."""
        try:
            _, body = await self.get("/ready")
        except OSError:
            return None
        return body["holds"] if body["ready"] else None

    async def all_lines(self) -> list[str]:
        """All that it has said, at the end of a test that has failed."""
        self.kill()
        await self.exit_code()
        return self.lines

    async def drained(self) -> None:
        self.ask_to_stop()
        assert await self.exit_code() == 0, "\n".join(self.lines[-20:])


async def shared(held: Mapping[Replica, Sequence[int]]) -> None:
    """Wait until each replica says that it is ready and holds exactly these partitions."""
    told: list[object] = []
    try:
        async with asyncio.timeout(_PATIENCE):
            while told != [list(partitions) for partitions in held.values()]:
                await asyncio.sleep(0.05)
                told = [await replica.holds() for replica in held]
    except TimeoutError:
        lines = [line for replica in held for line in ("", *await replica.all_lines())]
        raise AssertionError(f"{list(held.values())} are not held, but {told}:\n" + "\n".join(lines)) from None


__all__ = ["KEYS", "PARTITIONS", "Load", "Replica", "shared", "under_load"]
