"""Plays a scenario on a mesh: says what is said, moves time day by day, and checks what must come of it."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from contracts import wire
from contracts.message import Question, utc
from contracts.observability import Books, ClockTicked, ShowBooks
from infra import matching
from infra.client import Mesh
from infra.failure import NO, WRONG, Failure
from infra.follower import Follower
from infra.matching import Difference
from infra.reading import Heard
from infra.scenario import Ask, Expect, ExpectBooks, Note, Quiet, Say, Step, Tick
from infra.telling import about, instant, title, why

CLOCK = "clock"
"""The key of ticks."""

_DAY = timedelta(days=1)
_NEAREST = 5


class Watcher(Protocol):
    """Somebody who is told how a scenario goes."""

    def begun(self, step: Step, /) -> None: ...

    def day(self, now: datetime, /) -> None: ...

    def heard(self, message: Heard, /) -> None: ...

    def done(self) -> None: ...


class StepFailed(Failure):
    """What a step expected did not come."""

    def __init__(self, step: Step, what: str, nearest: Sequence[str] = ()) -> None:
        lines = [f"line {step.line}: {what}", *(f"  {line}" for line in nearest)]
        super().__init__("\n".join(lines), NO)
        self.step = step


class Player:
    """One run of a scenario. Ids of what is said are `<name>-<line>`, so that two runs can be compared."""

    def __init__(self, mesh: Mesh, name: str, watcher: Watcher) -> None:
        self.now: datetime | None = None
        self._mesh = mesh
        self._name = name
        self._watcher = watcher
        self._since = 1
        """Where an expectation begins to look: at the last tick, or at the first of the last messages said in a row."""
        self._saying = False

    async def play(self, steps: Sequence[Step]) -> list[Heard]:
        """All messages that the scenario has brought about. StepFailed at the first expectation that is not met.

        Failure when the mesh goes by another time than the scenario.
        """
        self.now = await self._agreed_time(steps)
        async with Follower(self._mesh.log, await self._mesh.log.last(), self._watcher.heard) as follower:
            for step in steps:
                if isinstance(step.action, Note):  # what is still being said belongs to the chapter before
                    await self._finish(follower)
                self._watcher.begun(step)
                try:
                    await self._play(step, follower)
                except StepFailed:
                    raise
                except Failure as failure:
                    raise StepFailed(step, str(failure)) from None
                finally:
                    self._watcher.done()
            await self._finish(follower)
            return follower.messages

    async def _agreed_time(self, steps: Sequence[Step]) -> datetime | None:
        """The time that it is on the mesh, which must be before the scenario's: an actor cannot live in two."""
        tick = await self._mesh.last_tick()
        begins = next((utc(step.action.tick) for step in steps if isinstance(step.action, Tick)), None)
        if tick is None or begins is None:
            return None
        if tick.context.source != wire.OUTSIDE:
            way_out = "play on one begun with `q2c up --clock scenario`, or leave out --nats"
            raise Failure(f"this mesh goes by the wall clock, the scenario by its own: {way_out}", WRONG)
        if begins <= tick.instant:
            now = f"on this mesh it is {instant(tick.instant)} already"
            raise Failure(f"time moves on only, and {now}: leave out --nats to play on a new one", WRONG)
        return utc(tick.instant)

    async def _finish(self, follower: Follower) -> None:
        """Until all that follows from what was said has been heard and shown."""
        await follower.reached(await self._mesh.quiet())
        self._watcher.done()

    async def _play(self, step: Step, follower: Follower) -> None:
        match step.action:
            case Say() as say:
                await self._say(step, say)
            case Tick(tick=until):
                await self._tick(utc(until), step.line)
            case Expect() as expect:
                await self._expect(step, expect, follower)
            case Ask() as ask:
                await self._ask(step, ask)
            case ExpectBooks() as books:
                await self._books(step, books)
            case Quiet():
                await follower.reached(await self._mesh.quiet())
            case Note():
                pass
        self._saying = isinstance(step.action, Say)

    async def _say(self, step: Step, say: Say) -> None:
        assert step.message is not None
        message_id = say.id or f"{self._name}-{step.line}"
        said, stored = await self._mesh.say(step.message, say.key, at=self.now, message_id=message_id)
        if not self._saying:
            self._since = stored.sequence
        if say.twice:
            await self._mesh.say(step.message, say.key, at=self.now, message_id=said, again=True)

    async def _tick(self, until: datetime, line: int) -> None:
        """A day at a time: what a day brings about is said before the next one begins."""
        await self._mesh.quiet()
        self._since = await self._mesh.log.last() + 1
        while self.now is None or self.now < until:
            self.now = until if self.now is None else min(self.now + _DAY, until)
            tick_id = f"{self._name}-{line}-{self.now:%Y-%m-%dT%H:%M:%SZ}"
            await self._mesh.say(ClockTicked(instant=self.now), CLOCK, at=self.now, message_id=tick_id)
            self._watcher.day(self.now)
            await self._mesh.quiet()

    async def _expect(self, step: Step, expect: Expect, follower: Follower) -> None:
        """Waits until it is seen, or nobody says anything more."""
        quiet = asyncio.create_task(self._mesh.quiet())
        try:
            while not self._seen(expect, follower):
                if quiet.done():
                    await follower.reached(quiet.result())
                    if self._seen(expect, follower):
                        return
                    raise StepFailed(step, *self._missing(expect, follower))
                more = asyncio.create_task(follower.more(follower.sequence))
                await asyncio.wait((quiet, more), return_when=asyncio.FIRST_COMPLETED)
                more.cancel()
                await asyncio.gather(more, return_exceptions=True)
        finally:
            quiet.cancel()
            with contextlib.suppress(asyncio.CancelledError, Failure):
                await quiet

    def _seen(self, expect: Expect, follower: Follower) -> bool:
        return any(
            message.type == expect.expect and not matching.differences(expect.where, message.data)
            for message in follower.since(self._since)
        )

    def _missing(self, expect: Expect, follower: Follower) -> tuple[str, list[str]]:
        """What was expected, and what comes nearest to it of all that was said."""
        where = ", ".join(f"{path} = {wanted!r}" for path, wanted in expect.where.items())
        said = follower.since(self._since)
        same = [message for message in said if message.type == expect.expect]
        if same:
            scored = sorted(((matching.differences(expect.where, one.data), one) for one in same), key=_badness)
            nearest = [f"#{one.sequence} {title(one.type)}: {'; '.join(map(str, found))}" for found, one in scored]
        else:
            service = expect.expect.split(".", maxsplit=1)[0]
            ranked = sorted(said, key=lambda one: (not (one.is_trouble or why(one.data)), one.service != service))
            nearest = [f"#{one.sequence} {one.type} {about(one.data)} {why(one.data)}".rstrip() for one in ranked]
        what = f"nobody said {expect.expect}" + (f" where {where}" if where else "")
        told = "instead there was:" if nearest else "nothing was said at all"
        left = [f"and {len(nearest) - _NEAREST} more"] if len(nearest) > _NEAREST else []
        return f"{what}; {told}", [*nearest[:_NEAREST], *left]

    async def _ask(self, step: Step, ask: Ask) -> None:
        await self._mesh.quiet()
        assert isinstance(step.message, Question)
        reply: Any = await self._mesh.ask_patiently(step.message, ask.key, object)
        if found := matching.unlike(ask.reply, reply) if ask.reply is not None else []:
            raise StepFailed(step, f"{ask.ask} was answered differently: {_listed(found)}", [_short(reply)])

    async def _books(self, step: Step, books: ExpectBooks) -> None:
        await self._mesh.quiet()
        question = ShowBooks(legal_entity=books.books, as_of=books.as_of)
        answer = await self._mesh.ask_patiently(question, books.books, Books)
        entity = next((one for one in answer.entities if one.legal_entity == books.books), None)
        if entity is None:
            raise StepFailed(step, f"there are no books of {books.books}")
        found = matching.differences(books.where, msgspec.json.decode(wire.encode(entity)))
        if found:
            raise StepFailed(step, f"the books of {books.books} say otherwise: {_listed(found)}")
        if broken := [check for check in entity.checks if not check.holds]:
            told = "; ".join(f"{check.name}: {check.detail}" for check in broken)
            raise StepFailed(step, f"the books of {books.books} do not add up: {told}")


def _badness(scored: tuple[list[Difference], Heard]) -> tuple[int, int]:
    return len(scored[0]), -scored[1].sequence


def _listed(found: Sequence[Difference]) -> str:
    return "; ".join(map(str, found))


def _short(reply: Any) -> str:
    text = wire.encode(reply).decode()
    return text if len(text) <= 400 else f"{text[:400]}…"


__all__ = ["CLOCK", "Player", "StepFailed", "Watcher"]
