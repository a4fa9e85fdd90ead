"""The log: one JetStream stream with its partitions, read in order, written in fenced atomic batches."""

import asyncio
import base64
import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple, ParamSpec, TypeVar

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from contracts.wire import STREAM, Received, encode
from shared import protocol, telemetry
from shared.pull import Pull, consumer
from shared.stream import LogUnfit, check, connect, provision

MAX_BATCH = 1000
"""Messages of one atomic batch, cursors included: the server's limit."""

Part = tuple[str, bytes, Mapping[str, str]]
"""Subject, body and headers of one message of an atomic batch."""

P = ParamSpec("P")
T = TypeVar("T")
_PATIENCE = 0.1
"""Seconds of trying again after which a batch that is not stored is worth a warning."""
_PATIENT = 2.0
"""Seconds without a message after which a reader looks again where the log ends."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LITERAL = re.compile(r"q2c(\.[A-Za-z0-9_-]+)+")
"""A subject that can be asked for; what somebody else has published may hold anything."""

_note = telemetry.logger("log")


class Within(Struct, frozen=True):
    """How far one message that concerns many actors has come: this actor of them was the last that is done."""

    sequence: int
    entity: str = ""
    key: str = ""
    id: str = ""


class Cursor(Struct, frozen=True, kw_only=True):
    """The record that is both the progress of a service in a partition and its fence."""

    owner: str
    epoch: int
    batch: str
    """Of the last commit; a claim copies it, so that a batch in doubt is found whoever has claimed since."""
    input: int
    """Everything up to this log sequence has had its effect."""
    within: Within | None = None
    word: Within = Within(0)
    """The last word about parked actors that has been followed."""
    tick: datetime | None = None
    """The last tick up to `input`."""


_CURSOR = msgspec.json.Decoder(Cursor)


class Recorded(NamedTuple):
    """The last cursor of a partition and its place in the log; None and 0 where nobody has claimed it yet."""

    cursor: Cursor | None
    sequence: int
    end: int = 0
    """Place in the log of whatever came last where cursors are: the cursor's own, but for what is none."""


class Saying(NamedTuple):
    """A message to be said by the owner of `partition`."""

    partition: int
    subject: str
    body: bytes


class Fence(NamedTuple):
    """The next cursor of a partition, valid only if its predecessor is still the one at sequence `after`."""

    cursor: Cursor
    after: int


class Committed(NamedTuple):
    """What became of a batch."""

    sequences: list[int]
    """Place in the log of each saying; 0 for those of lost partitions."""
    fences: dict[int, int]
    """Place in the log of each partition's new cursor."""
    lost: frozenset[int]
    """Partitions that somebody else has claimed: nothing was said for them."""


class Stored(NamedTuple):
    """Where the log keeps a message; `duplicate` when it had been said before under the same id."""

    sequence: int
    duplicate: bool


class Noted(NamedTuple):
    """The last note at a place and its place in the log; None and 0 where there is none."""

    body: bytes | None
    sequence: int


