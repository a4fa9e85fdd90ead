"""Random stories for any actor, made from the types of what it hears: few names and amounts, so that messages meet.

Hypothesis chooses (and shrinks) one number per message, from which the message is made. What has been heard and said is
remembered by field, and mostly used again: a random request would otherwise hardly ever concern what went before it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from random import Random
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from contracts.message import Message, Period
from contracts.money import Money

M = TypeVar("M", bound=Message)

BEGIN = datetime(2026, 1, 10, 9, 30, tzinfo=UTC)
DAY_ZERO = date(2026, 1, 1)
NAMES = ("ACME", "DE01", "architect")
TEXTS = (
    *NAMES,
    "EUR",
    "GBP",
    "DE",
    "0",
    "1",
    "7.5",
    "19",
    "100",
    "-5",
    "NOT_NOW",
    "2026-01",
    "2026-02",
    "2026-W07",
    "2026-W99",
    "0" * 64,
    "1" * 64,
    "https://erp.example.com/hooks",
    "finance.invoice.issued.v1",
    "finance.*.*.v1",
    "*.*.*.*",
)
"""Whatever pattern a text must match, some of these do."""
AMOUNTS = ("100", "100", "100", "50", "200", "0", "-50", "33")
WHOLE = (0, 1, 1, 1, 2, 2, 3, 60, 480)
ZONES = ("Europe/Berlin", "Europe/London", "Asia/Tokyo")
VALID: Mapping[str, tuple[str, ...]] = {
    "time_zone": ZONES,
    "percent": ("0", "7.5", "19"),
    "rate": ("1.25", "0.8"),
    "bill_rate": ("150", "93.3333"),
    "cost_rate": ("80",),
}
"""What only a checked broadcast says: its publisher refuses anything else."""
SAME: Mapping[str, str] = {"project_id": "agreement_id"}
"""A project carries its agreement's id."""

Make = Callable[["Builder"], Any]


class Builder:
    """Makes messages from one number each, and remembers what went through the story."""

    def __init__(self) -> None:
        self.random = Random(0)
        self.checked = False
        """Whether what is made must be as its publisher would have checked it."""
        self._seen: dict[str, list[Any]] = {}

    def seed(self, number: int) -> None:
        self.random = Random(number)

    def make(self, message_type: type[M], *, checked: bool = False) -> M:
        self.checked = checked
        made: M = _maker(message_type)(self)
        return made

    def remember(self, value: object) -> None:
        """Every field of `value`, at any depth, may be used again for a field of the same name and type."""
        if isinstance(value, msgspec.Struct) and not isinstance(value, Money):
            for name in value.__struct_fields__:
                found = getattr(value, name)
                if found is not None:
                    self._seen.setdefault(_field(name), []).append(found)
                    self.remember(found)
        elif isinstance(value, tuple):
            for item in value:
                self.remember(item)

    def recall(self, name: str, fits: Callable[[Any], bool]) -> Any:
        """Something remembered for the field, mostly the latest; None when there is nothing that fits."""
        seen = [value for value in self._seen.get(name, ())[-9:] if fits(value)][-3:]
        return self.random.choice(seen) if seen and self.random.random() < 0.8 else None


def _field(name: str) -> str:
    return SAME.get(name, name)


@cache
def _maker(message_type: type[msgspec.Struct]) -> Make:
    if message_type is Money:
        return _money
    if message_type is Period:
        return _period
    fields = msgspec.structs.fields(message_type)
    makers = [(field.name, _valued(field.name, field.type, field.required)) for field in fields]

    def make(builder: Builder) -> Any:
        for _ in range(20):
            try:
                return message_type(**{name: made for name, maker in makers if (made := maker(builder)) is not _ABSENT})
            except ValueError:
                continue  # a record may refuse parts that contradict each other
        raise AssertionError(f"no valid {message_type.__name__} could be made")

    return make


_ABSENT: Any = object()


