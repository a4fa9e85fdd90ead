"""A project: an agreement as delivery works on it, set up once from a template and amended by change orders."""

from collections.abc import Sequence
from datetime import date
from typing import assert_never

from msgspec.structs import replace

from contracts.commercial import AgreementOpened, ChangeAdmitted, ChangeOrderApplied, ChangeOrderRefused
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
    PlanMilestone,
    ProjectAmended,
    ProjectChangeRefused,
    ProjectChangeReleased,
    ProjectChangeStaged,
    ProjectProvisioned,
    ProjectProvisionRejected,
    ProjectRefused,
    ProvisionProject,
)
from contracts.message import Message, Record, name_of
from contracts.order import ServicesOrder
from services.delivery.plan import Plan, amended_plan, examine_cost, examine_staffing, examine_time, plan_of
from services.delivery.provisioning import plans, provision
from services.delivery.reference import Reference, day_of
from services.delivery.staging import Outcome, Problem, stage

Heard = (
    AgreementOpened
    | ProvisionProject
    | ChangeAdmitted
    | ChangeOrderApplied
    | ChangeOrderRefused
    | ExamineTime
    | ExamineCost
    | ExamineStaffing
)
Said = (
    ProjectProvisioned
    | ProjectProvisionRejected
    | ProjectChangeStaged
    | ProjectChangeRefused
    | ProjectAmended
    | ProjectChangeReleased
    | ProjectRefused
)
Answer = AdmitTimeEntry | DeclineTimeEntry | AdmitCost | DeclineCost | AdmitStaffing | DeclineStaffing


class Project(Record):
    rejected: ServicesOrder | None = None
    """The order that could not be provisioned yet: kept to try again."""
    plan: Plan | None = None
    """None until provisioned."""
    staged: ProjectChangeStaged | None = None
    settled: str | None = None
    """The last change order that was applied or released."""


initial = Project()


def actor_id(message: Heard) -> str | None:
    match message:
        case AgreementOpened() | ChangeAdmitted() | ChangeOrderRefused():
            return message.agreement_id
        case ChangeOrderApplied():
            return message.change.agreement_id
        case ProvisionProject():
            return message.project_id
        case ExamineTime():
            return message.record.project_id
        case ExamineCost():
            return message.item.project_id
        case ExamineStaffing():
            return message.assignment.project_id
        case _:
            assert_never(message)


def decide(state: Project, message: Heard, reference: Reference) -> Sequence[Said | PlanMilestone | Answer]:
    plan, staged = state.plan, state.staged
    match message:
        case AgreementOpened() | ProvisionProject() if plan is not None:
            return []  # there is never a second project
        case AgreementOpened() if state.rejected is not None:
            return []  # rejected already: it is tried again by command
        case AgreementOpened():
            return provision(message.agreement_id, message.order, reference)
        case ProvisionProject() if state.rejected is not None:
            return provision(message.project_id, state.rejected, reference)
        case ProvisionProject():
            return [unknown(message).about(message.correlation)]
        case ChangeAdmitted() if message.change.change_order_id in (state.settled, staged and staged.change_order_id):
            return []  # staged or settled already
        case ChangeAdmitted() if staged is not None:
            return [refuse(message, "CHANGE_IN_PROGRESS", f"change order {staged.change_order_id} is staged")]
        case ChangeAdmitted() if plan is not None:
            return [answer_to(message, stage(message.change, plan))]
        case ChangeAdmitted():
            return [refuse(message, "NOT_PROVISIONED", "a project is changed once it is provisioned")]
        case ChangeOrderApplied() if plan and staged and staged.change_order_id == message.change.change_order_id:
            return [amended(staged), *plans(staged.project_id, plan.legal_entity, staged.milestones_added)]
        case ChangeOrderRefused() if (
            staged and staged.change_order_id == message.change_order_id and message.refused_by
        ):
            return [ProjectChangeReleased(project_id=staged.project_id, change_order_id=staged.change_order_id)]
        case ChangeOrderApplied() | ChangeOrderRefused():
            return []  # not staged here, or only a request about it was refused
        case ExamineTime():
            return [examine_time(plan, message, today(plan, message, reference))]
        case ExamineCost():
            return [examine_cost(plan, message, today(plan, message, reference))]
        case ExamineStaffing():
            return [examine_staffing(plan, message)]
        case _:
            assert_never(message)


def evolve(state: Project, event: Said) -> Project:
    match event:
        case ProjectProvisioned():
            return Project(plan=plan_of(event))
        case ProjectProvisionRejected():
            return Project(rejected=event.order)
        case ProjectChangeStaged():
            return replace(state, staged=event)
        case ProjectAmended():
            plan = None if state.plan is None else amended_plan(state.plan, event)
            return replace(state, plan=plan, staged=None, settled=event.change_order_id)
        case ProjectChangeReleased():
            return replace(state, staged=None, settled=event.change_order_id)
        case ProjectChangeRefused() | ProjectRefused():
            return state
        case _:
            assert_never(event)


def today(plan: Plan | None, message: Message, reference: Reference) -> date:
    """The day where the legal entity is."""
    return day_of(reference, plan.legal_entity if plan else "", message.at)


def answer_to(message: ChangeAdmitted, found: Outcome | Problem) -> ProjectChangeStaged | ProjectChangeRefused:
    if isinstance(found, Problem):
        return refuse(message, found.reason, found.detail)
    return ProjectChangeStaged(
        project_id=message.agreement_id,
        change_order_id=message.change.change_order_id,
        milestones_added=found.milestones_added,
        budgets=found.budgets,
    )


def amended(staged: ProjectChangeStaged) -> ProjectAmended:
    return ProjectAmended(
        project_id=staged.project_id,
        change_order_id=staged.change_order_id,
        milestones_added=staged.milestones_added,
        budgets=staged.budgets,
    )


def refuse(message: ChangeAdmitted, reason: str, detail: str) -> ProjectChangeRefused:
    return ProjectChangeRefused(
        project_id=message.agreement_id,
        change_order_id=message.change.change_order_id,
        reason=reason,
        detail=detail,
    )


def unknown(message: ProvisionProject) -> ProjectRefused:
    return ProjectRefused(
        project_id=message.project_id,
        request=name_of(ProvisionProject),
        reason="UNKNOWN_PROJECT",
        detail=f"no agreement {message.project_id} has been opened",
    )
