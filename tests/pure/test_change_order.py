"""Change orders: asked for, priced, approved, staged by every participant; then in force everywhere or nowhere."""

import pytest
from msgspec.structs import replace

from contracts.commercial import (
    ApproveChangeOrder,
    ChangeAdmitted,
    ChangeExamined,
    ChangeNotAdmitted,
    ChangeOrderAdmitted,
    ChangeOrderApplied,
    ChangeOrderApproved,
    ChangeOrderPriced,
    ChangeOrderRefused,
    ChangeOrderRequested,
    ChangeOrderStaged,
    ChangePreview,
    ExamineChange,
    PreviewChangeOrder,
    PriceChangeOrder,
    RequestChangeOrder,
)
from contracts.delivery import ProjectChangeRefused, ProjectChangeStaged
from contracts.finance import (
    BillingPlanChangeRefused,
    BillingPlanChangeStaged,
    RevenueChangeRefused,
    RevenueChangeStaged,
)
from contracts.message import Message
from contracts.order import BillingMethod, LineChange, RevenueMethod, Treatment
from services.commercial import change_order
from services.commercial.agreement import PARTICIPANTS
from services.commercial.amendment import amended
from services.commercial.change_preview import treatment_of
from tests.pure.commercial_firm import (
    CAPPED,
    RETAINER,
    change,
    eur,
    gbp,
    line_change,
    milestones,
    order_line,
    signed_order,
)
from tests.story import Story, at, given

ORDER = signed_order()
PROPOSED = amended(ORDER, change())
REQUEST = RequestChangeOrder(
    change_order_id="CO-1", agreement_id="A-1", description="Add the second site", requested_by="Ada Lovelace"
)
EXAMINED = ChangeExamined(
    change_order_id="CO-1",
    agreement_id="A-1",
    description="Add the second site",
    requested_by="Ada Lovelace",
    order=ORDER,
)
REQUESTED = ChangeOrderRequested(
    change_order_id="CO-1",
    agreement_id="A-1",
    description="Add the second site",
    requested_by="Ada Lovelace",
    order=ORDER,
)
PRICE = PriceChangeOrder(change_order_id="CO-1", lines=(line_change(),), priced_by="Grace Hopper")
PRICED = ChangeOrderPriced(change=change(), priced_by="Grace Hopper")
APPROVE = ApproveChangeOrder(change_order_id="CO-1", approved_by="Ada Lovelace")
APPROVED = ChangeOrderApproved(change=change(), approved_by="Ada Lovelace")
ADMITTED = ChangeAdmitted(
    agreement_id="A-1", change=change(), order=ORDER, proposed=PROPOSED, participants=PARTICIPANTS
)
NOT_ADMITTED = ChangeNotAdmitted(
    agreement_id="A-1", change_order_id="CO-1", reason="CHANGE_IN_PROGRESS", detail="change order CO-0 is on its way"
)
PROJECT = ProjectChangeStaged(project_id="A-1", change_order_id="CO-1")
BILLING = BillingPlanChangeStaged(agreement_id="A-1", change_order_id="CO-1", entries=(), caps=(), total=eur(690_000))
REVENUE = RevenueChangeStaged(agreement_id="A-1", change_order_id="CO-1", treatments=(("L1", "CATCH_UP"),))
PROJECT_NO = ProjectChangeRefused(project_id="A-1", change_order_id="CO-1", reason="BUDGET", detail="too little")
BILLING_NO = BillingPlanChangeRefused(
    agreement_id="A-1", change_order_id="CO-1", reason="BELOW_BILLED", detail="too late"
)
REVENUE_NO = RevenueChangeRefused(
    agreement_id="A-1", change_order_id="CO-1", reason="UNSUPPORTED", detail="no treatment"
)


def a_change_order(*said: change_order.Said) -> Story:
    return given(change_order, *said)


def requested() -> Story:
    return a_change_order(REQUESTED)


def priced() -> Story:
    return a_change_order(REQUESTED, PRICED)


def approved() -> Story:
    return a_change_order(REQUESTED, PRICED, APPROVED)


def admitted() -> Story:
    return approved().when(ADMITTED)


def applied() -> Story:
    return admitted().when(PROJECT, BILLING, REVENUE)


def closed() -> Story:
    return admitted().when(BILLING_NO)


def reason(story: Story) -> str:
    return story.says(ChangeOrderRefused).the(ChangeOrderRefused).reason


# --- requesting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [REQUEST, EXAMINED, ADMITTED, NOT_ADMITTED, PROJECT, BILLING_NO])
def test_what_it_hears_names_the_change_order(message: change_order.Heard) -> None:
    assert change_order.actor_id(message) == "CO-1"


def test_a_request_is_examined_by_the_agreement() -> None:
    a_change_order().when(REQUEST).then(
        ExamineChange(
            change_order_id="CO-1", agreement_id="A-1", description="Add the second site", requested_by="Ada Lovelace"
        )
    )


