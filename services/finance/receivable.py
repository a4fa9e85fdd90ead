"""A receivable account: what one customer owes one legal entity in one currency, and the cash that settles it."""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import islice
from typing import assert_never

from msgspec.structs import replace

from contracts.finance import (
    CashAllocated,
    CashBooked,
    DisputeReceivable,
    DisputeResolved,
    InvoiceIssued,
    PaymentReceived,
    ReceivableDisputed,
    ReceivableOpened,
    ReceivableRefused,
    ResolveDispute,
)
from contracts.message import is_identifier, name_of
from contracts.money import Money
from services.finance.open_items import Account, Cash, Match, OpenItem, matches, settled

Heard = InvoiceIssued | PaymentReceived | DisputeReceivable | ResolveDispute
Said = ReceivableOpened | CashBooked | CashAllocated | ReceivableDisputed | DisputeResolved | ReceivableRefused

initial = Account()

AT_ONCE = 500
"""Allocations said in one answer; whatever is left is met when the account hears the next message."""


def actor_id(message: Heard) -> str:
    owed = message.totals.payable if isinstance(message, InvoiceIssued) else message.amount
    return account_of(message.legal_entity, owed.currency)


def account_of(legal_entity: str, currency: str) -> str:
    """Such as DE01-EUR; a code too long to read in it is replaced by its digest."""
    readable = f"{legal_entity}-{currency}"
    if is_identifier(readable):
        return readable
    return f"{blake2b(legal_entity.encode(), digest_size=16).hexdigest()}-{currency}"


def decide(state: Account, message: Heard) -> Sequence[Said]:
    match message:
        case InvoiceIssued() if message.totals.payable.value <= 0:
            return []  # nothing to collect
        case InvoiceIssued() if message.number in state.settled or state.item(message.number) is not None:
            return []  # issued once, owed once
        case InvoiceIssued():
            return _with_allocations(state, _opened(message))
        case PaymentReceived() if message.amount.value <= 0:
            return []  # a payment refuses it
        case PaymentReceived() if message.payment_id in (*state.spent, *(cash.payment_id for cash in state.cash)):
            return []  # booked before
        case PaymentReceived():
            return _with_allocations(state, _booked(message))
        case DisputeReceivable() | ResolveDispute():
            item = state.item(message.number)
            if item is None:
                return [_refused(message, "UNKNOWN_INVOICE", f"nothing is open on {message.number} in this account")]
            return _disputed(item, message)
        case _:
            assert_never(message)


def evolve(state: Account, event: Said) -> Account:
    match event:
        case ReceivableOpened():
            account = replace(state, account=event.account, legal_entity=event.legal_entity)
            return replace(account, items=(*state.items, _item(event)))
        case CashBooked():
            account = replace(state, account=event.account, legal_entity=event.legal_entity)
            return replace(account, cash=(*state.cash, _cash(event)))
        case CashAllocated():
            spent = event.relieved + event.fx_difference
            return settled(state, event.payment_id, event.number, event.amount, event.relieved, spent)
        case ReceivableDisputed():
            return _with_dispute(state, event.number, event.disputed, event.dispute_reason)
        case DisputeResolved():
            return _with_dispute(state, event.number, None, "")
        case ReceivableRefused():
            return state
        case _:
            assert_never(event)


def _with_allocations(state: Account, said: ReceivableOpened | CashBooked) -> list[Said]:
    """What is said, and the cash that meets an item because of it."""
    after = evolve(state, said)
    return [said, *(_allocated(after, match) for match in islice(matches(after), AT_ONCE))]


def _opened(message: InvoiceIssued) -> ReceivableOpened:
    return ReceivableOpened(
        account=actor_id(message),
        invoice_id=message.invoice_id,
        number=message.number,
        agreement_id=message.agreement_id,
        legal_entity=message.legal_entity,
        amount=message.totals.payable,
        functional_amount=message.functional_gross,
        issue_date=message.issue_date,
        due_date=message.due_date,
        journey=message.correlation,
    ).about(message.correlation)


def _item(event: ReceivableOpened) -> OpenItem:
    return OpenItem(
        invoice_id=event.invoice_id,
        number=event.number,
        agreement_id=event.agreement_id,
        open=event.amount,
        carrying=event.functional_amount,
        issue_date=event.issue_date,
        due_date=event.due_date,
        journey=event.journey,
        disputed=Money.zero(event.amount.currency),
    )


def _booked(message: PaymentReceived) -> CashBooked:
    return CashBooked(
        account=actor_id(message),
        legal_entity=message.legal_entity,
        payment_id=message.payment_id,
        amount=message.amount,
        functional_amount=message.functional_amount,
        value_date=message.value_date,
        remittance=message.remittance,
    ).about(message.correlation)


def _cash(event: CashBooked) -> Cash:
    return Cash(
        payment_id=event.payment_id,
        unapplied=event.amount,
        carrying=event.functional_amount,
        value_date=event.value_date,
        remittance=event.remittance,
    )


def _allocated(account: Account, match: Match) -> CashAllocated:
    return CashAllocated(
        account=account.account,
        legal_entity=account.legal_entity,
        payment_id=match.cash.payment_id,
        invoice_id=match.item.invoice_id,
        number=match.item.number,
        agreement_id=match.item.agreement_id,
        amount=match.amount,
        open=match.item.open - match.amount,
        unapplied=match.cash.unapplied - match.amount,
        relieved=match.relieved,
        fx_difference=match.spent - match.relieved,
        allocated_on=max(match.cash.value_date, match.item.issue_date),
    ).about(match.item.journey)


def _disputed(item: OpenItem, message: DisputeReceivable | ResolveDispute) -> Sequence[Said]:
    account = actor_id(message)
    match message:
        case DisputeReceivable() if message.amount.value <= 0:
            return [_refused(message, "NOT_POSITIVE", f"{message.amount} cannot be disputed")]
        case DisputeReceivable() if message.amount > item.open:
            return [_refused(message, "MORE_THAN_OPEN", f"{item.open} is open on {item.number}, not {message.amount}")]
        case DisputeReceivable() if (message.amount, message.dispute_reason) == (item.disputed, item.dispute_reason):
            return []  # disputed already
        case DisputeReceivable(amount=amount, dispute_reason=reason):
            disputed = ReceivableDisputed(account=account, number=item.number, disputed=amount, dispute_reason=reason)
            return [disputed.about(item.journey)]
        case ResolveDispute() if not item.disputed:
            return []  # nothing is disputed, as was asked for
        case ResolveDispute() if message.amount != item.disputed:
            detail = f"{item.disputed} is disputed on {item.number}, not {message.amount}"
            return [_refused(message, "AMOUNT_DIFFERS", detail)]
        case ResolveDispute():
            return [DisputeResolved(account=account, number=item.number).about(item.journey)]
        case _:
            assert_never(message)


def _with_dispute(state: Account, number: str, disputed: Money | None, reason: str) -> Account:
    items = (
        replace(item, disputed=disputed or Money.zero(item.open.currency), dispute_reason=reason)
        if item.number == number
        else item
        for item in state.items
    )
    return replace(state, items=tuple(items))


def _refused(message: DisputeReceivable | ResolveDispute, reason: str, detail: str) -> ReceivableRefused:
    refused = ReceivableRefused(
        account=actor_id(message),
        number=message.number,
        request=name_of(type(message)),
        reason=reason,
        detail=detail,
    )
    return refused.about(message.correlation)
