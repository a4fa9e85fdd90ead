"""Reconciliation: journals against documents, plans against invoices, to the cent (I01, I05, I08, I12, I23, I32)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from contracts.money import Money, total
from contracts.observability import BooksCheck, ContractBalance, EntityBooks, OpenItem, TrialBalanceLine
from services.observability.ledger import Agreement, Fact, Ledger, money

ACCOUNTS = ("CASH", "AR_CONTROL", "CONTRACT_BALANCE", "TAX_PAYABLE", "REVENUE", "FX_REALISED")
_NAMED = 10

K = TypeVar("K")


def books_of(ledger: Ledger) -> EntityBooks:
    contracts = tuple(_contract(ledger, agreement) for agreement in ledger.agreements)
    issued = {one.name for one in ledger.invoices}
    return EntityBooks(
        legal_entity=ledger.legal_entity,
        functional_currency=ledger.currency,
        trial_balance=tuple(_trial_balance(ledger)),
        receivables=tuple(_open_items(ledger)),
        contracts=contracts,
        totals=tuple(_totals(ledger, contracts)),
        invoice_numbers=tuple(number for _, number, _ in ledger.numbers if number in issued),
        checks=(
            _journals_balance(ledger),
            _facts_posted(ledger),
            _receivables_agree(ledger),
            _contract_balances_agree(ledger),
            _plans_agree(contracts),
            _agreements_agree(ledger, contracts),
            _numbers_gapless(ledger),
        ),
    )


# --- statements -----------------------------------------------------------------------------------------------------


def _trial_balance(ledger: Ledger) -> Iterator[TrialBalanceLine]:
    accounts = {(line.account, line.currency) for line in ledger.lines}
    for account, currency in sorted(accounts, key=lambda one: (ACCOUNTS.index(one[0]), one[1])):
        lines = [line for line in ledger.lines if (line.account, line.currency) == (account, currency)]
        debit = sum(line.amount for line in lines if line.amount > 0)
        credit = sum(-line.amount for line in lines if line.amount < 0)
        functional = sum(line.functional_amount for line in lines)
        yield TrialBalanceLine(
            account=account,
            currency=currency,
            debit=money(debit, currency),
            credit=money(credit, currency),
            balance=money(debit - credit, currency),
            functional_balance=money(functional, ledger.currency),
        )


def _open_items(ledger: Ledger) -> Iterator[OpenItem]:
    """Open invoices by due date, then cash that is not applied, which is owed to the customer."""
    for one, owed in sorted(_owed(ledger), key=lambda item: (item[0].due or ledger.today, item[0].name)):
        if owed:
            yield OpenItem(
                customer=one.customer,
                number=one.name,
                due_date=one.due,
                gross=money(one.amount, one.currency),
                open=money(owed, one.currency),
                days_overdue=max(0, (ledger.today - (one.due or ledger.today)).days),
            )
    for one, unapplied in _unapplied(ledger):
        if unapplied:
            yield OpenItem(
                customer=one.customer,
                number=one.name,
                due_date=None,
                gross=money(-one.amount, one.currency),
                open=money(-unapplied, one.currency),
                days_overdue=0,
            )


def _owed(ledger: Ledger) -> list[tuple[Fact, int]]:
    paid = _sums((one.number, one.amount) for one in ledger.applied)
    return [(one, one.amount - paid[one.name]) for one in ledger.invoices]


def _unapplied(ledger: Ledger) -> list[tuple[Fact, int]]:
    used = _sums(((one.customer, one.payment_id), one.amount) for one in ledger.applied)
    return [(one, one.amount - used[one.customer, one.name]) for one in ledger.payments]


def _contract(ledger: Ledger, agreement: Agreement) -> ContractBalance:
    billed = _net(ledger.invoices, agreement)
    recognised = _net(ledger.revenue, agreement)
    balance = recognised - billed
    figures = {
        "value": agreement.value,
        "billed": billed,
        "unbilled": agreement.value - billed if agreement.unbilled is None else agreement.unbilled,
        "recognised": recognised,
        "remaining": agreement.value - recognised,
        "asset": max(0, balance),
        "liability": max(0, -balance),
    }
    amounts = {name: money(units, agreement.currency) for name, units in figures.items()}
    return ContractBalance(agreement_id=agreement.agreement_id, customer=agreement.customer, **amounts)


def _totals(ledger: Ledger, contracts: Iterable[ContractBalance]) -> Iterator[tuple[str, Money]]:
    """Named figures, each as `name.CUR` for every currency that the entity trades in."""
    for currency in ledger.currencies:
        own = [one for one in contracts if one.value.currency == currency]
        yield f"billed.{currency}", total((one.billed for one in own), currency)
        yield f"recognised.{currency}", total((one.recognised for one in own), currency)
        yield f"deferred.{currency}", total((one.liability for one in own), currency)
        yield f"contract_assets.{currency}", total((one.asset for one in own), currency)
        yield f"unbilled.{currency}", total((one.unbilled for one in own), currency)
        for name, facts in (("receivables", _owed(ledger)), ("unapplied_cash", _unapplied(ledger))):
            units = sum(left for one, left in facts if one.currency == currency)
            yield f"{name}.{currency}", money(units, currency)


# --- what must hold -------------------------------------------------------------------------------------------------


def _journals_balance(ledger: Ledger) -> BooksCheck:
    in_transaction = _sums(((line.journal_id, line.currency), line.amount) for line in ledger.lines)
    in_functional = _sums(
        ((line.journal_id, line.functional_currency), line.functional_amount) for line in ledger.lines
    )
    broken = sorted({key[0] for sums in (in_transaction, in_functional) for key, left in sums.items() if left})
    journals = len({line.journal_id for line in ledger.lines})
    return _check("every journal balances in both currencies", broken, f"{journals} journals")


def _facts_posted(ledger: Ledger) -> BooksCheck:
    facts = (*ledger.invoices, *ledger.payments, *ledger.revenue)
    missing = [one.name for one in facts if one.amount and not one.posted]
    return _check("every document is in a journal", missing, f"{len(facts)} documents")


def _receivables_agree(ledger: Ledger) -> BooksCheck:
    """AR_CONTROL = open invoices less unapplied cash, and nothing is paid or used more than once (I05, I32)."""
    owed, unapplied = _owed(ledger), _unapplied(ledger)
    documents = _sums(
        [*((one.currency, left) for one, left in owed), *((one.currency, -left) for one, left in unapplied)]
    )
    over = [one.name for one, left in (*owed, *unapplied) if left < 0]
    name = "the receivables control account equals the open invoices less unapplied cash"
    return _check(name, [*_differences(_account(ledger, "AR_CONTROL"), documents), *over], _told(documents))


def _contract_balances_agree(ledger: Ledger) -> BooksCheck:
    """CONTRACT_BALANCE = the sum of recognised less billed (I05)."""
    documents = _sums(
        [*((one.currency, one.net) for one in ledger.revenue), *((one.currency, -one.net) for one in ledger.invoices)]
    )
    name = "the contract balance account equals recognised less billed"
    return _check(name, _differences(_account(ledger, "CONTRACT_BALANCE"), documents), _told(documents))


def _plans_agree(contracts: Iterable[ContractBalance]) -> BooksCheck:
    """What the billing plan has left and what the invoices have billed make up the value (I08)."""
    found = list(contracts)
    broken = [one.agreement_id for one in found if one.billed + one.unbilled != one.value]
    return _check("billed + unbilled = contract value", broken, f"{len(found)} agreements")


def _agreements_agree(ledger: Ledger, contracts: Iterable[ContractBalance]) -> BooksCheck:
    """Of each agreement, what the journals have on its contract balance is recognised less billed (I23)."""
    lines = (line for line in ledger.lines if line.account == "CONTRACT_BALANCE")
    posted = _sums(((line.customer, line.agreement_id), line.amount) for line in lines)
    found = list(contracts)
    broken = [
        one.agreement_id
        for one in found
        if one.recognised + one.liability != one.billed + one.asset
        or money(posted[one.customer, one.agreement_id], one.value.currency) != one.asset - one.liability
    ]
    return _check("recognised + deferred = billed + contract asset", broken, f"{len(found)} agreements")


def _numbers_gapless(ledger: Ledger) -> BooksCheck:
    """Numbers are allotted one after the other, each to one invoice, and no invoice carries another (I12)."""
    gaps = [f"{place} is missing" for place, (ordinal, _, _) in enumerate(ledger.numbers, start=1) if place != ordinal]
    unused = [f"{number} is on no invoice" for _, number, carried in ledger.numbers if not carried]
    shared = [f"{number} is on {carried} invoices" for _, number, carried in ledger.numbers if carried > 1]
    allotted = {number for _, number, _ in ledger.numbers}
    foreign = [f"{one.name} was not allotted" for one in ledger.invoices if one.name not in allotted]
    broken = [*gaps[:1], *unused, *shared, *foreign]
    return _check("invoice numbers are gapless", broken, f"{len(ledger.numbers)} allotted, each on one invoice")


# --- arithmetic -----------------------------------------------------------------------------------------------------


def _sums(parts: Iterable[tuple[K, int]]) -> Mapping[K, int]:
    found: dict[K, int] = defaultdict(int)
    for key, units in parts:
        found[key] += units
    return found


def _net(facts: Iterable[Fact], agreement: Agreement) -> int:
    wanted = (agreement.customer, agreement.agreement_id, agreement.currency)
    return sum(one.net for one in facts if (one.customer, one.agreement_id, one.currency) == wanted)


def _account(ledger: Ledger, account: str) -> Mapping[str, int]:
    return _sums((line.currency, line.amount) for line in ledger.lines if line.account == account)


def _differences(posted: Mapping[str, int], documents: Mapping[str, int]) -> list[str]:
    currencies = sorted({*posted, *documents})
    pairs = [(money(posted.get(one, 0), one), money(documents.get(one, 0), one)) for one in currencies]
    return [f"{journals} in journals, {papers} in documents" for journals, papers in pairs if journals != papers]


def _told(amounts: Mapping[str, int]) -> str:
    return ", ".join(str(money(units, currency)) for currency, units in sorted(amounts.items())) or "nothing"


def _check(name: str, broken: Sequence[str], detail: str) -> BooksCheck:
    return BooksCheck(name=name, holds=not broken, detail=", ".join(broken[:_NAMED]) if broken else detail)
