from datetime import date

import pytest

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
from contracts.message import Message
from services.delivery import timesheet_week
from tests.story import NOON, Story, at, given

WEDNESDAY = date(2026, 2, 11)


def record(minutes: int = 480, *, billable: int = 480, id: str = "T-1", on: date = WEDNESDAY) -> TimeRecord:
    return TimeRecord(
        entry_id=id,
        project_id="SOW-A",
        line_id="L3",
        consultant="PAULA",
        role="senior",
        work_date=on,
        minutes=minutes,
        billable_minutes=billable,
    )


def book(work: TimeRecord | None = None, customer: str = "ACME") -> BookWeek:
    return at(BookWeek(record=work or record(), customer=customer), key="PAULA")


def release(work: TimeRecord | None = None) -> ReleaseWeek:
    return at(ReleaseWeek(record=work or record(), customer="ACME"), key="PAULA")


def close(week: str = "2026-W07") -> CloseWeek:
    return at(CloseWeek(week=week, closed_by="M. Jones"), key="PAULA")


def closed(minutes: int, billable: int, percent: str) -> WeekClosed:
    return WeekClosed(
        consultant="PAULA",
        week="2026-W07",
        closed_by="M. Jones",
        minutes=minutes,
        billable_minutes=billable,
        available_minutes=2400,
        utilisation_percent=percent,
    )


BOOKED = WeekBooked(
    consultant="PAULA",
    week="2026-W07",
    customer="ACME",
    entry_id="T-1",
    work_date=WEDNESDAY,
    minutes=480,
    billable_minutes=480,
)
RELEASED = WeekReleased(consultant="PAULA", week="2026-W07", customer="ACME", entry_id="T-1")
CLOSED = closed(480, 480, "20.00")


def refused(story: Story, reason: str) -> WeekBookingRefused:
    story.says(WeekBookingRefused, DeclineTimeEntry)
    assert (story.the(WeekBookingRefused).reason, story.the(DeclineTimeEntry).reason) == (reason, reason)
    assert [message.address.key for message in story.said] == [None, "ACME"]
    return story.the(WeekBookingRefused)


def test_the_work_date_names_the_week() -> None:
    assert [timesheet_week.actor_id(message) for message in (book(), release(), close())] == ["2026-W07"] * 3


@pytest.mark.parametrize(
    ("day", "week"),
    [(date(2026, 1, 1), "2026-W01"), (date(2025, 12, 29), "2026-W01"), (date(2027, 1, 3), "2026-W53")],
)
def test_weeks_are_those_of_iso_8601(day: date, week: str) -> None:
    assert timesheet_week.week_of(day) == week


def test_work_is_booked_and_the_entry_told() -> None:
    story = given(timesheet_week).when(book()).then(BOOKED, ConfirmTimeEntry(record=record()))
    assert [message.address.key for message in story.said] == [None, "ACME"]


def test_work_booked_twice_is_booked_once() -> None:
    given(timesheet_week, BOOKED).when(book()).then_nothing()


def test_two_customers_may_use_the_same_entry_id() -> None:
    given(timesheet_week, BOOKED).when(book(customer="FOXTROT")).says(WeekBooked, ConfirmTimeEntry)


def test_the_same_entry_with_other_minutes_is_declined() -> None:
    refused(given(timesheet_week, BOOKED).when(book(record(60))), "ENTRY_EXISTS")


def test_a_day_has_no_more_than_1440_minutes() -> None:
    story = given(timesheet_week, BOOKED).when(book(record(961, id="T-2")))
    refusal = refused(story, "DAY_FULL")
    assert refusal.detail == "480 minutes stand on 2026-02-11: 961 more than fit into a day of 1440"
    assert story.state == given(timesheet_week, BOOKED).state


def test_a_day_may_be_filled_to_the_last_minute() -> None:
    given(timesheet_week, BOOKED).when(book(record(960, id="T-2"))).says(WeekBooked, ConfirmTimeEntry)


def test_another_day_of_the_week_has_its_own_minutes() -> None:
    thursday = record(1440, id="T-2", on=date(2026, 2, 12))
    given(timesheet_week, BOOKED).when(book(thursday)).says(WeekBooked, ConfirmTimeEntry)


def test_time_for_a_closed_week_is_declined() -> None:
    refused(given(timesheet_week, CLOSED).when(book()), "WEEK_CLOSED")


def test_what_was_booked_before_the_close_is_not_declined_after_it() -> None:
    given(timesheet_week, BOOKED, CLOSED).when(book()).then_nothing()


def test_rejected_work_leaves_an_open_week() -> None:
    story = given(timesheet_week, BOOKED).when(release()).then(RELEASED)
    assert story.state == timesheet_week.initial


def test_only_the_rejected_entry_leaves_the_week() -> None:
    story = given(timesheet_week).when(book(), book(record(60, id="T-2")), release())
    assert [entry.entry_id for entry in story.state.entries] == ["T-2"]


def test_work_that_is_not_in_the_week_cannot_leave_it() -> None:
    given(timesheet_week, BOOKED).when(release(record(60))).then_nothing()


def test_a_closed_week_stands_as_it_was_said() -> None:
    given(timesheet_week, BOOKED, CLOSED).when(release()).then_nothing()


def test_closing_says_the_utilisation() -> None:
    hours = (record(480), record(480, id="T-2", on=date(2026, 2, 12)), record(240, billable=240, id="T-3"))
    given(timesheet_week).when(*map(book, hours), close()).then(closed(1200, 1200, "50.00"))


def test_only_billable_minutes_are_utilised() -> None:
    given(timesheet_week).when(book(record(480, billable=1)), close()).then(closed(480, 1, "0.04"))


def test_an_empty_week_may_be_closed() -> None:
    given(timesheet_week).when(close()).then(closed(0, 0, "0.00"))


def test_a_week_closed_twice_is_closed_once() -> None:
    given(timesheet_week, BOOKED, CLOSED).when(close()).then_nothing()


@pytest.mark.parametrize("week", ["2026-W54", "2026-W00", "0000-W01"])
def test_a_week_that_no_year_has_is_not_closed(week: str) -> None:
    assert given(timesheet_week).when(close(week)).the(WeekRefused).reason == "UNKNOWN_WEEK"


@pytest.mark.parametrize(("part", "percent"), [(0, "0.00"), (1, "33.33"), (2, "66.67"), (3, "100.00"), (4, "133.33")])
def test_a_percentage_has_two_decimals_half_up(part: int, percent: str) -> None:
    assert timesheet_week.percent(part, 3) == percent
    assert timesheet_week.percent(1, 800_00) == "0.00"
    assert timesheet_week.percent(1, 200_00) == "0.01"


@pytest.mark.parametrize("message", [book(), release(), close(), close("2026-W99"), book(record(60))])
def test_what_a_week_says_is_about_the_chain_of_the_request(message: Message) -> None:
    heard = at(message, NOON, key="PAULA", journey="J-9")
    assert {said.address.journey for said in given(timesheet_week, BOOKED).when(heard).said} <= {"J-9"}
