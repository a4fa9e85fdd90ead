"""A receivable account: what is owed, and which cash settles it in which order."""

from datetime import date

import pytest
from hypothesis import given as whatever
from hypothesis import strategies as st

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
from contracts.message import Message, is_identifier
from contracts.money import Money, total
from services.finance import open_items, receivable
from tests.pure.finance_documents import issued, received, usd
from tests.pure.finance_orders import eur
from tests.story import Story, at, given

ONE = issued("DE01-000001", eur(100), due=date(2026, 4, 10), journey="J-1")
TWO = issued("DE01-000002", eur(200), due=date(2026, 4, 20), journey="J-2")
THREE = issued("DE01-000003", eur(300), due=date(2026, 4, 5), journey="J-3")


def account(*heard: Message) -> Story:
    """An account that has heard all this."""
    return given(receivable).when(*heard)


def allocations(story: Story) -> list[tuple[str, str, str, str, str]]:
    """(payment, invoice, amount, left open, left unapplied) of what is said last."""
    found = [said for said in story.said if isinstance(said, CashAllocated)]
    return [(a.payment_id, a.number[-1], a.amount.amount, a.open.amount, a.unapplied.amount) for a in found]


def dispute(amount: Money, reason: str = "late") -> DisputeReceivable:
    return DisputeReceivable(legal_entity="DE01", number="DE01-000001", amount=amount, dispute_reason=reason)


def resolve(amount: Money) -> ResolveDispute:
    return ResolveDispute(legal_entity="DE01", number="DE01-000001", amount=amount)


# --- accounts and items ---------------------------------------------------------------------------------------------


def test_an_account_is_a_legal_entity_and_a_currency() -> None:
    assert receivable.actor_id(ONE) == "DE01-EUR"
    assert receivable.actor_id(received("P-1", usd(1))) == "DE01-USD"
    assert receivable.actor_id(dispute(eur(1))) == receivable.actor_id(resolve(eur(1))) == "DE01-EUR"


def test_a_legal_entity_with_the_longest_code_has_an_account_of_its_own() -> None:
    one, other = (receivable.account_of(code * 64, "EUR") for code in "AB")
    assert is_identifier(one)
    assert is_identifier(other)
    assert one != other


def test_an_issued_invoice_is_an_open_item_of_its_journey() -> None:
    said = account(issued("DE01-000001", eur(100), eur(19), journey="J-7"))
    opened = said.the(ReceivableOpened)
    assert (opened.account, opened.number, opened.amount) == ("DE01-EUR", "DE01-000001", eur(119))
    assert (opened.journey, opened.address.journey) == ("J-7", "J-7")


def test_an_invoice_issued_twice_is_owed_once() -> None:
    account(ONE, ONE).then_nothing()
    account(ONE, received("P-1", eur(100)), ONE).then_nothing()


def test_an_invoice_over_nothing_is_not_owed() -> None:
    account(issued("DE01-000001", eur(0))).then_nothing()


def test_cash_that_is_no_cash_is_not_booked() -> None:
    account(received("P-1", eur(0))).then_nothing()


def test_a_payment_heard_twice_is_booked_once() -> None:
    cash = received("P-1", eur(100))
    account(cash, cash).then_nothing()
    account(ONE, cash, cash).then_nothing()


# --- the order in which cash settles items --------------------------------------------------------------------------


def test_named_invoices_are_settled_in_the_order_in_which_they_are_named() -> None:
    said = account(ONE, TWO, THREE, received("P-1", eur(450), "DE01-000003", "DE01-000001"))
    assert allocations(said) == [
        ("P-1", "3", "300.00", "0.00", "150.00"),
        ("P-1", "1", "100.00", "0.00", "50.00"),
        ("P-1", "2", "50.00", "150.00", "0.00"),
    ]
    said.says(CashBooked, CashAllocated, CashAllocated, CashAllocated)


def test_each_allocation_is_about_the_journey_of_its_invoice() -> None:
    said = account(ONE, TWO, received("P-1", eur(300)))
    assert [a.address.journey for a in said.said] == ["J-P-1", "J-1", "J-2"]


def test_cash_without_a_name_settles_an_exact_amount_before_an_older_invoice() -> None:
    said = account(ONE, TWO, THREE, received("P-1", eur(200)))
    assert allocations(said) == [("P-1", "2", "200.00", "0.00", "0.00")]


def test_cash_without_a_name_and_an_exact_amount_settles_the_oldest_due_first() -> None:
    said = account(ONE, TWO, THREE, received("P-1", eur(350)))
    assert allocations(said) == [("P-1", "3", "300.00", "0.00", "50.00"), ("P-1", "1", "50.00", "50.00", "0.00")]


