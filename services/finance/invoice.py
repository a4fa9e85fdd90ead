"""An invoice: proposed by a billing plan, numbered by the legal entity's series, issued once, settled by payments."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import assert_never

from msgspec.structs import replace

from contracts.canonical import content_hash
from contracts.finance import (
    AllotNumber,
    FxRatePublished,
    InvoiceHeld,
    InvoiceIssued,
    InvoicePaid,
    InvoicePartPaid,
    InvoiceProposed,
    InvoiceRefused,
    PaymentApplied,
    ProposeInvoice,
    TakeNumber,
    TaxTablePublished,
)
from contracts.message import Record, name_of
from contracts.money import Money, exact, ratio
from services.finance.proposal import examine, is_exact
from services.finance.reference import Reference, day_of

Heard = ProposeInvoice | TakeNumber | PaymentApplied | TaxTablePublished | FxRatePublished
Said = InvoiceProposed | InvoiceHeld | InvoiceIssued | InvoicePartPaid | InvoicePaid | InvoiceRefused


class Invoice(Record):
    held: InvoiceHeld | None = None
    proposed: InvoiceProposed | None = None
    issued: InvoiceIssued | None = None
    open: Money | None = None
    """What the customer owes, once issued."""


initial = Invoice()


def actor_id(message: Heard) -> str | None:
    match message:
        case ProposeInvoice() | TakeNumber() | PaymentApplied():
            return message.invoice_id
        case TaxTablePublished() | FxRatePublished():
            return None  # every invoice hears it
        case _:
            assert_never(message)


def decide(state: Invoice, message: Heard, reference: Reference) -> Sequence[Said | AllotNumber]:
    held, proposed, issued = state.held, state.proposed, state.issued
    match message:
        case ProposeInvoice() if is_same(state, message):
            return []  # proposed twice, billed once
        case ProposeInvoice() if held or proposed:
            return [refuse(message, "INVOICE_EXISTS", "another invoice has this id")]
        case ProposeInvoice() if message.customer.customer_id != message.key:
            return [refuse(message, "CUSTOMER", f"this is {message.key}, not {message.customer.customer_id}")]
        case ProposeInvoice() if message.legal_entity not in reference.legal_entities:
            return [refuse(message, "UNKNOWN_LEGAL_ENTITY", f"no legal entity {message.legal_entity} is registered")]
        case ProposeInvoice() if not all(is_exact(line, message.currency) for line in message.lines):
            return [refuse(message, "LINE_NET", "a net is not quantity x unit price / base quantity, rounded")]
        case ProposeInvoice():
            return outcome(examine(message, message.at, reference))
        case TaxTablePublished() | FxRatePublished() if held:
            found = examine(held.proposal, message.at, reference)
            return [] if found == held else outcome(found)  # it may still wait for the same
        case TaxTablePublished() | FxRatePublished():
            return []  # it does not wait for a rate
        case TakeNumber() if issued and issued.number == message.number:
            return []  # it has this number
        case TakeNumber() if issued:
            return [refuse(message, "ALREADY_ISSUED", f"its number is {issued.number}, for ever")]
        case TakeNumber() if proposed:
            document = issue(proposed, message, day_of(reference, proposed.legal_entity, message.at))
            return [document] if document.totals.payable else [document, settle(document)]  # nothing owed is paid
        case TakeNumber():
            return [refuse(message, "NOT_PROPOSED", "no invoice waits for a number here")]
        case PaymentApplied() if issued is None or state.open is None or not is_less(message.open, state.open):
            return []  # another invoice's money, or applied before
        case PaymentApplied() if message.open:
            return [settle_part(issued, message.open)]
        case PaymentApplied():
            return [settle(issued)]
        case _:
            assert_never(message)


def evolve(state: Invoice, event: Said) -> Invoice:
    match event:
        case InvoiceHeld():
            return Invoice(held=event)
        case InvoiceProposed():
            return Invoice(proposed=event)
        case InvoiceIssued():
            return replace(state, issued=event, open=event.totals.payable)
        case InvoicePartPaid():
            return replace(state, open=event.open)
        case InvoicePaid():
            return replace(state, open=Money.zero(event.paid.currency))
        case InvoiceRefused():
            return state
        case _:
            assert_never(event)


def is_same(state: Invoice, message: ProposeInvoice) -> bool:
    """Whether this is what was proposed before."""
    before = state.proposed or (state.held.proposal if state.held else None)
    return (
        before is not None
        and before.agreement_id == message.agreement_id
        and before.legal_entity == message.legal_entity
        and before.lines == message.lines
    )


def is_less(open: Money, before: Money) -> bool:
    return open.currency == before.currency and open < before


def outcome(found: InvoiceProposed | InvoiceHeld) -> Sequence[Said | AllotNumber]:
    """A proposal whose tax is determined asks the legal entity's series for a number."""
    if isinstance(found, InvoiceHeld):
        return [found]
    allot = AllotNumber(invoice_id=found.invoice_id, customer=found.customer.customer_id)
    return [found, allot.to(found.legal_entity)]


def issue(proposed: InvoiceProposed, message: TakeNumber, issue_date: date) -> InvoiceIssued:
    """The document: due after its payment terms, and known by its hash."""
    totals = proposed.totals
    document = InvoiceIssued(
        invoice_id=proposed.invoice_id,
        number=message.number,
        document_type="380",
        agreement_id=proposed.agreement_id,
        legal_entity=proposed.legal_entity,
        customer=proposed.customer,
        issue_date=issue_date,
        tax_point_date=proposed.tax_point_date,
        due_date=issue_date + timedelta(days=proposed.payment_terms_days),
        currency=proposed.currency,
        lines=proposed.lines,
        breakdown=proposed.breakdown,
        totals=totals,
        functional_currency=proposed.functional_currency,
        fx_rate=proposed.fx_rate,
        functional_gross=converted(totals.gross, proposed),
        functional_tax=converted(totals.tax, proposed),
        purchase_order=proposed.purchase_order,
    )
    return replace(document, content_hash=content_hash(document))


def converted(amount: Money, proposed: InvoiceProposed) -> Money:
    """`amount` in the legal entity's functional currency, rounded once (BT-111)."""
    return Money.rounded(ratio(amount.value, exact(proposed.fx_rate)), proposed.functional_currency)


def settle_part(issued: InvoiceIssued, open: Money) -> InvoicePartPaid:
    return InvoicePartPaid(
        invoice_id=issued.invoice_id,
        number=issued.number,
        agreement_id=issued.agreement_id,
        paid=issued.totals.payable - open,
        open=open,
    )


def settle(issued: InvoiceIssued) -> InvoicePaid:
    return InvoicePaid(
        invoice_id=issued.invoice_id,
        number=issued.number,
        agreement_id=issued.agreement_id,
        paid=issued.totals.payable,
    )


def refuse(message: ProposeInvoice | TakeNumber, reason: str, detail: str) -> InvoiceRefused:
    return InvoiceRefused(invoice_id=message.invoice_id, request=name_of(type(message)), reason=reason, detail=detail)
