"""A payment: recorded once at the rate of its value date, applied until nothing of it is left."""

from datetime import date

import pytest

from contracts.finance import CashAllocated, PaymentApplied, PaymentReceived, PaymentRefused, RecordPayment
from contracts.money import Money
from services.finance import payment
from tests.pure.finance_documents import DE01, dollars, received, record, usd
from tests.pure.finance_orders import eur
from tests.story import Story, at, given

CASH = record("PAY-1", eur(200_000), "DE01-000003")


def allocated(
    amount: Money, unapplied: Money, payment_id: str = "PAY-1", difference: str = "0", journey: str = "J-A"
) -> CashAllocated:
    event = CashAllocated(
        account="DE01-EUR",
        legal_entity="DE01",
        payment_id=payment_id,
        invoice_id="I-3",
        number="DE01-000003",
        agreement_id="SOW-A",
        amount=amount,
        open=eur("85600"),
        unapplied=unapplied,
        relieved=amount,
        fx_difference=eur(difference),
        allocated_on=date(2026, 4, 20),
    )
    return at(event, journey=journey)


def empty() -> Story:
    return given(payment).knowing(DE01)


def test_the_actor_is_the_payment() -> None:
    assert payment.actor_id(CASH) == "PAY-1"
    assert payment.actor_id(allocated(eur(1), eur(0), "PAY-9")) == "PAY-9"


def test_a_recorded_payment_is_received() -> None:
    empty().when(CASH).then(
        PaymentReceived(
            payment_id="PAY-1",
            legal_entity="DE01",
            amount=eur(200_000),
            value_date=date(2026, 4, 20),
            bank_reference="camt-PAY-1",
            remittance=("DE01-000003",),
            fx_rate="1",
            functional_amount=eur(200_000),
        )
    )


def test_a_payment_in_foreign_currency_takes_the_rate_of_its_value_date() -> None:
    rates = (dollars("0.90", date(2026, 4, 1)), dollars("0.93", date(2026, 4, 20)), dollars("0.95", date(2026, 4, 21)))
    found = empty().knowing(*rates).when(record("PAY-1", usd("1000.05"))).the(PaymentReceived)
    assert (found.fx_rate, found.functional_amount) == ("0.93", eur("930.05"))


def test_a_payment_belongs_to_the_chain_of_its_record() -> None:
    said = empty().when(at(CASH, journey="J-9")).the(PaymentReceived)
    assert said.address.journey == "J-9"


def test_a_payment_recorded_twice_is_received_once() -> None:
    empty().when(CASH, CASH).then_nothing()


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (record("PAY-1", eur(0)), "NOT_POSITIVE"),
        (record("PAY-1", eur(-1)), "NOT_POSITIVE"),
        (record("PAY-1", usd(1)), "FX_RATE_MISSING"),
    ],
)
def test_a_payment_that_cannot_be_booked_is_refused(asked: RecordPayment, reason: str) -> None:
    refused = empty().when(at(asked, journey="J-9")).the(PaymentRefused)
    assert (refused.reason, refused.request, refused.payment_id) == (reason, "finance.payment.record.v1", "PAY-1")
    assert refused.address.journey == "J-9"


def test_a_payment_to_an_unknown_legal_entity_is_refused() -> None:
    assert given(payment).knowing().when(CASH).the(PaymentRefused).reason == "UNKNOWN_LEGAL_ENTITY"


def test_another_payment_under_the_same_id_is_refused() -> None:
    other = record("PAY-1", eur(1))
    assert empty().when(CASH, other).the(PaymentRefused).reason == "ALREADY_RECORDED"
    assert empty().when(CASH, other, CASH).said == ()


def test_a_refused_payment_may_be_recorded_once_the_rate_is_known() -> None:
    in_dollars = record("PAY-1", usd(100))
    refused = empty().when(in_dollars)
    refused.says(PaymentRefused)
    refused.knowing(dollars("0.9", date(2026, 4, 1))).when(in_dollars).says(PaymentReceived)


def test_an_allocation_is_applied_in_the_chain_of_the_invoice() -> None:
    story = given(payment, received("PAY-1", eur(200_000))).knowing(DE01)
    applied = PaymentApplied(
        payment_id="PAY-1",
        invoice_id="I-3",
        number="DE01-000003",
        agreement_id="SOW-A",
        legal_entity="DE01",
        amount=eur(150_000),
        open=eur(85_600),
        unapplied=eur(50_000),
        fx_difference=eur(0),
        applied_on=date(2026, 4, 20),
    )
    first = story.when(allocated(eur(150_000), eur(50_000))).then(applied)
    assert first.the(PaymentApplied).address.journey == "J-A"
    first.when(allocated(eur(50_000), eur(0), journey="J-B")).says(PaymentApplied)


def test_an_allocation_heard_twice_is_applied_once() -> None:
    story = given(payment, received("PAY-1", eur(100))).knowing(DE01)
    once = allocated(eur(100), eur(0))
    story.when(once, once).then_nothing()


def test_cash_of_a_payment_that_is_not_known_is_not_applied() -> None:
    empty().when(allocated(eur(1), eur(0))).then_nothing()
    given(payment, received("PAY-1", usd(100))).knowing(DE01).when(allocated(eur(1), eur(0))).then_nothing()
