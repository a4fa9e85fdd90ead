"""A flood of messages for the toy service, and the account of what it must lead to, whatever befalls the service."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct, field
from nats.errors import Error as NatsError

from contracts import wire
from contracts.message import Command, Context
from shared.log import Log
from tests.runtime.toys.messages import TYPES, Add, Added, Repeated, Touch, Touched

KEYS = tuple(f"K{number}" for number in range(12))
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

Actor = tuple[str, str]
"""Key and id."""


class Account(Struct):
    """What a flood has said, and so what must be found."""

    counted: Counter[Actor] = field(default_factory=Counter)
    """The sum of what was added to each counter."""
    answers: Counter[str] = field(default_factory=Counter)
    """How many additions each command leads to, by its id."""
    repeated: Counter[Actor] = field(default_factory=Counter)
    touched: dict[Actor, list[str]] = {}
    """In the order in which they were said."""


class Flood:
    """Says messages one after another, each until the log has it, and keeps the account."""

    def __init__(self, log: Log, seed: int, name: str = "m", poison: int = 0) -> None:
        """`poison`: one in so many touches is a bug that parks its glass; 0 for none."""
        self.account = Account()
        self._log = log
        self._chance = random.Random(seed)
        self._name = name
        self._poison = poison
        self.said = 0
        """How many messages the log has."""
        self._more = asyncio.Event()

    async def reached(self, count: int) -> None:
        """Until that many messages are said, while somebody pours."""
        while self.said < count:
            await self._more.wait()
            self._more.clear()

    async def pour(self, count: int) -> None:
        for key, message in self._messages(count):
            said = f"{self._name}{self.said + 1}"
            self._note(said, key, message)
            context = Context(id=said, source="/tests", key=key, at=NOON, correlation=said)
            await _say(self._log, wire.subject(type(message), key), wire.envelope(message, context), said)
            self.said += 1
            self._more.set()

    def _messages(self, count: int) -> Iterator[tuple[str, Command]]:
        chance = self._chance
        for number in range(count):
            key = chance.choice(KEYS)
            if chance.random() < 0.6:
                passed_on = chance.choice(KEYS) if chance.random() < 0.4 else None
                counter, times = chance.choice(("a", "b", "loud")), chance.choice((1, 1, 1, 5))
                yield key, Add(counter=counter, amount=number, pass_on_to=passed_on, times=times)
            else:
                rough = self._poison and chance.randrange(self._poison) == 0
                yield key, Touch(glass=chance.choice("xyz"), text="rough" if rough else f"t{number}")

    def _note(self, said: str, key: str, message: Command) -> None:
        account = self.account
        match message:
            case Add():
                account.counted[key, message.counter] += message.amount
                account.answers[said] = message.times
                if message.pass_on_to:
                    account.repeated[message.pass_on_to, message.counter] += 1
                if message.counter == "loud":
                    account.repeated[key, "loud"] += message.times
            case Touch():
                account.touched.setdefault((key, message.glass), []).append(message.text)
            case _:
                raise TypeError(f"a flood says no {type(message).__name__}")


async def _say(log: Log, subject: str, body: bytes, said: str) -> None:
    """As a careful publisher does: under one id, again until it is acknowledged."""
    while True:
        try:
            await log.say(subject, body, said)
        except (NatsError, TimeoutError, OSError):
            await asyncio.sleep(0.1)
        else:
            return


async def found(log: Log) -> Account:
    """The account that the facts on the log give."""
    types = wire.with_runtime(TYPES)
    account = Account()
    async for batch in log.read(["q2c.evt.toys.>"], 0, await log.last()):
        for received in batch:
            match wire.hear(received, types):
                case Added() as event:
                    account.counted[event.key, event.counter] = event.total
                    account.answers[event.context.cause or ""] += 1
                case Repeated() as event:
                    actor = event.context.source.rpartition("/")[2]
                    account.repeated[event.key, actor] += 1
                    assert account.repeated[event.key, actor] == event.times, "repeated out of turn"
                case Touched() as event:
                    account.touched.setdefault((event.key, event.glass), []).append(event.text)
                case _:
                    pass
    return account


__all__ = ["NOON", "Account", "Flood", "found"]
