"""Billing: what a plan says when something becomes due; whatever it claims it also proposes as an invoice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from contracts.finance import (
    BillingPlanAgreed,
    Claim,
    EntryFrozen,
    InvoiceLine,
    ProposeInvoice,
    RateTime,
    ScheduleEntry,
    TimeClaimed,
    TimeHeld,
    TimeRated,
)
from contracts.message import joined
from contracts.money import Money
from contracts.order import TaxCategory
from services.finance.claim import claim_up_to, first_in, lines_of, rated
from services.finance.plan import Plan, room_of, with_claimed
from services.finance.reference import Reference, day_in, next_month
from services.finance.schedule import days_of_month

Billed = EntryFrozen | TimeClaimed | TimeHeld | ProposeInvoice

RATED_AT_ONCE = 400
MOST_CLAIMS = 1_000
"""Time entries that one invoice lists, so that every message about it fits on the log."""


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
    """Claim `time` up to the caps, first in first out, and propose it on one invoice.

    What is outside the scope of tax has an invoice of its own (BR-O-11), and so has what one invoice cannot list.
    """
    said: list[Billed] = []
    for outside in (False, True):
        lines = [cap.line_id for cap in terms.caps if (category_of(terms, cap.line_id) == "O") == outside]
        own = sorted((item for item in time if item.line_id in lines), key=first_in)
        full: list[str] = []
        for start in range(0, len(own), MOST_CLAIMS):
            found = claim(plan, terms, own[start : start + MOST_CLAIMS], full, at)
            full.extend(event.line_id for event in found if event.held)
            plan = reduce(with_claimed, found, plan)
            said.extend(found)
            invoiced = [event for event in found if isinstance(event, TimeClaimed)]
            if invoiced:
                invoice_lines = [line for event in invoiced for line in lines_for(terms, event)]
                said.append(propose(terms, invoiced[0].invoice_id, invoice_lines))
    return said


def claim(
    plan: Plan, terms: BillingPlanAgreed, time: Sequence[Claim], full: Sequence[str], at: datetime
) -> list[TimeClaimed | TimeHeld]:
    """What of each line's time is billed, nothing of a `full` line; what was held and stays held is not said again."""
    said: list[TimeClaimed | TimeHeld] = []
    for cap in terms.caps:
        own = [item for item in time if item.line_id == cap.line_id]
        none = Money.zero(terms.total.currency)
        found = claim_up_to(own, none if cap.line_id in full else room_of(plan, cap))
        if found.claims:
            said.append(
                TimeClaimed(
                    agreement_id=terms.agreement_id,
                    line_id=cap.line_id,
                    invoice_id=joined(terms.agreement_id, "time", str(plan.time_invoices + 1)),
                    claims=found.claims,
                    amount=found.amount,
                    held=found.held,
                    claimed_to_date=plan.claimed.get(cap.line_id, none) + found.amount,
                    cap=cap.cap,
                    claimed_on=day_in(ZoneInfo(terms.time_zone), at),
                )
            )
        elif any(item in plan.rated for item in own):
            said.append(TimeHeld(agreement_id=terms.agreement_id, line_id=cap.line_id, held=found.held, cap=cap.cap))
    return said


def lines_for(terms: BillingPlanAgreed, claimed: TimeClaimed) -> list[InvoiceLine]:
    description = dict(terms.descriptions)[claimed.line_id]
    category = category_of(terms, claimed.line_id)
    return lines_of(claimed.claims, description, category, claimed.amount.currency)


def rate(
    terms: BillingPlanAgreed, claims: Iterable[Claim], at: datetime, reference: Reference
) -> list[TimeRated | RateTime]:
    """The claims that have a rate by now, to be billed at the end of the month of `at`; what is too many goes on."""
    said = rated_claims(terms, claims, at, reference)
    return said if len(said) <= RATED_AT_ONCE else [*said[:RATED_AT_ONCE], RateTime(agreement_id=terms.agreement_id)]


def rated_claims(
    terms: BillingPlanAgreed, claims: Iterable[Claim], at: datetime, reference: Reference
) -> list[TimeRated | RateTime]:
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
