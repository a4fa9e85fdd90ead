"""A durable consumer of the log whose messages are acknowledged one by one, each once what it asks for is settled.

The server remembers what is not settled, and brings it again: within seconds of a worker's death, and after a failure
when it is told to. With a consumer that somebody deletes nothing is lost either: it is made again, and what it brings
twice is found in the notes of `performing`. Each of a few workers fetches one message at a time, because nats-py drops
what has arrived of a batch when its time runs out.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import anyio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from contracts.wire import STREAM, Received
from shared import telemetry
from shared.pull import received

ACK_WAIT = 10.0
"""Seconds after which the server brings a message again whose worker gives no sign of life."""

_HEARTBEAT = ACK_WAIT / 3
_FETCH = 5.0
_SHORTEST = 0.05
_AFTER_A_BUG = 30.0
_IDLE = 3600.0
"""Seconds after which the server may forget a consumer that nobody reads."""

_note = telemetry.logger("channel")

Handle = Callable[[Received], Awaitable[float]]
"""Does what a message asks for. Seconds after which the message must be brought again; 0 when it is settled."""


class Channel:
    """One durable consumer, read by `at_once` workers. With one: in the log's order, however many processes read it."""

    def __init__(
        self,
        nc: Client,
        name: str,
        filters: Sequence[str],
        after: Callable[[], Awaitable[int]],
        handle: Handle,
        *,
        at_once: int,
        forgettable: bool,
    ) -> None:
        """`after`: where it begins when the server does not know it. `forgettable`: the server may forget it."""
        self._nc, self.name, self._filters = nc, name, sorted(filters)
        self._after, self._handle, self._at_once, self._forgettable = after, handle, at_once, forgettable
        self._stopping = False
        self._idle: set[anyio.CancelScope] = set()

    def stop(self) -> None:
        """Begin nothing more; `run` returns once what is in hand is done."""
        self._stopping = True
        for scope in self._idle:
            scope.cancel()

    async def run(self) -> None:
        """Work until told to stop; a server that is away is waited for."""
        async with anyio.create_task_group() as workers:
            for _ in range(self._at_once):
                workers.start_soon(self._work)

    async def _work(self) -> None:
        subscription: JetStreamContext.PullSubscription | None = None
        pause = 0.1
        while not self._stopping:
            try:
                if subscription is None:
                    subscription = await self._bind()
                msg = await self._next(subscription)
                pause = 0.1
                if msg is not None:
                    await self._bring(msg)
            except (NatsError, TimeoutError, OSError) as problem:
                told = str(problem) or type(problem).__name__
                _note.warning("a consumer is read anew", consumer=self.name, problem=told)
                await self._let_go(subscription)
                subscription = None
                await anyio.sleep(pause)
                pause = min(pause * 2, 5.0)
        await self._let_go(subscription)

    async def _bind(self) -> JetStreamContext.PullSubscription:
        """A subscription of this worker alone to the consumer, which is made when it is not there."""
        js = self._nc.jetstream()
        try:
            config = (await js.consumer_info(STREAM, self.name)).config
        except NotFoundError:
            await js.add_consumer(STREAM, self._config(await self._after()))
        else:
            if sorted(config.filter_subjects or [config.filter_subject or ""]) != self._filters:
                config.filter_subject, config.filter_subjects = None, self._filters
                await js.add_consumer(STREAM, config)
        return await js.pull_subscribe_bind(self.name, STREAM)

    def _config(self, after: int) -> api.ConsumerConfig:
        return api.ConsumerConfig(
            durable_name=self.name,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_deliver=-1,
            max_ack_pending=self._at_once,
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            filter_subjects=self._filters,
            inactive_threshold=_IDLE if self._forgettable else None,
        )

    async def _next(self, subscription: JetStreamContext.PullSubscription) -> Msg | None:
        """The next message; None when there is none for a while, or when it is time to stop."""
        with anyio.CancelScope() as idle:
            self._idle.add(idle)
            try:
                [msg] = await subscription.fetch(1, timeout=_FETCH)
                return msg
            except TimeoutError:
                return None
            finally:
                self._idle.discard(idle)
        return None

    async def _bring(self, msg: Msg) -> None:
        """Have it handled, telling the server that it is in progress; then acknowledge, or ask for it again."""
        wait = _AFTER_A_BUG
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat, msg)
            try:
                wait = await self._handle(received(msg)[1])
            except Exception:
                _note.exception("a message could not be handled, which is a bug", consumer=self.name)
            tasks.cancel_scope.cancel()
        if wait > 0:
            await msg.nak(delay=max(wait, _SHORTEST))
        else:
            await msg.ack()

    async def _beat(self, msg: Msg) -> None:
        while True:
            await anyio.sleep(_HEARTBEAT)
            with suppress(NatsError, OSError):
                await msg.in_progress()

    async def _let_go(self, subscription: JetStreamContext.PullSubscription | None) -> None:
        if subscription is not None and self._nc.is_connected:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()


__all__ = ["ACK_WAIT", "Channel"]
