"""A time entry: work of one person on one day, a fact once its project knows it and the consultant's week has room."""

from collections.abc import Sequence
from typing import Literal, assert_never

from msgspec.structs import replace

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
from contracts.message import Record, name_of

OnItsWay = SubmitTimeEntry | AdmitTimeEntry | ConfirmTimeEntry | DeclineTimeEntry
Decision = ApproveTimeEntry | RejectTimeEntry
Heard = OnItsWay | Decision
Said = TimeEntrySubmitted | TimeEntryApproved | TimeEntryRejected | TimeEntryRefused


class TimeEntry(Record):
    record: TimeRecord | None = None
    """None until it is booked in the consultant's week; a refused entry may be handed in again."""
    phase: Literal["SUBMITTED", "APPROVED", "REJECTED"] = "SUBMITTED"


initial = TimeEntry()


def actor_id(message: Heard) -> str:
    if isinstance(message, AdmitTimeEntry | ConfirmTimeEntry | DeclineTimeEntry):
        return message.record.entry_id
    return message.entry_id


def decide(state: TimeEntry, message: Heard) -> Sequence[Said | ExamineTime | BookWeek | ReleaseWeek]:
    match message:
        case SubmitTimeEntry() | AdmitTimeEntry() | ConfirmTimeEntry() | DeclineTimeEntry():
            return hand_in(state.record, message, handed_in(message))
        case ApproveTimeEntry() | RejectTimeEntry() if state.record is None:
            unknown = refuse(message, "UNKNOWN_TIME_ENTRY", f"there is no time entry {message.entry_id}")
            return [unknown.about(message.correlation)]
        case ApproveTimeEntry() | RejectTimeEntry():
            return review(state.phase, state.record, message)
        case _:
            assert_never(message)


def hand_in(known: TimeRecord | None, message: OnItsWay, record: TimeRecord) -> list[Said | ExamineTime | BookWeek]:
    """Asked first is the project, whose chain the entry joins, then the consultant's week."""
    match message:
        case _ if known == record:
            return []  # it stands already
        case DeclineTimeEntry():
            return [refuse(message, message.reason, message.detail).about(message.correlation)]
        case _ if known is not None:
            return [
                refuse(message, "ENTRY_EXISTS", f"{record.entry_id} stands with other data: correct it by a new id")
            ]
        case SubmitTimeEntry():
            return [ExamineTime(record=record)]
        case AdmitTimeEntry():
            return [BookWeek(record=record, customer=message.key).to(record.consultant)]
        case ConfirmTimeEntry():
            return [TimeEntrySubmitted(record=record)]
        case _:
            assert_never(message)


def review(phase: str, record: TimeRecord, message: Decision) -> list[Said | ReleaseWeek]:
    match phase, message:
        case "SUBMITTED", ApproveTimeEntry():
            return [TimeEntryApproved(record=record, approved_by=message.approved_by)]
        case "SUBMITTED", RejectTimeEntry():
            rejected = TimeEntryRejected(
                record=record, rejected_by=message.rejected_by, rejection_reason=message.rejection_reason
            )
            return [rejected, ReleaseWeek(record=record, customer=message.key).to(record.consultant)]
        case ("APPROVED", ApproveTimeEntry()) | ("REJECTED", RejectTimeEntry()):
            return []  # decided so already
        case _:
            return [refuse(message, "ALREADY_DECIDED", f"time entry {record.entry_id} is {phase.lower()} already")]


def evolve(state: TimeEntry, event: Said) -> TimeEntry:
    match event:
        case TimeEntrySubmitted():
            return TimeEntry(record=event.record)
        case TimeEntryApproved():
            return replace(state, phase="APPROVED")
        case TimeEntryRejected():
            return replace(state, phase="REJECTED")
        case TimeEntryRefused():
            return state
        case _:
            assert_never(event)


def handed_in(message: OnItsWay) -> TimeRecord:
    if not isinstance(message, SubmitTimeEntry):
        return message.record
    return TimeRecord(
        entry_id=message.entry_id,
        project_id=message.project_id,
        line_id=message.line_id,
        consultant=message.consultant,
        role=message.role,
        work_date=message.work_date,
        minutes=message.minutes,
        billable_minutes=message.minutes if message.billable_minutes is None else message.billable_minutes,
        task=message.task,
        note=message.note,
    )


def refuse(message: Heard, reason: str, detail: str) -> TimeEntryRefused:
    request = type(message) if isinstance(message, Decision) else SubmitTimeEntry
    return TimeEntryRefused(entry_id=actor_id(message), request=name_of(request), reason=reason, detail=detail)
