from datetime import date

import pytest

from contracts.delivery import (
    AdmitStaffing,
    Assignment,
    BookCalendar,
    ConfirmStaffing,
    DeclineStaffing,
    ExamineStaffing,
    RequestStaffing,
    StaffingConfirmed,
    StaffingRefused,
    StaffingRequested,
)
from contracts.message import Period
from services.delivery import staffing
from tests.story import given

PERIOD = Period(start=date(2026, 1, 12), end=date(2026, 3, 27))


def request(minutes: int = 480) -> RequestStaffing:
    return RequestStaffing(
        assignment_id="AS-1",
        project_id="SOW-A",
        consultant="NINA",
        role="architect",
        period=PERIOD,
        minutes_per_day=minutes,
    )


def assignment(minutes: int = 480) -> Assignment:
    return staffing.assignment_of(request(minutes))


REQUESTED = StaffingRequested(
    assignment_id="AS-1",
    project_id="SOW-A",
    consultant="NINA",
    role="architect",
    period=PERIOD,
    minutes_per_day=480,
)
CONFIRMED = StaffingConfirmed(
    assignment_id="AS-1",
    project_id="SOW-A",
    consultant="NINA",
    role="architect",
    period=PERIOD,
    minutes_per_day=480,
)
ADMIT = AdmitStaffing(assignment=assignment())
CONFIRM = ConfirmStaffing(assignment=assignment())
FULL = DeclineStaffing(assignment=assignment(), reason="OVER_BOOKED", detail="NINA has no room")
NO_ROLE = DeclineStaffing(assignment=assignment(), reason="UNKNOWN_ROLE", detail="the project has no role architect")
OVER_BOOKED = staffing.refuse(assignment(), "OVER_BOOKED", "NINA has no room")


def test_every_message_finds_the_staffing_by_its_assignment() -> None:
    assert {staffing.actor_id(message) for message in (request(), ADMIT, CONFIRM, FULL)} == {"AS-1"}


def test_a_request_first_asks_the_project() -> None:
    given(staffing).when(request()).then(ExamineStaffing(assignment=assignment()))


def test_an_admitted_request_asks_the_consultants_calendar() -> None:
    booking = BookCalendar(assignment=assignment(), customer="ACME")
    story = given(staffing).when(ADMIT).then(REQUESTED, booking)
    assert [message.address.key for message in story.said] == [None, "NINA"]


def test_a_booked_request_is_confirmed() -> None:
    given(staffing, REQUESTED).when(CONFIRM).then(CONFIRMED)


def test_a_request_without_room_is_refused_with_the_calendars_word() -> None:
    given(staffing, REQUESTED).when(FULL).then(OVER_BOOKED)


def test_a_request_that_the_project_does_not_know_is_refused() -> None:
    assert given(staffing).when(NO_ROLE).the(StaffingRefused).reason == "UNKNOWN_ROLE"


def test_what_was_refused_for_want_of_room_may_be_asked_again() -> None:
    given(staffing, REQUESTED, OVER_BOOKED).when(request()).then(ExamineStaffing(assignment=assignment()))


@pytest.mark.parametrize("answer", [request(), ADMIT])
def test_a_request_that_was_made_already_says_nothing(answer: RequestStaffing | AdmitStaffing) -> None:
    given(staffing, REQUESTED).when(answer).then_nothing()


@pytest.mark.parametrize("answer", [request(), ADMIT, CONFIRM, FULL])
def test_what_was_confirmed_already_says_nothing(
    answer: RequestStaffing | AdmitStaffing | ConfirmStaffing | DeclineStaffing,
) -> None:
    given(staffing, REQUESTED, CONFIRMED).when(answer).then_nothing()


def test_a_confirmation_of_nothing_says_nothing() -> None:
    given(staffing).when(CONFIRM).then_nothing()


@pytest.mark.parametrize("said", [(REQUESTED,), (REQUESTED, CONFIRMED)])
@pytest.mark.parametrize("other", [request(240), AdmitStaffing(assignment=assignment(240))])
def test_the_same_assignment_with_other_data_is_refused_and_changes_nothing(
    said: tuple[StaffingRequested | StaffingConfirmed, ...], other: RequestStaffing | AdmitStaffing
) -> None:
    story = given(staffing, *said).when(other)
    assert story.the(StaffingRefused).reason == "ASSIGNMENT_EXISTS"
    assert story.state == given(staffing, *said).state


def test_an_answer_about_other_data_says_nothing() -> None:
    given(staffing, REQUESTED).when(ConfirmStaffing(assignment=assignment(240))).then_nothing()
