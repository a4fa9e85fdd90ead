"""Agreements: in force once both sides have done their part, held while one refuses, changed one change at a time."""

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from contracts.commercial import (
    AgreementActivated,
    AgreementAmended,
    AgreementCompleted,
    AgreementConfirmed,
    AgreementHeld,
    AgreementOpened,
    AgreementResumed,
    ChangeAdmitted,
    ChangeExamined,
    ChangeNotAdmitted,
    ChangeOrderApplied,
    ChangeOrderApproved,
    ChangeOrderRefused,
    ChangeReleased,
    ExamineChange,
)
from contracts.delivery import ProjectProvisioned, ProjectProvisionRejected
from contracts.finance import BillingPlanAgreed, BillingPlanCompleted, BillingPlanRefused
from contracts.message import Message
from services.commercial import agreement
from services.commercial.amendment import amended
from tests.pure.commercial_firm import ACME, FIRM, accepted, change, eur, line_change, signed_order
from tests.story import Story, at, given

ORDER = signed_order()
OPENED = AgreementOpened(agreement_id="A-1", order=ORDER)
DELIVERY = AgreementConfirmed(agreement_id="A-1", side="delivery")
FINANCE = AgreementConfirmed(agreement_id="A-1", side="finance")
ACTIVATED = AgreementActivated(agreement_id="A-1", order=ORDER, activated_on=date(2026, 3, 10))
PROVISIONED = ProjectProvisioned(
    project_id="A-1",
    legal_entity="DE01",
    template="CONSULTING",
    template_version=1,
    phases=(),
    roles=(),
    milestones=(),
    budgets=(),
)
REJECTED = ProjectProvisionRejected(
    project_id="A-1",
    reason="PSA_TEMPLATE",
    detail="template CONSULTING version 1 lacks role architect",
    way_out="publish a version with the role and provision again",
)
AGREED = BillingPlanAgreed(
    agreement_id="A-1",
    legal_entity="DE01",
    entries=(),
    caps=(),
    total=eur(600_000),
    customer=ACME,
    payment_terms_days=30,
    tax_categories=(),
    descriptions=(),
    time_zone="Europe/Berlin",
)
NOT_AGREED = BillingPlanRefused(
    agreement_id="A-1",
    reason="FX_RATE_MISSING",
    detail="no rate EUR-GBP",
    way_out="publish the rate",
    order=ORDER,
)
HELD = AgreementHeld(
    agreement_id="A-1",
    reason="PSA_TEMPLATE",
    detail="template CONSULTING version 1 lacks role architect",
    owner="delivery",
    way_out="publish a version with the role and provision again",
)
EXAMINE = ExamineChange(
    change_order_id="CO-1", agreement_id="A-1", description="Add the second site", requested_by="Ada Lovelace"
)
APPROVED = ChangeOrderApproved(change=change(), approved_by="Ada Lovelace")
AMENDED = amended(ORDER, change())
APPLIED = ChangeOrderApplied(change=change(), proposed=AMENDED)
REFUSED = ChangeOrderRefused(
    request="commercial.change_order.approve.v1",
    reason="BELOW_BILLED",
    detail="too late",
    change_order_id="CO-1",
    agreement_id="A-1",
    refused_by="finance.billing_plan",
)
COMPLETED = BillingPlanCompleted(agreement_id="A-1", total=eur(600_000))


def an_agreement(*said: agreement.Said) -> Story:
    return given(agreement, *said).knowing(*FIRM)


def active() -> Story:
    return an_agreement(OPENED, DELIVERY, FINANCE, ACTIVATED)


def changing() -> Story:
    return active().when(APPROVED)


# --- who is meant ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        accepted(),
        PROVISIONED,
        REJECTED,
        AGREED,
        NOT_AGREED,
        EXAMINE,
        APPROVED,
        APPLIED,
        REFUSED,
        COMPLETED,
    ],
)
def test_what_it_hears_names_the_agreement(message: agreement.Heard) -> None:
    assert agreement.actor_id(message) == "A-1"


def test_a_refused_request_about_a_change_order_concerns_no_agreement() -> None:
    assert agreement.actor_id(replace(REFUSED, agreement_id=None, refused_by=None)) is None


# --- opening and activating -----------------------------------------------------------------------------------------


def test_an_accepted_quote_opens_the_agreement() -> None:
    an_agreement().when(accepted()).then(OPENED)


def test_it_is_opened_once() -> None:
    an_agreement(OPENED).when(accepted()).then_nothing()
    active().when(accepted()).then_nothing()


