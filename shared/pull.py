"""The ordered pull: what an owner reads of the log, in order, and again from where it was when anything is missing."""

import asyncio
import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js import api

from contracts.wire import STREAM, Received
from shared import telemetry

_ASKED = 1000
"""Messages outstanding at most per pull request; far below the client's queue limit, beyond which it drops."""
_ASKED_BYTES = 32 * 1024 * 1024
_EXPIRES = 30.0
_HEARTBEAT = 2.0
_PATIENCE = 2.5 * _HEARTBEAT
_WATCH = 0.5
_NANO = 1_000_000_000
_note = telemetry.logger("pull")


async def consumer(nc: Client, filters: Sequence[str], after: int) -> api.ConsumerInfo:
    """An ephemeral consumer of what passes the filters after a sequence; its cursor is ours, so nothing is acked."""
    return await nc.jetstream().add_consumer(
        STREAM,
        api.ConsumerConfig(
            ack_policy=api.AckPolicy.NONE,
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            filter_subjects=list(filters),
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=60,
        ),
    )


def received(msg: Msg) -> tuple[int, Received]:
    """What a consumer has brought, with its number among all that this consumer has brought."""
    tokens = msg.reply.split(".")
    at = 4 if len(tokens) == 9 else 6
    sequence, number, timestamp = (int(token) for token in tokens[at + 1 : at + 4])
    return number, Received(msg.subject, msg.data, sequence, timestamp, msg.headers or {})


class Pull:
    """An ephemeral consumer whose sequence rises by exactly 1, and that is made anew from the cursor otherwise."""

    def __init__(self, nc: Client, filters: Sequence[str], after: int) -> None:
        self._nc = nc
        self._filters = tuple(filters)
        self._after = after
        self._arrived: deque[Received] = deque()
        self._news = asyncio.Event()
        self._subscription: Any = None
        self._consumer = ""
        self._expected = 1
        self._outstanding = 0
        self._broken = "not started"
        self._reconnects = 0
        self._interrupted = False
        self.alive = 0.0
        """When the server was last heard from, on the event loop's clock."""

    async def batch(self, limit: int, patience: float = math.inf) -> list[Received]:
        """The next messages in order, at most `limit`: waits until there are some, or until it is interrupted.

        After `patience` seconds without any, none. Raises ConnectionClosedError when the connection is closed for good.
        """
        until = asyncio.get_running_loop().time() + patience
        while not self._arrived and not self._interrupted:
            if self._nc.is_closed:
                raise ConnectionClosedError
            if self._broken or self._reconnects != self._nc.stats["reconnects"]:
                await self._start()
            await self._ask()
            self._news.clear()
            if self._arrived or self._broken or self._interrupted:
                continue
            try:
                async with asyncio.timeout(_WATCH):
                    await self._news.wait()
            except TimeoutError:
                now = asyncio.get_running_loop().time()
                if now - self.alive > _PATIENCE:
                    self._broken = "the server is silent"
                if now > until:
                    break
        self._interrupted = False
        if not self._broken and self._subscription is not None:
            await self._ask()
        return self.taken(limit)

    def taken(self, limit: int) -> list[Received]:
        """The next messages that have arrived already."""
        taken = [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]
        if taken:
            self._after = taken[-1].sequence
        return taken

    def interrupt(self) -> None:
        """Let `batch` return now, even with nothing."""
        self._interrupted = True
        self._news.set()

    async def close(self) -> None:
        """Give the consumer back to the server."""
        subscription, self._subscription = self._subscription, None
        self._broken = "closed"
        if subscription is not None and self._nc.is_connected:
            await subscription.unsubscribe()
            try:
                await self._nc.jetstream().delete_consumer(STREAM, self._consumer)
            except (NatsError, TimeoutError) as problem:
                _note.debug("the consumer was gone already", problem=str(problem))

    async def _start(self) -> None:
        """A new consumer after the last message taken; tries until the server gives one."""
        pause = 0.05
        while True:
            if self._subscription is not None:
                _note.warning("pulling starts again", after=self._after, because=self._broken or "reconnected")
                await self.close()
            self._arrived.clear()
            self._expected, self._outstanding = 1, 0
            try:
                self._reconnects = self._nc.stats["reconnects"]
                self._consumer = (await consumer(self._nc, self._filters, self._after)).name
                self._subscription = await self._nc.subscribe(self._nc.new_inbox(), cb=self._receive)
            except (NatsError, TimeoutError, OSError) as problem:
                if self._nc.is_closed:
                    raise ConnectionClosedError from None
                _note.warning("the log cannot be pulled", problem=str(problem) or type(problem).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            self._broken = ""
            self.alive = asyncio.get_running_loop().time()
            return

    async def _ask(self) -> None:
        """Keep a request open at the server, never for more than the client can queue."""
        if self._outstanding > _ASKED // 2 or len(self._arrived) >= _ASKED:
            return
        self._outstanding += _ASKED
        request = {
            "batch": _ASKED,
            "max_bytes": _ASKED_BYTES,
            "expires": int(_EXPIRES * _NANO),
            "idle_heartbeat": int(_HEARTBEAT * _NANO),
        }
        await self._nc.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self._consumer}",
            json.dumps(request).encode(),
            reply=self._subscription.subject,
        )

    async def _receive(self, msg: Msg) -> None:
        if self._subscription is not None and msg.subject == self._subscription.subject:
            self._told(msg.headers or {})
        elif self._subscription is not None and msg._sid == self._subscription._id:
            self._take(msg)
        self._news.set()

    def _take(self, msg: Msg) -> None:
        self.alive = asyncio.get_running_loop().time()
        number, message = received(msg)
        if number != self._expected or self._broken:
            self._broken = self._broken or f"message {self._expected} of the consumer is missing"
            return
        self._expected += 1
        self._outstanding -= 1
        self._arrived.append(message)

    def _told(self, headers: Mapping[str, str]) -> None:
        """A status: a heartbeat, the end of a request, or the end of the consumer.

        A heartbeat names the last message that was delivered: the loss of one that no other follows shows only there.
        """
        self.alive = asyncio.get_running_loop().time()
        status, description = headers.get("Status", ""), headers.get(api.Header.DESCRIPTION, "")
        if int(headers.get("Nats-Last-Consumer", 0)) >= self._expected:
            self._broken = self._broken or f"message {self._expected} of the consumer is missing"
        if status in ("404", "408") or description in ("Message Size Exceeds MaxBytes", "Batch Completed"):
            self._outstanding = max(0, self._outstanding - int(headers.get("Nats-Pending-Messages", 0)))
        elif status != "100":
            self._broken = f"{status} {description}"


__all__ = ["Pull", "consumer", "received"]