def test_what_the_agreement_finds_no_problem_with_is_requested() -> None:
    a_change_order().when(REQUEST, EXAMINED).then(REQUESTED)


@pytest.mark.parametrize("message", [REQUEST, EXAMINED])
def test_asking_for_the_same_twice_says_nothing(message: Message) -> None:
    requested().when(message).then_nothing()
    applied().when(message).then_nothing()


@pytest.mark.parametrize(
    "message", [replace(REQUEST, description="Something else"), replace(EXAMINED, agreement_id="A-2")]
)
def test_asking_for_something_else_under_the_same_id_is_refused(message: Message) -> None:
    assert reason(requested().when(message)) == "ALREADY_REQUESTED"


@pytest.mark.parametrize("problem", ["UNKNOWN_AGREEMENT", "NOT_ACTIVE"])
def test_what_the_agreement_cannot_do_is_refused_about_the_chain_of_the_request(problem: str) -> None:
    examined = replace(EXAMINED, order=None, problem=problem)
    story = a_change_order().when(REQUEST, at(examined, journey="J-2"))
    refused = story.the(ChangeOrderRefused)
    assert (refused.reason, refused.request) == (problem, "commercial.change_order.request.v1")
    assert (refused.address.journey, refused.agreement_id, refused.refused_by) == ("J-2", None, None)
    assert story.state == change_order.initial


def test_an_order_that_is_not_in_one_currency_is_not_changed() -> None:
    mixed = replace(EXAMINED, order=replace(ORDER, total=gbp(600_000)))
    assert reason(a_change_order().when(REQUEST, mixed)) == "INVALID_ORDER"


def test_a_refused_request_may_be_made_again() -> None:
    refused = replace(EXAMINED, order=None, problem="NOT_ACTIVE")
    a_change_order().when(REQUEST, refused, REQUEST).says(ExamineChange)
    a_change_order().when(REQUEST, refused, REQUEST, EXAMINED).then(REQUESTED)


# --- pricing and approving ------------------------------------------------------------------------------------------


def test_a_price_is_the_sum_of_its_lines() -> None:
    requested().when(PRICE).then(PRICED)


def test_pricing_twice_with_the_same_figures_says_nothing() -> None:
    priced().when(PRICE).then_nothing()


def test_until_it_is_approved_it_may_be_priced_again() -> None:
    said = priced().when(replace(PRICE, lines=(line_change(cost=eur(60_000)),))).the(ChangeOrderPriced)
    assert said.change.lines[0].cost_delta == eur(60_000)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (line_change(line_id="L9"), "UNKNOWN_LINE"),
        (line_change(price=gbp(90_000)), "INVALID_CHANGE"),
        (line_change(added=()), "INVALID_CHANGE"),
    ],
)
def test_a_price_that_does_not_fit_the_order_is_refused(line: LineChange, code: str) -> None:
    story = requested().when(replace(PRICE, lines=(line,)))
    assert reason(story) == code
    assert story.state == requested().state


def test_a_priced_change_order_is_approved() -> None:
    priced().when(APPROVE).then(APPROVED)


def test_what_has_no_price_is_not_approved() -> None:
    assert reason(requested().when(APPROVE)) == "NOT_PRICED"


@pytest.mark.parametrize("story", [approved(), admitted(), applied()])
def test_approving_twice_says_nothing(story: Story) -> None:
    story.when(APPROVE).then_nothing()


def test_an_approval_by_another_person_is_refused() -> None:
    assert reason(approved().when(replace(APPROVE, approved_by="Eve"))) == "NOT_OPEN"


@pytest.mark.parametrize("story", [approved(), applied(), closed()])
def test_what_is_approved_or_closed_is_not_priced(story: Story) -> None:
    refused = story.when(PRICE)
    assert reason(refused) == "NOT_OPEN"
    assert refused.the(ChangeOrderRefused).agreement_id is None


def test_a_closed_change_order_is_not_approved() -> None:
    assert reason(closed().when(APPROVE)) == "NOT_OPEN"


@pytest.mark.parametrize("message", [PRICE, APPROVE])
def test_an_unknown_change_order_is_refused(message: Message) -> None:
    story = a_change_order().when(at(message, journey="J-2"))
    assert reason(story) == "UNKNOWN_CHANGE_ORDER"
    assert story.the(ChangeOrderRefused).address.journey == "J-2"
    assert story.state == change_order.initial


# --- staging --------------------------------------------------------------------------------------------------------


def test_an_admitted_change_waits_for_its_participants() -> None:
    admitted().then(ChangeOrderAdmitted(change_order_id="CO-1", proposed=PROPOSED, participants=PARTICIPANTS))


def test_an_admission_heard_twice_says_nothing() -> None:
    admitted().when(ADMITTED).then_nothing()
    priced().when(ADMITTED).then_nothing()


