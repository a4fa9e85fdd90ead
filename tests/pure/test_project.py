from datetime import date

import pytest

from contracts.commercial import ChangeOrderApplied, ChangeOrderRefused
from contracts.delivery import (
    AdmitCost,
    AdmitStaffing,
    AdmitTimeEntry,
    Assignment,
    CostItem,
    DeclineCost,
    DeclineStaffing,
    DeclineTimeEntry,
    ExamineCost,
    ExamineStaffing,
    ExamineTime,
    LineBudget,
    MilestoneNode,
    PlanMilestone,
    ProjectAmended,
    ProjectChangeRefused,
    ProjectChangeReleased,
    ProjectChangeStaged,
    ProjectProvisioned,
    ProjectProvisionRejected,
    ProjectRefused,
    ProvisionProject,
    TimeRecord,
)
from contracts.message import Period
from contracts.money import Money
from contracts.order import Budget, LineChange
from services.delivery import project
from tests.pure.delivery_orders import CONSULTING, admitted, agreement, change, changed, eur, order, template
from tests.pure.delivery_orders import provisioned as provisioning
from tests.story import Story, given

AGREEMENT = agreement("architect", "senior")
PROVISION = ProvisionProject(project_id="SOW-A")
PROVISIONED = provisioning()
REJECTED = ProjectProvisionRejected(
    project_id="SOW-A",
    reason="PSA_TEMPLATE",
    detail="template CONSULTING version 1 lacks role senior",
    way_out=(
        "publish version 2 of template CONSULTING with role senior, then ask again by delivery.project.provision.v1"
    ),
    order=order("architect", "senior"),
)
M4 = MilestoneNode(milestone_id="M4", line_id="L1", name="Milestone M4")
STAGED = ProjectChangeStaged(
    project_id="SOW-A",
    change_order_id="CO-1",
    milestones_added=(M4,),
    budgets=(
        LineBudget(line_id="L1", budget=Budget(minutes=60_000, cost=eur(490_000))),
        *PROVISIONED.budgets[1:],
    ),
)
AMENDED = ProjectAmended(project_id="SOW-A", change_order_id="CO-1", milestones_added=(M4,), budgets=STAGED.budgets)
RELEASED = ProjectChangeReleased(project_id="SOW-A", change_order_id="CO-1")
APPLIED = ChangeOrderApplied(change=change(), proposed=order("architect"))


def declined(
    *, by: str | None = "finance.revenue", id: str = "CO-1", agreement_id: str | None = "SOW-A"
) -> ChangeOrderRefused:
    return ChangeOrderRefused(
        change_order_id=id,
        agreement_id=agreement_id,
        request="commercial.change_order.approve.v1",
        reason="TREATMENT_NOT_OFFERED",
        detail="no",
        refused_by=by,
    )


def work(*, line: str = "L3", role: str = "senior", task: str | None = None) -> ExamineTime:
    return ExamineTime(
        record=TimeRecord(
            entry_id="T-1",
            project_id="SOW-A",
            line_id=line,
            consultant="PAULA",
            role=role,
            work_date=date(2026, 2, 11),
            minutes=60,
            billable_minutes=60,
            task=task,
        )
    )


def cost(*, line: str = "L1", currency: str = "EUR") -> ExamineCost:
    return ExamineCost(
        item=CostItem(
            cost_id="C-1",
            project_id="SOW-A",
            line_id=line,
            amount=Money("1", currency),
            incurred_on=date(2026, 1, 30),
            description="January",
        )
    )


def staffing(role: str = "senior") -> ExamineStaffing:
    return ExamineStaffing(
        assignment=Assignment(
            assignment_id="AS-1",
            project_id="SOW-A",
            consultant="NINA",
            role=role,
            period=Period(start=date(2026, 1, 12), end=date(2026, 3, 27)),
            minutes_per_day=480,
        )
    )


def running() -> Story:
    return given(project, PROVISIONED).knowing(CONSULTING)


def refused(story: Story, reason: str) -> ProjectChangeRefused:
    story.says(ProjectChangeRefused)
    refusal = story.the(ProjectChangeRefused)
    assert refusal.reason == reason
    return refusal


def test_every_message_finds_the_project_by_its_agreement() -> None:
    heard = (AGREEMENT, PROVISION, admitted(), APPLIED, declined(), work(), cost(), staffing())
    assert {project.actor_id(message) for message in heard} == {"SOW-A"}


def test_a_refused_change_order_without_an_agreement_concerns_no_project() -> None:
    assert project.actor_id(declined(agreement_id=None)) is None


