"""A consultant's calendar: no working day is promised twice, whoever the customers are."""

from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import assert_never

from msgspec.structs import replace

from contracts.delivery import (
    BookCalendar,
    CalendarBooked,
    CalendarBookingRefused,
    CapacitySet,
    ConfirmStaffing,
    DeclineStaffing,
    SetCapacity,
)
from contracts.message import Period, Record

Heard = SetCapacity | BookCalendar
Said = CapacitySet | CalendarBooked | CalendarBookingRefused

WORKING_DAY_MINUTES = 480
"""Eight hours, until somebody says otherwise for a consultant."""
REMEMBERED = timedelta(days=366)
"""Nobody staffs further back: what ended earlier than this before a booking is forgotten."""
SATURDAY = 5


class Booking(Record):
    customer: str
    assignment_id: str
    period: Period
    minutes_per_day: int


class Calendar(Record):
    capacity: int = WORKING_DAY_MINUTES
    capacity_said: bool = False
    bookings: tuple[Booking, ...] = ()


initial = Calendar()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: Calendar, message: Heard) -> Sequence[Said | ConfirmStaffing | DeclineStaffing]:
    match message:
        case SetCapacity() if state.capacity_said and state.capacity == message.minutes_per_day:
            return []  # that is the working day already
        case SetCapacity():
            said = CapacitySet(consultant=message.key, minutes_per_day=message.minutes_per_day)
            return [said.about(message.correlation)]
        case BookCalendar() if any(is_for(booking, message) for booking in state.bookings):
            return []  # an assignment is booked once, and was confirmed then
        case BookCalendar():
            full = first_full_day(state, message.assignment.period, message.assignment.minutes_per_day)
            return book(message) if full is None else decline(state, message, full)
        case _:
            assert_never(message)


def evolve(state: Calendar, event: Said) -> Calendar:
    match event:
        case CapacitySet():
            return replace(state, capacity=event.minutes_per_day, capacity_said=True)
        case CalendarBooked():
            kept = (booking for booking in state.bookings if event.booked_on - booking.period.end <= REMEMBERED)
            booked = Booking(
                customer=event.customer,
                assignment_id=event.assignment_id,
                period=event.period,
                minutes_per_day=event.minutes_per_day,
            )
            return replace(state, bookings=(*kept, booked))
        case CalendarBookingRefused():
            return state
        case _:
            assert_never(event)


def is_for(booking: Booking, message: BookCalendar) -> bool:
    return (booking.customer, booking.assignment_id) == (message.customer, message.assignment.assignment_id)


def booked_on(state: Calendar, day: date) -> int:
    """Minutes that are promised on a working day."""
    on_day = (booking for booking in state.bookings if booking.period.start <= day <= booking.period.end)
    return sum(booking.minutes_per_day for booking in on_day)


def first_full_day(state: Calendar, period: Period, minutes: int) -> date | None:
    """The first working day of `period` without room for `minutes` more.

    Load only rises where a booking begins, so only the first working day from each beginning on needs a look.
    """
    beginnings = [period.start, *(booking.period.start for booking in state.bookings)]
    days = sorted(working_day_from(max(beginning, period.start)) for beginning in beginnings)
    inside = (day for day in days if day <= period.end)
    return next((day for day in inside if booked_on(state, day) + minutes > state.capacity), None)


def working_day_from(day: date) -> date:
    return day if day.weekday() < SATURDAY else day + timedelta(days=7 - day.weekday())


def book(message: BookCalendar) -> list[CalendarBooked | ConfirmStaffing]:
    asked = message.assignment
    booked = CalendarBooked(
        consultant=message.key,
        assignment_id=asked.assignment_id,
        customer=message.customer,
        project_id=asked.project_id,
        period=asked.period,
        minutes_per_day=asked.minutes_per_day,
        booked_on=message.at.astimezone(UTC).date(),
    )
    confirmation = ConfirmStaffing(assignment=asked).to(message.customer)
    return [booked.about(message.correlation), confirmation.about(message.correlation)]


def decline(state: Calendar, message: BookCalendar, full: date) -> list[CalendarBookingRefused | DeclineStaffing]:
    asked, booked = message.assignment, booked_on(state, full)
    refused = CalendarBookingRefused(
        consultant=message.key,
        assignment_id=asked.assignment_id,
        customer=message.customer,
        reason="OVER_BOOKED",
        first_full_day=full,
        booked_minutes=booked,
        capacity_minutes=state.capacity,
    )
    detail = (
        f"{message.key} has {booked} of {state.capacity} minutes booked on {full}:"
        f" no room for {asked.minutes_per_day} more"
    )
    decline = DeclineStaffing(assignment=asked, reason="OVER_BOOKED", detail=detail).to(message.customer)
    return [refused.about(message.correlation), decline.about(message.correlation)]
