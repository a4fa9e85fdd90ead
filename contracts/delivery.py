"""What the delivery service says, may be asked to do, and answers: projects, people, time, milestones, cost."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from contracts.message import (
    Broadcast,
    Command,
    Event,
    Identifier,
    Internal,
    Period,
    ReasonCode,
    Record,
    Refusal,
    Remark,
    Text,
)
from contracts.money import DecimalText, Money
from contracts.order import Budget, Minutes, ServicesOrder, Version

WeekCode = Annotated[str, Meta(pattern=r"^[0-9]{4}-W[0-9]{2}$", description="ISO 8601 week, such as 2026-W12.")]
DayMinutes = Annotated[int, Meta(ge=1, le=1440)]

# --- project template: keyed by its code ----------------------------------------------------------------------------


class Phase(Record):
    """A phase and its tasks, in order."""

    phase: Identifier
    tasks: Annotated[tuple[Identifier, ...], Meta(max_length=1000)] = ()


class PublishProjectTemplate(Command, tag="delivery.project_template.publish.v1"):
    """Publish the next version of a template that projects are provisioned from."""

    version: Version
    phases: Annotated[tuple[Phase, ...], Meta(min_length=1, max_length=100)]
    roles: Annotated[tuple[Identifier, ...], Meta(max_length=500)]
    """Roles the delivery organisation can staff with this template."""


class ProjectTemplatePublished(Broadcast, tag="delivery.project_template.published.v1"):
    """Projects provisioned from now on use this version."""

    template: Identifier
    version: Version
    phases: Annotated[tuple[Phase, ...], Meta(min_length=1, max_length=100)]
    roles: tuple[Identifier, ...]


class ProjectTemplateRefused(Refusal, tag="delivery.project_template.refused.v1"):
    """The template was refused: versions rise by one, phases and roles stand once."""

    template: Identifier
    version: Version


# --- project: keyed by the customer; a project carries its agreement's id -------------------------------------------


class MilestoneNode(Record):
    """A milestone of the project, one to one with a milestone of the billing plan."""

    milestone_id: Identifier
    line_id: Identifier
    name: Text
    due_on: date | None = None


class LineBudget(Record):
    """The budget of one line of the agreement."""

    line_id: Identifier
    budget: Budget


class ProvisionProject(Command, tag="delivery.project.provision.v1"):
    """Try again to provision a project that was rejected; the key is the same, so there is never a second project."""

    project_id: Identifier


class ProjectProvisioned(Event, tag="delivery.project.provisioned.v1"):
    """Phases, tasks, milestones and budget are set up: people may work."""

    project_id: Identifier
    legal_entity: Identifier
    template: Identifier
    template_version: Version
    phases: tuple[Phase, ...]
    roles: tuple[Identifier, ...]
    milestones: tuple[MilestoneNode, ...]
    budgets: tuple[LineBudget, ...]
    time_lines: tuple[tuple[Identifier, Identifier], ...] = ()
    """(line, rate card) of the lines billed by time."""


class ProjectProvisionRejected(Event, tag="delivery.project.provision_rejected.v1"):
    """The project could not be set up: the agreement is held until that is mended and provisioning asked again."""

    project_id: Identifier
    reason: Literal["PSA_TEMPLATE", "UNKNOWN_TEMPLATE"]
    detail: Text
    way_out: Text
    retryable: bool = True
    order: ServicesOrder | None = None
    """What was to be provisioned: asked again, the project is set up from it."""


class ProjectChangeStaged(Event, tag="delivery.project.change_staged.v1"):
    """Delivery can do the change and waits for the decision."""

    project_id: Identifier
    change_order_id: Identifier
    milestones_added: tuple[MilestoneNode, ...] = ()
    budgets: tuple[LineBudget, ...] = ()
    """The budget of every line as it will stand."""


class ProjectChangeRefused(Event, tag="delivery.project.change_refused.v1"):
    """Delivery cannot do the change."""

    project_id: Identifier
    change_order_id: Identifier
    reason: ReasonCode
    detail: Text


class ProjectAmended(Event, tag="delivery.project.amended.v1"):
    """An applied change order: new milestones and the budget as it stands now."""

    project_id: Identifier
    change_order_id: Identifier
    milestones_added: tuple[MilestoneNode, ...]
    budgets: tuple[LineBudget, ...]


class ProjectChangeReleased(Event, tag="delivery.project.change_released.v1"):
    """A staged change was refused elsewhere: the project stands as it was."""

    project_id: Identifier
    change_order_id: Identifier


class ProjectRefused(Refusal, tag="delivery.project.refused.v1"):
    """A request about a project was refused."""

    project_id: Identifier


class TimeRecord(Record):
    """Work of one person on one day, in whole minutes; actual and billable minutes stand side by side."""

    entry_id: Identifier
    project_id: Identifier
    line_id: Identifier
    consultant: Identifier
    role: Identifier
    work_date: date
    minutes: DayMinutes
    billable_minutes: Annotated[int, Meta(ge=0, le=1440)]
    task: Identifier | None = None
    note: Remark | None = None


class ExamineTime(Internal, tag="delivery.project.examine_time.v1"):
    """Said by a time entry: does this work belong to the project?"""

    record: TimeRecord


class CostItem(Record):
    """Cost incurred for a line of a project, net of recoverable tax; negative to correct an earlier one."""

    cost_id: Identifier
    project_id: Identifier
    line_id: Identifier
    amount: Money
    incurred_on: date
    description: Text


class ExamineCost(Internal, tag="delivery.project.examine_cost.v1"):
    """Said by a cost: does it belong to the project?"""

    item: CostItem


class Assignment(Record):
    """One consultant on one project for a while, with so many minutes on each working day."""

    assignment_id: Identifier
    project_id: Identifier
    consultant: Identifier
    role: Identifier
    period: Period
    minutes_per_day: DayMinutes


class ExamineStaffing(Internal, tag="delivery.project.examine_staffing.v1"):
    """Said by a staffing request: does the project exist, and does it need the role?"""

    assignment: Assignment


# --- milestone: keyed by the customer -------------------------------------------------------------------------------


class PlanMilestone(Internal, tag="delivery.milestone.plan.v1"):
    """Said by the project: this milestone is to be reached."""

    milestone: MilestoneNode
    project_id: Identifier
    legal_entity: Identifier


class CompleteMilestone(Command, tag="delivery.milestone.complete.v1"):
    """The work of the milestone is done."""

    project_id: Identifier
    milestone_id: Identifier
    completed_by: Text


class AcceptMilestone(Command, tag="delivery.milestone.accept.v1"):
    """The customer accepts the milestone; the evidence is what an auditor will want to see."""

    project_id: Identifier
    milestone_id: Identifier
    accepted_by: Text
    evidence: Text
    """Reference or hash of the signed acceptance."""


class MilestonePlanned(Event, tag="delivery.milestone.planned.v1"):
    """The milestone can be completed and accepted."""

    milestone: MilestoneNode
    project_id: Identifier
    legal_entity: Identifier


class MilestoneCompleted(Event, tag="delivery.milestone.completed.v1"):
    """Done by delivery, not yet accepted by the customer."""

    milestone_id: Identifier
    project_id: Identifier
    line_id: Identifier
    completed_by: Text


class MilestoneAccepted(Event, tag="delivery.milestone.accepted.v1"):
    """Accepted by the customer: it may be billed, once."""

    milestone_id: Identifier
    project_id: Identifier
    line_id: Identifier
    accepted_by: Text
    evidence: Text
    accepted_on: date
    """Calendar day in the legal entity's zone."""


