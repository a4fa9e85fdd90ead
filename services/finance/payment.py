"""A payment: money in the bank once, applied to invoices until nothing of it is left."""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from contracts.finance import CashAllocated, PaymentApplied, PaymentReceived, PaymentRefused, RecordPayment
from contracts.message import Record, name_of
from contracts.money import LARGEST, Money, exact, ratio
from services.finance.reference import Reference, functional_currency_of, fx_rate_on

Heard = RecordPayment | CashAllocated
Said = PaymentReceived | PaymentApplied | PaymentRefused


class Payment(Record):
    recorded: RecordPayment | None = None  # None until the bank has told us
    unapplied: Money | None = None


initial = Payment()


def actor_id(message: Heard) -> str:
    return message.payment_id


def decide(state: Payment, message: Heard, reference: Reference) -> Sequence[Said]:
    match message:
        case RecordPayment() if message == state.recorded:
            return []  # the bank told us twice
        case RecordPayment() if state.recorded is not None:
            return [_refused(message, "ALREADY_RECORDED", f"payment {message.payment_id} is recorded with other data")]
        case RecordPayment() if message.amount.value <= 0:
            return [_refused(message, "NOT_POSITIVE", f"{message.amount} is not money that came in")]
        case RecordPayment():
            return [_received(message, reference)]
        case CashAllocated() if state.unapplied is None or message.unapplied.currency != state.unapplied.currency:
            return []  # cash of a payment that was not recorded here
        case CashAllocated() if message.unapplied >= state.unapplied:
            return []  # heard before: what is unapplied only ever falls
        case CashAllocated():
            return [_applied(message)]
        case _:
            assert_never(message)


def evolve(state: Payment, event: Said) -> Payment:
    match event:
        case PaymentReceived():
            recorded = RecordPayment(
                payment_id=event.payment_id,
                legal_entity=event.legal_entity,
                amount=event.amount,
                value_date=event.value_date,
                bank_reference=event.bank_reference,
                remittance=event.remittance,
            )
            return Payment(recorded=recorded, unapplied=event.amount)
        case PaymentApplied():
            return replace(state, unapplied=event.unapplied)
        case PaymentRefused():
            return state
        case _:
            assert_never(event)


def _received(message: RecordPayment, reference: Reference) -> PaymentReceived | PaymentRefused:
    entity, day = message.legal_entity, message.value_date
    functional = functional_currency_of(reference, entity)
    if functional is None:
        return _refused(message, "UNKNOWN_LEGAL_ENTITY", f"no legal entity {entity} is registered")
    rate = fx_rate_on(reference, message.amount.currency, functional, day)
    if rate is None:
        pair = f"{message.amount.currency}-{functional}"
        return _refused(message, "FX_RATE_MISSING", f"publish a rate {pair} for {day}, then record the payment again")
    value = ratio(message.amount.value, exact(rate))
    if max(message.amount.value, value) > LARGEST:
        return _refused(message, "TOO_LARGE", f"{message.amount} is more than anybody pays at once")
    return PaymentReceived(
        payment_id=message.payment_id,
        legal_entity=entity,
        amount=message.amount,
        value_date=day,
        bank_reference=message.bank_reference,
        remittance=message.remittance,
        fx_rate=rate,
        functional_amount=Money.rounded(value, functional),
    ).about(message.correlation)


def _applied(message: CashAllocated) -> PaymentApplied:
    """A payment may settle invoices of many chains: each time it names the one that the receivable named."""
    return PaymentApplied(
        payment_id=message.payment_id,
        invoice_id=message.invoice_id,
        number=message.number,
        agreement_id=message.agreement_id,
        legal_entity=message.legal_entity,
        amount=message.amount,
        open=message.open,
        unapplied=message.unapplied,
        fx_difference=message.fx_difference,
        applied_on=message.allocated_on,
    ).about(message.correlation)


def _refused(message: RecordPayment, reason: str, detail: str) -> PaymentRefused:
    request = name_of(type(message))
    refused = PaymentRefused(payment_id=message.payment_id, request=request, reason=reason, detail=detail)
    return refused.about(message.correlation)
