"""A journal: each fact in the books once, balanced in both currencies, in a month that is still open."""

from datetime import date

import pytest
from hypothesis import given as whatever
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.finance import (
    AccountingPeriodClosed,
    CatchUpPosted,
    JournalHeld,
    JournalPosted,
    JournalRefused,
    PaymentApplied,
    PostJournal,
    RevenueRecognised,
)
from contracts.message import Message
from contracts.money import Money, total
from services.finance import journal
from tests.pure.finance_documents import DE01, UK01, dollars, issued, received, usd
from tests.pure.finance_orders import eur
from tests.story import Story, at, given

INVOICE = issued("DE01-000001", eur(180_000), eur(34_200), id="f00d")
MARCH = AccountingPeriodClosed(legal_entity="DE01", period="2026-03", closed_by="K. Braun")


def recognised(amount: Money, legal_entity: str = "DE01", id: str = "m-1") -> RevenueRecognised:
    event = RevenueRecognised(
        agreement_id="SOW-A",
        legal_entity=legal_entity,
        line_id="A1",
        amount=amount,
        recognised_to_date=amount,
        contract_balance_basis=amount,
        progress=("1", "2"),
        cause="PROGRESS",
        recognised_on=date(2026, 3, 31),
    )
    return at(event, id=id)


def caught_up(amount: Money) -> CatchUpPosted:
    event = CatchUpPosted(
        agreement_id="SOW-A",
        legal_entity="DE01",
        change_order_id="CO-1",
        line_id="A1",
        before=amount,
        amount=amount,
        recognised_to_date=amount,
        contract_balance_basis=amount,
        progress=("1", "2"),
        recognised_on=date(2026, 3, 10),
    )
    return at(event)


def applied(amount: Money, difference: Money) -> PaymentApplied:
    event = PaymentApplied(
        payment_id="P-1",
        invoice_id="I-1",
        number="DE01-000001",
        agreement_id="SOW-A",
        legal_entity="DE01",
        amount=amount,
        open=Money.zero(amount.currency),
        unapplied=Money.zero(amount.currency),
        fx_difference=difference,
        applied_on=date(2026, 4, 20),
    )
    return at(event)


def posting(*facts: Message, knowing: tuple[Message, ...] = (DE01, UK01)) -> Story:
    return given(journal).knowing(*knowing).when(*facts)


def lines(posted: JournalPosted) -> list[tuple[str, str, str]]:
    """(account, amount, functional amount)."""
    return [(line.account, line.amount.amount, line.functional_amount.amount) for line in posted.lines]


def test_a_journal_is_the_actor_of_its_fact() -> None:
    assert journal.actor_id(INVOICE) == "f00d"
    assert journal.actor_id(PostJournal(journal_id="f00d")) == "f00d"
    assert journal.actor_id(issued("DE01-000001", eur(1), id="Q2C:17")) is None


def test_an_invoice_is_owed_billed_and_taxed() -> None:
    posted = posting(INVOICE).the(JournalPosted)
    assert lines(posted) == [
        ("AR_CONTROL", "214200.00", "214200.00"),
        ("CONTRACT_BALANCE", "-180000.00", "-180000.00"),
        ("TAX_PAYABLE", "-34200.00", "-34200.00"),
    ]
    assert (posted.journal_id, posted.customer, posted.source) == ("f00d", "ACME", "finance.invoice.issued.v1")
    assert (posted.agreement_id, posted.invoice_number) == ("SOW-A", "DE01-000001")
    assert (posted.document_date, posted.accounting_date, posted.prior_period_of) == (
        date(2026, 3, 31),
        date(2026, 3, 31),
        None,
    )


def test_an_invoice_without_tax_has_two_lines() -> None:
    assert [account for account, _, _ in lines(posting(issued("I", eur(10))).the(JournalPosted))] == [
        "AR_CONTROL",
        "CONTRACT_BALANCE",
    ]


def test_an_invoice_in_foreign_currency_balances_in_both() -> None:
    posted = posting(issued("I", usd("1000.01"), usd("190.00"), rate="0.9137")).the(JournalPosted)
    assert lines(posted) == [
        ("AR_CONTROL", "1190.01", "1087.31"),
        ("CONTRACT_BALANCE", "-1000.01", "-913.71"),
        ("TAX_PAYABLE", "-190.00", "-173.60"),
    ]


def test_recognised_revenue_moves_the_contract_balance() -> None:
    posted = posting(recognised(eur(180_000))).the(JournalPosted)
    assert lines(posted) == [
        ("CONTRACT_BALANCE", "180000.00", "180000.00"),
        ("REVENUE", "-180000.00", "-180000.00"),
    ]
    assert (posted.line_id, posted.description) == ("A1", "Revenue of A1, 1 of 2")


def test_a_negative_catch_up_turns_the_sides_round() -> None:
    posted = posting(caught_up(eur("-4285.71"))).the(JournalPosted)
    assert lines(posted) == [
        ("CONTRACT_BALANCE", "-4285.71", "-4285.71"),
        ("REVENUE", "4285.71", "4285.71"),
    ]
    assert (posted.description, posted.document_date) == ("Catch-up of A1 for change order CO-1", date(2026, 3, 10))


