"""What one replica answers for the partitions it holds: committed state, and only if the log confirms that it does."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import anyio
from nats.errors import Error as NatsError

from contracts import runtime
from contracts.message import Question, Record, name_of
from shared import telemetry
from shared.decider import Wired, Wiring
from shared.deciding import id_of
from shared.owner import NotHeld, Owner
from shared.projections import Projection

PATIENCE = 30.0
"""Seconds for which an answer is held back at most."""

WHOLE = 0
"""The partition whose holder speaks for the whole service: also for its projections, which every replica keeps."""

_note = telemetry.logger("questions")


class Unanswered(Exception):
    """Why there is no answer, in one sentence, with a code in the manner of HTTP."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Answers:
    """Everything that actors and projections answer, and what is told about the runtime, by partition."""

    def __init__(self, wiring: Wiring, projections: Sequence[Projection], owner: Owner) -> None:
        self._wiring, self._projections, self._owner = wiring, projections, owner
        self._actors: Mapping[type[Question], Wired] = {
            question: actor for actor in wiring.actors.values() for question in actor.asked
        }
        self._views: Mapping[type[Question], Projection] = {
            question: projection for projection in projections for question in projection.asked
        }
        self._held: set[anyio.CancelScope] = set()
        self._moved = anyio.Event()
        self._closed = False

    def close(self) -> None:
        """Answer no more, and hold no answer back: the service drains."""
        self._closed = True
        for held in self._held:
            held.cancel()

    def moved(self) -> None:
        """A projection has come further: whoever waits for a position looks again."""
        self._moved.set()
        self._moved = anyio.Event()

    def holds(self, partition: int) -> bool:
        return not self._closed and partition in self._owner.partitions

    async def of(self, question: Question, partitions: Collection[int], after: int) -> Record:
        """The answer as far as these partitions go, once all up to `after` is heard. NotHeld, Unanswered."""
        try:
            of_actor = type(question) in self._actors
            if after and not await self.reached(after, PATIENCE, projected=not of_actor and WHOLE in partitions):
                raise Unanswered(504, f"{self._wiring.service} has not reached log sequence {after} yet: ask again")
            answer: Record = await self._answer(question, partitions)
        except (NotHeld, Unanswered):
            raise
        except Exception:
            name = name_of(type(question))
            _note.exception("a question could not be answered, which is a bug", question=name)
            raise Unanswered(
                500, f"answering {name} failed, which is a bug: the log of the service says more"
            ) from None
        await self._confirm(partitions)
        return answer

    async def _answer(self, question: Question, partitions: Collection[int]) -> Any:
        match question:
            case runtime.Position(sequence=sequence, wait=wait):
                ready = await self.reached(sequence, wait, projected=WHOLE in partitions)
                return runtime.PositionReached(ready=ready, sequence=sequence)
            case runtime.ParkedActors():
                return runtime.ParkedListed(actors=self._owner.parked(partitions))
            case runtime.Verify():
                return await self._owner.verify(partitions)
            case Question() if type(question) in self._actors:
                return await self._of_actor(self._actors[type(question)], question)
            case Question() if type(question) in self._views:
                return await self._of_projection(self._views[type(question)], question)
            case _:
                raise Unanswered(404, f"nothing in {self._wiring.service} answers {name_of(type(question))}")

    async def _confirm(self, partitions: Collection[int]) -> None:
        """What was just read is the truth if nobody else has claimed the partitions up to now. NotHeld, Unanswered."""
        try:
            if not await self._owner.confirmed(partitions):
                raise NotHeld(f"partitions of {self._wiring.service} have moved")
        except (NatsError, TimeoutError):
            raise Unanswered(503, "the log does not answer: ask again") from None

    async def _of_actor(self, actor: Wired, question: Question) -> Any:
        identity = id_of(actor, question)
        if identity is None:
            raise Unanswered(404, f"{name_of(type(question))} of {question.key} concerns no {actor.entity}")
        state = await self._owner.state_of(actor.entity, question.key, identity)
        reference = (self._owner.reference_of(question.key),) if actor.answer_wants_reference else ()
        answer: Callable[..., Any] = actor.module.answer  # type: ignore[attr-defined]  # it is there: it names the question
        return answer(state, question, *reference)

    async def _of_projection(self, projection: Projection, question: Question) -> Any:
        if projection.failure is not None:
            raise Unanswered(500, projection.failure)
        if not projection.caught_up(self._owner.goal):
            raise Unanswered(503, f"projection {projection.entity} is catching up with the log: ask again")
        return await projection.answer(question)

    async def reached(self, sequence: int, wait: float, *, projected: bool) -> bool:
        """Whether all up to a sequence is heard and committed (and `projected`), within `wait` seconds. Unanswered."""
        if wait <= 0:
            return (not projected or self._projected(sequence)) and await self._owner.position(sequence)
        with anyio.move_on_after(min(wait, PATIENCE)) as held:
            self._held.add(held)
            try:
                while not await self._owner.position(sequence, PATIENCE):
                    pass
                while projected and not self._projected(sequence):
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


__all__ = ["PATIENCE", "WHOLE", "Answers", "Unanswered"]
