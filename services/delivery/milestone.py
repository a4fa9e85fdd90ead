"""A milestone: planned by its project, completed by delivery, accepted by the customer; then it may be billed, once."""

from collections.abc import Sequence
from typing import Literal, assert_never

from msgspec.structs import replace

from contracts.delivery import (
    AcceptMilestone,
    CompleteMilestone,
    MilestoneAccepted,
    MilestoneCompleted,
    MilestonePlanned,
    MilestoneRefused,
    PlanMilestone,
)
from contracts.message import Record, joined, name_of
from services.delivery.reference import Reference, day_of

Heard = PlanMilestone | CompleteMilestone | AcceptMilestone
Said = MilestonePlanned | MilestoneCompleted | MilestoneAccepted | MilestoneRefused


class Milestone(Record):
    plan: MilestonePlanned | None = None
    phase: Literal["PLANNED", "COMPLETED", "ACCEPTED"] = "PLANNED"


initial = Milestone()


def actor_id(message: Heard) -> str:
    """Projects of one customer may well name their milestones alike."""
    return joined(message.project_id, milestone_of(message))


def decide(state: Milestone, message: Heard, reference: Reference) -> Sequence[Said]:
    plan, known = state.plan, milestone_of(message)
    match message:
        case PlanMilestone() if plan is None:
            return [planned(message).about(message.correlation)]
        case PlanMilestone() if plan == planned(message):
            return []  # planned once
        case PlanMilestone():
            return [refuse(message, "MILESTONE_EXISTS", f"milestone {known} is planned otherwise already")]
        case CompleteMilestone() | AcceptMilestone() if plan is None:
            return [refuse(message, "UNKNOWN_MILESTONE", no_milestone(message)).about(message.correlation)]
        case CompleteMilestone() if state.phase == "PLANNED":
            return [completed(message, plan)]
        case CompleteMilestone():
            return []  # it is done already
        case AcceptMilestone() if state.phase == "PLANNED":
            return [refuse(message, "NOT_COMPLETED", f"milestone {known} is accepted once its work is completed")]
        case AcceptMilestone() if state.phase == "ACCEPTED":
            return []  # accepted twice, billed once
        case AcceptMilestone():
            return [accepted(message, plan, reference)]
        case _:
            assert_never(message)


def evolve(state: Milestone, event: Said) -> Milestone:
    match event:
        case MilestonePlanned():
            return Milestone(plan=event)
        case MilestoneCompleted():
            return replace(state, phase="COMPLETED")
        case MilestoneAccepted():
            return replace(state, phase="ACCEPTED")
        case MilestoneRefused():
            return state
        case _:
            assert_never(event)


def milestone_of(message: Heard) -> str:
    return message.milestone.milestone_id if isinstance(message, PlanMilestone) else message.milestone_id


def planned(message: PlanMilestone) -> MilestonePlanned:
    return MilestonePlanned(
        milestone=message.milestone, project_id=message.project_id, legal_entity=message.legal_entity
    )


def completed(message: CompleteMilestone, plan: MilestonePlanned) -> MilestoneCompleted:
    return MilestoneCompleted(
        milestone_id=message.milestone_id,
        project_id=plan.project_id,
        line_id=plan.milestone.line_id,
        completed_by=message.completed_by,
    )


def accepted(message: AcceptMilestone, plan: MilestonePlanned, reference: Reference) -> MilestoneAccepted:
    return MilestoneAccepted(
        milestone_id=message.milestone_id,
        project_id=plan.project_id,
        line_id=plan.milestone.line_id,
        accepted_by=message.accepted_by,
        evidence=message.evidence,
        accepted_on=day_of(reference, plan.legal_entity, message.at),
    )


def no_milestone(message: Heard) -> str:
    return f"there is no milestone {milestone_of(message)} in project {message.project_id}"


def refuse(message: Heard, reason: str, detail: str) -> MilestoneRefused:
    return MilestoneRefused(
        project_id=message.project_id,
        milestone_id=milestone_of(message),
        request=name_of(type(message)),
        reason=reason,
        detail=detail,
    )
