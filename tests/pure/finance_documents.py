"""Invoices and payments as receivables, dunning, journals and journeys hear them."""

from datetime import date, datetime

from contracts.commercial import PolicyPublished
from contracts.finance import (
    FxRatePublished,
    InvoiceIssued,
    InvoiceLine,
    PaymentReceived,
    RecordPayment,
    Totals,
)
from contracts.money import Money, exact
from contracts.order import Party
from tests.pure.finance_orders import DE01, UK01
from tests.story import NOON, at

POLICY = PolicyPublished(
    legal_entity="DE01", version=1, discount_limit_percent="10", payment_terms_days=30, dunning_days=(7, 21, 35)
)
__all__ = ["DE01", "POLICY", "UK01", "dollars", "issued", "received", "record", "usd"]


def usd(amount: int | str) -> Money:
    return Money(str(amount), "USD")


def dollars(rate: str, on: date) -> FxRatePublished:
    return FxRatePublished(base="USD", quote="EUR", rate=rate, on=on, origin="ECB")


def issued(
    number: str,
    net: Money,
    tax: Money | None = None,
    *,
    on: date = date(2026, 3, 31),
    due: date = date(2026, 4, 30),
    rate: str = "1",
    functional: str = "EUR",
    agreement_id: str = "SOW-A",
    entry_id: str | None = None,
    legal_entity: str = "DE01",
    heard: datetime = NOON,
    key: str = "ACME",
    journey: str = "J-1",
    id: str = "m-1",
) -> InvoiceIssued:
    """An invoice of one line; its id is that of its entry, or its number in lower case."""
    nothing = Money.zero(net.currency)
    tax = tax or nothing
    gross = net + tax
    line = InvoiceLine(
        line_no=1,
        line_id="A1",
        description="Advice",
        quantity="1",
        unit="LS",
        unit_price=net.amount,
        net=net,
        tax_category="S",
        entry_id=entry_id,
    )
    event = InvoiceIssued(
        invoice_id=entry_id or number.lower(),
        number=number,
        document_type="380",
        agreement_id=agreement_id,
        legal_entity=legal_entity,
        customer=Party(customer_id=key, legal_name="Acme AG", country="DE"),
        issue_date=on,
        tax_point_date=on,
        due_date=due,
        currency=net.currency,
        lines=(line,),
        breakdown=(),
        totals=Totals(
            lines=net,
            allowances=nothing,
            charges=nothing,
            net=net,
            tax=tax,
            gross=gross,
            paid=nothing,
            rounding=nothing,
            payable=gross,
        ),
        functional_currency=functional,
        fx_rate=rate,
        functional_gross=Money.rounded(gross.value * exact(rate), functional),
        functional_tax=Money.rounded(tax.value * exact(rate), functional),
        content_hash="0" * 64,
    )
    return at(event, heard, key=key, journey=journey, id=id)


def record(payment_id: str, amount: Money, *names: str, on: date = date(2026, 4, 20)) -> RecordPayment:
    return RecordPayment(
        payment_id=payment_id,
        legal_entity="DE01",
        amount=amount,
        value_date=on,
        bank_reference=f"camt-{payment_id}",
        remittance=names,
    )


def received(
    payment_id: str,
    amount: Money,
    *names: str,
    on: date = date(2026, 4, 20),
    rate: str = "1",
    functional: str = "EUR",
    key: str = "ACME",
    id: str = "m-1",
) -> PaymentReceived:
    event = PaymentReceived(
        payment_id=payment_id,
        legal_entity="DE01",
        amount=amount,
        value_date=on,
        bank_reference=f"camt-{payment_id}",
        remittance=names,
        fx_rate=rate,
        functional_amount=Money.rounded(amount.value * exact(rate), functional),
    )
    return at(event, key=key, journey=f"J-{payment_id}", id=id)
