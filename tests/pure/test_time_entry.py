from datetime import date

import pytest

from contracts.delivery import (
    AdmitTimeEntry,
    ApproveTimeEntry,
    BookWeek,
    ConfirmTimeEntry,
    DeclineTimeEntry,
    ExamineTime,
    RejectTimeEntry,
    ReleaseWeek,
    SubmitTimeEntry,
    TimeEntryApproved,
    TimeEntryRefused,
    TimeEntryRejected,
    TimeEntrySubmitted,
    TimeRecord,
)
from contracts.message import Message
from services.delivery import time_entry
from tests.story import Story, given


def submit(minutes: int = 480, billable: int | None = None) -> SubmitTimeEntry:
    return SubmitTimeEntry(
        entry_id="T-1",
        project_id="SOW-A",
        line_id="L3",
        consultant="PAULA",
        role="senior",
        work_date=date(2026, 2, 11),
        minutes=minutes,
        billable_minutes=billable,
        task="configure",
        note="migrated",
    )


def record(minutes: int = 480, billable: int | None = None) -> TimeRecord:
    return time_entry.handed_in(submit(minutes, billable))


ADMIT = AdmitTimeEntry(record=record())
CONFIRM = ConfirmTimeEntry(record=record())
CLOSED = DeclineTimeEntry(record=record(), reason="WEEK_CLOSED", detail="week 2026-W07 of PAULA is closed")
APPROVE = ApproveTimeEntry(entry_id="T-1", approved_by="M. Jones")
REJECT = RejectTimeEntry(entry_id="T-1", rejected_by="M. Jones", rejection_reason="wrong project")
SUBMITTED = TimeEntrySubmitted(record=record())
APPROVED = TimeEntryApproved(record=record(), approved_by="M. Jones")
REJECTED = TimeEntryRejected(record=record(), rejected_by="M. Jones", rejection_reason="wrong project")


def refused(story: Story, reason: str) -> TimeEntryRefused:
    refusal = story.the(TimeEntryRefused)
    assert refusal.reason == reason
    return refusal


def test_every_message_finds_the_entry_by_its_id() -> None:
    heard = (submit(), ADMIT, CONFIRM, CLOSED, APPROVE, REJECT)
    assert {time_entry.actor_id(message) for message in heard} == {"T-1"}


def test_work_handed_in_is_first_shown_to_the_project() -> None:
    given(time_entry).when(submit()).then(ExamineTime(record=record()))


def test_billable_minutes_default_to_the_actual_ones() -> None:
    assert (record(480).billable_minutes, record(480, 0).billable_minutes) == (480, 0)


def test_work_of_the_project_is_booked_into_the_consultants_week() -> None:
    story = given(time_entry).when(ADMIT).then(BookWeek(record=record(), customer="ACME"))
    assert story.said[0].address.key == "PAULA"


def test_work_booked_in_the_week_waits_for_approval() -> None:
    given(time_entry).when(CONFIRM).then(SUBMITTED)


def test_work_for_a_closed_week_is_refused_with_the_weeks_word() -> None:
    refusal = refused(given(time_entry).when(CLOSED), "WEEK_CLOSED")
    assert refusal.detail == "week 2026-W07 of PAULA is closed"
    assert refusal.request == "delivery.time_entry.submit.v1"


def test_refused_work_may_be_handed_in_again() -> None:
    before = given(time_entry).when(CLOSED)
    assert before.state == time_entry.initial


@pytest.mark.parametrize("message", [submit(), ADMIT, CONFIRM, CLOSED])
@pytest.mark.parametrize("said", [(SUBMITTED,), (SUBMITTED, APPROVED), (SUBMITTED, REJECTED)])
def test_the_same_work_handed_in_again_says_nothing(
    said: tuple[TimeEntrySubmitted | TimeEntryApproved | TimeEntryRejected, ...], message: Message
) -> None:
    given(time_entry, *said).when(message).then_nothing()


@pytest.mark.parametrize(
    "message", [submit(60), AdmitTimeEntry(record=record(60)), ConfirmTimeEntry(record=record(60))]
)
def test_other_work_under_the_same_id_is_refused(message: Message) -> None:
    story = given(time_entry, SUBMITTED).when(message)
    refused(story, "ENTRY_EXISTS")
    assert story.state == given(time_entry, SUBMITTED).state


def test_a_decline_of_other_work_is_passed_on_and_changes_nothing() -> None:
    declined = DeclineTimeEntry(record=record(60), reason="ENTRY_EXISTS", detail="stands with other data")
    story = given(time_entry, SUBMITTED).when(declined)
    refused(story, "ENTRY_EXISTS")
    assert story.state == given(time_entry, SUBMITTED).state


def test_submitted_work_is_approved() -> None:
    given(time_entry, SUBMITTED).when(APPROVE).then(APPROVED)


def test_rejected_work_is_taken_out_of_the_week() -> None:
    story = given(time_entry, SUBMITTED).when(REJECT)
    story.then(REJECTED, ReleaseWeek(record=record(), customer="ACME"))
    assert [message.address.key for message in story.said] == [None, "PAULA"]


def test_work_approved_twice_is_approved_once() -> None:
    given(time_entry, SUBMITTED, APPROVED).when(APPROVE).then_nothing()


def test_work_rejected_twice_is_rejected_once() -> None:
    given(time_entry, SUBMITTED, REJECTED).when(REJECT).then_nothing()


def test_approved_work_is_not_rejected() -> None:
    refused(given(time_entry, SUBMITTED, APPROVED).when(REJECT), "ALREADY_DECIDED")


def test_rejected_work_is_not_approved() -> None:
    refused(given(time_entry, SUBMITTED, REJECTED).when(APPROVE), "ALREADY_DECIDED")


@pytest.mark.parametrize("message", [APPROVE, REJECT])
def test_unknown_work_is_neither_approved_nor_rejected(message: Message) -> None:
    refusal = refused(given(time_entry).when(message), "UNKNOWN_TIME_ENTRY")
    assert refusal.request == message.__struct_config__.tag
