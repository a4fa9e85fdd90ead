"""The books: what the journals say, held against what the documents say, to the cent and on any day."""

from datetime import UTC, date, datetime

import pytest

from contracts.commercial import AgreementOpened
from contracts.finance import (
    BillingPlanAgreed,
    BillingPlanAmended,
    BillingProgressed,
    InvoiceIssued,
    JournalPosted,
    NumberAllotted,
    PaymentReceived,
)
from contracts.message import Message
from contracts.money import Money
from contracts.observability import BooksCheck, ClockTicked, EntityBooks, ShowBooks
from services.finance import journal, reference
from services.observability import books
from tests.pure.finance_documents import DE01, UK01, dollars, issued, received, usd
from tests.pure.finance_orders import A, eur
from tests.pure.memory_mesh import half_year
from tests.pure.read_model import rows_of, said
from tests.pure.test_journal import MARCH, applied, recognised
from tests.pure.test_journey import amended, paid
from tests.pure.test_receivable import dispute
from tests.story import at

OPENED = said(AgreementOpened(agreement_id="SOW-A", order=A), "opened", at=datetime(2026, 1, 8, 10, tzinfo=UTC))
RATES = (DE01, UK01, dollars("0.9", date(2026, 1, 1)))


def known(*broadcasts: Message) -> reference.Reference:
    state = reference.initial
    for broadcast in (*RATES, *broadcasts):
        assert isinstance(broadcast, reference.Heard)
        state = reference.evolve(state, broadcast)
    return state


def posted(*facts: Message, closed: tuple[Message, ...] = ()) -> list[Message]:
    """Each fact under an id of its own, followed by its journal."""
    log: list[Message] = []
    for place, fact in enumerate(facts):
        heard = fact.heard(at(fact, key="ACME", id=f"f-{place}-{type(fact).__name__}").context)
        assert isinstance(heard, journal.Heard)
        log += [heard, *(said(entry) for entry in journal.decide(journal.initial, heard, known(*closed)))]
    return log


def plan(total: Money) -> BillingPlanAgreed:
    return BillingPlanAgreed(
        agreement_id="SOW-A",
        legal_entity="DE01",
        entries=(),
        caps=(),
        total=total,
        customer=A.customer,
        payment_terms_days=30,
        tax_categories=(),
        descriptions=(),
        time_zone="Europe/Berlin",
    )


def plan_amended(total: Money) -> BillingPlanAmended:
    return BillingPlanAmended(agreement_id="SOW-A", change_order_id="CO-1", entries=(), caps=(), total=total)


def progressed(billed: Money, unbilled: Money) -> BillingProgressed:
    return BillingProgressed(
        agreement_id="SOW-A",
        invoice_id="I-1",
        number="DE01-000001",
        billed=billed,
        unbilled=unbilled,
        total=billed + unbilled,
    )


def number(ordinal: int, name: str | None = None) -> NumberAllotted:
    return NumberAllotted(
        legal_entity="DE01",
        invoice_id=f"I-{ordinal}",
        customer="ACME",
        number=name or f"DE01-{ordinal:06d}",
        ordinal=ordinal,
    )


INVOICE = issued("DE01-000001", eur(180_000), eur(34_200))
STORY = [DE01, OPENED, plan(eur(600_000)), number(1), *posted(INVOICE), progressed(eur(180_000), eur(420_000))]


def read(log: list[Message], as_of: date | None = None, entity: str | None = "DE01") -> EntityBooks:
    found = books.answer(rows_of(books, log), ShowBooks(legal_entity=entity, as_of=as_of))
    assert found.position == len(log)
    assert found.as_of == as_of
    return found.entities[0]


def broken(found: EntityBooks) -> list[str]:
    return [f"{check.name}: {check.detail}" for check in found.checks if not check.holds]


def balance(found: EntityBooks, account: str) -> tuple[str, str]:
    line = next(line for line in found.trial_balance if line.account == account)
    return line.balance.amount, line.functional_balance.amount