class MilestoneRefused(Refusal, tag="delivery.milestone.refused.v1"):
    """A request about a milestone was refused."""

    project_id: Identifier
    milestone_id: Identifier


# --- staffing (keyed by the customer) and the consultant's calendar (keyed by the consultant) ------------------------


class RequestStaffing(Command, tag="delivery.staffing.request.v1"):
    """Assign a consultant to a project for a while, with so many minutes on each working day."""

    assignment_id: Identifier
    project_id: Identifier
    consultant: Identifier
    role: Identifier
    period: Period
    minutes_per_day: DayMinutes


class StaffingRequested(Event, tag="delivery.staffing.requested.v1"):
    """The consultant's calendar has been asked."""

    assignment_id: Identifier
    project_id: Identifier
    consultant: Identifier
    role: Identifier
    period: Period
    minutes_per_day: DayMinutes


class AdmitStaffing(Internal, tag="delivery.staffing.admit.v1"):
    """Said by the project: it needs the role."""

    assignment: Assignment


class ConfirmStaffing(Internal, tag="delivery.staffing.confirm.v1"):
    """Said by the consultant's calendar: the time is booked."""

    assignment: Assignment


class DeclineStaffing(Internal, tag="delivery.staffing.decline.v1"):
    """Said by the project: it does not know the work. Said by the consultant's calendar: the person is not free."""

    assignment: Assignment
    reason: Literal["UNKNOWN_PROJECT", "UNKNOWN_ROLE", "OVER_BOOKED"]
    detail: Text


