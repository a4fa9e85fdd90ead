"""What a provisioned project consists of, and whether a piece of work belongs to it."""

from datetime import date

from msgspec.structs import replace

from contracts.delivery import (
    AdmitCost,
    AdmitStaffing,
    AdmitTimeEntry,
    DeclineCost,
    DeclineStaffing,
    DeclineTimeEntry,
    ExamineCost,
    ExamineStaffing,
    ExamineTime,
    LineBudget,
    MilestoneNode,
    ProjectAmended,
    ProjectProvisioned,
)
from contracts.message import Record
from contracts.money import LARGEST


class Plan(Record):
    legal_entity: str
    roles: tuple[str, ...]
    tasks: tuple[str, ...]
    milestones: tuple[str, ...]
    budgets: tuple[LineBudget, ...]


def plan_of(event: ProjectProvisioned) -> Plan:
    return Plan(
        legal_entity=event.legal_entity,
        roles=event.roles,
        tasks=tuple(task for phase in event.phases for task in phase.tasks),
        milestones=ids_of(event.milestones),
        budgets=event.budgets,
    )


def amended_plan(plan: Plan, event: ProjectAmended) -> Plan:
    return replace(plan, milestones=(*plan.milestones, *ids_of(event.milestones_added)), budgets=event.budgets)


def ids_of(milestones: tuple[MilestoneNode, ...]) -> tuple[str, ...]:
    return tuple(milestone.milestone_id for milestone in milestones)


def currency_of(plan: Plan, line_id: str) -> str | None:
    """The currency a line is budgeted in; None for a line that the project does not have."""
    return next((line.budget.cost.currency for line in plan.budgets if line.line_id == line_id), None)


def examine_time(plan: Plan | None, message: ExamineTime, today: date) -> AdmitTimeEntry | DeclineTimeEntry:
    record = message.record
    if plan is None:
        return DeclineTimeEntry(record=record, reason="UNKNOWN_PROJECT", detail=no_project(record.project_id))
    if currency_of(plan, record.line_id) is None:
        return DeclineTimeEntry(record=record, reason="UNKNOWN_LINE", detail=no_line(record.line_id))
    if record.role not in plan.roles:
        return DeclineTimeEntry(record=record, reason="UNKNOWN_ROLE", detail=no_role(record.role))
    if record.task is not None and record.task not in plan.tasks:
        return DeclineTimeEntry(record=record, reason="UNKNOWN_TASK", detail=f"the project has no task {record.task}")
    if is_ahead(record.work_date, today):
        return DeclineTimeEntry(record=record, reason="FUTURE_DATE", detail=ahead(record.work_date, today))
    return AdmitTimeEntry(record=record)


def examine_cost(plan: Plan | None, message: ExamineCost, today: date) -> AdmitCost | DeclineCost:
    item = message.item
    if plan is None:
        return DeclineCost(item=item, reason="UNKNOWN_PROJECT", detail=no_project(item.project_id))
    currency = currency_of(plan, item.line_id)
    if currency is None:
        return DeclineCost(item=item, reason="UNKNOWN_LINE", detail=no_line(item.line_id))
    if item.amount.currency != currency:
        detail = f"line {item.line_id} is budgeted in {currency}, not in {item.amount.currency}"
        return DeclineCost(item=item, reason="CURRENCY", detail=detail)
    if abs(item.amount.value) > LARGEST:
        return DeclineCost(item=item, reason="TOO_LARGE", detail=f"{item.amount} is more than any project costs")
    if is_ahead(item.incurred_on, today):
        return DeclineCost(item=item, reason="FUTURE_DATE", detail=ahead(item.incurred_on, today))
    return AdmitCost(item=item)


def examine_staffing(plan: Plan | None, message: ExamineStaffing) -> AdmitStaffing | DeclineStaffing:
    asked = message.assignment
    if plan is None:
        return DeclineStaffing(assignment=asked, reason="UNKNOWN_PROJECT", detail=no_project(asked.project_id))
    if asked.role not in plan.roles:
        return DeclineStaffing(assignment=asked, reason="UNKNOWN_ROLE", detail=no_role(asked.role))
    return AdmitStaffing(assignment=asked)


def is_ahead(day: date, today: date) -> bool:
    """Whether it is not that day yet; somewhere on earth it may be tomorrow already."""
    return (day - today).days > 1


def ahead(day: date, today: date) -> str:
    return f"{day} has not come: where the legal entity is, it is {today}"


def no_project(project_id: str) -> str:
    return f"there is no provisioned project {project_id}"


def no_line(line_id: str) -> str:
    return f"the project has no line {line_id}"


def no_role(role: str) -> str:
    return f"the project has no role {role}"
