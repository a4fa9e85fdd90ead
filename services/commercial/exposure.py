"""Exposure: what the firm stands to lose with a customer: what is owed, and what is agreed but not yet billed."""

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import AgreementAmended, ExposureChanged, OpenInvoice, UnbilledAgreement
from contracts.finance import InvoiceIssued, PaymentApplied
from contracts.message import Record
from contracts.money import Money, total


class Exposure(Record):
    """By id, so that a message heard twice counts once. An invoice leaves when it is paid; agreements are hundreds."""

    agreements: dict[str, UnbilledAgreement] = field(default_factory=dict)
    invoices: dict[str, OpenInvoice] = field(default_factory=dict)
    limits: dict[str, Money] = field(default_factory=dict)
    """By currency; without one, exposure is not limited."""

    def receivables(self, currency: str) -> Money:
        amounts = (known.open for known in self.invoices.values())
        return total((amount for amount in amounts if amount.currency == currency), currency)

    def unbilled(self, currency: str) -> Money:
        amounts = (known.amount for known in self.agreements.values())
        return total((amount for amount in amounts if amount.currency == currency), currency)

    def of(self, currency: str) -> Money:
        """Receivables with tax, unbilled net of it."""
        return self.receivables(currency) + self.unbilled(currency)

    def changed(self, agreement: UnbilledAgreement | None, invoice: OpenInvoice | None) -> "Exposure":
        """What is open and unbilled once these stand as given."""
        agreements, invoices = dict(self.agreements), dict(self.invoices)
        if agreement:
            agreements[agreement.agreement_id] = agreement
        if invoice:
            invoices[invoice.invoice_id] = invoice
        if invoice and not invoice.open and not agreement:
            del invoices[invoice.invoice_id]  # paid; one that is issued with nothing to pay stays, to be known again
        return replace(self, agreements=agreements, invoices=invoices)

    def limited(self, limit: Money) -> "Exposure":
        return replace(self, limits=self.limits | {limit.currency: limit})


def issue(exposure: Exposure, message: InvoiceIssued) -> ExposureChanged | None:
    """What was unbilled is owed now; None when that is known."""
    if message.invoice_id in exposure.invoices:
        return None  # it is issued once
    known = exposure.agreements.get(message.agreement_id)
    billed = message.totals.net
    agreement = (
        UnbilledAgreement(
            agreement_id=known.agreement_id, order_version=known.order_version, amount=known.amount - billed
        )
        if known and known.amount.currency == billed.currency
        else None  # not accepted through a quote of ours: only what is owed counts
    )
    payable = message.totals.payable
    if agreement is None and not payable:
        return None  # neither owed nor agreed
    invoice = OpenInvoice(invoice_id=message.invoice_id, open=payable)
    return _change(exposure, message.key, payable.currency, agreement, invoice)


def settle(exposure: Exposure, message: PaymentApplied) -> ExposureChanged | None:
    """Less is owed; None when as little is known to be owed already."""
    known = exposure.invoices.get(message.invoice_id)
    if known is None or known.open.currency != message.open.currency or known.open <= message.open:
        return None  # what an invoice owes only falls: this was heard before
    invoice = OpenInvoice(invoice_id=message.invoice_id, open=message.open)
    return _change(exposure, message.key, message.open.currency, None, invoice)


def amend(exposure: Exposure, message: AgreementAmended) -> ExposureChanged | None:
    """A change order makes more or less to bill; None when that version is known."""
    known, delta = exposure.agreements.get(message.agreement_id), message.price_delta
    if known is None or known.order_version >= message.order.version or known.amount.currency != delta.currency:
        return None  # each version of an agreement counts once
    agreement = UnbilledAgreement(
        agreement_id=message.agreement_id, order_version=message.order.version, amount=known.amount + delta
    )
    return _change(exposure, message.key, delta.currency, agreement, None)


def _change(
    exposure: Exposure,
    customer_id: str,
    currency: str,
    agreement: UnbilledAgreement | None,
    invoice: OpenInvoice | None,
) -> ExposureChanged:
    after = exposure.changed(agreement, invoice)
    return ExposureChanged(
        customer_id=customer_id,
        receivables=after.receivables(currency),
        unbilled=after.unbilled(currency),
        exposure=after.of(currency),
        agreement=agreement,
        invoice=invoice,
    )
