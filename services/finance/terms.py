"""Terms: what of an order billing goes by, or what keeps the order from being billed."""

from collections.abc import Sequence
from datetime import datetime

from contracts.finance import BillingPlanAgreed, BillingPlanRefused, RateTime, TimeRated
from contracts.order import ServicesOrder
from services.finance.billing import rate
from services.finance.plan import Plan
from services.finance.reference import Reference, zone_of
from services.finance.schedule import problem_of, schedule_of


def agree(
    state: Plan, order: ServicesOrder, at: datetime, reference: Reference
) -> Sequence[BillingPlanAgreed | BillingPlanRefused | TimeRated | RateTime]:
    """The plan that bills the order, with the time that has waited for it, or what keeps it from being billed."""
    problem = problem_of(order, at, reference)
    if problem:
        refused = BillingPlanRefused(
            agreement_id=order.agreement_id,
            reason=problem.reason,
            detail=problem.detail,
            way_out=problem.way_out,
            order=order,
        )
        return [] if refused == state.refused else [refused]  # it may still wait for the same
    zone = zone_of(reference, order.legal_entity)
    schedule = schedule_of(order, zone)
    agreed = BillingPlanAgreed(
        agreement_id=order.agreement_id,
        legal_entity=order.legal_entity,
        entries=schedule.entries,
        caps=schedule.caps,
        total=order.total,
        customer=order.customer,
        payment_terms_days=order.payment_terms_days,
        tax_categories=tuple((line.line_id, line.tax_category) for line in order.lines),
        descriptions=tuple((line.line_id, line.description) for line in order.lines),
        time_zone=zone.key,
        purchase_order=order.purchase_order,
    )
    return [agreed, *rate(agreed, state.unratable, at, reference)]
