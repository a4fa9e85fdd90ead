"""A staffing request: a consultant works on a project once the project needs the role and the calendar has room."""

from collections.abc import Sequence
from typing import Literal, assert_never

from msgspec.structs import replace

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
from contracts.message import Record, name_of

Heard = RequestStaffing | AdmitStaffing | ConfirmStaffing | DeclineStaffing
Said = StaffingRequested | StaffingConfirmed | StaffingRefused


class Staffing(Record):
    assignment: Assignment | None = None
    """None until the project has admitted it, and again when the calendar had no room: it may be asked once more."""
    phase: Literal["REQUESTED", "CONFIRMED"] = "REQUESTED"


initial = Staffing()


def actor_id(message: Heard) -> str:
    return assignment_of(message).assignment_id


def decide(state: Staffing, message: Heard) -> Sequence[Said | ExamineStaffing | BookCalendar]:
    asked, known = assignment_of(message), state.assignment
    match message:
        case RequestStaffing() if known is None:
            return [
                ExamineStaffing(assignment=asked)
            ]  # the chain is the project's: nothing is a fact before it answers
        case AdmitStaffing() if known is None:
            booking = BookCalendar(assignment=asked, customer=message.key)
            return [requested(asked), booking.to(asked.consultant)]
        case DeclineStaffing() if known is None or (known == asked and state.phase == "REQUESTED"):
            return [refuse(asked, message.reason, message.detail).about(message.correlation)]
        case ConfirmStaffing() if known == asked and state.phase == "REQUESTED":
            return [confirmed(asked)]
        case RequestStaffing() | AdmitStaffing() if known != asked:
            detail = f"assignment {asked.assignment_id} stands with other data: another request has another id"
            return [refuse(asked, "ASSIGNMENT_EXISTS", detail)]
        case RequestStaffing() | AdmitStaffing() | ConfirmStaffing() | DeclineStaffing():
            return []  # answered already
        case _:
            assert_never(message)


def evolve(state: Staffing, event: Said) -> Staffing:
    match event:
        case StaffingRequested():
            return Staffing(assignment=assignment_of(event))
        case StaffingConfirmed():
            return replace(state, phase="CONFIRMED")
        case StaffingRefused(reason="ASSIGNMENT_EXISTS"):
            return state
        case StaffingRefused():
            return initial
        case _:
            assert_never(event)


def assignment_of(message: Heard | StaffingRequested) -> Assignment:
    if isinstance(message, AdmitStaffing | ConfirmStaffing | DeclineStaffing):
        return message.assignment
    return Assignment(
        assignment_id=message.assignment_id,
        project_id=message.project_id,
        consultant=message.consultant,
        role=message.role,
        period=message.period,
        minutes_per_day=message.minutes_per_day,
    )


def requested(assignment: Assignment) -> StaffingRequested:
    return StaffingRequested(
        assignment_id=assignment.assignment_id,
        project_id=assignment.project_id,
        consultant=assignment.consultant,
        role=assignment.role,
        period=assignment.period,
        minutes_per_day=assignment.minutes_per_day,
    )


def confirmed(assignment: Assignment) -> StaffingConfirmed:
    return StaffingConfirmed(
        assignment_id=assignment.assignment_id,
        project_id=assignment.project_id,
        consultant=assignment.consultant,
        role=assignment.role,
        period=assignment.period,
        minutes_per_day=assignment.minutes_per_day,
    )


def refuse(assignment: Assignment, reason: str, detail: str) -> StaffingRefused:
    return StaffingRefused(
        assignment_id=assignment.assignment_id,
        consultant=assignment.consultant,
        request=name_of(RequestStaffing),
        reason=reason,
        detail=detail,
    )
