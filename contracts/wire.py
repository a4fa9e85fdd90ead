"""Names and bytes: a message's one name gives its subject, its body is one CloudEvents 1.0 envelope or bare JSON."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from importlib import import_module
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar, cast

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from contracts import runtime, upcast
from contracts.message import Command, Context, Event, Message, Question, is_identifier, name_of, utc

STREAM = "Q2C"
MAX_BODY = 512 * 1024
"""Bytes of one message on the log: more is refused from outside and parks the actor that says it."""

MAX_ID = 256
"""Characters of the id of a message, and of the correlation that all that follows from it carries."""

MODULES = ("order", "customer", "identity", "commercial", "delivery", "finance", "observability")
_KINDS: Mapping[str, type[Message]] = {"cmd": Command, "evt": Event, "ask": Question}
_TOKEN = re.compile(r"[a-z][a-z0-9_]*")
_VERSION = re.compile(r"v[1-9][0-9]*")
_PARTITION = re.compile(r"0|[1-9][0-9]{0,3}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_IN_DATA = re.compile(r"`\$\.data(?=[.\[`])")
_REGEX = re.compile(r" matching regex ('.*'|\".*\")(?= - at `|$)")
_FORM = "q2c.<cmd|evt|ask>.<service>.<entity>.<name>.v<N>.<key>"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENCODER = msgspec.json.Encoder(order="deterministic")

M = TypeVar("M")
Catalogue = Mapping[str, type[Message]]


class Refused(Exception):
    """What came in cannot be heard; `reason` says why, with the path of the field."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Received(Struct, frozen=True):
    """A message as it lies on the log, not yet understood. `timestamp` is the stream's, in nanoseconds since 1970."""

    subject: str
    body: bytes
    sequence: int = 0
    timestamp: int = 0
    headers: Mapping[str, str] = {}
    stream: str = STREAM

    @property
    def id(self) -> str:
        """The id of a body that names none: what the publisher calls it, else its place in the log.

        A name that no envelope could carry stands for itself in short, so that what is said of it can be heard.
        """
        name = self.headers.get("Nats-Msg-Id") or f"{self.stream}:{self.sequence}"
        return name if len(name) <= MAX_ID else derive(name, "Nats-Msg-Id", 0)

    @property
    def in_batch(self) -> bool:
        """Whether it was stored in an atomic batch, as all that an owner says is: what is published by hand is not."""
        return "Nats-Batch-Sequence" in self.headers

    @property
    def at(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.timestamp // 1000)


class Place(NamedTuple):
    """What a subject says. `partition` is None for a subject as published, before the stream has put it in."""

    kind: str
    service: str
    entity: str
    name: str
    key: str
    partition: int | None


@cache
def catalogue() -> Catalogue:
    """Every message type of the mesh by its one name, the runtime's own of each service included."""
    found: dict[str, type[Message]] = {}
    for module in (import_module(f"contracts.{name}") for name in MODULES):
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, Message) and isinstance(item.__struct_config__.tag, str):
                _enter(found, item)
    return with_runtime(found)


def with_runtime(types: Catalogue) -> Catalogue:
    """`types` and what the runtime of each of their services says and is asked."""
    found = dict(types)
    for service in sorted({name.split(".", maxsplit=1)[0] for name in types}):
        for item in runtime.of(service).all:
            _enter(found, item)
    return found


def _enter(found: dict[str, type[Message]], item: type[Message]) -> None:
    name = name_of(item)
    if found.setdefault(name, item) is not item:
        raise TypeError(f"{found[name].__qualname__} and {item.__qualname__} are both named {name}")


@cache
def kind(message_type: type[Message]) -> str:
    """`cmd`, `evt` or `ask`. TypeError for what is none of them."""
    for token, base in _KINDS.items():
        if issubclass(message_type, base):
            return token
    raise TypeError(f"{message_type.__name__} is neither a command nor an event nor a question")


def subject(message: type[Message] | str, key: str, partition: int | None = None) -> str:
    """Where a message of this type (or name) is published; with `partition`, where the stream keeps it.

    LookupError for an unknown name, ValueError for a bad key.
    """
    if isinstance(message, str):
        if message not in catalogue():
            raise LookupError(f"there is no message named {message}")
        message = catalogue()[message]
    if not is_identifier(key):
        raise ValueError(f"key {key!r} must be 1 to 64 letters, digits, _ or -")
    place = "" if partition is None else f"{partition}."
    return f"q2c.{kind(message)}.{name_of(message)}.{place}{key}"