def test_a_change_that_is_not_admitted_is_closed() -> None:
    approved().when(NOT_ADMITTED).then(
        ChangeOrderRefused(
            change_order_id="CO-1",
            agreement_id="A-1",
            request="commercial.change_order.approve.v1",
            reason="CHANGE_IN_PROGRESS",
            detail="change order CO-0 is on its way",
            refused_by="commercial.agreement",
        )
    )


@pytest.mark.parametrize("story", [priced(), admitted(), applied(), closed()])
def test_a_refused_admission_that_is_not_waited_for_says_nothing(story: Story) -> None:
    story.when(NOT_ADMITTED).then_nothing()


def test_one_participant_alone_does_not_apply_it() -> None:
    admitted().when(PROJECT).then(ChangeOrderStaged(change_order_id="CO-1", participant="delivery.project"))


@pytest.mark.parametrize(
    ("others", "last", "participant"),
    [
        ((PROJECT, BILLING), REVENUE, "finance.revenue"),
        ((REVENUE, PROJECT), BILLING, "finance.billing_plan"),
        ((BILLING, REVENUE), PROJECT, "delivery.project"),
    ],
)
def test_when_all_have_staged_it_it_is_in_force(
    others: tuple[Message, Message], last: Message, participant: str
) -> None:
    admitted().when(*others, last).then(
        ChangeOrderStaged(change_order_id="CO-1", participant=participant),
        ChangeOrderApplied(change=change(), proposed=PROPOSED),
    )


@pytest.mark.parametrize("message", [PROJECT, BILLING, REVENUE])
def test_staging_twice_counts_once(message: Message) -> None:
    admitted().when(message, message).then_nothing()
    applied().when(message).then_nothing()


@pytest.mark.parametrize("story", [priced(), approved(), closed()])
def test_what_is_staged_without_being_waited_for_says_nothing(story: Story) -> None:
    story.when(REVENUE).then_nothing()


@pytest.mark.parametrize(
    ("message", "participant", "code"),
    [
        (PROJECT_NO, "delivery.project", "BUDGET"),
        (BILLING_NO, "finance.billing_plan", "BELOW_BILLED"),
        (REVENUE_NO, "finance.revenue", "UNSUPPORTED"),
    ],
)
def test_one_participant_that_refuses_closes_it(message: Message, participant: str, code: str) -> None:
    refused = admitted().when(message).the(ChangeOrderRefused)
    assert (refused.refused_by, refused.reason, refused.agreement_id) == (participant, code, "A-1")


@pytest.mark.parametrize("message", [PROJECT_NO, BILLING_NO, REVENUE_NO])
def test_a_second_refusal_says_nothing(message: Message) -> None:
    closed().when(message).then_nothing()
    applied().when(message).then_nothing()


# --- preview --------------------------------------------------------------------------------------------------------


def preview(story: Story) -> ChangePreview:
    return change_order.answer(story.state, at(PreviewChangeOrder(change_order_id="CO-1")))


def test_a_preview_names_value_cost_and_treatment() -> None:
    assert preview(priced()) == ChangePreview(
        change_order_id="CO-1",
        status="PRICED",
        value_before=eur(600_000),
        value_after=eur(690_000),
        cost_before=eur(420_000),
        cost_after=eur(490_000),
        treatment=(("L1", "CATCH_UP"),),
    )


def test_a_preview_without_a_price_changes_nothing_yet() -> None:
    answer = preview(requested())
    assert (answer.status, answer.value_after, answer.cost_after, answer.treatment) == (
        "REQUESTED",
        eur(600_000),
        eur(420_000),
        (),
    )


def test_a_preview_of_an_unknown_change_order_says_so() -> None:
    assert preview(a_change_order()) == ChangePreview(change_order_id="CO-1", status="UNKNOWN")


@pytest.mark.parametrize(
    ("billing", "method", "distinct", "treatment"),
    [
        (milestones(600_000), "COST_TO_COST", False, "CATCH_UP"),
        (milestones(600_000), "COST_TO_COST", True, "PROSPECTIVE"),
        (RETAINER, "ELAPSED", False, "PROSPECTIVE"),
        (CAPPED, "RIGHT_TO_INVOICE", False, "RIGHT_TO_INVOICE"),
    ],
)
def test_the_treatment_follows_from_how_progress_is_measured(
    billing: BillingMethod, method: RevenueMethod, distinct: bool, treatment: Treatment
) -> None:
    line = order_line(billing=billing, revenue_method=method)
    assert treatment_of(line, line_change(distinct=distinct)) == treatment


@pytest.mark.parametrize(("story", "status"), [(approved(), "APPROVED"), (applied(), "APPLIED"), (closed(), "REFUSED")])
def test_the_status_tells_where_the_change_order_stands(story: Story, status: str) -> None:
    assert preview(story).status == status