def test_one_side_alone_does_not_put_it_into_force() -> None:
    an_agreement(OPENED).when(PROVISIONED).then(DELIVERY)
    an_agreement(OPENED).when(AGREED).then(FINANCE)


def test_both_sides_put_it_into_force_in_either_order() -> None:
    an_agreement(OPENED).when(PROVISIONED, AGREED).then(FINANCE, ACTIVATED)
    an_agreement(OPENED).when(AGREED, PROVISIONED).then(DELIVERY, ACTIVATED)


def test_it_is_in_force_on_the_day_that_it_is_where_the_legal_entity_is() -> None:
    late = at(AGREED, datetime(2026, 3, 31, 22, 30, tzinfo=UTC))
    assert an_agreement(OPENED).when(PROVISIONED, late).the(AgreementActivated).activated_on == date(2026, 4, 1)


@pytest.mark.parametrize("message", [PROVISIONED, AGREED])
def test_a_confirmation_heard_twice_says_nothing(message: ProjectProvisioned | BillingPlanAgreed) -> None:
    an_agreement(OPENED).when(message, message).then_nothing()
    active().when(message).then_nothing()


@pytest.mark.parametrize("message", [PROVISIONED, AGREED, REJECTED, NOT_AGREED, APPLIED, REFUSED, COMPLETED])
def test_what_is_said_about_an_unknown_agreement_says_nothing(message: Message) -> None:
    an_agreement().when(message).then_nothing()


# --- held and resumed -----------------------------------------------------------------------------------------------


def test_a_rejected_provisioning_holds_it_with_reason_owner_and_way_out() -> None:
    an_agreement(OPENED).when(REJECTED).then(HELD)


def test_a_refused_billing_plan_holds_it_for_finance() -> None:
    held = an_agreement(OPENED).when(NOT_AGREED).the(AgreementHeld)
    assert (held.reason, held.owner, held.way_out) == ("FX_RATE_MISSING", "finance", "publish the rate")


def test_the_same_rejection_twice_says_nothing() -> None:
    an_agreement(OPENED).when(REJECTED, REJECTED).then_nothing()


def test_another_rejection_replaces_the_reason() -> None:
    another = replace(REJECTED, reason="UNKNOWN_TEMPLATE")
    story = an_agreement(OPENED, HELD).when(another)
    assert story.the(AgreementHeld).reason == "UNKNOWN_TEMPLATE"
    assert [held.reason for held in story.state.holds] == ["UNKNOWN_TEMPLATE"]


def test_a_held_agreement_is_not_in_force_when_the_other_side_confirms() -> None:
    an_agreement(OPENED, HELD).when(AGREED).then(FINANCE)


def test_once_its_owner_has_mended_it_it_is_resumed_and_in_force() -> None:
    story = an_agreement(OPENED, HELD, FINANCE).when(PROVISIONED)
    story.then(AgreementResumed(agreement_id="A-1", reason="PSA_TEMPLATE", owner="delivery"), DELIVERY, ACTIVATED)
    assert story.state.holds == ()


def test_held_by_both_it_stays_held_until_both_have_mended_it() -> None:
    story = an_agreement(OPENED).when(REJECTED, NOT_AGREED, PROVISIONED)
    story.says(AgreementResumed, AgreementConfirmed)
    assert [held.owner for held in story.state.holds] == ["finance"]
    story.when(AGREED).says(AgreementResumed, AgreementConfirmed, AgreementActivated)


def test_a_late_echo_of_a_rejection_does_not_hold_it_again() -> None:
    an_agreement(OPENED, DELIVERY).when(REJECTED).then_nothing()
    active().when(NOT_AGREED).then_nothing()


# --- examining and admitting changes --------------------------------------------------------------------------------


def test_an_active_agreement_may_be_changed() -> None:
    active().when(EXAMINE).then(
        ChangeExamined(
            change_order_id="CO-1",
            agreement_id="A-1",
            description="Add the second site",
            requested_by="Ada Lovelace",
            order=ORDER,
        )
    )


def test_an_unknown_agreement_cannot_be_changed() -> None:
    story = an_agreement().when(at(EXAMINE, journey="J-2"))
    examined = story.the(ChangeExamined)
    assert (examined.problem, examined.order, examined.address.journey) == ("UNKNOWN_AGREEMENT", None, "J-2")
    assert story.state == agreement.initial


def test_an_agreement_that_is_not_in_force_cannot_be_changed() -> None:
    assert an_agreement(OPENED).when(EXAMINE).the(ChangeExamined).problem == "NOT_ACTIVE"


