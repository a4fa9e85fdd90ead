"""Exposure: what the firm stands to lose with a customer: what is owed, and what is agreed but not yet billed."""

from typing import assert_never

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import AgreementAmended
from contracts.customer import CreditReserved, ExposureChanged, ExposureInherited, OpenInvoice, Stake, UnbilledAgreement
from contracts.finance import InvoiceIssued, PaymentApplied
from contracts.message import Record
from contracts.money import Money, total


class Exposure(Record):
    """By id, so that a message heard twice counts once. An invoice leaves when it is paid; agreements are hundreds."""

    agreements: dict[str, UnbilledAgreement] = field(default_factory=dict)
    invoices: dict[str, OpenInvoice] = field(default_factory=dict)
    inherited: dict[str, ExposureInherited] = field(default_factory=dict)
    """What is at stake under each alias."""
    revision: int = 0
    """How often it has changed."""

    def receivables(self, currency: str, legal_entity: str | None = None) -> Money:
        """Owed to one legal entity, or to all of them, as in all that follows."""
        known = (one for one in self.invoices.values() if legal_entity in (None, one.legal_entity))
        return total((one.open for one in known if one.open.currency == currency), currency)

    def unbilled(self, currency: str, legal_entity: str | None = None) -> Money:
        known = (one for one in self.agreements.values() if legal_entity in (None, one.legal_entity))
        return total((one.amount for one in known if one.amount.currency == currency), currency)

    def under_aliases(self, currency: str, legal_entity: str | None = None) -> Money:
        stakes = (stake for one in self.inherited.values() for stake in one.stakes)
        known = (stake.exposure for stake in stakes if legal_entity in (None, stake.legal_entity))
        return total((amount for amount in known if amount.currency == currency), currency)

    def of(self, currency: str, legal_entity: str | None = None) -> Money:
        """Receivables with tax, unbilled net of it, under this code and its aliases."""
        own = self.receivables(currency, legal_entity) + self.unbilled(currency, legal_entity)
        return own + self.under_aliases(currency, legal_entity)

    def stakes(self, legal_entity: str | None = None) -> tuple[Stake, ...]:
        """What is at stake, by legal entity and currency."""
        places = {(one.legal_entity, one.amount.currency) for one in self.agreements.values()}
        places |= {(one.legal_entity, one.open.currency) for one in self.invoices.values()}
        places |= {
            (stake.legal_entity, stake.exposure.currency) for one in self.inherited.values() for stake in one.stakes
        }
        known = sorted(place for place in places if legal_entity in (None, place[0]))
        stakes = (Stake(legal_entity=entity, exposure=self.of(currency, entity)) for entity, currency in known)
        return tuple(stake for stake in stakes if stake.exposure)

    def changed(self, agreement: UnbilledAgreement | None, invoice: OpenInvoice | None) -> "Exposure":
        """What is open and unbilled once these stand as given."""
        agreements, invoices = dict(self.agreements), dict(self.invoices)
        if agreement:
            agreements[agreement.agreement_id] = agreement
        if invoice:
            invoices[invoice.invoice_id] = invoice
        if invoice and not invoice.open and not agreement:
            del invoices[invoice.invoice_id]  # paid; one that is issued with nothing to pay stays, to be known again
        return replace(self, agreements=agreements, invoices=invoices, revision=self.revision + 1)

    def inheriting(self, event: ExposureInherited) -> "Exposure":
        return replace(self, inherited=self.inherited | {event.merged: event}, revision=self.revision + 1)


Changed = CreditReserved | ExposureChanged | ExposureInherited


def evolve(exposure: Exposure, event: Changed) -> Exposure:
    match event:
        case CreditReserved():
            unbilled = UnbilledAgreement(
                agreement_id=event.agreement_id,
                order_version=1,
                legal_entity=event.legal_entity,
                amount=event.amount,
            )
            return exposure.changed(unbilled, None)
        case ExposureChanged():
            return exposure.changed(event.agreement, event.invoice)
        case ExposureInherited():
            return exposure.inheriting(event)
        case _:
            assert_never(event)


def issue(exposure: Exposure, message: InvoiceIssued) -> ExposureChanged | None:
    """What was unbilled is owed now; None when that is known."""
    if message.invoice_id in exposure.invoices:
        return None  # it is issued once
    known = exposure.agreements.get(message.agreement_id)
    billed = message.totals.net
    agreement = (
        replace(known, amount=known.amount - billed)
        if known and known.amount.currency == billed.currency
        else None  # not accepted through a quote of ours: only what is owed counts
    )
    payable = message.totals.payable
    if agreement is None and not payable:
        return None  # neither owed nor agreed
    invoice = OpenInvoice(invoice_id=message.invoice_id, legal_entity=message.legal_entity, open=payable)
    return _change(exposure, message.key, message.legal_entity, payable.currency, agreement, invoice)


def settle(exposure: Exposure, message: PaymentApplied) -> ExposureChanged | None:
    """Less is owed; None when as little is known to be owed already."""
    known = exposure.invoices.get(message.invoice_id)
    if known is None or known.open.currency != message.open.currency or known.open <= message.open:
        return None  # what an invoice owes only falls: this was heard before
    invoice = replace(known, open=message.open)
    return _change(exposure, message.key, known.legal_entity, message.open.currency, None, invoice)


def amend(exposure: Exposure, message: AgreementAmended) -> ExposureChanged | None:
    """A change order makes more or less to bill; None when that version is known."""
    known, delta = exposure.agreements.get(message.agreement_id), message.price_delta
    if known is None or known.order_version >= message.order.version or known.amount.currency != delta.currency:
        return None  # each version of an agreement counts once
    agreement = replace(known, order_version=message.order.version, amount=known.amount + delta)
    return _change(exposure, message.key, known.legal_entity, delta.currency, agreement, None)


def _change(
    exposure: Exposure,
    customer_id: str,
    legal_entity: str,
    currency: str,
    agreement: UnbilledAgreement | None,
    invoice: OpenInvoice | None,
) -> ExposureChanged:
    after = exposure.changed(agreement, invoice)
    receivables, unbilled = after.receivables(currency, legal_entity), after.unbilled(currency, legal_entity)
    return ExposureChanged(
        customer_id=customer_id,
        legal_entity=legal_entity,
        receivables=receivables,
        unbilled=unbilled,
        exposure=receivables + unbilled,
        overall=after.of(currency),
        agreement=agreement,
        invoice=invoice,
    )