# --- statements -----------------------------------------------------------------------------------------------------


def test_books_are_kept_for_each_legal_entity() -> None:
    rows = rows_of(books, [DE01, UK01])
    assert [one.legal_entity for one in books.answer(rows, ShowBooks()).entities] == ["DE01", "UK01"]
    assert books.answer(rows, ShowBooks(legal_entity="XX01")).entities == ()


def test_an_entity_that_has_done_nothing_has_empty_books_in_its_currency() -> None:
    found = read([UK01], entity="UK01")
    assert (found.trial_balance, found.receivables, found.contracts, found.invoice_numbers) == ((), (), (), ())
    assert dict(found.totals)["billed.GBP"] == Money("0", "GBP")
    assert broken(found) == []


def test_an_invoice_is_in_the_trial_balance_and_open() -> None:
    found = read([*STORY, said(ClockTicked(instant=datetime(2026, 5, 7, 22, tzinfo=UTC)))])
    assert [(line.account, line.balance.amount) for line in found.trial_balance] == [
        ("AR_CONTROL", "214200.00"),
        ("CONTRACT_BALANCE", "-180000.00"),
        ("TAX_PAYABLE", "-34200.00"),
    ]
    (item,) = found.receivables
    assert (item.number, item.open, item.due_date, item.days_overdue) == (
        "DE01-000001",
        eur(214_200),
        date(2026, 4, 30),
        8,
    )
    assert found.invoice_numbers == ("DE01-000001",)
    assert broken(found) == []


def test_a_contract_that_is_billed_ahead_of_revenue_is_a_liability() -> None:
    (one,) = read([*STORY, *posted(recognised(eur(174_000)))]).contracts
    assert (one.value, one.billed, one.unbilled) == (eur(600_000), eur(180_000), eur(420_000))
    assert (one.recognised, one.remaining, one.asset, one.liability) == (
        eur(174_000),
        eur(426_000),
        eur(0),
        eur(6_000),
    )


def test_a_contract_whose_revenue_is_ahead_of_billing_is_an_asset() -> None:
    found = read([*STORY, *posted(recognised(eur(300_000)))])
    assert (found.contracts[0].asset, found.contracts[0].liability) == (eur(120_000), eur(0))
    totals = dict(found.totals)
    assert (totals["contract_assets.EUR"], totals["deferred.EUR"]) == (eur(120_000), eur(0))
    assert broken(found) == []


def test_an_agreement_without_a_plan_is_unbilled_as_a_whole() -> None:
    assert read([DE01, OPENED]).contracts[0].unbilled == eur(600_000)


def test_a_change_order_is_unbilled_until_it_is_billed() -> None:
    log = [*STORY, plan_amended(eur(690_000)), said(amended(eur(690_000)))]
    (one,) = read(log).contracts
    assert (one.value, one.unbilled) == (eur(690_000), eur(510_000))


def test_a_paid_invoice_is_not_open_and_unapplied_cash_is_owed_to_the_customer() -> None:
    cash = posted(received("P-1", eur(214_300)))
    waiting = read([*STORY, *cash])
    assert [(item.number, item.open) for item in waiting.receivables] == [
        ("DE01-000001", eur(214_200)),
        ("P-1", eur(-214_300)),
    ]
    settled = read([*STORY, *cash, said(paid_with("P-1", eur(214_200)))])
    assert [(item.number, item.open) for item in settled.receivables] == [("P-1", eur(-100))]
    totals = dict(settled.totals)
    assert (totals["receivables.EUR"], totals["unapplied_cash.EUR"]) == (eur(0), eur(100))
    assert broken(settled) == []


def paid_with(payment_id: str, amount: Money) -> Message:
    event = paid("DE01-000001", amount, eur(0))
    assert event.payment_id == payment_id
    return event


