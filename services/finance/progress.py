"""Progress: what of an agreement is invoiced and what is still to be, which together are its value (I08)."""

from collections.abc import Sequence

from contracts.finance import BillingPlanAgreed, BillingPlanCompleted, BillingProgressed, InvoiceIssued
from contracts.money import Money
from services.finance.plan import Plan


def progress(
    state: Plan, terms: BillingPlanAgreed, message: InvoiceIssued
) -> Sequence[BillingProgressed | BillingPlanCompleted]:
    """An invoice that this plan has proposed was issued: billed + unbilled = total (I08)."""
    net = state.proposed[message.invoice_id]
    billed = net if state.billed is None else state.billed + net
    progressed = BillingProgressed(
        agreement_id=terms.agreement_id,
        invoice_id=message.invoice_id,
        number=message.number,
        billed=billed,
        unbilled=terms.total - billed,
        total=terms.total,
    )
    return [progressed, *completion(terms, billed)]


def completion(terms: BillingPlanAgreed, billed: Money | None) -> list[BillingPlanCompleted]:
    if billed != terms.total:
        return []  # something is still to be billed
    return [BillingPlanCompleted(agreement_id=terms.agreement_id, total=terms.total)]
