"""One request to the outside: the intent is noted, the call is made or looked up, the outcome said and noted as one.

Each request has a place on the log (`q2c.sys.effect.<service>.<worker>.<request>`) that holds one note. `begun` is
written before the call: whoever finds it knows that the call may have been made. `done` is written in one atomic batch
with the outcome, and only over the note that was read before: of several workers that have the same request one says
the outcome, once. To the outside it is at least once, always with the same id.
"""

import random
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import anyio
import msgspec
from msgspec import Struct

from contracts import runtime, wire
from contracts.message import Context, Event, Message, is_identifier, name_of
from contracts.runtime import NO_ACTOR
from contracts.wire import Received
from shared import deciding, telemetry
from shared.breaker import Breaker, delay
from shared.effects import Call, Effect, Failure, Feed, InDoubt, Outside
from shared.log import Log, Noted

REMEMBERED = 30 * 24 * 3600
"""Seconds for which the log keeps the note of a single request. One that is older is looked up before it is called."""

_MARGIN = 24 * 3600.0
_TAKEN = 1.0
"""Seconds after which a request is looked at again that another worker has in hand."""


class Progress(Struct, frozen=True, kw_only=True):
    """The note of a request, or of the last request of a feed's run."""

    by: str
    """Unlike in any other note."""
    sequence: int
    """The request's place in the log."""
    state: Literal["begun", "failed", "done"]
    """`begun`: the call may have been made. `failed`: it certainly had no effect."""
    attempt: int
    not_before: float = 0.0
    """Seconds since 1970; until then a call may still be in progress, or nobody is to be bothered again."""


_PROGRESS = msgspec.json.Decoder(Progress)


class Asked(NamedTuple):
    """A request with its place on the log and whom its outcome is for."""

    request: Message
    feed: Feed | None
    place: str
    destination: str
    since: float
    """When the log has stored it, in seconds since 1970."""

    @property
    def key(self) -> str:
        return self.request.key if self.feed is None else self.feed.key