class StaffingConfirmed(Event, tag="delivery.staffing.confirmed.v1"):
    """The consultant works on the project."""

    assignment_id: Identifier
    project_id: Identifier
    consultant: Identifier
    role: Identifier
    period: Period
    minutes_per_day: DayMinutes


class StaffingRefused(Refusal, tag="delivery.staffing.refused.v1"):
    """The assignment was refused, for example because the consultant would be over-booked."""

    assignment_id: Identifier
    consultant: Identifier


class SetCapacity(Command, tag="delivery.calendar.set_capacity.v1"):
    """Say how many minutes the consultant works on a working day (Monday to Friday); 480 until said."""

    minutes_per_day: DayMinutes


class BookCalendar(Internal, tag="delivery.calendar.book.v1"):
    """Said by a staffing request: book the consultant for the period if there is room on every working day."""

    assignment: Assignment
    customer: Identifier


class CapacitySet(Event, tag="delivery.calendar.capacity_set.v1"):
    """The consultant's working day."""

    consultant: Identifier
    minutes_per_day: DayMinutes


class CalendarBooked(Event, tag="delivery.calendar.booked.v1"):
    """The consultant is booked."""

    consultant: Identifier
    assignment_id: Identifier
    customer: Identifier
    project_id: Identifier
    period: Period
    minutes_per_day: DayMinutes
    booked_on: date
    """UTC day of the booking: the calendar forgets what ended more than a year before it."""


class CalendarBookingRefused(Event, tag="delivery.calendar.booking_refused.v1"):
    """The consultant would be over-booked on `first_full_day`."""

    consultant: Identifier
    assignment_id: Identifier
    customer: Identifier
    reason: Literal["OVER_BOOKED"]
    first_full_day: date
    booked_minutes: Minutes
    capacity_minutes: Minutes


# --- time entry (keyed by the customer) and the consultant's week (keyed by the consultant) --------------------------


class SubmitTimeEntry(Command, tag="delivery.time_entry.submit.v1"):
    """Hand in work done; billable minutes default to the actual ones."""

    entry_id: Identifier
    project_id: Identifier
    line_id: Identifier
    consultant: Identifier
    role: Identifier
    work_date: date
    minutes: DayMinutes
    billable_minutes: Annotated[int, Meta(ge=0, le=1440)] | None = None
    task: Identifier | None = None
    note: Remark | None = None


class ApproveTimeEntry(Command, tag="delivery.time_entry.approve.v1"):
    """The project manager approves the entry: it may be billed."""

    entry_id: Identifier
    approved_by: Text


class RejectTimeEntry(Command, tag="delivery.time_entry.reject.v1"):
    """The project manager sends the entry back."""

    entry_id: Identifier
    rejected_by: Text
    rejection_reason: Text


class AdmitTimeEntry(Internal, tag="delivery.time_entry.admit.v1"):
    """Said by the project: the work belongs to it."""

    record: TimeRecord


class ConfirmTimeEntry(Internal, tag="delivery.time_entry.confirm.v1"):
    """Said by the consultant's week: the work is booked in an open week."""

    record: TimeRecord


class DeclineTimeEntry(Internal, tag="delivery.time_entry.decline.v1"):
    """Said by the project: the work is not its own. Said by the consultant's week: it is closed, or the day is full."""

    record: TimeRecord
    reason: Literal[
        "UNKNOWN_PROJECT",
        "UNKNOWN_LINE",
        "UNKNOWN_ROLE",
        "UNKNOWN_TASK",
        "FUTURE_DATE",
        "WEEK_CLOSED",
        "DAY_FULL",
        "ENTRY_EXISTS",
    ]
    detail: Text


class TimeEntrySubmitted(Event, tag="delivery.time_entry.submitted.v1"):
    """The entry waits for approval."""

    record: TimeRecord


class TimeEntryApproved(Event, tag="delivery.time_entry.approved.v1"):
    """Approved work: rated, costed and billed downstream."""

    record: TimeRecord
    approved_by: Text


class TimeEntryRejected(Event, tag="delivery.time_entry.rejected.v1"):
    """Sent back; a corrected entry gets a new id."""

    record: TimeRecord
    rejected_by: Text
    rejection_reason: Text


class TimeEntryRefused(Refusal, tag="delivery.time_entry.refused.v1"):
    """A request about a time entry was refused."""

    entry_id: Identifier


class BookWeek(Internal, tag="delivery.timesheet_week.book.v1"):
    """Said by a time entry: book the work into the consultant's week."""

    record: TimeRecord
    customer: Identifier


