"""Follows the log from a place on and keeps what it has heard, so that one can look back."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from infra.reading import Heard, heard
from shared.log import Log

_ALL = ("q2c.>",)  # cursors too: they tell how far the log has been read
_AT_ONCE = 1000


class Follower:
    """Everything said after `after`, in order, as it comes."""

    def __init__(self, log: Log, after: int, tell: Callable[[Heard], None]) -> None:
        self.messages: list[Heard] = []
        self.sequence = after
        self._pull = log.pull(_ALL, after)
        self._tell = tell
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._pull.close()

    def since(self, sequence: int) -> list[Heard]:
        """What was said at `sequence` and later."""
        at = len(self.messages)
        while at and self.messages[at - 1].sequence >= sequence:
            at -= 1
        return self.messages[at:]

    async def reached(self, sequence: int) -> None:
        """Wait until everything up to a place in the log has been heard."""
        async with self._news:
            await self._news.wait_for(lambda: self.sequence >= sequence or self._ended)
        self._raise()

    async def more(self, after: int) -> None:
        """Wait until something after a place in the log has been heard."""
        await self.reached(after + 1)

    @property
    def _ended(self) -> bool:
        return self._task is None or self._task.done()

    def _raise(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()

    async def _follow(self) -> None:
        try:
            while True:
                batch = await self._pull.batch(_AT_ONCE)
                for received in batch:
                    if not received.subject.startswith("q2c.sys."):
                        message = heard(received)
                        self.messages.append(message)
                        self._tell(message)
                async with self._news:
                    self.sequence = batch[-1].sequence
                    self._news.notify_all()
        finally:
            async with self._news:
                self._news.notify_all()