def test_what_is_over_stays_unapplied_and_settles_the_next_invoice() -> None:
    paid = account(ONE, received("P-1", eur(150)))
    assert allocations(paid) == [("P-1", "1", "100.00", "0.00", "50.00")]
    assert allocations(paid.when(TWO)) == [("P-1", "2", "50.00", "150.00", "0.00")]


def test_cash_that_came_before_its_invoice_is_allocated_when_the_invoice_comes() -> None:
    waiting = account(received("P-1", eur(100)))
    waiting.says(CashBooked)
    said = waiting.when(ONE)
    said.says(ReceivableOpened, CashAllocated)
    assert allocations(said) == [("P-1", "1", "100.00", "0.00", "0.00")]
    assert said.the(CashAllocated).allocated_on == date(2026, 4, 20)


def test_cash_is_allocated_on_its_value_date_but_not_before_the_invoice_was_issued() -> None:
    early = received("P-1", eur(100), on=date(2026, 3, 2))
    late = received("P-1", eur(100), on=date(2026, 5, 2))
    assert account(early, ONE).the(CashAllocated).allocated_on == date(2026, 3, 31)
    assert account(ONE, late).the(CashAllocated).allocated_on == date(2026, 5, 2)


def test_cash_naming_an_invoice_that_is_not_issued_yet_waits_for_it() -> None:
    waiting = account(ONE, received("P-1", eur(300), "DE01-000002"))
    waiting.says(CashBooked)
    assert allocations(waiting.when(TWO)) == [
        ("P-1", "2", "200.00", "0.00", "100.00"),
        ("P-1", "1", "100.00", "0.00", "0.00"),
    ]


def test_only_the_part_not_otherwise_named_waits() -> None:
    waiting = account(ONE, THREE, received("P-1", eur(250), "DE01-000001", "DE01-000002"))
    assert allocations(waiting) == [("P-1", "1", "100.00", "0.00", "150.00")]
    assert allocations(waiting.when(TWO)) == [("P-1", "2", "150.00", "50.00", "0.00")]


def test_cash_that_names_an_invoice_goes_before_older_cash_that_names_none() -> None:
    both = account(received("P-1", eur(100)), received("P-2", eur(100), "DE01-000001"))
    assert allocations(both.when(ONE)) == [("P-2", "1", "100.00", "0.00", "0.00")]


def test_cash_naming_an_invoice_that_is_paid_already_goes_to_the_next() -> None:
    paid = account(ONE, received("P-1", eur(100), "DE01-000001"), TWO)
    assert allocations(paid.when(received("P-2", eur(100), "DE01-000001"))) == [
        ("P-2", "2", "100.00", "100.00", "0.00")
    ]


def test_settled_items_and_used_up_cash_leave_the_account() -> None:
    state = account(ONE, received("P-1", eur(100))).state
    assert (state.items, state.cash, state.settled, state.spent) == ((), (), ("DE01-000001",), ("P-1",))


def test_an_account_remembers_so_many_settled_invoices_and_no_more() -> None:
    story = given(receivable)
    for n in range(open_items.REMEMBERED + 5):
        story = story.when(issued(f"DE01-{n:06d}", eur(1)), received(f"P-{n}", eur(1)))
    assert len(story.state.settled) == len(story.state.spent) == open_items.REMEMBERED


def test_what_cannot_be_allocated_at_once_is_allocated_with_the_next_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receivable, "AT_ONCE", 1)
    said = account(ONE, TWO, received("P-1", eur(250)))
    assert len(allocations(said)) == 1
    assert len(allocations(said.when(THREE))) == 1


# --- exchange differences -------------------------------------------------------------------------------------------


def test_part_payments_in_foreign_currency_realise_the_difference_of_the_rates() -> None:
    """Domain R22 without the revaluation: 10,000 at 1.10, paid 4,000 at 1.08 and 6,000 at 1.15."""
    owed = account(issued("DE01-000001", usd(10_000), rate="1.10"))
    first = owed.when(received("P-1", usd(4_000), rate="1.08"))
    assert (first.the(CashAllocated).relieved, first.the(CashAllocated).fx_difference) == (eur(4_400), eur(-80))
    last = first.when(received("P-2", usd(6_000), rate="1.15"))
    assert (last.the(CashAllocated).relieved, last.the(CashAllocated).fx_difference) == (eur(6_600), eur(300))


def test_an_item_and_cash_carried_in_different_currencies_never_meet() -> None:
    owed = account(ONE)
    assert allocations(owed.when(received("P-1", eur(100), functional="GBP"))) == []
    assert allocations(owed.when(received("P-1", eur(100), "DE01-000001", functional="GBP"))) == []


# --- disputes -------------------------------------------------------------------------------------------------------