class ReleaseWeek(Internal, tag="delivery.timesheet_week.release.v1"):
    """Said by a time entry that was rejected: its minutes do not count."""

    record: TimeRecord
    customer: Identifier


class CloseWeek(Command, tag="delivery.timesheet_week.close.v1"):
    """Close the consultant's week; time for it is refused from then on."""

    week: WeekCode
    closed_by: Text


class WeekBooked(Event, tag="delivery.timesheet_week.booked.v1"):
    """Work stands in the week."""

    consultant: Identifier
    week: WeekCode
    customer: Identifier
    entry_id: Identifier
    work_date: date
    minutes: DayMinutes
    billable_minutes: Minutes


class WeekReleased(Event, tag="delivery.timesheet_week.released.v1"):
    """The minutes of a rejected entry are taken out of the week."""

    consultant: Identifier
    week: WeekCode
    customer: Identifier
    entry_id: Identifier


class WeekBookingRefused(Event, tag="delivery.timesheet_week.booking_refused.v1"):
    """The week is closed, the day would have more than 1,440 minutes, or the entry stands with other data."""

    consultant: Identifier
    week: WeekCode
    customer: Identifier
    entry_id: Identifier
    reason: Literal["WEEK_CLOSED", "DAY_FULL", "ENTRY_EXISTS"]
    detail: Text


class WeekClosed(Event, tag="delivery.timesheet_week.closed.v1"):
    """The utilisation of the week: billable minutes / available minutes (domain 4.11)."""

    consultant: Identifier
    week: WeekCode
    closed_by: Text
    minutes: Minutes
    billable_minutes: Minutes
    available_minutes: Minutes
    utilisation_percent: DecimalText
    """billable / available x 100, two decimals, half-up; 0 when nothing was available."""


class WeekRefused(Refusal, tag="delivery.timesheet_week.refused.v1"):
    """A request about a week was refused."""

    consultant: Identifier
    week: WeekCode


# --- cost and estimate: keyed by the customer -----------------------------------------------------------------------


class RecordCost(Command, tag="delivery.cost.record.v1"):
    """Cost incurred for a line of a project, net of recoverable tax; negative to correct an earlier one."""

    cost_id: Identifier
    project_id: Identifier
    line_id: Identifier
    amount: Money
    incurred_on: date
    description: Text


class AdmitCost(Internal, tag="delivery.cost.admit.v1"):
    """Said by the project: the cost belongs to it."""

    item: CostItem


class DeclineCost(Internal, tag="delivery.cost.decline.v1"):
    """Said by the project: the cost is not its own."""

    item: CostItem
    reason: Literal["UNKNOWN_PROJECT", "UNKNOWN_LINE", "CURRENCY", "TOO_LARGE", "FUTURE_DATE"]
    detail: Text


class CostRecorded(Event, tag="delivery.cost.recorded.v1"):
    """Cost to be counted into the project's progress."""

    cost_id: Identifier
    project_id: Identifier
    line_id: Identifier
    amount: Money
    incurred_on: date
    description: Text


class CostRefused(Refusal, tag="delivery.cost.refused.v1"):
    """The cost was refused: its id is taken by other data, or the project does not know it."""

    cost_id: Identifier


class ReviseEstimate(Command, tag="delivery.estimate.revise.v1"):
    """Say what the line will have cost in all when it is done."""

    project_id: Identifier
    line_id: Identifier
    estimate_at_completion: Money
    revised_by: Text
    revision_reason: Text


class EstimateOpened(Event, tag="delivery.estimate.opened.v1"):
    """The budget is the first estimate."""

    project_id: Identifier
    legal_entity: Identifier
    budgets: tuple[LineBudget, ...]
    time_lines: tuple[tuple[Identifier, Identifier], ...] = ()


class EstimateUpdated(Event, tag="delivery.estimate.updated.v1"):
    """Cost to date and estimate at completion of one line: the measure of progress (IFRS 15.B18-B19)."""

    project_id: Identifier
    line_id: Identifier
    cost_to_date: Money
    """Below zero only while a correction is there and the cost that it corrects is not."""
    estimate_at_completion: Money
    version: Version
    """Rises with every change of the estimate at completion."""
    as_of: date
    origin: Literal["COST", "TIME", "REVISION", "CHANGE_ORDER"]
    reference: Text
    """The cost, time entry, change order or person it comes from."""
    planned: Money | None = None
    """What was estimated, when the cost to date has overrun it; absent while the estimate stands."""


class EstimateRefused(Refusal, tag="delivery.estimate.refused.v1"):
    """A cost or a revision does not fit: unknown project or line, another currency, less than the cost to date."""

    project_id: Identifier
