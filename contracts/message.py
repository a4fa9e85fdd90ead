"""A message is a frozen record with one name; what the runtime knows about it travels beside its data, not in it."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Annotated, ClassVar, Self, dataclass_transform

import msgspec
from msgspec import Meta, Struct

IDENTIFIER_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")

Identifier = Annotated[str, Meta(pattern=IDENTIFIER_PATTERN, description="1 to 64 letters, digits, _ or -.")]
Instant = Annotated[datetime, Meta(tz=True)]
LARGEST_WHOLE = 2**53 - 1
"""No whole number in a message is larger, whatever its sign: beyond it JSON readers disagree (RFC 7493, 2.2)."""
Whole = Annotated[int, Meta(ge=-LARGEST_WHOLE, le=LARGEST_WHOLE)]
Ordinal = Annotated[int, Meta(ge=1, le=LARGEST_WHOLE)]
ReasonCode = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,63}$", description="A stable code such as CREDIT_LIMIT.")]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Remark = Annotated[str, Meta(max_length=2000)]
Short = Annotated[str, Meta(max_length=200, description="A name or number of somebody else's: of any form, but short.")]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class RecordMeta(msgspec.StructMeta):
    """Lets a type checker see that every subclass is frozen and keyword-only."""


class Record(Struct, metaclass=RecordMeta, frozen=True, kw_only=True):
    """Frozen keyword-only data: the parts that messages are made of, actor states and references."""


class Context(Struct, frozen=True, kw_only=True, gc=False):  # many are held, and none is part of a cycle
    """What the envelope says of a message: all of it is data, none of it is read from a clock."""

    id: str
    source: str
    key: str
    at: datetime
    correlation: str
    cause: str | None = None
    traceparent: str | None = None
    sequence: int = 0
    """Place in the log; 0 where it has none (a question)."""


class Address(Struct, frozen=True, kw_only=True):
    """Where a message that an actor says goes, when that is not the actor's own key and journey."""

    key: str | None = None
    journey: str | None = None


class Message(Struct, metaclass=RecordMeta, frozen=True, kw_only=True, dict=True):
    """What is said on the log. The tag `<service>.<entity>.<name>.v<N>` is its one name, for ever."""

    @property
    def context(self) -> Context:
        """The envelope's attributes; LookupError for a message that has not been on the log."""
        try:
            context: Context = self.__dict__["context"]
        except KeyError:
            raise LookupError(f"{type(self).__name__} has not been said yet and has no envelope") from None
        return context

    @property
    def id(self) -> str:
        return self.context.id

    @property
    def at(self) -> datetime:
        """The instant (UTC) at which it was said, copied from its cause."""
        return self.context.at

    @property
    def key(self) -> str:
        return self.context.key

    @property
    def correlation(self) -> str:
        """The journey this message belongs to."""
        return self.context.correlation

    @property
    def address(self) -> Address:
        address: Address = self.__dict__.get("address", _HERE)
        return address

    def heard(self, context: Context) -> Self:
        """The same data as it was heard with `context`."""
        copy = msgspec.structs.replace(self)
        copy.__dict__["context"] = context
        return copy

    def to(self, key: str) -> Self:
        """The same message addressed to another partition key: for commands only, events carry their actor's key."""
        return self._addressed(Address(key=key, journey=self.address.journey))

    def about(self, journey: str) -> Self:
        """The same message naming the chain it is about: for actors that many chains share."""
        return self._addressed(Address(key=self.address.key, journey=journey))

    def _addressed(self, address: Address) -> Self:
        copy = msgspec.structs.replace(self)
        copy.__dict__["address"] = address
        return copy


_HERE = Address()


class Command(Message):
    """A request to one entity of one service; it may be refused."""


class Internal(Command):
    """A command that the actors of one service say to each other: from anybody else it is rejected."""


class Event(Message):
    """A fact, said by the one service that owns it."""


class Broadcast(Event):
    """A fact that many must know: every partition of every service that hears it folds it into its reference."""

    answer: ClassVar[type[Command] | None] = None
    """The command by which each partition tells the asker that its actors have heard; see `contracts.runtime.Done`."""


class Refusal(Event):
    """A business no: a fact like any other, with the request it answers, a code to act on and a sentence to read."""

    request: Text
    """Name of the command that was refused, for example `commercial.quote.accept.v1`."""
    reason: ReasonCode
    detail: Text


class Question(Message):
    """Request and reply: answered from committed state, never stored on the log."""


class Wake(Message):
    """Time has come: heard by an actor that asked for it through `wakes`; `at` is the instant it asked for."""


class Period(Record):
    """A closed interval of calendar dates `[start, end]`, both inclusive (ISO 8601)."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"the period ends on {self.end}, before it starts on {self.start}")

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


def name_of(message: type[Message]) -> str:
    """The one name of a message type. TypeError when it has none."""
    tag = message.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{message.__name__} has no name")
    return tag


def joined(*parts: str) -> str:
    """The identifier that is made of these and of no others; a hash of them is in it where it could not be read."""
    name = "--".join(parts)
    plain = all("--" not in part and not part.startswith("-") and not part.endswith("-") for part in parts)
    if plain and is_identifier(name):
        return name
    return f"{name[:47]}-{blake2b('/'.join(parts).encode(), digest_size=8).hexdigest()}"


def utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def is_identifier(text: str) -> bool:
    return IDENTIFIER.fullmatch(text) is not None


Messages = Sequence[Message]
