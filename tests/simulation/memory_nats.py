"""A nats-server in memory: the stream of the mesh, with the answers of the real one, to which tests hold it."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct

from contracts import wire
from contracts.wire import STREAM, Received

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DUPLICATES = 120.0
"""Seconds for which a message id is remembered."""

Headers = dict[str, str]


class Refusal(Exception):
    """What the server answers instead of doing what it is asked."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.answer = {"error": {"code": 400, "err_code": code, "description": description}}


class Stored(NamedTuple):
    """One message of the stream; `at`: seconds since the beginning."""

    subject: str
    body: bytes
    headers: Headers
    at: float

    @property
    def nanoseconds(self) -> int:
        return (BEGIN - _EPOCH + timedelta(seconds=self.at)) // timedelta(microseconds=1) * 1000


class Request(Struct):
    """A pull request that is open at a consumer."""

    inbox: str
    left: int
    expires: float
    heartbeat: float
    told: float


class Consumer(Struct):
    """An ephemeral consumer without acks."""

    filters: tuple[str, ...]
    next: int
    delivered: int = 0
    requests: list[Request] = []


Deliver = Callable[[str, str, str, bytes, Headers], None]
"""To an inbox: inbox, subject, reply subject, body, headers."""


class MemoryNats:
    """The server; `clock` tells seconds since its beginning, `deliver` is how a consumer's messages leave it."""

    def __init__(self, partitions: int, clock: Callable[[], float], deliver: Deliver) -> None:
        self.partitions = partitions
        self.log: list[Stored | None] = []
        """By sequence, from 1; None for what a rollup has removed."""
        self.cursors: list[Received] = []
        """Every cursor that was ever recorded: the stream keeps only the last of each."""
        self.consumers: dict[str, Consumer] = {}
        self._clock = clock
        self._deliver = deliver
        self._last_of: dict[str, int] = {}
        self._ids: dict[str, tuple[int, float]] = {}
        self._batches: dict[str, list[tuple[str, bytes, Headers]]] = {}
        self._made = 0

    # --- storing -------------------------------------------------------------------------------------------------

    @property
    def last(self) -> int:
        return len(self.log)

    def publish(self, subject: str, body: bytes, headers: Headers) -> dict[str, Any] | None:
        """What the server answers, if it answers; as JSON would have it."""
        try:
            if "Nats-Batch-Id" in headers:
                return self._batch(subject, body, headers)
            return self._publish(subject, body, headers)
        except Refusal as refused:
            self._batches.pop(headers.get("Nats-Batch-Id", ""), None)
            return refused.answer

    def _publish(self, subject: str, body: bytes, headers: Headers) -> dict[str, Any]:
        identity = headers.get("Nats-Msg-Id")
        if identity is not None:
            sequence, at = self._ids.get(identity, (0, 0.0))
            if sequence and self._clock() - at < _DUPLICATES:
                return {"stream": STREAM, "seq": sequence, "duplicate": True}
        self._check_fence(subject, headers)
        sequence = self._store(subject, body, headers)
        if identity is not None:
            self._ids[identity] = (sequence, self._clock())
        self.pump()
        return {"stream": STREAM, "seq": sequence}

    def _batch(self, subject: str, body: bytes, headers: Headers) -> dict[str, Any] | None:
        """One message of an atomic batch: kept aside until the last one commits it."""
        identity, number = headers["Nats-Batch-Id"], int(headers["Nats-Batch-Sequence"])
        batch = self._batches.setdefault(identity, [])
        if number != len(batch) + 1:
            raise Refusal(10176, "atomic publish batch is incomplete")
        if number > 1000:
            raise Refusal(10199, "atomic publish batch is too large: 1000")
        batch.append((subject, body, headers))
        if "Nats-Batch-Commit" not in headers:
            return None
        for fenced, _, wanted in batch:
            self._check_fence(fenced, wanted)
        for item in self._batches.pop(identity):
            self._store(*item)
        self.pump()
        return {"stream": STREAM, "seq": self.last, "batch": identity, "count": number}

    def _check_fence(self, subject: str, headers: Headers) -> None:
        expected = headers.get("Nats-Expected-Last-Subject-Sequence")
        if expected is not None:
            found = self._last_of.get(_placed(subject, self.partitions), 0)
            if found != int(expected):
                raise Refusal(10071, f"wrong last sequence: {found}")

    def _store(self, subject: str, body: bytes, headers: Headers) -> int:
        place = _placed(subject, self.partitions)
        stored = Stored(place, body, headers, self._clock())
        self.log.append(stored)
        sequence = self.last
        if headers.get("Nats-Rollup") == "sub":
            before = self._last_of.get(place)
            if before is not None:
                self.log[before - 1] = None
        self._last_of[place] = sequence
        if place.startswith("q2c.sys.cursor."):
            self.cursors.append(self._received(sequence, stored))
        return sequence

    @staticmethod
    def _received(sequence: int, stored: Stored) -> Received:
        return Received(stored.subject, stored.body, sequence, stored.nanoseconds, stored.headers)

    # --- reading -------------------------------------------------------------------------------------------------

    def message(self, sequence: int | None, subject: str | None, following: bool) -> tuple[int, Stored] | None:
        """By sequence, the last of a subject, or the first of a subject that is `following` a sequence or at it."""
        places = range(self.last, 0, -1)
        if following:
            places = range(sequence or 1, self.last + 1)
        elif subject is None:
            places = range(sequence or 0, (sequence or 0) - 1, -1)
        elif subject in self._last_of:
            places = range(self._last_of[subject], 0, -1)
        for place in places:
            stored = self.log[place - 1] if 0 < place <= self.last else None
            if stored is not None and (subject is None or _passes((subject,), stored.subject)):
                return place, stored
        return None

    def everything(self) -> list[Received]:
        """The whole log with every cursor that was ever recorded, as an auditor would like to have it."""
        kept = [
            self._received(sequence, stored)
            for sequence, stored in enumerate(self.log, start=1)
            if stored is not None and not stored.subject.startswith("q2c.sys.cursor.")
        ]
        return sorted([*kept, *self.cursors], key=lambda received: received.sequence)

    def consume(self, filters: Sequence[str], start: int) -> tuple[str, int]:
        """A new consumer from a sequence on: its name, and how many messages there are for it."""
        self._made += 1
        name = f"c{self._made}"
        self.consumers[name] = Consumer(tuple(filters), start)
        pending = sum(
            stored is not None and _passes(self.consumers[name].filters, stored.subject)
            for stored in self.log[start - 1 :]
        )
        return name, pending

    def ask(self, name: str, inbox: str, request: dict[str, int]) -> None:
        """A pull request."""
        consumer, now = self.consumers.get(name), self._clock()
        if consumer is None:
            self._status(inbox, {"Status": "503"})
            return
        expires, heartbeat = now + request["expires"] / 1e9, request["idle_heartbeat"] / 1e9
        consumer.requests.append(Request(inbox, request["batch"], expires, heartbeat, now))
        self._pump(name, consumer)

    def delete(self, name: str) -> bool:
        """End a consumer; whoever waits for its messages is told."""
        consumer = self.consumers.pop(name, None)
        for request in consumer.requests if consumer else ():
            self._status(request.inbox, {"Status": "409", "Description": "Consumer Deleted"})
        return consumer is not None

    def forget_consumers(self) -> None:
        """A restart: consumers kept in memory are gone, and so are batches that were not committed."""
        self.consumers.clear()
        self._batches.clear()

    def pump(self) -> None:
        """Deliver whatever is asked for and is there."""
        for name, consumer in self.consumers.items():
            self._pump(name, consumer)

    def _pump(self, name: str, consumer: Consumer) -> None:
        while consumer.requests and consumer.next <= self.last:
            stored = self.log[consumer.next - 1]
            if stored is not None and _passes(consumer.filters, stored.subject):
                consumer.delivered += 1
                request = consumer.requests[0]
                place = f"1.{consumer.next}.{consumer.delivered}.{stored.nanoseconds}.{self.last - consumer.next}"
                reply = f"$JS.ACK.{STREAM}.{name}.{place}"
                self._deliver(request.inbox, stored.subject, reply, stored.body, stored.headers)
                request.told = self._clock()
                request.left -= 1
                if not request.left:
                    consumer.requests.pop(0)
            consumer.next += 1

    def beat(self) -> None:
        """What time brings to requests that are open: heartbeats, and their end."""
        now = self._clock()
        for consumer in self.consumers.values():
            for request in list(consumer.requests):
                if request.expires <= now:
                    consumer.requests.remove(request)
                    left = {"Nats-Pending-Messages": str(request.left), "Nats-Pending-Bytes": "0"}
                    self._status(request.inbox, {"Status": "408", "Description": "Request Timeout", **left})
                elif request.told + request.heartbeat <= now:
                    request.told = now
                    place = {"Nats-Last-Consumer": str(consumer.delivered), "Nats-Last-Stream": str(consumer.next - 1)}
                    self._status(request.inbox, {"Status": "100", "Description": "Idle Heartbeat", **place})

    def _status(self, inbox: str, headers: Headers) -> None:
        self._deliver(inbox, inbox, "", b"", headers)


@lru_cache(maxsize=65536)
def _placed(subject: str, partitions: int) -> str:
    """A subject as published, with the partition that the stream's transform puts in."""
    tokens = subject.split(".")
    if len(tokens) != 7:
        return subject
    return ".".join([*tokens[:6], str(wire.partition(tokens[6], partitions)), tokens[6]])


@lru_cache(maxsize=65536)
def _passes(filters: tuple[str, ...], subject: str) -> bool:
    tokens = subject.split(".")
    return any(_matches(one.split("."), tokens) for one in filters)


def _matches(wanted: Sequence[str], tokens: Sequence[str]) -> bool:
    if wanted[-1] == ">":
        return len(tokens) >= len(wanted) and _matches(wanted[:-1], tokens[: len(wanted) - 1])
    return len(tokens) == len(wanted) and all(
        token in ("*", found) for token, found in zip(wanted, tokens, strict=True)
    )


def encoded(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode()
