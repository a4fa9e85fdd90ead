from datetime import date, timedelta

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from contracts.delivery import (
    Assignment,
    BookCalendar,
    CalendarBooked,
    CalendarBookingRefused,
    CapacitySet,
    ConfirmStaffing,
    DeclineStaffing,
    SetCapacity,
)
from contracts.message import Message, Period
from services.delivery import calendar
from tests.story import NOON, Story, at, given


def assignment(id: str, start: date, end: date, minutes: int) -> Assignment:
    return Assignment(
        assignment_id=id,
        project_id="SOW-A",
        consultant="NINA",
        role="architect",
        period=Period(start=start, end=end),
        minutes_per_day=minutes,
    )


def march(first: int, last: int, minutes: int = 480, *, id: str = "AS-2", customer: str = "ACME") -> BookCalendar:
    asked = assignment(id, date(2026, 3, first), date(2026, 3, last), minutes)
    return at(BookCalendar(assignment=asked, customer=customer), key="NINA")


def booked(
    first: date, last: date, minutes: int = 480, *, id: str = "AS-1", on: date = date(2026, 3, 10)
) -> CalendarBooked:
    return CalendarBooked(
        consultant="NINA",
        assignment_id=id,
        customer="ACME",
        project_id="SOW-A",
        period=Period(start=first, end=last),
        minutes_per_day=minutes,
        booked_on=on,
    )


def capacity(minutes: int) -> SetCapacity:
    return at(SetCapacity(minutes_per_day=minutes), key="NINA")


CAPACITY_360 = CapacitySet(consultant="NINA", minutes_per_day=360)


def refused(story: Story) -> CalendarBookingRefused:
    story.says(CalendarBookingRefused, DeclineStaffing)
    return story.the(CalendarBookingRefused)


def test_a_consultant_has_one_calendar() -> None:
    assert {calendar.actor_id(capacity(480)), calendar.actor_id(march(2, 6))} == {"NINA"}


def test_a_free_consultant_is_booked_and_the_customer_told() -> None:
    asked = march(16, 20)
    story = given(calendar).when(asked)
    story.then(booked(date(2026, 3, 16), date(2026, 3, 20), id="AS-2"), ConfirmStaffing(assignment=asked.assignment))
    assert [message.address.key for message in story.said] == [None, "ACME"]
    assert [message.address.journey for message in story.said] == ["J-1", "J-1"]


def test_an_assignment_is_booked_once() -> None:
    given(calendar).when(march(16, 20), march(16, 20)).then_nothing()


def test_two_customers_may_use_the_same_assignment_id() -> None:
    given(calendar).when(march(16, 20, 240), march(16, 20, 240, customer="FOXTROT")).says(
        CalendarBooked, ConfirmStaffing
    )


def test_nobody_is_promised_twice_on_a_working_day() -> None:
    story = given(calendar, booked(date(2026, 3, 18), date(2026, 3, 27), 300)).when(march(16, 20, 240))
    refusal = refused(story)
    assert (refusal.first_full_day, refusal.booked_minutes, refusal.capacity_minutes) == (date(2026, 3, 18), 300, 480)
    assert story.the(DeclineStaffing).detail == (
        "NINA has 300 of 480 minutes booked on 2026-03-18: no room for 240 more"
    )
    assert [message.address.key for message in story.said] == [None, "ACME"]


def test_a_refusal_books_nothing() -> None:
    before = given(calendar, booked(date(2026, 3, 16), date(2026, 3, 20)))
    assert before.when(march(16, 20, 1)).state == before.state


def test_a_day_may_be_filled_to_the_last_minute() -> None:
    given(calendar, booked(date(2026, 3, 16), date(2026, 3, 20), 240)).when(march(16, 20, 240)).says(
        CalendarBooked, ConfirmStaffing
    )


def test_more_than_a_day_holds_is_refused_without_any_booking() -> None:
    assert refused(given(calendar).when(march(16, 20, 481))).first_full_day == date(2026, 3, 16)


def test_weekends_are_nobodys_working_days() -> None:
    weekend = booked(date(2026, 3, 14), date(2026, 3, 15))
    given(calendar, weekend).when(march(14, 15)).says(CalendarBooked, ConfirmStaffing)


def test_a_booking_that_begins_on_a_weekend_is_looked_at_on_the_monday() -> None:
    from_saturday = booked(date(2026, 3, 14), date(2026, 3, 16))
    assert refused(given(calendar, from_saturday).when(march(12, 17, 60))).first_full_day == date(2026, 3, 16)


def test_bookings_that_follow_each_other_do_not_add_up() -> None:
    before = (booked(date(2026, 3, 2), date(2026, 3, 6)), booked(date(2026, 3, 16), date(2026, 3, 20), id="AS-0"))
    given(calendar, *before).when(march(9, 13)).says(CalendarBooked, ConfirmStaffing)


def test_what_begins_after_the_period_is_of_no_concern() -> None:
    given(calendar, booked(date(2026, 3, 19), date(2026, 3, 20))).when(march(16, 18)).says(
        CalendarBooked, ConfirmStaffing
    )


def test_a_consultant_may_work_less_than_eight_hours() -> None:
    given(calendar).when(capacity(360)).then(CAPACITY_360)
    assert refused(given(calendar, CAPACITY_360).when(march(16, 20, 361))).capacity_minutes == 360


def test_the_same_capacity_said_twice_is_said_once() -> None:
    given(calendar, CAPACITY_360).when(capacity(360)).then_nothing()


def test_what_ended_more_than_a_year_before_a_booking_is_forgotten() -> None:
    old = booked(date(2025, 1, 6), date(2025, 3, 8), id="OLD", on=date(2025, 1, 2))
    recent = booked(date(2025, 1, 6), date(2025, 3, 9), 1, id="RECENT", on=date(2025, 1, 2))
    state = given(calendar, old, recent).when(march(16, 20)).state
    assert [booking.assignment_id for booking in state.bookings] == ["RECENT", "AS-2"]


@pytest.mark.parametrize("message", [capacity(360), march(16, 20), march(16, 20, 481)])
def test_what_the_calendar_says_is_about_the_chain_of_the_request(message: Message) -> None:
    heard = at(message, NOON, key="NINA", journey="J-9")
    assert {said.address.journey for said in given(calendar).when(heard).said} == {"J-9"}


def days_from_now(draw: st.DrawFn) -> Period:
    start = date(2026, 3, 1) + timedelta(days=draw(st.integers(0, 20)))
    return Period(start=start, end=start + timedelta(days=draw(st.integers(0, 12))))


@st.composite
def calendars(draw: st.DrawFn) -> calendar.Calendar:
    bookings = [
        calendar.Booking(
            customer="ACME",
            assignment_id=f"AS-{n}",
            period=days_from_now(draw),
            minutes_per_day=draw(st.sampled_from((60, 240, 480))),
        )
        for n in range(draw(st.integers(0, 5)))
    ]
    return calendar.Calendar(bookings=tuple(bookings))


@settings(derandomize=True, database=None, deadline=None)
@hypothesis.given(state=calendars(), period=st.composite(days_from_now)(), minutes=st.sampled_from((60, 240, 480)))
def test_the_first_full_day_is_the_one_that_looking_at_every_day_finds(
    state: calendar.Calendar, period: Period, minutes: int
) -> None:
    every_day = (period.start + timedelta(days=n) for n in range(period.days))
    working = (day for day in every_day if day.weekday() < calendar.SATURDAY)
    found = next((day for day in working if calendar.booked_on(state, day) + minutes > state.capacity), None)
    assert calendar.first_full_day(state, period, minutes) == found