def test_a_payment_is_cash_and_takes_from_what_is_owed() -> None:
    posted = posting(received("P-1", usd(4_000), rate="1.08")).the(JournalPosted)
    assert lines(posted) == [("CASH", "4000.00", "4320.00"), ("AR_CONTROL", "-4000.00", "-4320.00")]
    assert (posted.agreement_id, posted.description) == (None, "Payment P-1")


def test_an_exchange_loss_is_posted_in_functional_currency_only() -> None:
    """Domain R22: 4,000 booked at 1.10 and settled at 1.08."""
    posted = posting(applied(usd(4_000), eur(-80))).the(JournalPosted)
    assert lines(posted) == [("AR_CONTROL", "0.00", "-80.00"), ("FX_REALISED", "0.00", "80.00")]
    assert (posted.document_date, posted.invoice_number) == (date(2026, 4, 20), "DE01-000001")


@pytest.mark.parametrize("fact", [applied(eur(1), eur(0)), recognised(eur(0)), issued("I", eur(0))])
def test_what_moves_nothing_is_not_posted(fact: Message) -> None:
    posting(fact).then_nothing()


def test_an_invoice_in_two_currencies_is_none() -> None:
    mixed = replace(INVOICE, totals=replace(INVOICE.totals, tax=usd(1)))
    posting(at(mixed)).then_nothing()


def test_revenue_in_foreign_currency_takes_the_rate_of_its_day() -> None:
    rates = (dollars("0.90", date(2026, 3, 1)), dollars("0.93", date(2026, 3, 31)), dollars("0.99", date(2026, 4, 1)))
    posted = posting(recognised(usd("100.05")), knowing=(DE01, *rates)).the(JournalPosted)
    assert lines(posted) == [("CONTRACT_BALANCE", "100.05", "93.05"), ("REVENUE", "-100.05", "-93.05")]


def test_a_fact_is_posted_once() -> None:
    posting(INVOICE, INVOICE).then_nothing()
    posting(INVOICE, PostJournal(journal_id="f00d")).then_nothing()


def test_a_fact_of_a_closed_month_posts_to_the_first_open_day_and_names_its_month() -> None:
    posted = posting(INVOICE, knowing=(DE01, MARCH)).the(JournalPosted)
    assert (posted.document_date, posted.accounting_date) == (date(2026, 3, 31), date(2026, 4, 1))
    assert posted.prior_period_of == "2026-03"


# --- held -----------------------------------------------------------------------------------------------------------


def test_a_fact_without_a_rate_is_held_and_posted_once_it_is_published_and_asked_for() -> None:
    held = posting(recognised(usd(100), id="cafe"))
    assert (held.the(JournalHeld).reason, held.the(JournalHeld).draft.journal_id) == ("FX_RATE_MISSING", "cafe")
    held.when(recognised(usd(100), id="cafe")).then_nothing()
    again = held.when(PostJournal(journal_id="cafe"))
    assert (again.the(JournalRefused).reason, again.the(JournalRefused).request) == (
        "FX_RATE_MISSING",
        "finance.journal.post.v1",
    )
    posted = again.knowing(dollars("0.9", date(2026, 3, 1))).when(PostJournal(journal_id="cafe"))
    assert lines(posted.the(JournalPosted))[0] == ("CONTRACT_BALANCE", "100.00", "90.00")
    assert posted.the(JournalPosted).accounting_date == date(2026, 3, 31)


def test_a_fact_of_an_unknown_legal_entity_is_held() -> None:
    assert posting(recognised(eur(1), "XX01")).the(JournalHeld).reason == "UNKNOWN_LEGAL_ENTITY"


def test_a_journal_that_is_not_held_cannot_be_posted_again() -> None:
    assert posting(PostJournal(journal_id="beef")).the(JournalRefused).reason == "UNKNOWN_JOURNAL"


# --- laws -----------------------------------------------------------------------------------------------------------

CENTS = st.integers(-(10**9), 10**9)
RATES = st.decimals("0.0001", 200, places=6).map(str)


@whatever(CENTS, st.integers(0, 10**6), RATES)
def test_every_journal_sums_to_zero_in_both_currencies(net: int, tax: int, rate: str) -> None:
    """I01."""
    amount, vat = (Money.rounded(usd(1).value * cents / 100, "USD") for cents in (net, tax))
    facts = (
        issued("I", amount, vat, rate=rate),
        recognised(amount),
        caught_up(amount),
        received("P", amount, rate=rate),
        applied(amount, eur("-0.01")),
    )
    for fact in facts:
        for said in posting(fact, knowing=(DE01, dollars(rate, date(2026, 1, 1)))).said:
            assert isinstance(said, JournalPosted)
            assert not total((line.amount for line in said.lines), "USD")
            assert not total((line.functional_amount for line in said.lines), "EUR")
