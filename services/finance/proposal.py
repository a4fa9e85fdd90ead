"""A proposal becomes an invoice once its tax and its exchange rate are known; until then it is held, never guessed."""

from datetime import datetime
from typing import Literal

from contracts.finance import InvoiceHeld, InvoiceLine, InvoiceProposed, ProposeInvoice
from contracts.money import exact
from services.finance.reference import Reference, day_of, functional_currency_of, fx_rate_on, tax_table_on
from services.finance.tax import breakdown, categories_of, mixes, net_of, totals


def is_exact(line: InvoiceLine, currency: str) -> bool:
    """Whether the line's net is what its quantity and price come to, to the cent (BR-CO-10 rests on it)."""
    return line.net.currency == currency and exact(line.base_quantity) > 0 and line.net == net_of(line, currency)


def examine(proposal: ProposeInvoice, at: datetime, reference: Reference) -> InvoiceProposed | InvoiceHeld:
    """The proposal with its tax on the legal entity's day of `at`, or what it waits for (I21)."""
    entity, currency = proposal.legal_entity, proposal.currency
    day = day_of(reference, entity, at)
    categories = categories_of(proposal.lines)
    if mixes(categories):
        detail = f"category O and {', '.join(item for item in categories if item != 'O')} are on one invoice"
        return hold(proposal, "TAX_CATEGORY_MIX", detail, "propose what is outside the scope of tax apart")
    table = tax_table_on(reference, entity, day)
    rates = [rate for rate in table.rates if rate.category in categories] if table else []
    if table is None or len(rates) < len(categories):
        known = [rate.category for rate in rates]
        missing = ", ".join(category for category in categories if category not in known)
        detail = f"{entity} has no rate of category {missing} on {day}"
        return hold(proposal, "TAX_RATE_UNKNOWN", detail, f"publish a tax table of {entity} with category {missing}")
    functional = functional_currency_of(reference, entity)
    rate = fx_rate_on(reference, currency, functional, day) if functional else None
    if functional is None or rate is None:
        detail = f"no exchange rate from {currency} into the books of {entity} is known on {day}"
        return hold(proposal, "FX_RATE_MISSING", detail, "publish the exchange rate of that day")
    groups = breakdown(proposal.lines, rates, currency)
    return InvoiceProposed(
        invoice_id=proposal.invoice_id,
        agreement_id=proposal.agreement_id,
        legal_entity=entity,
        customer=proposal.customer,
        currency=currency,
        lines=proposal.lines,
        breakdown=groups,
        totals=totals(proposal.lines, groups, currency),
        tax_point_date=day,
        tax_table_version=table.version,
        functional_currency=functional,
        fx_rate=rate,
        payment_terms_days=proposal.payment_terms_days,
        purchase_order=proposal.purchase_order,
    )


def hold(
    proposal: ProposeInvoice,
    reason: Literal["TAX_RATE_UNKNOWN", "FX_RATE_MISSING", "TAX_CATEGORY_MIX"],
    detail: str,
    way_out: str,
) -> InvoiceHeld:
    return InvoiceHeld(
        invoice_id=proposal.invoice_id,
        agreement_id=proposal.agreement_id,
        reason=reason,
        detail=detail,
        owner="finance",
        way_out=way_out,
        proposal=proposal,
    )
