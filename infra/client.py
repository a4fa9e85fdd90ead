"""One end of the mesh as a person or a script has it: say, ask, wait for quiet, read the log."""

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec
from nats.aio.client import Client as Connection
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import NotFoundError

from contracts import runtime, wire
from contracts.message import Context, Message, Question, name_of
from contracts.observability import ClockTicked
from contracts.wire import OUTSIDE, STREAM, Received
from infra.failure import ABSENT, NO, WRONG, Failure
from infra.fleet import SERVICES
from shared import protocol, telemetry
from shared.log import Log, LogUnfit, Stored, check
from shared.settings import SERVERS

DEFAULT = "nats://127.0.0.1:4222"
NOBODY = "-"
"""The key of a question that is about a whole service."""

_CONNECTS_WITHIN = 5.0
_ANSWERS_WITHIN = 30.0
_QUIET_WITHIN = 60.0
_HELD = 1.0
"""Seconds a service may hold back its answer to a position question: nobody polls."""
_LOST = 1.0
"""Seconds after which such an answer is given up: the service was killed while it held it."""

_BACK = 5.0
"""Seconds after which a question is asked again of a service that may have been killed while it answered."""
_NOT_YET = ("503", "504")
"""Error codes of a service that is starting or behind."""

T = TypeVar("T")


class Answered(NamedTuple):
    """What a message from outside is about: the journey of another message, and its id or place in the log."""

    journey: str
    cause: str


class _Linked(msgspec.Struct):
    """The envelope of a message that has a cause, and no time but that at which the log gets it."""

    id: str
    type: str
    correlationid: str
    causationid: str
    partitionkey: str
    data: msgspec.Raw
    specversion: str = "1.0"
    source: str = OUTSIDE


class Mesh:
    """A connection to a running mesh."""

    def __init__(self, connection: Connection, log: Log, services: Sequence[str] = SERVICES) -> None:
        self.connection = connection
        self.log = log
        self.services = services

    async def say(
        self,
        message: Message,
        key: str,
        *,
        at: datetime | None = None,
        message_id: str | None = None,
        again: bool = False,
        answers: Answered | None = None,
    ) -> tuple[str, Stored]:
        """Put a command, or a fact from outside, on the log; gives its id and place.

        With `at` it is said as of that instant, else as of now as the log tells it. A message said `again` takes a
        place of its own in the log although its id is known. One that `answers` names what it does as its cause.
        """
        said = message_id or uuid.uuid4().hex
        subject = wire.subject(type(message), key)
        body = wire.encode(message)
        if at is not None:
            context = Context(id=said, source=OUTSIDE, key=key, at=at, correlation=said)
            body = wire.envelope(message, context, body)
        elif answers is not None:
            body = wire.encode(_Linked(said, name_of(type(message)), *answers, key, msgspec.Raw(body)))
        try:
            return said, await self.log.say(subject, body, None if again else said)
        except (NatsError, TimeoutError) as problem:
            raise Failure(f"the log did not take the message: {_told(problem)}", ABSENT) from None

    async def ask(
        self, question: Question, key: str, reply: type[T], *, wait: float = _ANSWERS_WITHIN, after: int = 0
    ) -> T:
        """The answer to a question, as committed. Failure, with the reason, when there is none."""
        body = await self.ask_raw(question, key, wait=wait, after=after)
        return msgspec.json.decode(body, type=reply)

    async def ask_raw(self, question: Question, key: str, *, wait: float = _ANSWERS_WITHIN, after: int = 0) -> bytes:
        """The same as it comes over the wire; once everything up to the place `after` in the log has been heard."""
        name = name_of(type(question))
        try:
            subject = wire.subject(type(question), key)
            headers = {runtime.AFTER: str(after)} if after else None
            answer = await self.connection.request(subject, wire.encode(question), timeout=wait, headers=headers)
        except NoRespondersError:
            raise Failure(f"nobody answers {name}: is {name.split('.')[0]} running?", ABSENT) from None
        except (NatsError, TimeoutError) as problem:
            raise Failure(f"{name} was not answered: {_told(problem)}", ABSENT) from None
        refused = (
            msgspec.json.decode(answer.data, type=_Refused) if answer.data.startswith(b'{"error":') else _Refused()
        )
        if refused.error is not None:
            code = (answer.headers or {}).get("Nats-Service-Error-Code")
            raise Failure(refused.error, ABSENT if code in _NOT_YET else NO)
        return answer.data

    async def ask_patiently(self, question: Question, key: str, reply: type[T]) -> T:
        """The answer also of a service that is just being started again. Failure when it does not come back."""
        until = asyncio.get_running_loop().time() + _QUIET_WITHIN
        while True:
            try:
                return await self.ask(question, key, reply, wait=_BACK)
            except Failure as failure:
                if failure.code != ABSENT or asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(0.1)

    async def quiet(self, within: float = _QUIET_WITHIN) -> int:
        """Wait until all services have heard everything and none says anything more; the log's last sequence."""
        until = asyncio.get_running_loop().time() + within
        sequence = await self.log.last()
        while True:
            ready = await asyncio.gather(*(self._reached(service, sequence) for service in self.services))
            last = await self.log.last()
            if all(ready) and last == sequence:
                return sequence
            if asyncio.get_running_loop().time() > until:
                late = [service for service, there in zip(self.services, ready, strict=True) if not there]
                who = " and ".join(late) if late else "nobody is behind, but somebody keeps talking:"
                raise Failure(f"no quiet within {within:.0f} s: {who} at log sequence {last}", NO)
            sequence = last

    async def reached(self, sequence: int, services: Sequence[str] | None = None) -> None:
        """Wait until the services have heard everything up to a place in the log."""
        for service in services or self.services:
            while not await self._reached(service, sequence):
                continue

    async def _reached(self, service: str, sequence: int) -> bool:
        question = runtime.of(service).position(sequence=sequence, wait=_HELD)
        try:
            return (await self.ask(question, NOBODY, runtime.PositionReached, wait=_HELD + _LOST)).ready
        except Failure as failure:
            if failure.code != ABSENT:
                raise
            await asyncio.sleep(0.1)  # it is being started again
            return False

    async def last_tick(self) -> ClockTicked | None:
        """The message by which the mesh knows what time it is; None when it has not been told yet."""
        try:
            found = await self.connection.jetstream().get_msg(STREAM, subject=f"q2c.evt.{runtime.TICK}.*.*")
        except NotFoundError:
            return None
        tick = wire.hear(Received(found.subject or "", found.data or b""), wire.catalogue())
        assert isinstance(tick, ClockTicked)
        return tick

    async def followed(self, service: str, key: str, sequence: int) -> None:
        """Wait until a word about a parked actor has had its effect. Failure, with the reason, when it was rejected."""
        until = asyncio.get_running_loop().time() + _QUIET_WITHIN
        partition = wire.partition(key, self.log.partitions)
        while True:
            cursor = (await self.log.cursor(service, partition)).cursor
            if cursor is not None and cursor.word.sequence >= sequence and not cursor.word.entity:
                break
            if asyncio.get_running_loop().time() > until:
                raise Failure(f"{service} has not followed the word at {sequence}: does it run, does it stand?", ABSENT)
            await asyncio.sleep(0.02)
        rejected = f"q2c.evt.{name_of(runtime.of(service).rejected)}.*.*"
        async for received in self.read((rejected,), sequence, await self.log.last()):
            fact = wire.hear(received, wire.catalogue())
            if isinstance(fact, runtime.MessageRejected) and fact.sequence == sequence:
                raise Failure(fact.reason, NO)

    async def read(self, filters: Sequence[str], after: int, until: int) -> AsyncIterator[wire.Received]:
        """What lies on the log between two places."""
        async for batch in self.log.read(filters, after, until):
            for received in batch:
                yield received