class NotStored(Exception):
    """The server refused a batch: nothing of it is on the log."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code


class Log:
    """What an owner, a projection and the command line do with the log."""

    def __init__(self, nc: Client, partitions: int) -> None:
        self.nc = nc
        self.partitions = partitions
        self.refusal: str | None = None
        """Why the log has taken nothing for a while, such as a full disk; None when all is well."""
        self._js = nc.jetstream()

    @property
    def connected(self) -> bool:
        return self.nc.is_connected

    async def last(self) -> int:
        """The sequence of the last message on the log, 0 when it is empty."""
        return int((await self._js.stream_info(STREAM)).state.last_seq)

    async def identity(self) -> str:
        """Tells this log from any other that was or will be made in its place."""
        return str((await self._js.stream_info(STREAM)).created)

    async def say(self, subject: str, body: bytes, message_id: str | None = None) -> Stored:
        """Put one message on the log from outside; under a `message_id`, once within two minutes."""
        headers = None if message_id is None else {"Nats-Msg-Id": message_id}
        stored = await self._js.publish(subject, body, stream=STREAM, headers=headers)
        return Stored(stored.seq, bool(stored.duplicate))

    async def message(self, sequence: int) -> Received | None:
        """One message as it lies on the log; None when it is no longer there."""
        try:
            found = await self._js.get_msg(STREAM, seq=sequence)
        except NotFoundError:
            return None
        at = (found.time - _EPOCH) // timedelta(microseconds=1) * 1000 if found.time else 0
        headers = protocol.headers(base64.b64decode(found.hdrs or b""))
        return Received(found.subject or "", found.data or b"", sequence, at, headers)

    async def latest(self, subject: str) -> int:
        """Place in the log of the last message on a subject, wildcards included; 0 where there is none."""
        try:
            return (await self._js.get_msg(STREAM, subject=subject)).seq or 0
        except NotFoundError:
            return 0

    async def cursor(self, service: str, partition: int) -> Recorded:
        """The last cursor, read from the stream's leader: a follower may lag.

        What anybody else has put in its place is no cursor and hides none; it only moves the fence.
        """
        subject = cursor_subject(service, partition)
        try:
            last = await self._js.get_msg(STREAM, subject=subject)
        except NotFoundError:
            return Recorded(None, 0)
        end = last.seq or 0
        found, place = Recorded(_cursor(last.data), end, end), 0
        if found.cursor is None:
            found = Recorded(None, 0, end)
            while place < end:
                one = await self._js.get_msg(STREAM, seq=place + 1, subject=subject, next=True)
                place = one.seq or end
                if (cursor := _cursor(one.data)) is not None:
                    found = Recorded(cursor, place, end)
        return found

    async def pending(self, filters: Sequence[str], after: int) -> bool:
        """Whether anything that passes the filters lies after a sequence."""
        info = await consumer(self.nc, filters, after)
        await self._js.delete_consumer(STREAM, info.name)
        if info.cluster is None:
            return bool(info.num_pending)
        # In a cluster a consumer lives on any node, and a follower counts what it has so far: the leader knows.
        return max(await asyncio.gather(*map(self._last_of, filters)), default=0) > after

    async def count(self, filters: Sequence[str], after: int) -> int:
        """How many messages pass the filters after a sequence, for people: in a cluster it may lag."""
        info = await consumer(self.nc, filters, after)
        await self._js.delete_consumer(STREAM, info.name)
        return info.num_pending or 0

    async def _last_of(self, subject: str) -> int:
        try:
            return (await self._js.get_msg(STREAM, subject=subject)).seq or 0
        except NotFoundError:
            return 0

    def pull(self, filters: Sequence[str], after: int) -> "Pull":
        """Everything that passes the filters after a sequence, in order and without end."""
        return Pull(self.nc, filters, after)

    async def read(self, filters: Sequence[str], after: int, until: int) -> AsyncIterator[list[Received]]:
        """Everything that passes the filters after one sequence and up to another, in order.

        The end is known by a message at or behind it, not by a count: a consumer may live on a node that lags.
        """
        while after < until:
            end = await self.patiently(self._end)
            if end is None or (end.seq or 0) <= after:
                return
            until = min(until, end.seq or 0)
            asked, passes = _asked(filters, end.subject or "")
            pull = self.pull(asked, after)
            try:
                # Nothing comes when the end was taken off the log, its time to live over: then there is another end.
                while after < until and (batch := await pull.batch(MAX_BATCH, _PATIENT)):
                    after = batch[-1].sequence
                    if wanted := [item for item in batch if item.sequence <= until and passes(item.subject)]:
                        yield wanted
            finally:
                await pull.close()

    async def _end(self) -> RawStreamMsg | None:
        """The last message of the log, as the stream's leader has it."""
        try:
            return await self._js.get_msg(STREAM, subject="q2c.>")
        except NotFoundError:
            return None

    async def claim(self, service: str, owner: str, partitions: Sequence[int]) -> dict[int, Recorded]:
        """Make the partitions `owner`'s: from here on any older owner is fenced. Their cursors as they are now."""
        claimed: dict[int, Recorded] = {}
        while left := [partition for partition in partitions if partition not in claimed]:
            before = await self._records(service, left)
            fences = {
                partition: Fence(_claimed(owner, before[partition].cursor), before[partition].sequence)
                for partition in left
            }
            committed = await self.commit(service, [], fences)
            for partition, sequence in committed.fences.items():
                claimed[partition] = Recorded(fences[partition].cursor, sequence)
        return claimed

    async def commit(self, service: str, said: Sequence[Saying], fences: Mapping[int, Fence]) -> Committed:
        """Store everything said and the cursors as one atomic batch: all of it exactly once, or nothing.

        Tries for as long as it takes. Partitions that somebody else has claimed, or that have no fence,
        are left out.
        """
        lost: set[int] = set()
        after = {partition: fence.after for partition, fence in fences.items()}
        pause = 0.001
        while True:
            owned = sorted(partition for partition in fences if partition not in lost)
            kept = [index for index, saying in enumerate(said) if saying.partition in owned]
            if not owned:
                return Committed([0] * len(said), {}, frozenset(lost))
            try:
                sent = {p: fences[p]._replace(after=after[p]) for p in owned}
                last = await self._batch([said[index] for index in kept], service, sent)
            except (NatsError, TimeoutError, NotStored, OSError) as problem:
                records = await self._records(service, owned)
                held = [p for p in owned if _is(records[p], fences[p])]
                taken = {p for p in owned if _is_taken(records[p], fences[p])}
                lost |= taken
                after.update({p: records[p].end for p in owned})
                if not held:  # a partition that nobody has taken would tell of a batch that was stored
                    if not taken:
                        if pause > _PATIENCE:  # nats-server 2.15 refuses a good fence now and then: not worth a word
                            self._takes_nothing(str(problem) or type(problem).__name__)
                        await asyncio.sleep(pause)
                        pause = min(pause * 2, 5.0)
                    continue
                last = records[held[0]].sequence + len(owned) - 1 - owned.index(held[0])
            self._takes_again()
            first = last - len(owned) - len(kept) + 1
            sequences = [0] * len(said)
            for place, index in enumerate(kept, first):
                if said[index].partition not in lost:  # lost after it was stored
                    sequences[index] = place
            placed = enumerate(owned, first + len(kept))
            return Committed(sequences, {p: place for place, p in placed if p not in lost}, frozenset(lost))

    def _takes_nothing(self, why: str) -> None:
        if self.refusal != why:
            self.refusal = why
            _note.error("the log takes nothing: trying again until it does", problem=why)

    def _takes_again(self) -> None:
        if self.refusal is not None:
            self.refusal = None
            _note.info("the log takes messages again")

    async def noted(self, place: str) -> Noted:
        """The last note at a place of the system's own subjects, read from the stream's leader."""
        try:
            found = await self._js.get_msg(STREAM, subject=place)
        except NotFoundError:
            return Noted(None, 0)
        return Noted(found.data or b"", found.seq or 0)

    async def note(
        self, place: str, body: bytes, after: int, said: Sequence[tuple[str, bytes]] = (), *, keep: int = 0
    ) -> int | None:
        """Store subjects and bodies of what is said, and a note that replaces the one at `after`: all of it or nothing.

        The sequence of the note; None when somebody else has written there since. `body` must be unlike any note
        written there before. `keep`: seconds after which the log may forget the note, 0 for never. Tries for as long as
        it takes.
        """
        headers = {"Nats-Rollup": "sub", "Nats-Expected-Last-Subject-Sequence": str(after)}
        if keep:
            headers["Nats-TTL"] = f"{keep}s"
        parts: list[Part] = [*((subject, saying, {}) for subject, saying in said), (place, body, headers)]
        pause = 0.01
        while True:
            try:
                stored = await self._atomic(parts)
            except (NatsError, TimeoutError, NotStored, OSError) as problem:
                last = await self.patiently(self.noted, place)
                if last.body == body:
                    return last.sequence
                if last.sequence != after:
                    return None
                if pause > _PATIENCE:
                    self._takes_nothing(str(problem) or type(problem).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                self._takes_again()
                return stored

    async def _records(self, service: str, partitions: Sequence[int]) -> dict[int, Recorded]:
        """The cursors after a batch in doubt."""
        return {partition: await self.patiently(self.cursor, service, partition) for partition in partitions}

    async def patiently(self, ask: Callable[P, Awaitable[T]], *arguments: P.args, **named: P.kwargs) -> T:
        """What the log tells, waiting for as long as it takes until there is a leader that tells."""
        pause = 0.01
        while True:
            try:
                return await ask(*arguments, **named)
            except (NatsError, TimeoutError, OSError) as problem:
                if pause > _PATIENCE:
                    _note.warning("the log does not answer", problem=str(problem) or type(problem).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _batch(self, said: Sequence[Saying], service: str, fences: Mapping[int, Fence]) -> int:
        """Send one atomic batch, the cursors last; the sequence of its last message. NotStored when refused."""
        parts: list[Part] = [(saying.subject, saying.body, {}) for saying in said]
        for partition, fence in fences.items():
            fenced = {"Nats-Rollup": "sub", "Nats-Expected-Last-Subject-Sequence": str(fence.after)}
            parts.append((cursor_subject(service, partition), encode(fence.cursor), fenced))
        return await self._atomic(parts)

    async def _atomic(self, parts: Sequence[Part]) -> int:
        """Send subjects, bodies and headers as one batch; the sequence of its last message. NotStored when refused."""
        batch = uuid.uuid4().hex
        for number, (subject, body, headers) in enumerate(parts[:-1], 1):
            placed = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number), **headers}
            await self.nc.publish(subject, body, headers=placed)
        subject, body, headers = parts[-1]
        placed = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(len(parts)), "Nats-Batch-Commit": "1", **headers}
        answer = json.loads((await self.nc.request(subject, body, headers=placed, timeout=5)).data)
        if "error" in answer:
            raise NotStored(answer["error"].get("err_code", 0), answer["error"].get("description", "refused"))
        return int(answer["seq"])