@lru_cache(maxsize=65536)
def parse(subject: str) -> Place:
    """What a subject of seven tokens (as published) or eight (as stored) says. Refused when malformed."""
    tokens = subject.split(".")
    if len(tokens) not in (7, 8) or tokens[0] != "q2c":
        raise Refused(f"the subject {subject} has {len(tokens)} tokens: needed is {_FORM}")
    token, service, entity, verb, version = tokens[1:6]
    if token not in _KINDS or not _VERSION.fullmatch(version):
        raise Refused(f"the subject {subject} is not of the form {_FORM}")
    for part in (service, entity, verb):
        if not _TOKEN.fullmatch(part):
            raise Refused(f"{part!r} in the subject {subject} is not a name: lower-case letters, digits and _")
    partition: int | None = None
    if len(tokens) == 8:
        partition = partition_of(tokens[6])
        if partition is None:
            raise Refused(f"{tokens[6]!r} in the subject {subject} is not a partition")
    if not is_identifier(tokens[-1]):
        raise Refused(f"key {tokens[-1]!r} must be 1 to 64 letters, digits, _ or -")
    return Place(token, service, entity, f"{service}.{entity}.{verb}.{version}", tokens[-1], partition)


def partition_of(token: str) -> int | None:
    """The partition that a token of a subject names. None for any way of writing it but the stream's own."""
    return int(token) if _PARTITION.fullmatch(token) else None


@lru_cache(maxsize=65536)
def partition(key: str, partitions: int) -> int:
    """The partition of `key`: FNV-1a 32 modulo the number of partitions, as the stream's transform computes it."""
    value = 0x811C9DC5
    for byte in key.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value % partitions


def derive(cause: str, source: str, n: int | str) -> str:
    """The id of the n-th message that `source` says in answer to `cause`: the same whenever it is decided again."""
    return blake2b(f"{cause}\n{source}\n{n}".encode(), digest_size=16).hexdigest()


def trace(traceparent: str | None, correlation: str, message_id: str) -> str:
    """The W3C trace context of a message: its cause's trace, or one of its journey's own, and a span of its own."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    of = match[1] if match else blake2b(correlation.encode(), digest_size=16).hexdigest()
    return f"00-{of}-{derive(message_id, 'span', 0)[:16]}-01"


class _Out(Struct, frozen=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    correlationid: str
    causationid: str | UnsetType
    partitionkey: str
    traceparent: str | UnsetType
    data: Raw


class _In(Struct, Generic[M], frozen=True, kw_only=True):
    specversion: Literal["1.0"]
    id: Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
    source: Annotated[str, Meta(min_length=1, max_length=512)]
    type: str
    time: Annotated[datetime, Meta(tz=True)] | None = None
    correlationid: Annotated[str, Meta(min_length=1, max_length=MAX_ID)] | None = None
    causationid: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    data: M


class _Peek(Struct, frozen=True):
    specversion: Any | UnsetType = UNSET


_PEEK = msgspec.json.Decoder(_Peek)


def encode(value: Any) -> bytes:
    """The one byte form of a message's data, a reply or a state: the same in every process."""
    return _ENCODER.encode(value)


def envelope(message: Message, context: Context, data: bytes | None = None) -> bytes:
    """The body of `message` said with `context`. `data` may be given where it is encoded already."""
    return _ENCODER.encode(
        _Out(
            "1.0",
            context.id,
            context.source,
            name_of(type(message)),
            subject(type(message), context.key),
            context.at,
            "application/json",
            context.correlation,
            context.cause or UNSET,
            context.key,
            context.traceparent or UNSET,
            Raw(encode(message) if data is None else data),
        )
    )


@cache
def _enveloped(data_type: type[Any]) -> msgspec.json.Decoder[_In[Any]]:
    return msgspec.json.Decoder(cast("Any", _In)[data_type])


