"""A toy service: the smallest messages that exercise every way in which the runtime hears and says."""

from contracts.message import (
    Broadcast,
    Command,
    Event,
    Identifier,
    Instant,
    Internal,
    Message,
    Question,
    Record,
    Text,
    name_of,
)
from contracts.observability import ClockTicked
from contracts.runtime import Done


class Add(Command, tag="toys.counter.add.v1"):
    counter: Identifier
    amount: int
    pass_on_to: Identifier | None = None
    times: int = 1


class Added(Event, tag="toys.counter.added.v1"):
    counter: Identifier
    total: int
    tags: frozenset[str] = frozenset()


class Count(Question, tag="toys.counter.count.v1"):
    counter: Identifier


class Counted(Record):
    total: int


class Repeat(Internal, tag="toys.echo.repeat.v1"):
    """Said by a counter that passes on."""

    echo: Identifier


class Repeated(Event, tag="toys.echo.repeated.v1"):
    echo: Identifier
    times: int


class SetAlarm(Command, tag="toys.alarm.set.v1"):
    alarm: Identifier
    at: Instant
    again_after_hours: int = 0
    rings: int = 1


class AlarmSet(Event, tag="toys.alarm.armed.v1"):
    alarm: Identifier
    due: Instant
    again_after_hours: int
    rings: int


class AlarmRang(Event, tag="toys.alarm.rang.v1"):
    alarm: Identifier
    due: Instant | None
    rings: int


class Touch(Command, tag="toys.glass.touch.v1"):
    glass: Identifier
    text: Text


class Touched(Event, tag="toys.glass.touched.v1"):
    glass: Identifier
    text: Text


class SetRate(Command, tag="toys.rate.set.v1"):
    percent: int


class RateHeard(Done, tag="toys.rate.heard.v1"):
    """One partition has passed the new rate on to all its prices."""


class RateTold(Broadcast, tag="toys.rate.told.v1"):
    answer = RateHeard

    percent: int


class RateAgreed(Event, tag="toys.rate.agreed.v1"):
    percent: int


class RateAwaited(Event, tag="toys.rate.awaited.v1"):
    partition: int


class SetPrice(Command, tag="toys.price.set.v1"):
    price: Identifier
    amount: int


class Priced(Event, tag="toys.price.priced.v1"):
    price: Identifier
    amount: int
    with_rate: int


TYPES: dict[str, type[Message]] = {
    name_of(item): item
    for item in (
        *(Add, Added, Count, Repeat, Repeated, SetAlarm, AlarmSet, AlarmRang, Touch, Touched),
        *(SetRate, RateHeard, RateTold, RateAgreed, RateAwaited, SetPrice, Priced, ClockTicked),
    )
}