def _cursor(body: bytes | None) -> Cursor | None:
    """The cursor that a record is; None for what somebody else has put there."""
    try:
        return _CURSOR.decode(body or b"")
    except (ValueError, RecursionError):
        return None


def _asked(filters: Sequence[str], end: str) -> tuple[Sequence[str], Callable[[str], bool]]:
    """What to ask for so that the message at the end comes too, and what of it was wanted."""
    if passing(filters, end):
        return filters, lambda _: True
    if _LITERAL.fullmatch(end):
        return [*filters, end], lambda subject: subject != end
    return ["q2c.>"], lambda subject: passing(filters, subject)


def passing(filters: Sequence[str], subject: str) -> bool:
    """Whether a subject passes one of the filters: `*` stands for a token, `>` for all that follow."""
    return any(_pattern(each).fullmatch(subject) for each in filters)


@cache
def _pattern(subject: str) -> re.Pattern[str]:
    parts = {"*": r"[^.]+", ">": r".+"}
    return re.compile(r"\.".join(parts.get(token) or re.escape(token) for token in subject.split(".")))


def cursor_subject(service: str, partition: int) -> str:
    return f"q2c.sys.cursor.{service}.{partition}"


def _claimed(owner: str, cursor: Cursor | None) -> Cursor:
    """The next epoch of a partition: progress is copied, and the last batch, for whoever is in doubt about it."""
    if cursor is None:
        return Cursor(owner=owner, epoch=1, batch="", input=0)
    return msgspec.structs.replace(cursor, owner=owner, epoch=cursor.epoch + 1)


def _is(recorded: Recorded, fence: Fence) -> bool:
    """Whether the record is the very one that was to be stored."""
    return recorded.cursor == fence.cursor


def _is_taken(recorded: Recorded, fence: Fence) -> bool:
    """Whether somebody else has written a cursor since: a claim after that commit, or a commit before this claim."""
    return not _is(recorded, fence) and recorded.sequence != fence.after


__all__ = [
    "MAX_BATCH",
    "Committed",
    "Cursor",
    "Fence",
    "Log",
    "LogUnfit",
    "NotStored",
    "Noted",
    "Pull",
    "Recorded",
    "Saying",
    "Stored",
    "Within",
    "check",
    "connect",
    "passing",
    "provision",
]