def test_an_agreement_becomes_a_project_with_its_milestones_one_to_one() -> None:
    story = given(project).knowing(CONSULTING).when(AGREEMENT)
    story.says(ProjectProvisioned, PlanMilestone, PlanMilestone, PlanMilestone)
    assert [node.milestone_id for node in story.the(ProjectProvisioned).milestones] == ["M1", "M2", "M3"]
    assert story.said[1] == PlanMilestone(
        milestone=MilestoneNode(milestone_id="M1", line_id="L1", name="Milestone M1"),
        project_id="SOW-A",
        legal_entity="DE01",
    )


def test_a_project_takes_phases_roles_and_version_from_the_template() -> None:
    said = given(project).knowing(CONSULTING, template("architect", "senior", version=2)).when(AGREEMENT)
    provisioned = said.the(ProjectProvisioned)
    assert (provisioned.template_version, provisioned.roles) == (2, ("architect", "senior"))
    assert provisioned.phases == CONSULTING.phases


def test_a_project_takes_budgets_and_time_lines_from_the_order() -> None:
    assert [(line.line_id, line.budget.cost) for line in PROVISIONED.budgets] == [
        ("L1", eur(420_000)),
        ("L2", eur(100_000)),
        ("L3", eur(3_000)),
    ]
    assert PROVISIONED.time_lines == (("L3", "RC-EU"),)


def test_a_template_that_lacks_a_role_rejects_the_project_and_says_the_way_out() -> None:
    given(project).knowing(template("architect")).when(AGREEMENT).then(REJECTED)


def test_several_missing_roles_are_named_and_many_are_counted() -> None:
    story = given(project).knowing(template()).when(agreement("a", "b"))
    assert story.the(ProjectProvisionRejected).detail == "template CONSULTING version 1 lacks roles a, b"
    story = given(project).knowing(template()).when(agreement(*"abcdefg"))
    assert story.the(ProjectProvisionRejected).detail.endswith("lacks roles a, b, c, d, e and 2 more")


def test_an_unknown_template_rejects_the_project() -> None:
    story = given(project).knowing(CONSULTING).when(agreement(template="AUDIT"))
    assert story.the(ProjectProvisionRejected).reason == "UNKNOWN_TEMPLATE"


def test_a_rejected_project_is_provisioned_once_the_template_is_corrected() -> None:
    story = given(project, REJECTED).knowing(CONSULTING).when(PROVISION)
    assert story.said[0] == PROVISIONED


def test_a_project_is_rejected_again_while_nothing_is_corrected() -> None:
    given(project, REJECTED).knowing(template("architect")).when(PROVISION).then(REJECTED)


def test_a_rejected_agreement_heard_again_says_nothing() -> None:
    given(project, REJECTED).knowing(template("architect")).when(AGREEMENT).then_nothing()


@pytest.mark.parametrize("message", [AGREEMENT, PROVISION])
def test_there_is_never_a_second_project(message: ProvisionProject) -> None:
    running().when(message).then_nothing()


def test_without_an_agreement_there_is_nothing_to_provision() -> None:
    story = given(project).knowing(CONSULTING).when(PROVISION)
    assert story.the(ProjectRefused).reason == "UNKNOWN_PROJECT"
    assert story.state == project.initial


def test_a_change_is_staged_with_what_it_leads_to() -> None:
    running().when(admitted(changed(milestones="M4"))).then(STAGED)


def test_a_staged_change_changes_nothing_yet() -> None:
    assert running().when(admitted()).state.plan == running().state.plan


def test_a_change_admitted_twice_is_staged_once() -> None:
    running().when(admitted(), admitted()).then_nothing()


@pytest.mark.parametrize("settled", [AMENDED, RELEASED])
def test_a_change_that_was_settled_is_not_staged_again(settled: ProjectAmended | ProjectChangeReleased) -> None:
    given(project, PROVISIONED, STAGED, settled).knowing().when(admitted()).then_nothing()


def test_a_next_change_is_staged_after_the_last_was_settled() -> None:
    given(project, PROVISIONED, STAGED, AMENDED).knowing().when(admitted(changed(), id="CO-2")).says(
        ProjectChangeStaged
    )


def test_one_change_is_staged_at_a_time() -> None:
    refused(running().when(admitted(), admitted(id="CO-2")), "CHANGE_IN_PROGRESS")


@pytest.mark.parametrize("said", [(), (REJECTED,)])
def test_only_a_provisioned_project_is_changed(said: tuple[ProjectProvisionRejected, ...]) -> None:
    refused(given(project, *said).knowing().when(admitted()), "NOT_PROVISIONED")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (changed("L9"), "UNKNOWN_LINE"),
        (changed(cost=Money("1", "GBP")), "CURRENCY"),
        (changed(cost=eur(-420_001)), "INVALID_BUDGET"),
        (changed(minutes=-60_001), "INVALID_BUDGET"),
        (changed(minutes=100_000_000), "INVALID_BUDGET"),
        (changed(milestones="M1"), "MILESTONE_EXISTS"),
        (changed(milestones="M4 M4"), "MILESTONE_EXISTS"),
    ],
)
def test_a_change_that_delivery_cannot_do_is_refused(line: LineChange, reason: str) -> None:
    story = running().when(admitted(line))
    refused(story, reason)
    assert story.state == running().state