def test_foreign_documents_are_shown_in_both_currencies() -> None:
    invoice = issued("DE01-000001", usd(10_000), rate="1.1")
    cash = received("P-1", usd(10_000), rate="1.15")
    log = [DE01, number(1), *posted(invoice, cash, applied(usd(10_000), eur(500)))]
    found = read(log)
    assert balance(found, "AR_CONTROL") == ("0.00", "0.00")
    assert balance(found, "FX_REALISED") == ("0.00", "-500.00")
    assert [name for name, _ in found.totals if name.startswith("billed")] == ["billed.EUR", "billed.USD"]
    assert broken(found) == []


# --- on a day -------------------------------------------------------------------------------------------------------


def test_books_as_of_a_day_leave_out_what_came_later() -> None:
    log = [*STORY, *posted(received("P-1", eur(214_200))), said(paid_with("P-1", eur(214_200)))]
    assert [item.open for item in read(log, date(2026, 4, 19)).receivables] == [eur(214_200)]
    assert read(log, date(2026, 4, 20)).receivables == ()
    before = read(log, date(2026, 3, 9))
    assert (before.receivables, before.contracts[0].billed) == ((), eur(0))
    assert before.contracts[0].unbilled == eur(600_000)
    assert read(log, date(2026, 1, 7)).contracts == ()
    assert [broken(read(log, date(2026, month, 9))) for month in (1, 2, 5)] == [[], [], []]


def test_days_overdue_are_counted_to_the_day_of_the_books() -> None:
    assert read(STORY, date(2026, 4, 30)).receivables[0].days_overdue == 0
    assert read(STORY, date(2026, 5, 7)).receivables[0].days_overdue == 7


def test_a_document_of_a_closed_month_counts_from_the_day_it_was_posted() -> None:
    late = [DE01, number(1), *posted(INVOICE, closed=(MARCH,))]
    assert read(late, date(2026, 3, 31)).receivables == ()
    assert len(read(late, date(2026, 4, 1)).receivables) == 1
    assert broken(read(late, date(2026, 3, 31))) == []


# --- what must hold -------------------------------------------------------------------------------------------------


def without_journals(log: list[Message]) -> list[Message]:
    return [message for message in log if not isinstance(message, JournalPosted)]


def unbalanced(log: list[Message]) -> list[Message]:
    """The first line of each journal is a cent more."""
    found = []
    for message in log:
        if isinstance(message, JournalPosted):
            first = message.lines[0]
            more = type(first)(
                account=first.account,
                amount=first.amount + eur("0.01"),
                functional_amount=first.functional_amount + eur("0.01"),
            )
            fields = {name: getattr(message, name) for name in message.__struct_fields__}
            message = said(JournalPosted(**{**fields, "lines": (more, *message.lines[1:])}))
        found.append(message)
    return found


def test_a_journal_that_does_not_balance_is_named() -> None:
    found = broken(read(unbalanced(STORY)))
    assert found[0].startswith("every journal balances in both currencies: f-0-InvoiceIssued")
    assert found[1] == (
        "the receivables control account equals the open invoices less unapplied cash: "
        "214,200.01 EUR in journals, 214,200.00 EUR in documents"
    )


def test_a_document_without_a_journal_is_named() -> None:
    assert "every document is in a journal: DE01-000001" in broken(read(without_journals(STORY)))


def test_more_applied_than_there_is_is_named() -> None:
    log = [*STORY, *posted(received("P-1", eur(100))), said(paid_with("P-1", eur(101)))]
    assert broken(read(log)) == ["the receivables control account equals the open invoices less unapplied cash: P-1"]


def test_a_contract_balance_that_the_journals_do_not_have_is_named() -> None:
    found = broken(read([*STORY, *without_journals(posted(recognised(eur(5))))]))
    assert "recognised + deferred = billed + contract asset: SOW-A" in found
    assert any(text.startswith("the contract balance account equals recognised less billed") for text in found)


