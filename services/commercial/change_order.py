"""A change order: a change of an agreement that comes into force everywhere or, if one participant refuses, nowhere."""

from collections.abc import Sequence
from typing import assert_never

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
    ChangeOrderStatus,
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
from contracts.message import Record, name_of
from contracts.money import total
from contracts.order import Change, ServicesOrder
from services.commercial.amendment import is_in_one_currency, obstacle_to
from services.commercial.change_preview import preview

Request = RequestChangeOrder | PriceChangeOrder | ApproveChangeOrder
Staged = ProjectChangeStaged | BillingPlanChangeStaged | RevenueChangeStaged
NotStaged = ProjectChangeRefused | BillingPlanChangeRefused | RevenueChangeRefused
Heard = Request | ChangeExamined | ChangeAdmitted | ChangeNotAdmitted | Staged | NotStaged
Said = (
    ChangeOrderRequested
    | ChangeOrderPriced
    | ChangeOrderApproved
    | ChangeOrderAdmitted
    | ChangeOrderStaged
    | ChangeOrderApplied
    | ChangeOrderRefused
)


class ChangeOrder(Record):
    status: ChangeOrderStatus = "UNKNOWN"
    requested: ChangeOrderRequested | None = None
    priced: ChangeOrderPriced | None = None
    approved_by: str | None = None
    admitted: ChangeOrderAdmitted | None = None
    staged: tuple[str, ...] = ()


initial = ChangeOrder()


def actor_id(message: Heard | PreviewChangeOrder) -> str:
    return message.change.change_order_id if isinstance(message, ChangeAdmitted) else message.change_order_id


def decide(state: ChangeOrder, message: Heard) -> Sequence[Said | ExamineChange]:
    match message:
        case RequestChangeOrder() | ChangeExamined() if is_same_request(state, message):
            return []  # asked for twice
        case RequestChangeOrder() | ChangeExamined() if state.requested:
            detail = f"change order {message.change_order_id} asks for something else already"
            return [refuse(message.change_order_id, RequestChangeOrder, "ALREADY_REQUESTED", detail)]
        case RequestChangeOrder():
            return [examine(message)]
        case ChangeExamined() if message.order and is_in_one_currency(message.order):
            return [request(message, message.order)]
        case ChangeExamined():
            detail = f"agreement {message.agreement_id} is unknown, not active or not sound: it cannot be changed"
            reason = message.problem or "INVALID_ORDER"
            refusal = refuse(message.change_order_id, RequestChangeOrder, reason, detail)
            return [refusal.about(message.correlation)]

        case PriceChangeOrder() if state.requested and state.status in ("REQUESTED", "PRICED"):
            return price(state, state.requested, message)
        case ApproveChangeOrder() if state.priced and state.status == "PRICED":
            return [ChangeOrderApproved(change=state.priced.change, approved_by=message.approved_by)]
        case ApproveChangeOrder() if state.status == "REQUESTED":
            detail = "the change order has no price yet"
            return [refuse(message.change_order_id, ApproveChangeOrder, "NOT_PRICED", detail)]
        case ApproveChangeOrder() if (
            state.status in ("APPROVED", "APPLIED") and message.approved_by == state.approved_by
        ):
            return []  # approved twice
        case PriceChangeOrder() | ApproveChangeOrder() if state.requested:
            detail = f"the change order is {state.status}: it cannot be priced or approved"
            return [refuse(message.change_order_id, type(message), "NOT_OPEN", detail)]
        case PriceChangeOrder() | ApproveChangeOrder():
            detail = f"change order {message.change_order_id} was never requested"
            refusal = refuse(message.change_order_id, type(message), "UNKNOWN_CHANGE_ORDER", detail)
            return [refusal.about(message.correlation)]

        case ChangeAdmitted() if state.status == "APPROVED" and state.admitted is None:
            return [admit(message)]
        case ChangeNotAdmitted() if state.status == "APPROVED" and state.admitted is None:
            return [close(message, "commercial.agreement")]
        case ChangeAdmitted() | ChangeNotAdmitted():
            return []  # not waited for, or heard before

        case ProjectChangeStaged() | BillingPlanChangeStaged() | RevenueChangeStaged() if (
            state.priced
            and state.admitted
            and state.status == "APPROVED"
            and participant_of(message) not in state.staged
        ):
            return stage(state, state.priced.change, state.admitted, participant_of(message))
        case ProjectChangeStaged() | BillingPlanChangeStaged() | RevenueChangeStaged():
            return []  # staged before, or refused by another meanwhile
        case ProjectChangeRefused() | BillingPlanChangeRefused() | RevenueChangeRefused() if state.status == "APPROVED":
            return [close(message, participant_of(message))]
        case ProjectChangeRefused() | BillingPlanChangeRefused() | RevenueChangeRefused():
            return []  # refused by another already
        case _:
            assert_never(message)


