"""A consultant's week: open for time until it is closed; then it says how much of it was billable."""

from collections.abc import Sequence
from datetime import date
from typing import Literal, assert_never

from msgspec.structs import replace

from contracts.delivery import (
    BookWeek,
    CloseWeek,
    ConfirmTimeEntry,
    DeclineTimeEntry,
    ReleaseWeek,
    TimeRecord,
    WeekBooked,
    WeekBookingRefused,
    WeekClosed,
    WeekRefused,
    WeekReleased,
)
from contracts.message import Record, name_of

Heard = BookWeek | ReleaseWeek | CloseWeek
Said = WeekBooked | WeekReleased | WeekBookingRefused | WeekClosed | WeekRefused
Full = Literal["WEEK_CLOSED", "DAY_FULL", "ENTRY_EXISTS"]

DAY_MINUTES = 1440
AVAILABLE_MINUTES = 5 * 480
"""What a week offers: five working days of eight hours. The consultant's own capacity and leave are not asked yet."""


class Booked(Record):
    customer: str
    entry_id: str
    work_date: date
    minutes: int
    billable_minutes: int


class Week(Record):
    entries: tuple[Booked, ...] = ()
    """At most 1,440 minutes a day, so few."""
    closed: bool = False


initial = Week()


def actor_id(message: Heard) -> str:
    return message.week if isinstance(message, CloseWeek) else week_of(message.record.work_date)


def decide(state: Week, message: Heard) -> Sequence[Said | ConfirmTimeEntry | DeclineTimeEntry]:
    match message:
        case BookWeek() if entry_of(message) in state.entries:
            return []  # booked once, and confirmed then
        case BookWeek() if any(is_for(entry, message) for entry in state.entries):
            return decline(message, "ENTRY_EXISTS", f"{message.record.entry_id} stands in the week with other data")
        case BookWeek() if state.closed:
            return decline(message, "WEEK_CLOSED", f"week {actor_id(message)} of {message.key} is closed")
        case BookWeek() if minutes_on(state, message.record.work_date) + message.record.minutes > DAY_MINUTES:
            return decline(message, "DAY_FULL", full_day(state, message.record))
        case BookWeek():
            return book(message)
        case ReleaseWeek() if state.closed or entry_of(message) not in state.entries:
            return []  # a closed week stands as it was said, and there is nothing to take out of an open one
        case ReleaseWeek():
            return [released(message).about(message.correlation)]
        case CloseWeek() if not is_week(message.week):
            return [
                refuse(message, "UNKNOWN_WEEK", f"{message.week} is not an ISO 8601 week").about(message.correlation)
            ]
        case CloseWeek() if state.closed:
            return []  # its utilisation has been said
        case CloseWeek():
            return [closed(state, message).about(message.correlation)]
        case _:
            assert_never(message)


def evolve(state: Week, event: Said) -> Week:
    match event:
        case WeekBooked():
            booked = Booked(
                customer=event.customer,
                entry_id=event.entry_id,
                work_date=event.work_date,
                minutes=event.minutes,
                billable_minutes=event.billable_minutes,
            )
            return replace(state, entries=(*state.entries, booked))
        case WeekReleased():
            out = (event.customer, event.entry_id)
            return replace(state, entries=tuple(e for e in state.entries if (e.customer, e.entry_id) != out))
        case WeekClosed():
            return replace(state, closed=True)
        case WeekBookingRefused() | WeekRefused():
            return state
        case _:
            assert_never(event)


def week_of(day: date) -> str:
    """The ISO 8601 week of a day, such as 2026-W07."""
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def is_week(code: str) -> bool:
    try:
        date.fromisocalendar(int(code[:4]), int(code[6:]), 1)
    except ValueError:
        return False
    return True


def entry_of(message: BookWeek | ReleaseWeek) -> Booked:
    return Booked(
        customer=message.customer,
        entry_id=message.record.entry_id,
        work_date=message.record.work_date,
        minutes=message.record.minutes,
        billable_minutes=message.record.billable_minutes,
    )


def is_for(entry: Booked, message: BookWeek) -> bool:
    return (entry.customer, entry.entry_id) == (message.customer, message.record.entry_id)


def minutes_on(state: Week, day: date) -> int:
    return sum(entry.minutes for entry in state.entries if entry.work_date == day)


def full_day(state: Week, record: TimeRecord) -> str:
    already = minutes_on(state, record.work_date)
    return f"{already} minutes stand on {record.work_date}: {record.minutes} more than fit into a day of {DAY_MINUTES}"


def book(message: BookWeek) -> list[WeekBooked | ConfirmTimeEntry]:
    record = message.record
    booked = WeekBooked(
        consultant=message.key,
        week=actor_id(message),
        customer=message.customer,
        entry_id=record.entry_id,
        work_date=record.work_date,
        minutes=record.minutes,
        billable_minutes=record.billable_minutes,
    )
    confirmation = ConfirmTimeEntry(record=record).to(message.customer)
    return [booked.about(message.correlation), confirmation.about(message.correlation)]


def decline(message: BookWeek, reason: Full, detail: str) -> list[WeekBookingRefused | DeclineTimeEntry]:
    refused = WeekBookingRefused(
        consultant=message.key,
        week=actor_id(message),
        customer=message.customer,
        entry_id=message.record.entry_id,
        reason=reason,
        detail=detail,
    )
    answer = DeclineTimeEntry(record=message.record, reason=reason, detail=detail).to(message.customer)
    return [refused.about(message.correlation), answer.about(message.correlation)]


def released(message: ReleaseWeek) -> WeekReleased:
    return WeekReleased(
        consultant=message.key,
        week=actor_id(message),
        customer=message.customer,
        entry_id=message.record.entry_id,
    )


def closed(state: Week, message: CloseWeek) -> WeekClosed:
    billable = sum(entry.billable_minutes for entry in state.entries)
    return WeekClosed(
        consultant=message.key,
        week=message.week,
        closed_by=message.closed_by,
        minutes=sum(entry.minutes for entry in state.entries),
        billable_minutes=billable,
        available_minutes=AVAILABLE_MINUTES,
        utilisation_percent=percent(billable, AVAILABLE_MINUTES),
    )


def percent(part: int, whole: int) -> str:
    """`part / whole x 100` with two decimals, half-up; neither is negative (domain 4.11)."""
    hundredths = (2 * part * 100_00 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def refuse(message: CloseWeek, reason: str, detail: str) -> WeekRefused:
    return WeekRefused(
        consultant=message.key, week=message.week, request=name_of(CloseWeek), reason=reason, detail=detail
    )
