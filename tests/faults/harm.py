"""Harm at a named point of the loop: the process ends there as by kill -9, or goes on with what was spoilt.

A test names the point and the time it is reached: `committed:3` ends the process after its third commit and before
anything of it is written. Nothing in the runtime knows of this: the functions of one process are wrapped.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from nats.aio.client import Client
from nats.js import JetStreamContext

from shared import bucket, deciding
from shared.folding import Recognition
from shared.log import Log
from shared.running import Running
from shared.states import States
from shared.store import Store


def befall(what: str) -> None:
    """Wrap the point that `name:n` names; nothing for no name."""
    if what:
        name, _, times = what.partition(":")
        _POINTS[name](_Nth(int(times or 1)))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _replace(owner: object, name: str, replacement: Callable[..., Any]) -> None:
    """In this process, for its whole life."""
    setattr(owner, name, replacement)


class _Nth:
    """Says when a point is reached for the n-th time."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._reached = 0

    def reached(self) -> bool:
        self._reached += 1
        return self._reached == self.n

    def again(self) -> bool:
        """Every n-th time."""
        self._reached += 1
        return self._reached % self.n == 0


def _before_decide(nth: _Nth) -> None:
    decide = deciding.decide

    def replaced(*arguments: Any) -> deciding.Decision:
        if nth.reached():
            _die()
        return decide(*arguments)

    _replace(deciding, "decide", replaced)


def _mid_batch(nth: _Nth) -> None:
    decide = deciding.decide

    def replaced(*arguments: Any) -> deciding.Decision:
        decision = decide(*arguments)
        if nth.reached():
            _die()
        return decision

    _replace(deciding, "decide", replaced)


def _half_sent(nth: _Nth) -> None:
    publish = Client.publish

    async def replaced(
        client: Client, subject: str, payload: bytes = b"", reply: str = "", headers: Any = None
    ) -> None:
        await publish(client, subject, payload, reply=reply, headers=headers)
        if headers and headers.get("Nats-Batch-Sequence") == "2" and nth.reached():
            await client.flush()
            _die()

    _replace(Client, "publish", replaced)


def _sent(nth: _Nth) -> None:
    _commit_request(nth.reached, _die)


def _answer_lost(nth: _Nth) -> None:
    def lose() -> None:
        raise TimeoutError("the answer is lost")

    _commit_request(nth.again, lose)


def _commit_request(when: Callable[[], bool], then: Callable[[], None]) -> None:
    """Before the answer to a batch is read, and after the server has it."""
    request = Client.request

    async def replaced(client: Client, subject: str, payload: bytes = b"", **options: Any) -> Any:
        is_commit = "Nats-Batch-Commit" in (options.get("headers") or {})
        answer = await request(client, subject, payload, **options)
        if is_commit and when():
            then()
        return answer

    _replace(Client, "request", replaced)


def _after(owner: type[Any], name: str, nth: _Nth) -> None:
    """Die once the coroutine function `name` of a class has done its work."""
    original: Callable[..., Coroutine[Any, Any, Any]] = getattr(owner, name)

    async def replaced(*arguments: Any, **named: Any) -> Any:
        result = await original(*arguments, **named)
        if nth.reached():
            _die()
        return result

    _replace(owner, name, replaced)


def _committed(nth: _Nth) -> None:
    _after(Log, "commit", nth)


def _mid_sqlite(nth: _Nth) -> None:
    _after(Store, "_put", nth)  # everything is in the transaction, and it is not committed


def _during_restore(nth: _Nth) -> None:
    recognised = Recognition.of

    def replaced(*arguments: Any) -> Any:
        if nth.reached():
            _die()
        return recognised(*arguments)

    _replace(Recognition, "of", replaced)


def _during_snapshot(nth: _Nth) -> None:
    """A part of it is in the bucket, and what describes it is not."""
    publish = JetStreamContext.publish

    async def replaced(js: JetStreamContext, subject: str, *arguments: Any, **named: Any) -> Any:
        stored = await publish(js, subject, *arguments, **named)
        if subject.startswith(f"$O.{bucket.NAME}.C.") and nth.reached():
            _die()
        return stored

    _replace(JetStreamContext, "publish", replaced)


def _during_release(nth: _Nth) -> None:
    """The last commit of a drain is on the log, and the working copy is not written."""
    drain, flush = Running.drain, States.flush
    draining = False

    async def drained(running: Running) -> None:
        nonlocal draining
        draining = True
        await drain(running)

    async def flushed(states: States) -> None:
        if draining and nth.reached():
            _die()
        await flush(states)

    _replace(Running, "drain", drained)
    _replace(States, "flush", flushed)


def _slow_disk(nth: _Nth) -> None:
    """Each write takes as many milliseconds longer as the number says."""
    write = Store.write

    async def replaced(*arguments: Any) -> None:
        await asyncio.sleep(nth.n / 1000)
        await write(*arguments)

    _replace(Store, "write", replaced)


_POINTS: dict[str, Callable[[_Nth], None]] = {
    "before decide": _before_decide,
    "mid-batch": _mid_batch,
    "batch half sent": _half_sent,
    "batch sent": _sent,
    "committed": _committed,
    "mid-SQLite": _mid_sqlite,
    "during restore": _during_restore,
    "during snapshot": _during_snapshot,
    "during release": _during_release,
    "answers lost": _answer_lost,
    "slow disk": _slow_disk,
}
