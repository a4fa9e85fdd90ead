"""An amendment: what a change order makes of a billing plan; what is frozen or claimed is never touched (I09)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.commercial import ChangeAdmitted, ChangeOrderApplied, ChangeOrderRefused
from contracts.finance import (
    BillingPlanAgreed,
    BillingPlanAmended,
    BillingPlanChangeRefused,
    BillingPlanChangeReleased,
    BillingPlanChangeStaged,
    BillingPlanCompleted,
    CapTerm,
)
from contracts.message import Message
from contracts.order import ServicesOrder
from services.finance.billing import Billed, bill_time
from services.finance.plan import Plan, amended_terms, billed_of, with_amended, with_released
from services.finance.progress import completion
from services.finance.schedule import Schedule, schedule_of, shape_of


class Objection(NamedTuple):
    """Why billing cannot follow a change."""

    reason: str
    detail: str


def stage(
    plan: Plan, terms: BillingPlanAgreed, message: ChangeAdmitted
) -> BillingPlanChangeStaged | BillingPlanChangeRefused:
    """The plan as the change would make it, or why it cannot."""
    found = objection(plan, terms, message.proposed)
    if found:
        return refuse(message, found)
    changed = schedule_of(message.proposed, ZoneInfo(terms.time_zone))
    return BillingPlanChangeStaged(
        agreement_id=terms.agreement_id,
        change_order_id=message.change.change_order_id,
        entries=changed.entries,
        caps=changed.caps,
        total=message.proposed.total,
    )


def objection(plan: Plan, terms: BillingPlanAgreed, proposed: ServicesOrder) -> Objection | None:
    """The first thing that billing objects to in the proposed order."""
    if plan.staged:
        return Objection("CHANGE_IN_PROGRESS", f"change order {plan.staged.change_order_id} is being staged")
    if proposed.currency != terms.total.currency:
        return Objection("CURRENCY", f"the agreement is billed in {terms.total.currency}, not in {proposed.currency}")
    problem = shape_of(proposed)
    if problem:
        return Objection(problem.reason, problem.detail)
    for line in proposed.lines:
        billed = billed_of(plan, terms, line.line_id)
        if line.price < billed:
            detail = f"{billed} of line {line.line_id} is billed: its price cannot become {line.price}"
            return Objection("BELOW_BILLED", detail)
    changed = schedule_of(proposed, ZoneInfo(terms.time_zone))
    lines = [line.line_id for line in proposed.lines]
    if lines != [line_id for line_id, _ in terms.descriptions] or not keeps(changed, terms):
        detail = "a change order adds milestones and moves caps: what is planned already keeps its lines and amounts"
        return Objection("INVALID_CHANGE", detail)
    return None


def keeps(changed: Schedule, terms: BillingPlanAgreed) -> bool:
    """Whether all that is planned is in the changed plan, and time is still billed by the same rate cards."""
    return all(entry in changed.entries for entry in terms.entries) and cards(changed.caps) == cards(terms.caps)


def cards(caps: tuple[CapTerm, ...]) -> list[tuple[str, str]]:
    return [(cap.line_id, cap.rate_card) for cap in caps]


def refuse(message: ChangeAdmitted, found: Objection) -> BillingPlanChangeRefused:
    return BillingPlanChangeRefused(
        agreement_id=message.agreement_id,
        change_order_id=message.change.change_order_id,
        reason=found.reason,
        detail=found.detail,
    )


def apply(
    plan: Plan, terms: BillingPlanAgreed, change: BillingPlanChangeStaged, at: datetime
) -> Sequence[BillingPlanAmended | BillingPlanCompleted | Billed]:
    """The staged plan is in force; time held over a cap that has risen is billed at once."""
    amended = BillingPlanAmended(
        agreement_id=change.agreement_id,
        change_order_id=change.change_order_id,
        entries=change.entries,
        caps=change.caps,
        total=change.total,
    )
    after, new = with_amended(plan, amended), amended_terms(terms, amended)
    return [amended, *bill_time(after, new, after.held, at), *completion(new, after.billed)]


def release(
    plan: Plan, terms: BillingPlanAgreed, change: BillingPlanChangeStaged, at: datetime
) -> Sequence[BillingPlanChangeReleased | Billed]:
    """The plan stands as it was; time that was held for a cap about to fall is billed after all."""
    released = BillingPlanChangeReleased(agreement_id=terms.agreement_id, change_order_id=change.change_order_id)
    after = with_released(plan, released)
    return [released, *bill_time(after, terms, after.held, at)]


def staged_change(state: Plan, message: Message) -> BillingPlanChangeStaged | None:
    """What is staged, when the message is about it."""
    match message:
        case ChangeAdmitted() | ChangeOrderApplied():
            change_order_id = message.change.change_order_id
        case ChangeOrderRefused():
            change_order_id = message.change_order_id
        case _:
            return None
    return state.staged if state.staged and state.staged.change_order_id == change_order_id else None
