"""Billing: what a plan says when something becomes due; whatever it claims it also proposes as an invoice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from contracts.finance import (
    BillingPlanAgreed,
    CapTerm,
    Claim,
    EntryFrozen,
    InvoiceLine,
    ProposeInvoice,
    ScheduleEntry,
    TimeClaimed,
    TimeHeld,
    TimeRated,
)
from contracts.order import TaxCategory
from services.finance.claim import claim_up_to, lines_of, rated
from services.finance.plan import Plan, room_of
from services.finance.reference import Reference, day_in, next_month
from services.finance.schedule import days_of_month, joined

Billed = EntryFrozen | TimeClaimed | TimeHeld | ProposeInvoice


def bill_entries(terms: BillingPlanAgreed, entries: Iterable[ScheduleEntry]) -> list[Billed]:
    """Freeze each entry and propose an invoice of its own."""
    said: list[Billed] = []
    for entry in entries:
        invoice_id = joined(terms.agreement_id, entry.entry_id)
        said.append(
            EntryFrozen(
                agreement_id=terms.agreement_id,
                entry_id=entry.entry_id,
                amount=entry.amount,
                invoice_id=invoice_id,
            )
        )
        said.append(propose(terms, invoice_id, [entry_line(terms, entry)]))
    return said


def entry_line(terms: BillingPlanAgreed, entry: ScheduleEntry) -> InvoiceLine:
    """A lump sum; a whole month of a retainer is one month."""
    whole = entry.period is not None and entry.period.days == days_of_month(entry.period)
    return InvoiceLine(
        line_no=1,
        line_id=entry.line_id,
        description=entry.description,
        quantity="1",
        unit="MON" if whole else "LS",
        unit_price=entry.amount.amount,
        net=entry.amount,
        tax_category=category_of(terms, entry.line_id),
        entry_id=entry.entry_id,
        period=entry.period,
    )


def bill_time(plan: Plan, terms: BillingPlanAgreed, time: Sequence[Claim], at: datetime) -> list[Billed]:
    """Claim `time` up to the caps, on one invoice; what is outside the scope of tax is on another (BR-O-11)."""
    said: list[Billed] = []
    number = plan.time_invoices + 1
    for outside in (False, True):
        caps = [cap for cap in terms.caps if (category_of(terms, cap.line_id) == "O") == outside]
        invoice_id = joined(terms.agreement_id, f"time-{number}")
        claimed = [found for cap in caps if (found := claim(plan, terms, cap, time, invoice_id, at))]
        said.extend(claimed)
        lines = [line for found in claimed if isinstance(found, TimeClaimed) for line in lines_for(terms, found)]
        if lines:
            said.append(propose(terms, invoice_id, lines))
            number += 1
    return said


def claim(
    plan: Plan, terms: BillingPlanAgreed, cap: CapTerm, time: Sequence[Claim], invoice_id: str, at: datetime
) -> TimeClaimed | TimeHeld | None:
    """What of the line's time is billed; None when there is none, or none but what is held already."""
    own = [item for item in time if item.line_id == cap.line_id]
    found = claim_up_to(own, room_of(plan, cap))
    if not found.claims:
        new = any(item in plan.rated for item in own)
        held = TimeHeld(agreement_id=terms.agreement_id, line_id=cap.line_id, held=found.held, cap=cap.cap)
        return held if new else None
    before = plan.claimed.get(cap.line_id)
    return TimeClaimed(
        agreement_id=terms.agreement_id,
        line_id=cap.line_id,
        invoice_id=invoice_id,
        claims=found.claims,
        amount=found.amount,
        held=found.held,
        claimed_to_date=found.amount if before is None else before + found.amount,
        cap=cap.cap,
        claimed_on=day_in(ZoneInfo(terms.time_zone), at),
    )


def lines_for(terms: BillingPlanAgreed, claimed: TimeClaimed) -> list[InvoiceLine]:
    description = dict(terms.descriptions)[claimed.line_id]
    category = category_of(terms, claimed.line_id)
    return lines_of(claimed.claims, description, category, claimed.amount.currency)


def rate(terms: BillingPlanAgreed, claims: Iterable[Claim], at: datetime, reference: Reference) -> list[TimeRated]:
    """The claims that have a rate by now, to be billed at the end of the month of `at`."""
    caps = {cap.line_id: cap for cap in terms.caps}
    return [
        TimeRated(
            agreement_id=terms.agreement_id,
            claim=found.claim,
            rate_card=caps[item.line_id].rate_card,
            rate_card_version=found.rate_card_version,
            bill_at=next_month(ZoneInfo(terms.time_zone), at),
        )
        for item in claims
        if item.line_id in caps and (found := rated(item, caps[item.line_id], reference))
    ]


def propose(terms: BillingPlanAgreed, invoice_id: str, lines: Sequence[InvoiceLine]) -> ProposeInvoice:
    return ProposeInvoice(
        invoice_id=invoice_id,
        agreement_id=terms.agreement_id,
        legal_entity=terms.legal_entity,
        customer=terms.customer,
        currency=terms.total.currency,
        lines=tuple(replace(line, line_no=number) for number, line in enumerate(lines, 1)),
        payment_terms_days=terms.payment_terms_days,
        purchase_order=terms.purchase_order,
    )


def category_of(terms: BillingPlanAgreed, line_id: str) -> TaxCategory:
    return dict(terms.tax_categories)[line_id]
