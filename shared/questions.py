"""A question is asked over request/reply. Every replica hears it; the one that holds what it is about answers."""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import anyio
import msgspec
from anyio.abc import TaskGroup
from faststream.nats import NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import NoRespondersError

from contracts import runtime, wire
from contracts.message import Question, Record, name_of
from contracts.runtime import AFTER, ParkedListed, PositionReached, Verified
from shared.answers import PATIENCE, WHOLE, Answers, Unanswered
from shared.connection import Connection
from shared.decider import Wiring
from shared.owner import NotHeld, Owner

_AT_ONCE = 64
"""Questions in progress: those that wait for a position must not hold up the others."""
_HAND_OVER = 1.0
"""Seconds in which somebody who takes over a partition may yet answer what was asked meanwhile."""
_REACHED = 2.0
"""Seconds after which a replica that does not say that it holds a partition is not there."""
_PAUSE = 0.05
_PROMISES = 10_000
_YES = b"yes"

_SUBJECT, _PARTITIONS = "Q2c-Question", "Q2c-Partitions"
"""Headers of a question to a peer: what was asked, and of which partitions; of its reply: which ones it covers."""


class Questions:
    """The ears of one replica for questions: to the service, and from the peer that speaks for all of it."""

    def __init__(self, wiring: Wiring, connection: Connection) -> None:
        self._wiring, self._connection = wiring, connection
        self._asked_of = {question for actor in wiring.actors.values() for question in actor.asked}
        self._nc: Client | None = None
        self._partitions = 0
        self._answers: Answers | None = None
        self._promised: dict[str, None] = {}
        """The latest questions, by where the reply goes, to which this replica has to reply."""
        connection.subscriber(f"q2c.ask.{wiring.service}.>", no_reply=True, max_workers=_AT_ONCE)(self._asked)

    def open(self, nc: Client, partitions: int) -> None:
        """From now on it is known on how many partitions the log is, and who holds them can be asked."""
        self._nc, self._partitions = nc, partitions

    async def follow(self, owner: Owner, answers: Answers) -> None:
        """Answer for the partitions that are held, and be found by the peers under each of them, without end."""
        nc = self._nc
        assert nc is not None, "open it first"
        self._answers = answers
        found: dict[int, Subscription] = {}
        known: Mapping[int, int] = {}
        try:
            async with anyio.create_task_group() as tasks:

                async def asked(msg: Msg) -> None:
                    await self._from_peer(msg, answers, tasks)

                while True:
                    held = set(owner.partitions)
                    for partition in held - found.keys():
                        found[partition] = await nc.subscribe(self._lane(partition), cb=asked)
                    for partition in found.keys() - held:
                        await found.pop(partition).unsubscribe()
                    known = await owner.moves(known)
        finally:
            self._answers = None
            with anyio.CancelScope(shield=True):
                for subscription in found.values():
                    if nc.is_connected:
                        await subscription.unsubscribe()

    def _lane(self, partition: int) -> str:
        """Where whoever holds a partition is found: nats-server knows at once when nobody is."""
        return f"q2c.lane.{self._wiring.service}.{partition}"

    # --- asked from outside --------------------------------------------------------------------------------------

    async def _asked(self, message: NatsMessage) -> None:
        if not message.reply_to:
            return
        headers: dict[str, str] = {}
        received = wire.Received(
            message.raw_message.subject, message.body, timestamp=time.time_ns(), headers=message.headers
        )
        try:
            reply = await self._reply(received, message.reply_to)
        except Unanswered as problem:
            headers, reply = _refusal(problem)
        if reply is not None:
            await self._connection.publish(reply, message.reply_to, headers=headers)

    async def _reply(self, received: wire.Received, identity: str) -> bytes | None:
        """The reply; None when another replica, which has heard the question as well, says that it will reply."""
        until = anyio.current_time() + _HAND_OVER
        while True:
            partition = self._concerned(received)
            if self._answers is not None and self._answers.holds(partition):
                self._promise(identity)
                with suppress(NotHeld):
                    return wire.encode(await self._answer(received, self._answers, partition))
            elif identity not in self._promised and await self._is_promised(partition, identity):
                return None
            if identity in self._promised or anyio.current_time() > until:
                raise Unanswered(503, f"{self._wiring.service} is starting, or moves what is asked about: ask again")
            await anyio.sleep(_PAUSE)

    def _promise(self, identity: str) -> None:
        """From now on the others rely on a reply from here, even if what is asked about moves meanwhile."""
        self._promised[identity] = None
        if len(self._promised) > _PROMISES:
            del self._promised[next(iter(self._promised))]

    def _concerned(self, received: wire.Received) -> int:
        """The partition whose holder replies: to what cannot be understood, the one who speaks for the service."""
        try:
            place = wire.parse(received.subject)
        except wire.Refused:
            return WHOLE
        of_actor = self._wiring.types.get(place.name) in self._asked_of
        return wire.partition(place.key, self._partitions) if of_actor and self._partitions else WHOLE

    async def _is_promised(self, partition: int, identity: str) -> bool:
        """Whether somebody else holds the partition and so will reply to the question."""
        if self._nc is None:
            return False
        try:
            reply = await self._nc.request(self._lane(partition), identity.encode(), timeout=_REACHED)
        except (NoRespondersError, TimeoutError):
            return False
        return reply.data == _YES

    async def _answer(self, received: wire.Received, answers: Answers, partition: int) -> Record:
        """What is answered for one partition, or for the whole service. NotHeld, Unanswered."""
        question, after = self._understood(received)
        if isinstance(question, runtime.Position | runtime.ParkedActors | runtime.Verify):
            return await self._of_all(received.subject, question, after, answers)
        return await answers.of(question, {partition}, after)

    def _understood(self, received: wire.Received) -> tuple[Question, int]:
        """The question, and the log sequence that it wants to be heard before. Unanswered."""
        try:
            question = wire.hear(received, self._wiring.types)
        except wire.Refused as refused:
            raise Unanswered(400, refused.reason) from None
        if not isinstance(question, Question):
            raise Unanswered(404, f"nothing in {self._wiring.service} answers {name_of(type(question))}")
        after = received.headers.get(AFTER, "0")
        if not after.isascii() or not after.isdigit():
            raise Unanswered(400, f"the header {AFTER} must be a log sequence, not {after!r}")
        return question, int(after)

    # --- one speaks for all --------------------------------------------------------------------------------------

    async def _of_all(self, subject: str, question: Question, after: int, answers: Answers) -> Record:
        """The answer for all partitions: from here what is held here, the rest from whoever holds it. Unanswered."""
        left = set(range(self._partitions))
        parts: list[Record] = []
        until = anyio.current_time() + max(_HAND_OVER, PATIENCE if after else min(_wait(question), PATIENCE))
        while left:
            question = _with_wait(question, until - anyio.current_time())
            own = {partition for partition in left if answers.holds(partition)}
            try:
                if own:
                    part, covered = await answers.of(question, own, after), own
                else:
                    part, covered = await self._of_peer(subject, question, after, left)
            except NotHeld:
                if anyio.current_time() > until:
                    reason = f"no replica of {self._wiring.service} holds all that is asked about: ask again"
                    raise Unanswered(503, reason) from None
                await anyio.sleep(_PAUSE)
                continue
            parts.append(part)
            left -= covered
        return joined(parts)

    async def _of_peer(
        self, subject: str, question: Question, after: int, left: Collection[int]
    ) -> tuple[Record, set[int]]:
        """What the holder of one of the partitions left says, and of which of them. NotHeld, Unanswered."""
        assert self._nc is not None, "open it first"
        headers = {_SUBJECT: subject, _PARTITIONS: _text(left), AFTER: str(after)}
        held_back = PATIENCE if after or isinstance(question, runtime.Verify) else _wait(question)
        try:
            reply = await self._nc.request(
                self._lane(min(left)), wire.encode(question), timeout=held_back + _REACHED, headers=headers
            )
        except (NoRespondersError, TimeoutError) as problem:
            raise NotHeld(f"partition {min(left)} is held by nobody") from problem
        told = reply.headers or {}
        if (code := told.get("Nats-Service-Error-Code")) is not None:
            if code == "503":
                raise NotHeld(told["Nats-Service-Error"])
            raise Unanswered(int(code), told["Nats-Service-Error"])
        return msgspec.json.decode(reply.data, type=_reply_of(question)), _numbers(told[_PARTITIONS])

    async def _from_peer(self, msg: Msg, answers: Answers, tasks: TaskGroup) -> None:
        """A peer asks for what is held here, or relies on the reply to a question that both have heard."""
        if msg.headers is None or _SUBJECT not in msg.headers:
            held = answers.holds(int(msg.subject.rpartition(".")[2]))
            if held:
                self._promise(msg.data.decode())
            await msg.respond(_YES if held else b"")
        else:
            tasks.start_soon(self._tell_peer, msg, msg.headers, answers)

    async def _tell_peer(self, msg: Msg, told: Mapping[str, str], answers: Answers) -> None:
        received = wire.Received(told[_SUBJECT], msg.data, timestamp=time.time_ns(), headers=dict(told))
        own = {partition for partition in _numbers(told[_PARTITIONS]) if answers.holds(partition)}
        headers = {_PARTITIONS: _text(own)}
        try:
            question, after = self._understood(received)
            reply = wire.encode(await answers.of(question, own, after))
        except NotHeld as moved:
            headers, reply = _refusal(Unanswered(503, str(moved)))
        except Unanswered as problem:
            headers, reply = _refusal(problem)
        await self._connection.publish(reply, msg.reply, headers=headers)


