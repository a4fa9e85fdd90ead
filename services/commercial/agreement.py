"""An agreement: in force once delivery has provisioned and finance has agreed how to bill; held while one refuses."""

from collections.abc import Sequence
from datetime import date
from typing import Literal, assert_never

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
    ChangeReason,
    ChangeReleased,
    ExamineChange,
    QuoteAccepted,
)
from contracts.delivery import ProjectProvisioned, ProjectProvisionRejected
from contracts.finance import BillingPlanAgreed, BillingPlanCompleted, BillingPlanRefused
from contracts.message import Record
from contracts.money import Money
from contracts.order import Change, ServicesOrder
from services.commercial.amendment import amended, obstacle_to
from services.commercial.reference import Reference, day_of

Step = ProjectProvisioned | BillingPlanAgreed
Setback = ProjectProvisionRejected | BillingPlanRefused
ChangeStep = ExamineChange | ChangeOrderApproved | ChangeOrderApplied | ChangeOrderRefused
Heard = QuoteAccepted | Step | Setback | ChangeStep | BillingPlanCompleted
Said = (
    AgreementOpened
    | AgreementConfirmed
    | AgreementHeld
    | AgreementResumed
    | AgreementActivated
    | AgreementAmended
    | AgreementCompleted
    | ChangeExamined
    | ChangeAdmitted
    | ChangeNotAdmitted
    | ChangeReleased
)
Side = Literal["delivery", "finance"]

SIDES: tuple[Side, ...] = ("delivery", "finance")
PARTICIPANTS = ("delivery.project", "finance.billing_plan", "finance.revenue")


class Agreement(Record):
    order: ServicesOrder | None = None  # as it stands now; None until opened
    confirmed: tuple[Side, ...] = ()
    holds: tuple[AgreementHeld, ...] = ()  # at most one for each side
    active: bool = False  # may be worked on, billed and changed; stays so when completed
    completed: bool = False
    staging: ChangeAdmitted | None = None  # the one change that is on its way
    decided: tuple[str, ...] = ()  # change orders that came to an end here; an agreement has few


initial = Agreement()


def actor_id(message: Heard) -> str | None:
    match message:
        case QuoteAccepted():
            return message.order.agreement_id
        case ProjectProvisioned() | ProjectProvisionRejected():
            return message.project_id
        case ChangeOrderApproved() | ChangeOrderApplied():
            return message.change.agreement_id
        case BillingPlanAgreed() | BillingPlanRefused() | BillingPlanCompleted() | ExamineChange():
            return message.agreement_id
        case ChangeOrderRefused():
            return message.agreement_id  # none: the refusal of a request, which no participant has acted on
        case _:
            assert_never(message)


def decide(state: Agreement, message: Heard, reference: Reference) -> Sequence[Said]:
    match message:
        case QuoteAccepted() if state.order is None:
            return [AgreementOpened(agreement_id=message.order.agreement_id, order=message.order)]
        case QuoteAccepted():
            return []  # opened already

        case ProjectProvisioned() | BillingPlanAgreed() if state.order and side_of(message) not in state.confirmed:
            today = day_of(reference, state.order.legal_entity, message.at)
            return confirm(state, state.order, side_of(message), today)
        case ProjectProvisioned() | BillingPlanAgreed():
            return []  # confirmed already, or no agreement of ours

        case ProjectProvisionRejected() | BillingPlanRefused() if side_of(message) in state.confirmed:
            return []  # it had succeeded: a late echo
        case ProjectProvisionRejected() | BillingPlanRefused() if state.order:
            held = hold(message, state.order.agreement_id)
            return [] if held in state.holds else [held]  # held for that reason already
        case ProjectProvisionRejected() | BillingPlanRefused():
            return []  # no agreement of ours

        case ExamineChange() if state.order is None:
            return [examine(message, None, "UNKNOWN_AGREEMENT").about(message.correlation)]
        case ExamineChange() if not state.active:
            return [examine(message, None, "NOT_ACTIVE")]
        case ExamineChange():
            return [examine(message, state.order, None)]

        case ChangeOrderApproved() if is_known(state, message.change.change_order_id):
            return []  # on its way, or decided
        case ChangeOrderApproved() if state.order and not state.active:
            return [not_admitted(message.change, "NOT_ACTIVE", "the agreement is not active")]
        case ChangeOrderApproved() if state.staging:
            detail = f"change order {state.staging.change.change_order_id} is on its way"
            return [not_admitted(message.change, "CHANGE_IN_PROGRESS", detail)]
        case ChangeOrderApproved() if state.order:
            return [admit(state.order, message.change)]
        case ChangeOrderApproved():
            refusal = not_admitted(message.change, "UNKNOWN_AGREEMENT", "there is no such agreement")
            return [refusal.about(message.correlation)]

        case ChangeOrderApplied() if staged := staged_change(state, message.change.change_order_id):
            return [amend(staged)]
        case ChangeOrderRefused() if message.refused_by and (staged := staged_change(state, message.change_order_id)):
            return [ChangeReleased(agreement_id=staged.agreement_id, change_order_id=message.change_order_id)]
        case ChangeOrderApplied() | ChangeOrderRefused():
            return []  # not the change that is on its way

        case BillingPlanCompleted() if state.active and not state.completed and message.total == value_of(state):
            return [AgreementCompleted(agreement_id=message.agreement_id, total=message.total)]
        case BillingPlanCompleted():
            return []  # completed already, or a change has made more to bill
        case _:
            assert_never(message)


