"""A question is asked and answered over request/reply, from committed state only; nothing of it is kept on the log."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
from faststream.nats import NatsMessage

from contracts import runtime, wire
from contracts.message import Question, name_of
from contracts.runtime import AFTER
from shared import telemetry
from shared.connection import Connection
from shared.decider import Wired, Wiring
from shared.deciding import id_of
from shared.owner import Owner
from shared.projections import Projection

PATIENCE = 30.0
"""Seconds for which an answer is held back at most."""

_AT_ONCE = 64
"""Questions in progress: those that wait for a position must not hold up the others."""

_SEQUENCE = re.compile(r"[0-9]{1,19}")

_note = telemetry.logger("questions")


class Unanswered(Exception):
    """Why there is no answer, in one sentence, with a code in the manner of HTTP."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Questions:
    """Everything a service can be asked: by its actors' and projections' `answer`, and about its runtime."""

    def __init__(self, wiring: Wiring, projections: Sequence[Projection], connection: Connection) -> None:
        self._wiring, self._connection, self._projections = wiring, connection, projections
        self._actors: Mapping[type[Question], Wired] = {
            question: actor for actor in wiring.actors.values() for question in actor.asked
        }
        self._views: Mapping[type[Question], Projection] = {
            question: projection for projection in projections for question in projection.asked
        }
        self._owner: Owner | None = None
        self._held: set[anyio.CancelScope] = set()
        self._moved = anyio.Event()
        connection.subscriber(f"q2c.ask.{wiring.service}.>", no_reply=True, max_workers=_AT_ONCE)(self._asked)

    def open(self, owner: Owner) -> None:
        """From now on there is something to answer from."""
        self._owner = owner

    def close(self) -> None:
        """Hold no answer back any more: the service drains."""
        for held in self._held:
            held.cancel()

    def moved(self) -> None:
        """A projection has come further: whoever waits for a position looks again."""
        self._moved.set()
        self._moved = anyio.Event()

    async def _asked(self, message: NatsMessage) -> None:
        if not message.reply_to:
            return
        headers: dict[str, str] = {}
        received = wire.Received(
            message.raw_message.subject, message.body, timestamp=time.time_ns(), headers=message.headers
        )
        try:
            reply = await self._answer(received)
        except Unanswered as problem:
            headers = {"Nats-Service-Error": str(problem), "Nats-Service-Error-Code": str(problem.code)}
            reply = wire.encode({"error": str(problem)})
        if reply is not None:
            await self._connection.publish(reply, message.reply_to, headers=headers)

    async def _answer(self, received: wire.Received) -> bytes | None:
        """The reply; None when the key lives in a partition of another replica, which will answer."""
        owner = self._owner
        if owner is None or not owner.partitions:
            raise Unanswered(503, f"{self._wiring.service} is starting: ask again when it is ready")
        try:
            question = wire.hear(received, self._wiring.types)
        except wire.Refused as refused:
            raise Unanswered(400, refused.reason) from None
        try:
            if (after := received.headers.get(AFTER)) is not None:
                await self._reach(owner, after)
            match question:
                case runtime.Position(sequence=sequence, wait=wait):
                    ready = await self.reached(owner, sequence, wait)
                    return wire.encode(runtime.PositionReached(ready=ready, sequence=sequence))
                case runtime.ParkedActors():
                    return wire.encode(owner.parked_listed())
                case runtime.Rehearse() | runtime.Inspect() if not owner.holds(question.key):
                    return None
                case runtime.Rehearse():
                    return wire.encode(await owner.rehearse(question))
                case runtime.Inspect(entity=entity) if entity not in self._wiring.actors:
                    raise Unanswered(404, f"{self._wiring.service} has no entity {entity}")
                case runtime.Inspect():
                    return wire.encode(await owner.inspect(question))
                case runtime.Verify():
                    return wire.encode(await owner.verify())
                case Question() if type(question) in self._actors:
                    return await self._of_actor(owner, self._actors[type(question)], question)
                case Question() if type(question) in self._views:
                    return await self._of_projection(self._views[type(question)], question)
                case _:
                    raise Unanswered(404, f"nothing in {self._wiring.service} answers {name_of(type(question))}")
        except Unanswered:
            raise
        except Exception:
            name = name_of(type(question))
            _note.exception("a question could not be answered, which is a bug", question=name)
            raise Unanswered(
                500, f"answering {name} failed, which is a bug: the log of the service says more"
            ) from None

    async def _of_actor(self, owner: Owner, actor: Wired, question: Question) -> bytes | None:
        if not owner.holds(question.context.key):
            return None
        identity = id_of(actor, question)
        if identity is None:
            raise Unanswered(404, f"{name_of(type(question))} of {question.context.key} concerns no {actor.entity}")
        state = await owner.state_of(actor.entity, question.context.key, identity)
        reference = (owner.reference_of(question.context.key),) if actor.answer_wants_reference else ()
        answer: Callable[..., Any] = actor.module.answer  # type: ignore[attr-defined]  # it is there: it names the question
        return wire.encode(answer(state, question, *reference))

    async def _of_projection(self, projection: Projection, question: Question) -> bytes:
        if projection.failure is not None:
            raise Unanswered(500, projection.failure)
        return wire.encode(await projection.answer(question))

    async def _reach(self, owner: Owner, after: str) -> None:
        if not _SEQUENCE.fullmatch(after):
            raise Unanswered(400, f"the header {AFTER} must be a log sequence, not {after[:100]!r}")
        if not await self.reached(owner, int(after), PATIENCE):
            raise Unanswered(504, f"{self._wiring.service} has not reached log sequence {after} yet: ask again")

    async def reached(self, owner: Owner, sequence: int, wait: float) -> bool:
        """Whether all up to a sequence is heard, committed and projected, within `wait` seconds."""
        if wait <= 0:
            return self._projected(sequence) and await owner.position(sequence)
        with anyio.move_on_after(min(wait, PATIENCE)) as held:
            self._held.add(held)
            try:
                while not await owner.position(sequence, PATIENCE):
                    pass
                while not self._projected(sequence):
                    await self._moved.wait()
                return True
            finally:
                self._held.discard(held)
        return False

    def _projected(self, sequence: int) -> bool:
        for projection in self._projections:
            if projection.failure is not None:
                raise Unanswered(500, projection.failure)
        return all(projection.sequence >= sequence for projection in self._projections)


__all__ = ["AFTER", "PATIENCE", "Questions", "Unanswered"]
