from datetime import UTC, date, datetime

from contracts.delivery import (
    AcceptMilestone,
    CompleteMilestone,
    MilestoneAccepted,
    MilestoneCompleted,
    MilestoneNode,
    MilestonePlanned,
    MilestoneRefused,
    PlanMilestone,
)
from contracts.message import Message
from services.delivery import milestone
from tests.pure.delivery_orders import DE01
from tests.story import Story, at, given

M1 = MilestoneNode(milestone_id="M1", line_id="L1", name="Blueprint")
PLAN = PlanMilestone(milestone=M1, project_id="SOW-A", legal_entity="DE01")
COMPLETE = CompleteMilestone(project_id="SOW-A", milestone_id="M1", completed_by="NINA")
ACCEPT = AcceptMilestone(project_id="SOW-A", milestone_id="M1", accepted_by="I. Weber", evidence="protocol-1.pdf")
PLANNED = MilestonePlanned(milestone=M1, project_id="SOW-A", legal_entity="DE01")
COMPLETED = MilestoneCompleted(milestone_id="M1", project_id="SOW-A", line_id="L1", completed_by="NINA")


def accepted(on: date) -> MilestoneAccepted:
    return MilestoneAccepted(
        milestone_id="M1",
        project_id="SOW-A",
        line_id="L1",
        accepted_by="I. Weber",
        evidence="protocol-1.pdf",
        accepted_on=on,
    )


ACCEPTED = accepted(date(2026, 3, 10))


def after(*said: MilestonePlanned | MilestoneCompleted | MilestoneAccepted) -> Story:
    return given(milestone, *said).knowing(DE01)


def refused(story: Story, request: type[Message], reason: str) -> None:
    refusal = story.the(MilestoneRefused)
    assert (refusal.reason, refusal.request) == (reason, request.__struct_config__.tag)


def test_every_message_finds_the_milestone_by_its_project_and_its_id() -> None:
    assert [milestone.actor_id(message) for message in (PLAN, COMPLETE, ACCEPT)] == ["SOW-A--M1"] * 3


def test_another_project_may_name_its_milestone_alike() -> None:
    other = PlanMilestone(milestone=M1, project_id="SOW-B", legal_entity="DE01")
    assert milestone.actor_id(other) != milestone.actor_id(PLAN)


def test_a_project_plans_its_milestone() -> None:
    after().when(PLAN).then(PLANNED)


def test_a_milestone_planned_twice_is_planned_once() -> None:
    after(PLANNED).when(PLAN).then_nothing()


def test_a_milestone_planned_by_two_projects_stays_with_the_first() -> None:
    other = PlanMilestone(milestone=M1, project_id="SOW-B", legal_entity="DE01")
    refused(after(PLANNED).when(other), PlanMilestone, "MILESTONE_EXISTS")


def test_planned_work_is_completed() -> None:
    after(PLANNED).when(COMPLETE).then(COMPLETED)


def test_work_completed_twice_is_completed_once() -> None:
    after(PLANNED, COMPLETED).when(COMPLETE).then_nothing()


def test_completing_an_accepted_milestone_says_nothing() -> None:
    after(PLANNED, COMPLETED, ACCEPTED).when(COMPLETE).then_nothing()


def test_a_completed_milestone_is_accepted_with_its_evidence() -> None:
    after(PLANNED, COMPLETED).when(ACCEPT).then(ACCEPTED)


def test_a_milestone_accepted_twice_is_accepted_once() -> None:
    after(PLANNED, COMPLETED, ACCEPTED).when(ACCEPT).then_nothing()


def test_the_day_of_acceptance_is_the_legal_entitys_day() -> None:
    late = at(ACCEPT, datetime(2026, 3, 31, 22, 30, tzinfo=UTC))
    after(PLANNED, COMPLETED).when(late).then(accepted(date(2026, 4, 1)))


def test_without_a_known_legal_entity_the_day_is_that_of_utc() -> None:
    late = at(ACCEPT, datetime(2026, 3, 31, 22, 30, tzinfo=UTC))
    given(milestone, PLANNED, COMPLETED).knowing().when(late).then(accepted(date(2026, 3, 31)))


def test_nothing_is_accepted_before_it_is_completed() -> None:
    refused(after(PLANNED).when(ACCEPT), AcceptMilestone, "NOT_COMPLETED")


def test_an_unknown_milestone_is_not_completed() -> None:
    refused(after().when(COMPLETE), CompleteMilestone, "UNKNOWN_MILESTONE")


def test_an_unknown_milestone_is_not_accepted() -> None:
    refused(after().when(ACCEPT), AcceptMilestone, "UNKNOWN_MILESTONE")


def test_a_refusal_changes_nothing() -> None:
    assert after(PLANNED).when(ACCEPT).state == after(PLANNED).state