def test_an_approved_change_is_admitted_with_the_order_it_leads_to() -> None:
    changing().then(
        ChangeAdmitted(
            agreement_id="A-1",
            change=change(),
            order=ORDER,
            proposed=AMENDED,
            participants=("delivery.project", "finance.billing_plan", "finance.revenue"),
        )
    )


def test_an_approval_heard_twice_says_nothing() -> None:
    changing().when(APPROVED).then_nothing()
    changing().when(APPLIED, APPROVED).then_nothing()
    changing().when(REFUSED, APPROVED).then_nothing()


def test_one_change_at_a_time_is_admitted() -> None:
    second = replace(APPROVED, change=change(change_order_id="CO-2"))
    refused = changing().when(second).the(ChangeNotAdmitted)
    assert (refused.reason, refused.detail) == ("CHANGE_IN_PROGRESS", "change order CO-1 is on its way")


def test_a_change_that_was_not_admitted_is_not_admitted_later() -> None:
    second = replace(APPROVED, change=change(change_order_id="CO-2"))
    changing().when(second, APPLIED, second).then_nothing()


def test_a_change_of_an_unknown_agreement_is_not_admitted() -> None:
    story = an_agreement().when(at(APPROVED, journey="J-2"))
    refused = story.the(ChangeNotAdmitted)
    assert (refused.reason, refused.address.journey) == ("UNKNOWN_AGREEMENT", "J-2")
    assert story.state == agreement.initial


def test_a_change_of_an_agreement_not_in_force_is_not_admitted() -> None:
    assert an_agreement(OPENED).when(APPROVED).the(ChangeNotAdmitted).reason == "NOT_ACTIVE"


def test_a_change_that_does_not_fit_is_not_admitted() -> None:
    unfit = replace(APPROVED, change=change(line_change(line_id="L9")))
    story = active().when(unfit)
    assert story.the(ChangeNotAdmitted).reason == "UNKNOWN_LINE"
    assert story.state.staging is None


# --- the outcome of a change ----------------------------------------------------------------------------------------


def test_an_applied_change_makes_the_next_version() -> None:
    story = changing().when(APPLIED)
    story.then(AgreementAmended(agreement_id="A-1", change_order_id="CO-1", price_delta=eur(90_000), order=AMENDED))
    assert story.state.order == AMENDED
    assert story.state.staging is None


def test_a_change_refused_by_a_participant_is_released_and_the_next_admitted() -> None:
    story = changing().when(REFUSED)
    story.then(ChangeReleased(agreement_id="A-1", change_order_id="CO-1"))
    story.when(replace(APPROVED, change=change(change_order_id="CO-2"))).says(ChangeAdmitted)


@pytest.mark.parametrize("outcome", [APPLIED, REFUSED])
def test_the_outcome_heard_twice_says_nothing(outcome: ChangeOrderApplied | ChangeOrderRefused) -> None:
    changing().when(outcome, outcome).then_nothing()


def test_the_outcome_of_another_change_says_nothing() -> None:
    changing().when(replace(APPLIED, change=change(change_order_id="CO-2"))).then_nothing()
    changing().when(replace(REFUSED, change_order_id="CO-2")).then_nothing()
    active().when(APPLIED).then_nothing()


def test_a_refused_request_releases_nothing() -> None:
    changing().when(replace(REFUSED, refused_by=None)).then_nothing()


# --- completed ------------------------------------------------------------------------------------------------------


def test_when_everything_is_billed_it_is_completed() -> None:
    active().when(COMPLETED).then(AgreementCompleted(agreement_id="A-1", total=eur(600_000)))


def test_it_is_completed_once() -> None:
    active().when(COMPLETED, COMPLETED).then_nothing()


def test_a_plan_completed_at_an_older_total_does_not_complete_it() -> None:
    changing().when(APPLIED, COMPLETED).then_nothing()


def test_what_is_not_in_force_is_not_completed() -> None:
    an_agreement(OPENED).when(COMPLETED).then_nothing()


def test_a_change_of_a_completed_agreement_opens_it_again_until_that_is_billed_too() -> None:
    story = active().when(COMPLETED, EXAMINE, APPROVED, APPLIED)
    assert not story.state.completed
    again = story.when(replace(COMPLETED, total=eur(690_000)))
    again.then(AgreementCompleted(agreement_id="A-1", total=eur(690_000)))


def test_a_change_without_a_price_leaves_it_completed() -> None:
    free = change(line_change(price=eur(0), cost=eur(1), added=()), price_delta=eur(0))
    story = active().when(COMPLETED, replace(APPROVED, change=free), replace(APPLIED, change=free))
    story.says(AgreementAmended)
    assert story.state.completed
