"""Credit: whether a customer's exposure may grow by an amount, in the currency of that amount."""

from contracts.commercial import CheckCredit, CreditCheck, CreditReason, CreditRefused, CreditReserved, ReserveCredit
from contracts.money import Money
from contracts.order import Party
from services.commercial.exposure import Exposure


def over_limit(exposure: Exposure, amount: Money) -> str | None:
    """How the amount would exceed the limit of its currency; None when it would not."""
    limit, before = exposure.limits.get(amount.currency), exposure.of(amount.currency)
    if limit is None or before + amount <= limit:
        return None
    return f"exposure {before} and this {amount} come to {before + amount}, the limit is {limit}"


def reserve(exposure: Exposure, party: Party, message: ReserveCredit) -> CreditReserved:
    return CreditReserved(
        customer=party,
        quote_id=message.quote_id,
        version=message.version,
        agreement_id=message.agreement_id,
        amount=message.amount,
        exposure=exposure.of(message.amount.currency) + message.amount,
    )


def refuse_credit(exposure: Exposure, message: ReserveCredit, reason: CreditReason, detail: str) -> CreditRefused:
    before = exposure.of(message.amount.currency)
    return CreditRefused(
        customer_id=message.key,
        quote_id=message.quote_id,
        version=message.version,
        reason=reason,
        detail=detail,
        exposure=before,
        would_be=before + message.amount,
        limit=exposure.limits.get(message.amount.currency),
    )


def check(exposure: Exposure, question: CheckCredit, *, blocked: bool) -> CreditCheck:
    before = exposure.of(question.amount.currency)
    return CreditCheck(
        customer_id=question.key,
        decision="HOLD" if blocked or over_limit(exposure, question.amount) else "OK",
        exposure=before,
        would_be=before + question.amount,
        limit=exposure.limits.get(question.amount.currency),
    )