def test_a_plan_that_does_not_follow_the_agreement_is_named() -> None:
    found = read([*STORY, said(amended(eur(690_000)))])
    assert broken(found) == ["billed + unbilled = contract value: SOW-A"]


@pytest.mark.parametrize(
    ("numbers", "detail"),
    [
        ([number(1), number(3)], "2 is missing, DE01-000003 is on no invoice"),
        ([number(1, "DE01-X")], "DE01-X is on no invoice, DE01-000001 was not allotted"),
        ([number(1), number(2)], "DE01-000002 is on no invoice"),
    ],
)
def test_a_gap_and_a_number_without_its_invoice_are_named(numbers: list[Message], detail: str) -> None:
    log = [DE01, OPENED, *numbers, *posted(INVOICE)]
    assert broken(read(log)) == [f"invoice numbers are gapless: {detail}"]


def test_a_number_that_two_invoices_carry_is_named() -> None:
    log = [DE01, OPENED, number(1), *posted(INVOICE, INVOICE)]
    assert "invoice numbers are gapless: DE01-000001 is on 2 invoices" in broken(read(log))


def test_a_number_whose_invoice_is_dated_later_is_no_gap() -> None:
    assert broken(read(STORY, date(2026, 3, 9))) == []


def test_what_is_heard_twice_counts_once() -> None:
    twice = [*STORY, number(1), *(message for message in STORY if isinstance(message, InvoiceIssued))]
    assert read(twice).receivables == read(STORY).receivables
    cash = posted(received("P-1", eur(100)))
    again = [*STORY, *cash, *(message for message in cash if isinstance(message, PaymentReceived))]
    assert read(again).receivables == read([*STORY, *cash]).receivables
    journals = [message for message in STORY if isinstance(message, JournalPosted)]
    assert read([*STORY, *journals]) == read(STORY)


def test_what_is_not_of_the_books_is_not_in_them() -> None:
    assert read([*STORY, dispute(eur(1))]).receivables == read(STORY).receivables


# --- the half-year --------------------------------------------------------------------------------------------------


def test_the_half_year_adds_up_on_every_day_that_matters() -> None:
    rows = rows_of(books, half_year().mesh.log)
    days = [date(2026, month, day) for month in range(1, 7) for day in (9, 10, 28)] + [date(2026, 6, 30), None]
    checks: list[BooksCheck] = []
    for day in days:
        for entity in books.answer(rows, ShowBooks(as_of=day)).entities:
            checks += [check for check in entity.checks if not check.holds]
    assert checks == []


def test_the_half_year_ends_with_the_books_that_were_expected() -> None:
    found = books.answer(rows_of(books, half_year().mesh.log), ShowBooks(as_of=date(2026, 6, 30)))
    contracts = {one.agreement_id: one for entity in found.entities for one in entity.contracts}
    assert (contracts["SOW-A"].recognised, contracts["SOW-A"].billed) == (eur(690_000), eur(690_000))
    assert (contracts["SOW-B"].recognised, contracts["SOW-B"].liability) == (eur("49972.60"), eur("27.40"))
    assert contracts["SOW-C"].unbilled == Money("750", "GBP")
    assert [(item.number, item.open) for item in found.entities[0].receivables] == [
        ("DE01-000007", eur(23_800)),
        ("DE01-000008", eur(29_750)),
    ]


def test_31_march_is_as_e01_says() -> None:
    entity = read(half_year().mesh.log, date(2026, 3, 31))
    one = next(one for one in entity.contracts if one.agreement_id == "SOW-A")
    assert (one.recognised, one.billed, one.liability, one.unbilled, one.remaining) == (
        eur(414_000),
        eur(420_000),
        eur(6_000),
        eur(270_000),
        eur(276_000),
    )


def test_books_hold_whatever_can_be_written_as_money() -> None:
    most = Money("999999999999999999", "CLF")
    found = read([DE01, dollars("1", date(2026, 1, 1)), *posted(received("P-1", most))])
    assert dict(found.totals)["unapplied_cash.CLF"] == most