class Performer:
    """Performs the requests of one effect worker."""

    def __init__(self, effect: Effect, log: Log, outside: Outside, *, scenario: bool) -> None:
        self._effect, self._log, self._outside, self._scenario = effect, log, outside, scenario
        self._chance = random.Random()
        self._breakers: dict[str, Breaker] = {}
        self._note = telemetry.logger(f"effects.{effect.service}.{effect.entity}")

    def paused(self) -> Iterable[str]:
        """The destinations that are left alone now."""
        return sorted(name for name, breaker in self._breakers.items() if breaker.is_open)

    async def progress(self, feed: Feed) -> int:
        """The place in the log up to which a feed's run is settled: what follows is to be brought."""
        last = _read(await self._log.patiently(self._log.noted, self._place(feed)), feed.after + 1)
        if last is None:
            return feed.after
        return last.sequence if last.state == "done" else last.sequence - 1

    async def perform(self, received: Received, feed: Feed | None) -> float:
        """Make the call, unless it is made. Seconds after which it must be brought again; 0 when it is settled."""
        asked = self._understand(received, feed)
        if asked is None:
            return 0.0
        noted = await self._log.patiently(self._log.noted, asked.place)
        last = _read(noted, received.sequence)
        if feed is not None and last is not None and last.sequence != received.sequence:
            if last.sequence > received.sequence:
                return 0.0
            last = None  # of the event before this one
        if last is not None and last.state == "done":
            return 0.0
        if last is not None and (wait := last.not_before - time.time()) > 0:
            return wait
        breaker = self._breakers.setdefault(asked.destination, Breaker(self._chance))
        if (wait := breaker.wait(time.monotonic())) > 0:
            return wait
        try:
            return await self._attempt(asked, noted, last, breaker)
        except BaseException:
            breaker.released()
            raise

    def _understand(self, received: Received, feed: Feed | None) -> Asked | None:
        """The request; None for what nobody asked for, or what cannot be heard and is rejected by whom it concerns."""
        effect = self._effect
        try:
            request = wire.hear(received, effect.types)
        except wire.Refused:
            return None
        if feed is None and (type(request) not in effect.requested or not is_own(received, request, effect.service)):
            return None
        if feed is not None and not (isinstance(request, Event) and effect.module.concerns(request)):
            return None
        destination = effect.module.destination(request) if hasattr(effect.module, "destination") else ""
        named = request.id if is_identifier(request.id) else wire.derive(request.id, effect.source, 0)
        place = self._place(feed) if feed is not None else self._place(named)
        destination = destination or (effect.entity if feed is None else feed.key)
        return Asked(request, feed, place, destination, received.at.timestamp())

    def _place(self, of: Feed | str) -> str:
        name = of if isinstance(of, str) else f"{of.key}-{of.run}"
        return f"q2c.sys.effect.{self._effect.service}.{self._effect.entity}.{name}"

    async def _attempt(self, asked: Asked, noted: Noted, last: Progress | None, breaker: Breaker) -> float:
        """Note the intent, call, and say what came of it."""
        effect, request = self._effect, asked.request
        begun = Progress(
            by=uuid.uuid4().hex,
            sequence=request.context.sequence,
            state="begun",
            attempt=1 if last is None else last.attempt + 1,
            not_before=time.time() + effect.patience,
        )
        keep = REMEMBERED if asked.feed is None else 0
        place = await self._log.note(asked.place, wire.encode(begun), noted.sequence, keep=keep)
        if place is None:
            breaker.released()
            return _TAKEN
        call: Call[Any] = Call(request.id, begun.attempt, asked.feed, self._outside)
        in_doubt = last.state == "begun" if last is not None else self._is_forgotten(asked)
        outcome = await self._outcome(asked, call, in_doubt=in_doubt)
        if not isinstance(outcome, Failure):
            done = msgspec.structs.replace(begun, by=uuid.uuid4().hex, state="done", not_before=0.0)
            said = [self._saying(asked, outcome)]
            if breaker.succeeded():
                await self._resumed(asked)
            stored = await self._log.note(asked.place, wire.encode(done), place, said, keep=keep)
            return _TAKEN if stored is None else 0.0
        wait = delay(begun.attempt, effect.retries, outcome.retry_after, self._chance)
        again = msgspec.structs.replace(
            begun,
            by=uuid.uuid4().hex,
            state="begun" if isinstance(outcome, InDoubt) else "failed",
            not_before=time.time() + wait,
        )
        said = self._told(asked, call, outcome, wait)
        await self._log.note(asked.place, wire.encode(again), place, said, keep=keep)
        if breaker.failed(time.monotonic(), outcome.retry_after):
            await self._paused(asked, outcome)
        return wait

    async def _outcome(self, asked: Asked, call: Call[Any], *, in_doubt: bool) -> Message | Failure:
        """The outcome, or why there is none. A doubt ends only when the lookup has told that nothing was done."""
        module, patience = self._effect.module, self._effect.patience
        try:
            with anyio.fail_after(patience):
                found = await module.lookup(asked.request, call) if in_doubt else None
                in_doubt = False
                outcome: Message = await module.perform(asked.request, call) if found is None else found
                if type(outcome) not in self._effect.says:
                    raise TypeError(f"{type(outcome).__name__} is no outcome that the signature names")
                return wire.decode(type(outcome), wire.encode(outcome))
        except Failure as failure:
            return InDoubt(failure.reason, retry_after=failure.retry_after) if in_doubt else failure
        except TimeoutError:
            return InDoubt(f"there was no answer within {patience:.0f} seconds")
        except Exception as problem:
            # The text of a foreign exception may hold what was sent: its kind and place are enough to find the bug.
            self._note.error(
                "an effect worker failed, which is a bug", problem=type(problem).__name__, at=_line(problem)
            )
            return InDoubt(f"a bug in the effect worker {self._effect.entity} ({type(problem).__name__})")

    def _is_forgotten(self, asked: Asked) -> bool:
        """Whether the request is so old that the note of a call that was made may be gone."""
        return asked.feed is None and time.time() - asked.since > REMEMBERED - _MARGIN

    def _told(self, asked: Asked, call: Call[Any], failure: Failure, wait: float) -> list[tuple[str, bytes]]:
        if not hasattr(self._effect.module, "failed"):
            return []
        again_at = datetime.now(UTC) + timedelta(seconds=wait)
        return [self._saying(asked, self._effect.module.failed(asked.request, call, failure, again_at))]

    def _saying(self, asked: Asked, outcome: Message) -> tuple[str, bytes]:
        """Subject and body of a command to the actor that asked; its id is derived from the request and the outcome."""
        request, data = asked.request, wire.encode(outcome)
        said_id = wire.derive(request.id, asked.place, name_of(type(outcome)) + data.decode())
        journey = request.correlation if asked.feed is None else asked.feed.journey
        context = Context(
            id=said_id,
            source=self._effect.source,
            key=asked.key,
            at=self._now(request),
            correlation=journey,
            cause=request.id,
            traceparent=wire.trace(None if asked.feed else request.context.traceparent, journey, said_id),
        )
        return wire.subject(type(outcome), asked.key), wire.envelope(outcome, context, data)

    def _now(self, request: Message) -> datetime:
        """What comes from outside comes now; in a scenario, at the time of the request."""
        return request.at if self._scenario else max(request.at, datetime.now(UTC))

    async def _paused(self, asked: Asked, failure: Failure) -> None:
        self._note.warning("a destination is left alone", destination=asked.destination, reason=failure.reason)
        own = runtime.of(self._effect.service)
        reason = failure.reason[:1000]
        await self._say_fact(
            asked, own.effect_paused(effect=self._effect.entity, destination=asked.destination, reason=reason)
        )

    async def _resumed(self, asked: Asked) -> None:
        self._note.info("a destination answers again", destination=asked.destination)
        own = runtime.of(self._effect.service)
        await self._say_fact(asked, own.effect_resumed(effect=self._effect.entity, destination=asked.destination))

    async def _say_fact(self, asked: Asked, fact: Event) -> None:
        """For people: what the breaker of this process does. The work itself never depends on it."""
        said_id = uuid.uuid4().hex
        context = Context(
            id=said_id,
            source=f"/{self._effect.service}/runtime",
            key=NO_ACTOR if asked.feed is None else asked.key,
            at=self._now(asked.request),
            correlation=said_id,
            cause=asked.request.id,
        )
        await self._log.patiently(
            self._log.say, wire.subject(type(fact), context.key), wire.envelope(fact, context), said_id
        )


def is_own(received: Received, message: Message, service: str) -> bool:
    """Whether an actor of the service has said the event: nobody makes a worker call by hand, not by a copy either."""
    parts = message.context.source.split("/")
    named = len(parts) == 5 and parts[1] == service and parts[3] == message.context.key
    return received.in_batch and named and deciding.is_own(message.context, message.context.source)


def _read(noted: Noted, sequence: int) -> Progress | None:
    """The note; one that somebody else has put in its place says only that the call for `sequence` is in doubt."""
    if noted.body is None:
        return None
    try:
        return _PROGRESS.decode(noted.body)
    except (ValueError, RecursionError):
        return Progress(by="", sequence=sequence, state="begun", attempt=0)


def _line(problem: BaseException) -> str:
    """Where an exception comes from, without what it says."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


__all__ = ["REMEMBERED", "Performer", "Progress", "is_own"]