def _valued(name: str, annotation: Any, required: bool) -> Make:
    info = inspect.type_info(annotation)
    choices = [item for item in _alternatives(info) if not isinstance(item, inspect.NoneType)]
    optional = any(isinstance(item, inspect.NoneType) for item in _alternatives(info))
    makers = [_of(choice, name) for choice in choices]
    decoder = msgspec.json.Decoder(annotation)

    @lru_cache(maxsize=4096)
    def decoded(data: bytes) -> Any:
        try:
            return decoder.decode(data)
        except (msgspec.MsgspecError, ValueError):
            return _ABSENT

    def fits(value: Any) -> bool:
        return bool(decoded(msgspec.json.encode(value)) == value)  # the same type too, not only the same text

    def make(builder: Builder) -> Any:
        if not required and builder.random.random() < 0.4:
            return _ABSENT
        if optional and builder.random.random() < 0.3:
            return None
        if builder.checked and name in VALID:
            return builder.random.choice(VALID[name])
        recalled = builder.recall(_field(name), fits)
        return builder.random.choice(makers)(builder) if recalled is None else recalled

    return make


def _alternatives(info: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(info, inspect.Metadata):
        return _alternatives(info.type)
    return (
        tuple(part for item in info.types for part in _alternatives(item))
        if isinstance(info, inspect.UnionType)
        else (info,)
    )


def _of(info: inspect.Type, name: str) -> Make:
    match info:
        case inspect.StructType():
            return _maker(info.cls)
        case inspect.LiteralType():
            return lambda builder: builder.random.choice(info.values)
        case inspect.StrType():
            return _text(info, name)
        case inspect.BoolType():
            return lambda builder: builder.random.random() < 0.5
        case inspect.IntType():
            low, high = info.ge if info.ge is not None else -(10**6), info.le if info.le is not None else 10**6
            within = [number for number in WHOLE if low <= number <= high] or [low]
            return lambda builder: builder.random.choice(within)
        case inspect.DateType():
            return lambda builder: DAY_ZERO + timedelta(days=builder.random.randrange(-20, 400))
        case inspect.DateTimeType():
            return lambda builder: BEGIN + timedelta(hours=builder.random.randrange(24 * 200))
        case inspect.VarTupleType():
            return _many(_alternatives(info.item_type), name, info.min_length or 0, info.max_length)
        case inspect.TupleType():
            makers = [_of(item, name) for part in info.item_types for item in _alternatives(part)]
            return lambda builder: tuple(maker(builder) for maker in makers)
        case _:
            raise AssertionError(f"strategies.py must learn to make {info}, which {name} is")


def _text(info: inspect.StrType, name: str) -> Make:
    pattern = re.compile(info.pattern or "")
    fitting = [text for text in TEXTS if pattern.search(text) and len(text) <= (info.max_length or len(text))]
    names = [text for text in fitting if text in NAMES]
    if not fitting:
        raise AssertionError(f"strategies.py must know a text for {name}, which matches {info.pattern}")
    if name == "time_zone":
        fitting = [*ZONES, "Mars/Base"]
    return lambda builder: builder.random.choice(names or fitting)


def _many(items: tuple[inspect.Type, ...], name: str, least: int, most: int | None) -> Make:
    makers = [_of(item, name) for item in items]

    def make(builder: Builder) -> Any:
        length = max(least, min(builder.random.choice((0, 1, 1, 2, 3)), 3 if most is None else most))
        return tuple(builder.random.choice(makers)(builder) for _ in range(length))

    return make


def _money(builder: Builder) -> Money:
    return Money(builder.random.choice(AMOUNTS), "EUR" if builder.random.random() < 0.9 else "GBP")


def _period(builder: Builder) -> Period:
    start = DAY_ZERO + timedelta(days=builder.random.randrange(200))
    return Period(start=start, end=start + timedelta(days=builder.random.choice((0, 4, 30, 89, 364))))