def evolve(state: Agreement, event: Said) -> Agreement:
    match event:
        case AgreementOpened():
            return Agreement(order=event.order)
        case AgreementConfirmed():
            return replace(state, confirmed=(*state.confirmed, event.side))
        case AgreementHeld():
            return replace(state, holds=(*without(state.holds, event.owner), event))
        case AgreementResumed():
            return replace(state, holds=without(state.holds, event.owner))
        case AgreementActivated():
            return replace(state, active=True)
        case ChangeAdmitted():
            return replace(state, staging=event)
        case AgreementAmended():
            # A completed agreement is open again when there is something new to bill.
            return replace(
                decided(state, event.change_order_id),
                order=event.order,
                completed=state.completed and not event.price_delta,
            )
        case ChangeReleased():
            return decided(state, event.change_order_id)
        case ChangeNotAdmitted() if state.order:
            return replace(state, decided=(*state.decided, event.change_order_id))
        case AgreementCompleted():
            return replace(state, completed=True)
        case ChangeExamined() | ChangeNotAdmitted():
            return state
        case _:
            assert_never(event)


def side_of(message: Step | Setback) -> Side:
    return "delivery" if isinstance(message, ProjectProvisioned | ProjectProvisionRejected) else "finance"


def confirm(state: Agreement, order: ServicesOrder, side: Side, today: date) -> Sequence[Said]:
    """One side has done its part, be it at the second attempt; with the other's, the agreement is in force."""
    said: list[Said] = [
        AgreementResumed(agreement_id=order.agreement_id, reason=held.reason, owner=held.owner)
        for held in state.holds
        if held.owner == side
    ]
    said.append(AgreementConfirmed(agreement_id=order.agreement_id, side=side))
    if all(known == side or known in state.confirmed for known in SIDES):
        said.append(AgreementActivated(agreement_id=order.agreement_id, order=order, activated_on=today))
    return said


def hold(message: Setback, agreement_id: str) -> AgreementHeld:
    return AgreementHeld(
        agreement_id=agreement_id,
        reason=message.reason,
        detail=message.detail,
        owner=side_of(message),
        way_out=message.way_out,
    )


def without(holds: Sequence[AgreementHeld], owner: str) -> tuple[AgreementHeld, ...]:
    return tuple(held for held in holds if held.owner != owner)


def examine(
    message: ExamineChange, order: ServicesOrder | None, problem: Literal["UNKNOWN_AGREEMENT", "NOT_ACTIVE"] | None
) -> ChangeExamined:
    return ChangeExamined(
        change_order_id=message.change_order_id,
        agreement_id=message.agreement_id,
        description=message.description,
        requested_by=message.requested_by,
        order=order,
        problem=problem,
    )


def is_known(state: Agreement, change_order_id: str) -> bool:
    return change_order_id in state.decided or staged_change(state, change_order_id) is not None


def staged_change(state: Agreement, change_order_id: str) -> ChangeAdmitted | None:
    staging = state.staging
    return staging if staging and staging.change.change_order_id == change_order_id else None


def admit(order: ServicesOrder, change: Change) -> ChangeAdmitted | ChangeNotAdmitted:
    """Checked against the order as it stands now: weeks may lie between pricing and approval."""
    if obstacle := obstacle_to(order, change.lines):
        return not_admitted(change, obstacle.reason, obstacle.detail)
    return ChangeAdmitted(
        agreement_id=order.agreement_id,
        change=change,
        order=order,
        proposed=amended(order, change),
        participants=PARTICIPANTS,
    )


def not_admitted(change: Change, reason: ChangeReason, detail: str) -> ChangeNotAdmitted:
    return ChangeNotAdmitted(
        agreement_id=change.agreement_id, change_order_id=change.change_order_id, reason=reason, detail=detail
    )


def amend(staged: ChangeAdmitted) -> AgreementAmended:
    return AgreementAmended(
        agreement_id=staged.agreement_id,
        change_order_id=staged.change.change_order_id,
        price_delta=staged.proposed.total - staged.order.total,
        order=staged.proposed,
    )


def decided(state: Agreement, change_order_id: str) -> Agreement:
    return replace(state, staging=None, decided=(*state.decided, change_order_id))


def value_of(state: Agreement) -> Money | None:
    return state.order.total if state.order else None
