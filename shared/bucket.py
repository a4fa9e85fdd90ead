"""The bucket that snapshots are kept in: a NATS object store, written so that what is replaced stays whole until then.

nats-py would wait for ever for a chunk that is not there, and leave for ever the chunks of a `put` that was killed: so
the chunks of an object are found, and removed, by its name here. `nats object ls` and `get` understand the result.
"""

import base64
import binascii
import uuid
from datetime import UTC, datetime
from hashlib import sha256
from typing import IO, NamedTuple

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

NAME = "Q2C_SNAPSHOTS"
STREAM = f"OBJ_{NAME}"
_CHUNK = 256 * 1024
_DIGEST = "SHA-256="
_TOLD = "Q2c-Told"


class ObjectDamaged(Exception):
    """An object is not there as it was put; the text says what is wrong."""


class _Meta(Struct, kw_only=True, omit_defaults=True):
    """What the object store keeps of an object (ADR-20)."""

    name: str
    bucket: str
    nuid: str
    size: int = 0
    chunks: int = 0
    digest: str = ""
    mtime: str = ""
    headers: dict[str, list[str]] = {}
    deleted: bool = False


class Found(NamedTuple):
    """An object that can be fetched."""

    told: str
    """What was said of it when it was put."""
    chunks: int
    digest: str
    place: str
    """Subject of its chunks."""


async def provision(js: JetStreamContext, replicas: int) -> list[str]:
    """Make the bucket, or mend its number of replicas; what was changed."""
    try:
        config = (await js.stream_info(STREAM)).config
    except NotFoundError:
        await js.create_object_store(
            NAME, description="Q2C Mesh: snapshots of the working copies, each may be lost", replicas=replicas
        )
        return [f"created object store {NAME}"]
    if config.num_replicas == replicas:
        return []
    before, config.num_replicas = config.num_replicas, replicas
    await js.update_stream(config)
    return [f"object store {NAME}: num_replicas {before} -> {replicas}"]


async def is_there(js: JetStreamContext) -> bool:
    try:
        await js.stream_info(STREAM)
    except NotFoundError:
        return False
    return True


class Bucket:
    """Objects by name. A name is one or more tokens joined by `/`."""

    def __init__(self, nc: Client) -> None:
        self._js = nc.jetstream()

    async def find(self, name: str) -> Found | None:
        """The object of that name, None when there is none. ObjectDamaged when its description cannot be read."""
        last = await self._description(name)
        if last is None:
            return None
        try:
            meta = msgspec.json.decode(last.data or b"", type=_Meta)
        except msgspec.MsgspecError as problem:
            raise ObjectDamaged(f"its description cannot be read: {problem}") from None
        told = "".join(meta.headers.get(_TOLD, []))
        return None if meta.deleted else Found(told, meta.chunks, meta.digest, f"$O.{NAME}.C.{meta.nuid}")

    async def _description(self, name: str) -> api.RawStreamMsg | None:
        try:
            return await self._js.get_msg(STREAM, subject=_description_subject(name))
        except NotFoundError:
            return None

    async def fetch(self, found: Found, into: IO[bytes]) -> None:
        """Write the object into a file. ObjectDamaged when anything of it is missing or is not what was put."""
        digest, sequence = sha256(), 0
        for number in range(found.chunks):
            try:
                chunk = await self._js.get_msg(STREAM, seq=sequence + 1, next=True, subject=found.place)
            except NotFoundError:
                raise ObjectDamaged(f"{found.chunks - number} of its {found.chunks} chunks are missing") from None
            sequence = chunk.seq or 0
            digest.update(chunk.data or b"")
            into.write(chunk.data or b"")
        try:
            wanted = base64.urlsafe_b64decode(found.digest.removeprefix(_DIGEST))
        except (ValueError, binascii.Error):
            wanted = b""
        if digest.digest() != wanted:
            raise ObjectDamaged("its digest is another than when it was put")

    async def put(self, name: str, told: str, data: IO[bytes]) -> None:
        """Put an object in the place of the one of that name, which can be fetched until then.

        What an earlier attempt left behind is removed. When somebody else has put the object meanwhile, theirs stays:
        that is an APIError.
        """
        before = await self._description(name)
        own = name.replace("/", ".")
        nuid = f"{own}.{uuid.uuid4().hex}"
        digest, size, places = sha256(), 0, list[int]()
        while chunk := data.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            places.append((await self._js.publish(f"$O.{NAME}.C.{nuid}", chunk, stream=STREAM)).seq)
        meta = _Meta(
            name=name,
            bucket=NAME,
            nuid=nuid,
            size=size,
            chunks=len(places),
            digest=_DIGEST + base64.urlsafe_b64encode(digest.digest()).decode(),
            mtime=datetime.now(UTC).isoformat(),
            headers={_TOLD: [told]},
        )
        headers = {
            "Nats-Rollup": "sub",
            "Nats-Expected-Last-Subject-Sequence": str((before.seq if before else None) or 0),
        }
        stored = await self._js.publish(
            _description_subject(name), msgspec.json.encode(meta), stream=STREAM, headers=headers
        )
        await self._js.purge_stream(STREAM, subject=f"$O.{NAME}.C.{own}.>", seq=min(places, default=stored.seq))


def _description_subject(name: str) -> str:
    return f"$O.{NAME}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


__all__ = ["NAME", "STREAM", "Bucket", "Found", "ObjectDamaged", "is_there", "provision"]
