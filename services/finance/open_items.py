"""Open items and cash of one account, and which cash meets which item (domain 4.9)."""

from collections.abc import Iterator
from datetime import date

from msgspec.structs import replace

from contracts.message import Record
from contracts.money import Money

REMEMBERED = 200
"""How many settled invoices and used-up payments an account still recognises when they are named again."""


class OpenItem(Record):
    """An issued invoice that still owes something."""

    invoice_id: str
    number: str
    agreement_id: str
    open: Money
    carrying: Money
    """What stands in the books for it, in functional currency."""
    issue_date: date
    due_date: date
    journey: str
    disputed: Money
    dispute_reason: str = ""


class Cash(Record):
    """A payment of which something is left."""

    payment_id: str
    unapplied: Money
    carrying: Money
    """The same in functional currency, at the payment's rate."""
    value_date: date
    remittance: tuple[str, ...]


class Account(Record):
    """What one customer owes one legal entity in one currency."""

    account: str = ""  # empty until an invoice or a payment came
    legal_entity: str = ""
    items: tuple[OpenItem, ...] = ()
    cash: tuple[Cash, ...] = ()
    """Oldest first."""
    settled: tuple[str, ...] = ()
    """Numbers of the invoices that were paid last."""
    spent: tuple[str, ...] = ()
    """Ids of the payments that were used up last."""

    def item(self, number: str) -> OpenItem | None:
        return next((item for item in self.items if item.number == number), None)


class Match(Record):
    """So much of this cash settles so much of this item."""

    cash: Cash
    item: OpenItem
    amount: Money
    relieved: Money
    """Taken off the item's carrying amount; the last payment takes the rest, so that nothing is left of it."""
    spent: Money
    """Taken off the cash's carrying amount, in the same way."""


def matches(account: Account) -> Iterator[Match]:
    """Cash meets items until no cash is left that may meet one."""
    while (found := _next(account)) is not None:
        yield found
        account = settled(account, found.cash.payment_id, found.item.number, found.amount, found.relieved, found.spent)


def settled(account: Account, payment_id: str, number: str, amount: Money, relieved: Money, spent: Money) -> Account:
    """The account after `amount` of a payment was applied to an item; what is settled or used up leaves it."""
    items = tuple(_paid(item, amount, relieved) if item.number == number else item for item in account.items)
    cash = tuple(_used(one, amount, spent) if one.payment_id == payment_id else one for one in account.cash)
    return replace(
        account,
        items=tuple(item for item in items if item.open),
        cash=tuple(one for one in cash if one.unapplied),
        settled=(*account.settled, *(item.number for item in items if not item.open))[-REMEMBERED:],
        spent=(*account.spent, *(one.payment_id for one in cash if not one.unapplied))[-REMEMBERED:],
    )


def _next(account: Account) -> Match | None:
    for cash in account.cash:
        for number in cash.remittance:
            named = account.item(number)
            if named is not None and _meet(cash, named):
                return _match(cash, named)
    by_due = sorted(account.items, key=lambda item: (item.due_date, item.number))
    free = [cash for cash in account.cash if not _waits(account, cash)]
    for exact_only in (True, False):
        for cash in free:
            for item in by_due:
                if _meet(cash, item) and (not exact_only or item.open == cash.unapplied):
                    return _match(cash, item)
    return None


def _meet(cash: Cash, item: OpenItem) -> bool:
    """A legal entity has one functional currency: what is carried in another was not booked by it."""
    return cash.carrying.currency == item.carrying.currency


def _waits(account: Account, cash: Cash) -> bool:
    """Cash naming an invoice that is not issued yet is kept for it."""
    return any(number not in account.settled and account.item(number) is None for number in cash.remittance)


def _match(cash: Cash, item: OpenItem) -> Match:
    amount = min(cash.unapplied, item.open)
    return Match(
        cash=cash,
        item=item,
        amount=amount,
        relieved=item.carrying.times(amount.value, item.open.value),
        spent=cash.carrying.times(amount.value, cash.unapplied.value),
    )


def _paid(item: OpenItem, amount: Money, relieved: Money) -> OpenItem:
    left = item.open - amount
    return replace(item, open=left, carrying=item.carrying - relieved, disputed=min(item.disputed, left))


def _used(cash: Cash, amount: Money, spent: Money) -> Cash:
    return replace(cash, unapplied=cash.unapplied - amount, carrying=cash.carrying - spent)