def test_part_of_an_open_item_may_be_disputed_and_resolved() -> None:
    disputed = account(ONE, at(dispute(eur(40)), journey="J-9"))
    disputed.then(ReceivableDisputed(account="DE01-EUR", number="DE01-000001", disputed=eur(40), dispute_reason="late"))
    assert disputed.said[0].address.journey == "J-1"
    resolved = disputed.when(resolve(eur(40)))
    resolved.then(DisputeResolved(account="DE01-EUR", number="DE01-000001"))
    assert resolved.said[0].address.journey == "J-1"
    assert not resolved.state.items[0].disputed


def test_the_same_dispute_again_changes_nothing_and_another_one_replaces_it() -> None:
    disputed = account(ONE, TWO, dispute(eur(40)))
    disputed.when(dispute(eur(40))).then_nothing()
    assert disputed.when(dispute(eur(50))).the(ReceivableDisputed).disputed == eur(50)


def test_a_dispute_that_is_resolved_already_is_not_resolved_again() -> None:
    account(ONE, resolve(eur(40))).then_nothing()


def test_a_payment_takes_a_dispute_down_to_what_is_open() -> None:
    state = account(ONE, dispute(eur(80)), received("P-1", eur(70))).state
    assert (state.items[0].open, state.items[0].disputed) == (eur(30), eur(30))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (dispute(eur(0)), "NOT_POSITIVE"),
        (dispute(eur(101)), "MORE_THAN_OPEN"),
        (resolve(eur(41)), "AMOUNT_DIFFERS"),
    ],
)
def test_a_dispute_that_does_not_fit_the_item_is_refused(
    asked: DisputeReceivable | ResolveDispute, reason: str
) -> None:
    refused = account(ONE, dispute(eur(40)), at(asked, journey="J-9")).the(ReceivableRefused)
    assert (refused.reason, refused.number, refused.account) == (reason, "DE01-000001", "DE01-EUR")
    assert refused.address.journey == "J-9"


@pytest.mark.parametrize("asked", [dispute(eur(1)), resolve(eur(1))])
def test_what_is_not_open_cannot_be_disputed(asked: DisputeReceivable | ResolveDispute) -> None:
    story = account(ONE, received("P-1", eur(100)), asked)
    assert story.the(ReceivableRefused).reason == "UNKNOWN_INVOICE"
    assert story.when(asked).the(ReceivableRefused).reason == "UNKNOWN_INVOICE"


# --- laws -----------------------------------------------------------------------------------------------------------

CENTS = st.integers(1, 100_000)


@st.composite
def documents(draw: st.DrawFn) -> list[InvoiceIssued | PaymentReceived]:
    """Invoices and payments in dollars, in any order; some payments name invoices, issued or not."""
    numbers = [f"DE01-{n:06d}" for n in range(1, 6)]
    rates = st.sampled_from(["1", "0.9137", "1.1"])
    found: list[InvoiceIssued | PaymentReceived] = [
        issued(
            number,
            Money.rounded(usd(1).value * draw(CENTS) / 100, "USD"),
            due=date(2026, 4, draw(st.integers(1, 30))),
            rate=draw(rates),
        )
        for number in numbers[: draw(st.integers(0, 4))]
    ]
    for n in range(draw(st.integers(0, 4))):
        named = draw(st.lists(st.sampled_from(numbers), max_size=2, unique=True))
        amount = Money.rounded(usd(1).value * draw(CENTS) / 100, "USD")
        found.append(received(f"P-{n}", amount, *named, rate=draw(rates)))
    return draw(st.permutations(found))


@whatever(documents())
def test_no_cent_is_applied_twice_or_lost(heard: list[InvoiceIssued | PaymentReceived]) -> None:
    """I31, I32: what is open and unapplied is what was not allocated, in dollars and in euros alike."""
    state, said = receivable.initial, []
    for message in heard:
        answer = receivable.decide(state, message)
        for event in answer:
            state = receivable.evolve(state, event)
        said += [event for event in answer if isinstance(event, CashAllocated)]
    invoices = [message for message in heard if isinstance(message, InvoiceIssued)]
    payments = [message for message in heard if isinstance(message, PaymentReceived)]
    applied = total((event.amount for event in said), "USD")
    assert total((one.totals.payable for one in invoices), "USD") - applied == total(
        (item.open for item in state.items), "USD"
    )
    assert total((one.amount for one in payments), "USD") - applied == total(
        (cash.unapplied for cash in state.cash), "USD"
    )
    assert all(item.open.value > 0 for item in state.items)
    assert all(cash.unapplied.value > 0 for cash in state.cash)
    booked = total((one.functional_gross for one in invoices), "EUR") - total(
        (one.functional_amount for one in payments), "EUR"
    )
    carried = total((item.carrying for item in state.items), "EUR") - total(
        (cash.carrying for cash in state.cash), "EUR"
    )
    assert booked + total((event.fx_difference for event in said), "EUR") == carried