def evolve(state: ChangeOrder, event: Said) -> ChangeOrder:
    match event:
        case ChangeOrderRequested():
            return ChangeOrder(status="REQUESTED", requested=event)
        case ChangeOrderPriced():
            return replace(state, status="PRICED", priced=event)
        case ChangeOrderApproved():
            return replace(state, status="APPROVED", approved_by=event.approved_by)
        case ChangeOrderAdmitted():
            return replace(state, admitted=event)
        case ChangeOrderStaged():
            return replace(state, staged=(*state.staged, event.participant))
        case ChangeOrderApplied():
            return replace(state, status="APPLIED")
        case ChangeOrderRefused() if event.refused_by:
            return replace(state, status="REFUSED")
        case ChangeOrderRefused():
            return state
        case _:
            assert_never(event)


def answer(state: ChangeOrder, question: PreviewChangeOrder) -> ChangePreview:
    if state.requested is None:
        return ChangePreview(change_order_id=question.change_order_id, status="UNKNOWN")
    changes = state.priced.change.lines if state.priced else ()
    return preview(question.change_order_id, state.status, state.requested.order, changes)


def is_same_request(state: ChangeOrder, message: RequestChangeOrder | ChangeExamined) -> bool:
    known = state.requested
    return known is not None and (known.agreement_id, known.description, known.requested_by) == (
        message.agreement_id,
        message.description,
        message.requested_by,
    )


def examine(message: RequestChangeOrder) -> ExamineChange:
    return ExamineChange(
        change_order_id=message.change_order_id,
        agreement_id=message.agreement_id,
        description=message.description,
        requested_by=message.requested_by,
    )


def request(message: ChangeExamined, order: ServicesOrder) -> ChangeOrderRequested:
    return ChangeOrderRequested(
        change_order_id=message.change_order_id,
        agreement_id=message.agreement_id,
        description=message.description,
        requested_by=message.requested_by,
        order=order,
    )


def price(state: ChangeOrder, requested: ChangeOrderRequested, message: PriceChangeOrder) -> Sequence[Said]:
    """Checked against the order as it was at the request; when the agreement admits it, once more."""
    if obstacle := obstacle_to(requested.order, message.lines):
        return [refuse(message.change_order_id, PriceChangeOrder, obstacle.reason, obstacle.detail)]
    change = Change(
        change_order_id=message.change_order_id,
        agreement_id=requested.agreement_id,
        description=requested.description,
        lines=message.lines,
        price_delta=total((line.price_delta for line in message.lines), requested.order.currency),
    )
    priced = ChangeOrderPriced(change=change, priced_by=message.priced_by)
    return [] if priced == state.priced else [priced]  # priced twice with the same figures


def admit(message: ChangeAdmitted) -> ChangeOrderAdmitted:
    return ChangeOrderAdmitted(
        change_order_id=message.change.change_order_id, proposed=message.proposed, participants=message.participants
    )


def stage(
    state: ChangeOrder, change: Change, admitted: ChangeOrderAdmitted, participant: str
) -> Sequence[ChangeOrderStaged | ChangeOrderApplied]:
    """One more can do it; when all can, it is in force."""
    staged = ChangeOrderStaged(change_order_id=change.change_order_id, participant=participant)
    if all(known == participant or known in state.staged for known in admitted.participants):
        return [staged, ChangeOrderApplied(change=change, proposed=admitted.proposed)]
    return [staged]


def participant_of(message: Staged | NotStaged) -> str:
    match message:
        case ProjectChangeStaged() | ProjectChangeRefused():
            return "delivery.project"
        case BillingPlanChangeStaged() | BillingPlanChangeRefused():
            return "finance.billing_plan"
        case RevenueChangeStaged() | RevenueChangeRefused():
            return "finance.revenue"
        case _:
            assert_never(message)


def close(message: ChangeNotAdmitted | NotStaged, refused_by: str) -> ChangeOrderRefused:
    """Everyone who has staged it releases it."""
    return ChangeOrderRefused(
        change_order_id=message.change_order_id,
        agreement_id=message.project_id if isinstance(message, ProjectChangeRefused) else message.agreement_id,
        request=name_of(ApproveChangeOrder),
        reason=message.reason,
        detail=message.detail,
        refused_by=refused_by,
    )


def refuse(change_order_id: str, request: type[Request], reason: str, detail: str) -> ChangeOrderRefused:
    return ChangeOrderRefused(change_order_id=change_order_id, request=name_of(request), reason=reason, detail=detail)