@cache
def _bare(data_type: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(data_type)


def prepare(types: Catalogue) -> None:
    """Make every decoder now, before there are threads.

    msgspec 0.22 ends the process when the garbage collector runs in one thread while another makes a decoder.
    """
    _enveloped(Raw)
    _enveloped(dict[str, Any])
    _bare(dict[str, Any])
    for message_type in types.values():
        _enveloped(message_type)
        _bare(message_type)


def decode(message_type: type[M], data: bytes) -> M:
    """Data without an envelope, strictly. Refused, with the path of the field, when it is not a `message_type`."""
    decoder: msgspec.json.Decoder[M] = _bare(cast("Any", message_type))
    return _strict(decoder, data)


def _strict(decoder: msgspec.json.Decoder[M], body: bytes) -> M:
    if len(body) > MAX_BODY:
        raise Refused(f"the body has {len(body)} bytes, more than the {MAX_BODY} that are allowed")
    try:
        return decoder.decode(body)
    except RecursionError:
        raise Refused("the JSON is nested too deep") from None
    except UnicodeDecodeError:
        raise Refused("the body is not UTF-8") from None
    except Exception as problem:  # a contract's own check may raise anything: what it says no to is not heard
        raise Refused(_IN_DATA.sub("`$", told(problem)).removesuffix(" - at `$`")) from None


def told(problem: Exception) -> str:
    """What is wrong with a value, in the words that its contract has for a pattern."""
    return _REGEX.sub(lambda found: f": {_patterns().get(found[1], found[1])}", str(problem))


@cache
def _patterns() -> Mapping[str, str]:
    """The patterns of all contracts, as msgspec prints them, with their descriptions."""
    modules = (import_module(f"contracts.{name}") for name in ("message", "money", *MODULES))
    metas = (meta for module in modules for item in vars(module).values() for meta in getattr(item, "__metadata__", ()))
    return {repr(meta.pattern): meta.description.rstrip(".") for meta in metas if meta.pattern and meta.description}


def is_envelope(body: bytes) -> bool:
    """Whether the body is a CloudEvents envelope rather than bare data. Refused when it is not JSON."""
    if body.startswith(b'{"specversion":'):
        return True
    return b'"specversion"' in body and _strict(_PEEK, body).specversion is not UNSET


def hear(
    received: Received,
    types: Catalogue,
    now: datetime | None = None,
    retired: Mapping[str, upcast.Upcast] = upcast.RETIRED,
) -> Message:
    """The message that `received` is, with its context. Refused, with a reason, when it cannot be understood.

    `now` is the last tick's instant where time is the scenario's: bare JSON has no time of its own.
    """
    place = parse(received.subject)
    if place.name in retired:
        return _hear_retired(received, place, types, now, retired)
    message_type = _known(place, place.name, types)
    if not is_envelope(received.body):
        message: Message = _strict(_bare(message_type), received.body)
        message.__dict__["context"] = _bare_context(received, place, now)
        return message
    enveloped = _strict(_enveloped(message_type), received.body)
    message = enveloped.data
    message.__dict__["context"] = _context(enveloped, received, place)
    return message


def opened(received: Received) -> tuple[Context, bytes]:
    """The envelope and the data of a message whose contract is not known. Refused when it is no envelope."""
    enveloped = _strict(_enveloped(Raw), received.body)
    return _context(enveloped, received, parse(received.subject)), bytes(enveloped.data)


def _known(place: Place, name: str, types: Catalogue) -> type[Message]:
    message_type = types.get(name)
    if message_type is None:
        raise Refused(f"there is no message named {name}")
    if kind(message_type) != place.kind:
        raise Refused(f"{name} is published on q2c.{kind(message_type)}, not on q2c.{place.kind}")
    return message_type


def _hear_retired(
    received: Received, place: Place, types: Catalogue, now: datetime | None, retired: Mapping[str, upcast.Upcast]
) -> Message:
    """A version that is no longer said: its data is raised step by step to the version that is."""
    if is_envelope(received.body):
        enveloped = _strict(_enveloped(dict[str, Any]), received.body)
        data, context = enveloped.data, _context(enveloped, received, place)
    else:
        data, context = _strict(_bare(dict[str, Any]), received.body), _bare_context(received, place, now)
    data.pop("type", None)
    try:
        name, data = upcast.current(place.name, data, retired)
        return msgspec.convert(data, _known(place, name, types)).heard(context)
    except Refused:
        raise
    except Exception as problem:  # an upcast expects data of its version, and this may be anything
        raise Refused(f"{type(problem).__name__}: {problem}") from None


def _bare_context(received: Received, place: Place, now: datetime | None) -> Context:
    return Context(
        id=received.id,
        source="/outside",
        key=place.key,
        at=received.at if now is None else now,
        correlation=received.id,
        traceparent=received.headers.get("traceparent"),
        sequence=received.sequence,
    )


def _context(enveloped: _In[Any], received: Received, place: Place) -> Context:
    if enveloped.type != place.name:
        raise Refused(f"the envelope says {enveloped.type}, its subject {place.name} - at `$.type`")
    if enveloped.partitionkey not in (None, place.key):
        raise Refused(
            f"the envelope's key is {enveloped.partitionkey}, its subject's {place.key} - at `$.partitionkey`"
        )
    try:
        at = received.at if enveloped.time is None else utc(enveloped.time)
    except OverflowError:
        raise Refused("the time cannot be told in UTC - at `$.time`") from None
    return Context(
        id=enveloped.id,
        source=enveloped.source,
        key=place.key,
        at=at,
        correlation=enveloped.correlationid or enveloped.id,
        cause=enveloped.causationid,
        traceparent=enveloped.traceparent,
        sequence=received.sequence,
    )