def test_a_budget_may_shrink_to_nothing() -> None:
    running().when(admitted(changed(cost=eur(-420_000), minutes=-60_000))).says(ProjectChangeStaged)


def test_a_line_changed_twice_is_changed_by_both() -> None:
    staged = running().when(admitted(changed(), changed(minutes=60))).the(ProjectChangeStaged)
    assert staged.budgets[0].budget == Budget(minutes=60_060, cost=eur(560_000))


def test_an_applied_change_amends_the_project_and_plans_its_milestones() -> None:
    story = given(project, PROVISIONED, STAGED).knowing().when(APPLIED)
    story.then(AMENDED, PlanMilestone(milestone=M4, project_id="SOW-A", legal_entity="DE01"))
    assert story.state.plan.milestones == ("M1", "M2", "M3", "M4")
    assert story.state.plan.budgets == STAGED.budgets


def test_a_change_applied_twice_amends_once() -> None:
    given(project, PROVISIONED, STAGED, AMENDED).knowing().when(APPLIED).then_nothing()


def test_a_change_that_was_not_staged_here_is_not_applied() -> None:
    running().when(APPLIED).then_nothing()
    given(project).knowing().when(APPLIED).then_nothing()


def test_a_change_refused_elsewhere_is_released() -> None:
    story = given(project, PROVISIONED, STAGED).knowing().when(declined())
    story.then(RELEASED)
    assert story.state.plan == running().state.plan


def test_a_change_released_twice_is_released_once() -> None:
    given(project, PROVISIONED, STAGED, RELEASED).knowing().when(declined()).then_nothing()


def test_a_refused_request_about_a_staged_change_does_not_release_it() -> None:
    given(project, PROVISIONED, STAGED).knowing().when(declined(by=None)).then_nothing()


def test_the_refusal_of_another_change_does_not_release_this_one() -> None:
    given(project, PROVISIONED, STAGED).knowing().when(declined(id="CO-2")).then_nothing()


@pytest.mark.parametrize("task", [None, "configure"])
def test_work_of_the_project_is_admitted(task: str | None) -> None:
    asked = work(task=task)
    running().when(asked).then(AdmitTimeEntry(record=asked.record))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (work(line="L9"), "UNKNOWN_LINE"),
        (work(role="intern"), "UNKNOWN_ROLE"),
        (work(task="lunch"), "UNKNOWN_TASK"),
    ],
)
def test_work_that_is_not_of_the_project_is_declined(asked: ExamineTime, reason: str) -> None:
    assert running().when(asked).the(DeclineTimeEntry).reason == reason


def test_a_cost_of_the_project_is_admitted() -> None:
    running().when(cost()).then(AdmitCost(item=cost().item))


@pytest.mark.parametrize(("asked", "reason"), [(cost(line="L9"), "UNKNOWN_LINE"), (cost(currency="GBP"), "CURRENCY")])
def test_a_cost_that_is_not_of_the_project_is_declined(asked: ExamineCost, reason: str) -> None:
    assert running().when(asked).the(DeclineCost).reason == reason


def test_a_role_that_the_project_needs_may_be_staffed() -> None:
    running().when(staffing()).then(AdmitStaffing(assignment=staffing().assignment))


def test_a_role_that_the_project_lacks_is_not_staffed() -> None:
    assert running().when(staffing("intern")).the(DeclineStaffing).reason == "UNKNOWN_ROLE"


@pytest.mark.parametrize("said", [(), (REJECTED,)])
def test_nothing_belongs_to_a_project_that_is_not_provisioned(said: tuple[ProjectProvisionRejected, ...]) -> None:
    story = given(project, *said).knowing()
    assert story.when(work()).the(DeclineTimeEntry).reason == "UNKNOWN_PROJECT"
    assert story.when(cost()).the(DeclineCost).reason == "UNKNOWN_PROJECT"
    assert story.when(staffing()).the(DeclineStaffing).reason == "UNKNOWN_PROJECT"


def test_an_unknown_project_says_no_event_about_work_so_that_its_chain_is_its_agreements() -> None:
    assert given(project).knowing().when(work()).state == project.initial
    given(project).knowing().when(work()).says(DeclineTimeEntry)


def test_a_rejection_of_old_without_its_order_can_only_be_opened_again() -> None:
    old = ProjectProvisionRejected(
        project_id="SOW-A", reason="UNKNOWN_TEMPLATE", detail="there is none", way_out="publish it"
    )
    given(project, old).knowing(CONSULTING).when(PROVISION).says(ProjectRefused)
