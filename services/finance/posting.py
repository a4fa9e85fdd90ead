"""Posting: which accounts a business fact touches, in transaction and in functional currency."""

from collections.abc import Sequence
from datetime import date
from typing import assert_never

from contracts.finance import (
    AccountRole,
    CatchUpPosted,
    DraftLine,
    InvoiceIssued,
    JournalDraft,
    JournalLine,
    PaymentApplied,
    PaymentReceived,
    RevenueRecognised,
)
from contracts.message import name_of
from contracts.money import Money, exact, ratio

Fact = InvoiceIssued | RevenueRecognised | CatchUpPosted | PaymentReceived | PaymentApplied


def draft(fact: Fact) -> JournalDraft | None:
    """What the fact asks to be posted; None when it moves nothing."""
    lines = _lines(fact)
    if not lines:
        return None
    return JournalDraft(
        journal_id=fact.id,
        legal_entity=fact.legal_entity,
        customer=fact.key,
        document_date=_document_date(fact),
        source=name_of(type(fact)),
        description=_description(fact),
        lines=lines,
        agreement_id=None if isinstance(fact, PaymentReceived) else fact.agreement_id,
        line_id=fact.line_id if isinstance(fact, RevenueRecognised | CatchUpPosted) else None,
        invoice_number=fact.number if isinstance(fact, InvoiceIssued | PaymentApplied) else None,
    )


def _lines(fact: Fact) -> tuple[DraftLine, ...]:
    match fact:
        case InvoiceIssued():
            return _invoice(fact)
        case RevenueRecognised() | CatchUpPosted():
            return _pair("CONTRACT_BALANCE", "REVENUE", fact.amount, None)
        case PaymentReceived():
            return _pair("CASH", "AR_CONTROL", fact.amount, fact.functional_amount)
        case PaymentApplied():
            # both sides are settled in the invoice's currency: there is a difference in the functional one only
            return _pair("AR_CONTROL", "FX_REALISED", Money.zero(fact.amount.currency), fact.fx_difference)
        case _:
            assert_never(fact)


def _invoice(fact: InvoiceIssued) -> tuple[DraftLine, ...]:
    """Dr receivable gross / Cr contract balance net / Cr tax.

    Functional amounts are those that the invoice states (BT-111); the net takes what rounding leaves over.
    """
    gross, tax = fact.totals.gross, fact.totals.tax
    functional_gross, functional_tax = fact.functional_gross, fact.functional_tax
    if gross.currency != tax.currency or functional_gross.currency != functional_tax.currency:
        return ()  # never issued: an invoice has one currency
    lines = (
        DraftLine(account="AR_CONTROL", amount=gross, functional_amount=functional_gross),
        DraftLine(
            account="CONTRACT_BALANCE",
            amount=tax - gross,
            functional_amount=functional_tax - functional_gross,
        ),
        DraftLine(account="TAX_PAYABLE", amount=-tax, functional_amount=-functional_tax),
    )
    return tuple(line for line in lines if line.amount)


def _pair(debit: AccountRole, credit: AccountRole, amount: Money, functional: Money | None) -> tuple[DraftLine, ...]:
    """Two lines that mirror each other; a negative amount turns the sides round."""
    if not amount and not functional:
        return ()
    return (
        DraftLine(account=debit, amount=amount, functional_amount=functional),
        DraftLine(account=credit, amount=-amount, functional_amount=None if functional is None else -functional),
    )


def converted(lines: Sequence[DraftLine], rate: str, functional: str) -> tuple[JournalLine, ...]:
    """The lines with their functional amounts; what mirrors each other is rounded alike, so they sum to zero (I01)."""
    return tuple(
        JournalLine(
            account=line.account,
            amount=line.amount,
            functional_amount=Money.rounded(ratio(line.amount.value, exact(rate)), functional)
            if line.functional_amount is None
            else line.functional_amount,
        )
        for line in lines
    )


def is_fixed(lines: Sequence[DraftLine]) -> bool:
    """Whether the fact itself has fixed its functional amounts."""
    return all(line.functional_amount is not None for line in lines)


def _document_date(fact: Fact) -> date:
    match fact:
        case InvoiceIssued():
            return fact.issue_date
        case RevenueRecognised() | CatchUpPosted():
            return fact.recognised_on
        case PaymentReceived():
            return fact.value_date
        case PaymentApplied():
            return fact.applied_on
        case _:
            assert_never(fact)


def _description(fact: Fact) -> str:
    match fact:
        case InvoiceIssued():
            return f"Invoice {fact.number}"
        case RevenueRecognised():
            return f"Revenue of {fact.line_id}, {fact.progress[0]} of {fact.progress[1]}"
        case CatchUpPosted():
            return f"Catch-up of {fact.line_id} for change order {fact.change_order_id}"
        case PaymentReceived():
            return f"Payment {fact.payment_id}"
        case PaymentApplied():
            return f"Exchange difference of payment {fact.payment_id} on invoice {fact.number}"
        case _:
            assert_never(fact)