class _Refused(msgspec.Struct):
    error: str | None = None


def _told(problem: BaseException) -> str:
    return str(problem) or type(problem).__name__


@asynccontextmanager
async def connected(url: str | None = None) -> AsyncIterator[Mesh]:
    """A connection to the mesh whose server is at `url` (Q2C_NATS, or this machine). Failure when it is not there."""
    connection = await connect(url)
    try:
        try:
            partitions = await check(connection)
        except LogUnfit as unfit:
            raise Failure(str(unfit), ABSENT) from None
        yield Mesh(connection, Log(connection, partitions))
    finally:
        await connection.close()


async def connect(url: str | None) -> Connection:
    """A connection that gives up at once where nobody listens. Failure says what to do."""
    named = "--nats" if url else "Q2C_NATS"
    address = url or os.environ.get("Q2C_NATS") or DEFAULT
    if not re.match(SERVERS, address):  # not repeated: it may carry a password
        raise Failure(f"{named} must be an address such as {DEFAULT}", WRONG)

    async def ignore(_problem: Exception) -> None:
        """What goes wrong is raised where it is noticed."""

    try:
        async with asyncio.timeout(_CONNECTS_WITHIN):
            # 0 attempts would mean for ever
            return await protocol.connect(
                address,
                name="q2c",
                allow_reconnect=False,
                connect_timeout=3,
                error_cb=ignore,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
            )
    except (NatsError, OSError, TimeoutError):
        raise Failure(
            f"there is no nats-server at {shown(address)}: start the mesh with `q2c up`, or name one with --nats",
            ABSENT,
        ) from None
    except ValueError:
        raise Failure(f"{named} must be an address such as {DEFAULT}", WRONG) from None


def shown(address: str) -> str:
    """An address as it may be shown: user and password left out."""
    return telemetry.without_secrets(address)