def joined(parts: Sequence[Record]) -> Record:
    """The answer of a whole service from those for its partitions."""
    match parts[0]:
        case PositionReached(sequence=sequence):
            ready = all(isinstance(part, PositionReached) and part.ready for part in parts)
            return PositionReached(ready=ready, sequence=sequence)
        case ParkedListed():
            actors = [actor for part in parts if isinstance(part, ParkedListed) for actor in part.actors]
            return ParkedListed(actors=tuple(sorted(actors, key=lambda one: (one.entity, one.key, one.actor))))
        case _:
            verified = [part for part in parts if isinstance(part, Verified)]
            return Verified(
                sequence=max(part.sequence for part in verified),
                actors=sum(part.actors for part in verified),
                differences=tuple(text for part in verified for text in part.differences),
            )


def _reply_of(question: Question) -> type[Record]:
    match question:
        case runtime.Position():
            return PositionReached
        case runtime.ParkedActors():
            return ParkedListed
        case _:
            return Verified


def _wait(question: Question) -> float:
    return question.wait if isinstance(question, runtime.Position) else 0.0


def _with_wait(question: Question, seconds: float) -> Question:
    """What may be left of the time for which an answer is held back."""
    if isinstance(question, runtime.Position):
        return msgspec.structs.replace(question, wait=max(0.0, min(question.wait, seconds)))
    return question


def _text(partitions: Collection[int]) -> str:
    return ",".join(map(str, sorted(partitions)))


def _numbers(text: str) -> set[int]:
    return {int(number) for number in text.split(",") if number}


def _refusal(problem: Unanswered) -> tuple[dict[str, str], bytes]:
    headers = {"Nats-Service-Error": str(problem), "Nats-Service-Error-Code": str(problem.code)}
    return headers, wire.encode({"error": str(problem)})


__all__ = ["Questions", "joined"]
