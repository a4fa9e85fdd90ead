"""Customers: who they are, whether they may buy, and how much they may come to owe."""

from datetime import date

import pytest
from msgspec.structs import replace

from contracts.commercial import (
    AgreementAmended,
    CheckCredit,
    CreditCheck,
    CreditHoldPlaced,
    CreditHoldReleased,
    CreditLimitSet,
    CreditRefused,
    CreditReserved,
    CustomerRefused,
    CustomerRegistered,
    CustomerUpdated,
    CustomerValidation,
    ExposureChanged,
    OpenInvoice,
    PlaceHold,
    RegisterCustomer,
    ReleaseHold,
    ReserveCredit,
    SetCreditLimit,
    UnbilledAgreement,
    UpdateCustomer,
    ValidateCustomer,
)
from contracts.finance import InvoiceIssued, PaymentApplied, Totals
from contracts.money import Money
from services.commercial import customer
from services.commercial.customer import Customer
from tests.pure.commercial_firm import ACME, eur, gbp, signed_order
from tests.story import Story, at, given

REGISTER = RegisterCustomer(legal_name="Acme AG", country="DE", tax_id="DE987654321", email="ap@acme.example")
REGISTERED = CustomerRegistered(
    customer_id="ACME", legal_name="Acme AG", country="DE", tax_id="DE987654321", email="ap@acme.example"
)
LIMIT = CreditLimitSet(customer_id="ACME", limit=eur(60_000), decided_by="Credit")
HOLD = CreditHoldPlaced(customer_id="ACME", hold_reason="late payments", decided_by="Credit")
RELEASED = CreditHoldReleased(customer_id="ACME", decided_by="Credit")


def reserve(amount: Money, *, quote_id: str = "Q-1", agreement_id: str = "A-1") -> ReserveCredit:
    return ReserveCredit(quote_id=quote_id, version=1, agreement_id=agreement_id, amount=amount)


def reserved(amount: Money, *, exposure: Money | None = None) -> CreditReserved:
    return CreditReserved(
        customer=ACME, quote_id="Q-1", version=1, agreement_id="A-1", amount=amount, exposure=exposure or amount
    )


def issued(net: Money, gross: Money, *, invoice_id: str = "I-1", agreement_id: str = "A-1") -> InvoiceIssued:
    zero = Money.zero(net.currency)
    totals = Totals(
        lines=net,
        allowances=zero,
        charges=zero,
        net=net,
        tax=gross - net,
        gross=gross,
        paid=zero,
        rounding=zero,
        payable=gross,
    )
    return InvoiceIssued(
        invoice_id=invoice_id,
        number="DE01-000001",
        document_type="380",
        agreement_id=agreement_id,
        legal_entity="DE01",
        customer=ACME,
        issue_date=date(2026, 1, 31),
        tax_point_date=date(2026, 1, 31),
        due_date=date(2026, 3, 2),
        currency=net.currency,
        lines=(),
        breakdown=(),
        totals=totals,
        functional_currency="EUR",
        fx_rate="1",
        functional_gross=gross,
        functional_tax=gross - net,
        content_hash="ef" * 32,
    )


def applied(amount: Money, still_open: Money, *, invoice_id: str = "I-1") -> PaymentApplied:
    return PaymentApplied(
        payment_id="P-1",
        invoice_id=invoice_id,
        number="DE01-000001",
        agreement_id="A-1",
        legal_entity="DE01",
        amount=amount,
        open=still_open,
        unapplied=Money.zero(amount.currency),
        fx_difference=eur(0),
        applied_on=date(2026, 3, 2),
    )


def amended(delta: Money, *, version: int = 2, agreement_id: str = "A-1") -> AgreementAmended:
    order = replace(signed_order(), version=version, agreement_id=agreement_id)
    return AgreementAmended(agreement_id=agreement_id, change_order_id="CO-1", price_delta=delta, order=order)


def exposed(story: Story) -> tuple[str, str, str]:
    changed = story.the(ExposureChanged)
    return changed.receivables.amount, changed.unbilled.amount, changed.exposure.amount


def state_of(story: Story) -> Customer:
    assert isinstance(story.state, Customer)
    return story.state


# --- master data ----------------------------------------------------------------------------------------------------


def test_a_customer_is_named_by_its_key() -> None:
    assert customer.actor_id(at(REGISTER)) == "ACME"


def test_a_customer_is_registered() -> None:
    given(customer).when(REGISTER).then(REGISTERED)


def test_registering_the_same_twice_says_nothing() -> None:
    given(customer, REGISTERED).when(REGISTER).then_nothing()


@pytest.mark.parametrize("other", [replace(REGISTER, legal_name="Acme SE"), replace(REGISTER, email=None)])
def test_registering_other_data_is_refused(other: RegisterCustomer) -> None:
    refused = given(customer, REGISTERED).when(other).the(CustomerRefused)
    assert (refused.reason, refused.request) == ("ALREADY_REGISTERED", "commercial.customer.register.v1")


def test_an_update_changes_what_is_given_and_keeps_the_rest() -> None:
    said = given(customer, REGISTERED).when(UpdateCustomer(email="new@acme.example"))
    said.then(
        CustomerUpdated(
            customer_id="ACME", legal_name="Acme AG", country="DE", tax_id="DE987654321", email="new@acme.example"
        )
    )


def test_an_update_may_change_everything() -> None:
    change = UpdateCustomer(legal_name="Acme SE", country="AT", tax_id="ATU1", email="a@b.example")
    said = given(customer, REGISTERED).when(change)
    said.then(
        CustomerUpdated(customer_id="ACME", legal_name="Acme SE", country="AT", tax_id="ATU1", email="a@b.example")
    )


def test_an_update_that_changes_nothing_says_nothing() -> None:
    given(customer, REGISTERED).when(UpdateCustomer(country="DE")).then_nothing()


@pytest.mark.parametrize(
    "request_",
    [
        UpdateCustomer(country="AT"),
        SetCreditLimit(limit=eur(1), decided_by="Credit"),
        PlaceHold(hold_reason="late payments", decided_by="Credit"),
        ReleaseHold(decided_by="Credit"),
    ],
)
def test_an_unknown_customer_is_refused(request_: customer.Request) -> None:
    story = given(customer).when(request_)
    assert story.the(CustomerRefused).reason == "UNKNOWN_CUSTOMER"
    assert story.state == customer.initial


def test_what_a_customer_says_is_about_the_chain_it_heard_of() -> None:
    (said,) = given(customer).when(at(REGISTER, journey="J-7")).said
    assert said.address.journey == "J-7"


# --- limits and holds -----------------------------------------------------------------------------------------------


def test_a_limit_is_set_for_its_currency() -> None:
    story = given(customer, REGISTERED).when(SetCreditLimit(limit=eur(60_000), decided_by="Credit"))
    story.then(LIMIT)
    assert state_of(story).exposure.limits == {"EUR": eur(60_000)}


def test_setting_the_same_limit_twice_says_nothing() -> None:
    given(customer, REGISTERED, LIMIT).when(SetCreditLimit(limit=eur(60_000), decided_by="Credit")).then_nothing()


def test_a_negative_limit_is_refused() -> None:
    story = given(customer, REGISTERED).when(SetCreditLimit(limit=eur(-1), decided_by="Credit"))
    assert story.the(CustomerRefused).reason == "NEGATIVE_LIMIT"


def test_a_hold_is_placed_once_for_a_reason() -> None:
    place = PlaceHold(hold_reason="late payments", decided_by="Credit")
    given(customer, REGISTERED).when(place).then(HOLD)
    given(customer, REGISTERED, HOLD).when(place).then_nothing()


def test_a_hold_for_another_reason_stands_in_its_place() -> None:
    story = given(customer, REGISTERED, HOLD).when(PlaceHold(hold_reason="insolvency", decided_by="Credit"))
    story.says(CreditHoldPlaced)
    assert state_of(story).hold == "insolvency"


def test_a_hold_is_released_once() -> None:
    release = ReleaseHold(decided_by="Credit")
    given(customer, REGISTERED, HOLD).when(release).then(RELEASED)
    given(customer, REGISTERED, HOLD, RELEASED).when(release).then_nothing()


# --- reserving credit -----------------------------------------------------------------------------------------------


def test_80000_against_a_limit_of_60000_is_refused_with_the_figures() -> None:
    refused = given(customer, REGISTERED, LIMIT).when(reserve(eur(80_000))).the(CreditRefused)
    assert refused == CreditRefused(
        customer_id="ACME",
        quote_id="Q-1",
        version=1,
        reason="CREDIT_LIMIT",
        detail="exposure 0.00 EUR and this 80,000.00 EUR come to 80,000.00 EUR, the limit is 60,000.00 EUR",
        exposure=eur("0.00"),
        would_be=eur("80000.00"),
        limit=eur("60000.00"),
    )


def test_a_refused_reservation_does_not_count_as_exposure() -> None:
    story = given(customer, REGISTERED, LIMIT).when(reserve(eur(80_000)))
    assert state_of(story).exposure.of("EUR") == eur(0)


def test_once_the_limit_is_raised_to_100000_the_80000_are_reserved() -> None:
    raised = replace(LIMIT, limit=eur(100_000))
    given(customer, REGISTERED, LIMIT, raised).when(reserve(eur(80_000))).then(reserved(eur(80_000)))


def test_exactly_the_limit_is_within_it_and_a_cent_more_is_not() -> None:
    given(customer, REGISTERED, LIMIT).when(reserve(eur(60_000))).says(CreditReserved)
    given(customer, REGISTERED, LIMIT).when(reserve(eur("60000.01"))).says(CreditRefused)


def test_what_is_reserved_counts_for_the_next_quote() -> None:
    story = given(customer, REGISTERED, LIMIT, reserved(eur(50_000)))
    refused = story.when(reserve(eur(10_001), quote_id="Q-2", agreement_id="A-2")).the(CreditRefused)
    assert (refused.exposure, refused.would_be) == (eur(50_000), eur(60_001))


def test_without_a_limit_in_its_currency_an_amount_is_reserved() -> None:
    given(customer, REGISTERED, LIMIT).when(reserve(gbp(1_000_000))).says(CreditReserved)


def test_the_reservation_carries_the_customer_as_it_is_now() -> None:
    updated = CustomerUpdated(customer_id="ACME", legal_name="Acme SE", country="AT")
    said = given(customer, REGISTERED, updated).when(reserve(eur(1))).the(CreditReserved)
    assert (said.customer.legal_name, said.customer.country, said.customer.tax_id) == ("Acme SE", "AT", None)


def test_a_reservation_heard_twice_counts_once() -> None:
    given(customer, REGISTERED, reserved(eur(50_000))).when(reserve(eur(50_000))).then_nothing()


def test_an_agreement_that_another_quote_opened_is_refused() -> None:
    story = given(customer, REGISTERED, reserved(eur(1))).when(reserve(eur(2), quote_id="Q-2"))
    assert story.the(CreditRefused).reason == "AGREEMENT_EXISTS"


def test_an_unknown_customer_gets_no_credit() -> None:
    refused = given(customer).when(reserve(eur(1))).the(CreditRefused)
    assert (refused.reason, refused.exposure, refused.would_be, refused.limit) == (
        "UNKNOWN_CUSTOMER",
        eur(0),
        eur(1),
        None,
    )


def test_a_customer_on_hold_gets_no_credit() -> None:
    story = given(customer, REGISTERED, HOLD).when(reserve(eur(1)))
    assert story.the(CreditRefused).reason == "CUSTOMER_ON_HOLD"


# --- exposure -------------------------------------------------------------------------------------------------------


def test_an_invoice_turns_unbilled_net_into_receivables_gross() -> None:
    story = given(customer, REGISTERED, reserved(eur(600_000))).when(issued(eur(180_000), eur(214_200)))
    assert exposed(story) == ("214200.00", "420000.00", "634200.00")
    assert story.the(ExposureChanged).agreement == UnbilledAgreement(
        agreement_id="A-1", order_version=1, amount=eur(420_000)
    )
    assert story.the(ExposureChanged).invoice == OpenInvoice(invoice_id="I-1", open=eur(214_200))


def test_an_invoice_heard_twice_counts_once() -> None:
    invoice = issued(eur(180_000), eur(214_200))
    given(customer, REGISTERED, reserved(eur(600_000))).when(invoice, invoice).then_nothing()


def test_a_payment_lowers_receivables_to_what_is_still_open() -> None:
    story = given(customer, REGISTERED, reserved(eur(600_000)))
    story = story.when(issued(eur(240_000), eur(285_600)), applied(eur(200_000), eur(85_600)))
    assert exposed(story) == ("85600.00", "360000.00", "445600.00")


def test_a_payment_heard_twice_counts_once() -> None:
    payment = applied(eur(200_000), eur(85_600))
    story = given(customer, REGISTERED, reserved(eur(600_000)))
    story.when(issued(eur(240_000), eur(285_600)), payment, payment).then_nothing()


def test_a_late_echo_of_an_earlier_payment_says_nothing() -> None:
    first, second = applied(eur(100), eur(185_600)), applied(eur(100), eur(85_600))
    story = given(customer, REGISTERED, reserved(eur(600_000)))
    story.when(issued(eur(240_000), eur(285_600)), first, second, first).then_nothing()


def test_a_paid_invoice_is_forgotten() -> None:
    story = given(customer, REGISTERED, reserved(eur(100)))
    story = story.when(issued(eur(100), eur(119)), applied(eur(119), eur(0)))
    assert exposed(story) == ("0.00", "0.00", "0.00")
    assert state_of(story).exposure.invoices == {}


def test_a_payment_for_an_invoice_that_is_not_open_says_nothing() -> None:
    given(customer, REGISTERED).when(applied(eur(1), eur(0))).then_nothing()


def test_a_payment_in_another_currency_than_its_invoice_says_nothing() -> None:
    story = given(customer, REGISTERED, reserved(eur(100)))
    story.when(issued(eur(100), eur(119)), applied(gbp(119), gbp(0))).then_nothing()


def test_an_invoice_without_a_quote_of_ours_counts_as_owed_only() -> None:
    story = given(customer, REGISTERED).when(issued(eur(100), eur(119), agreement_id="A-9"))
    assert exposed(story) == ("119.00", "0.00", "119.00")


def test_an_invoice_in_another_currency_than_its_agreement_counts_as_owed_only() -> None:
    story = given(customer, REGISTERED, reserved(eur(100))).when(issued(gbp(10), gbp(12)))
    assert exposed(story) == ("12.00", "0.00", "12.00")
    assert state_of(story).exposure.unbilled("EUR") == eur(100)


def test_an_invoice_of_nothing_without_an_agreement_says_nothing() -> None:
    given(customer, REGISTERED).when(issued(eur(0), eur(0))).then_nothing()


def test_an_invoice_with_nothing_left_to_pay_is_billed_once() -> None:
    settled = issued(eur(100), eur(0))
    story = given(customer, REGISTERED, reserved(eur(600))).when(settled)
    assert exposed(story) == ("0.00", "500.00", "500.00")
    story.when(settled).then_nothing()


def test_a_change_order_changes_what_is_unbilled() -> None:
    story = given(customer, REGISTERED, reserved(eur(600_000))).when(amended(eur(90_000)))
    assert exposed(story) == ("0.00", "690000.00", "690000.00")


def test_each_version_of_an_agreement_counts_once() -> None:
    story = given(customer, REGISTERED, reserved(eur(600_000)))
    story.when(amended(eur(90_000)), amended(eur(90_000))).then_nothing()
    story.when(amended(eur(90_000)), amended(eur(-10_000), version=3), amended(eur(90_000))).then_nothing()


@pytest.mark.parametrize("foreign", [amended(eur(1), agreement_id="A-9"), amended(gbp(1))])
def test_an_amendment_of_what_was_never_reserved_says_nothing(foreign: AgreementAmended) -> None:
    given(customer, REGISTERED, reserved(eur(600_000))).when(foreign).then_nothing()


def test_when_everything_is_billed_and_paid_nothing_is_exposed() -> None:
    story = given(customer, REGISTERED, reserved(eur(690)))
    story = story.when(issued(eur(690), eur("821.10")), applied(eur("821.10"), eur(0)))
    assert exposed(story) == ("0.00", "0.00", "0.00")


# --- questions ------------------------------------------------------------------------------------------------------


def validated(story: Story) -> CustomerValidation:
    answer = customer.answer(state_of(story), at(ValidateCustomer()))
    assert isinstance(answer, CustomerValidation)
    return answer


def checked(story: Story, amount: Money) -> CreditCheck:
    answer = customer.answer(state_of(story), at(CheckCredit(amount=amount)))
    assert isinstance(answer, CreditCheck)
    return answer


def test_a_registered_customer_with_a_tax_id_is_ok() -> None:
    assert validated(given(customer, REGISTERED)) == CustomerValidation(customer_id="ACME", decision="OK", reasons=())


def test_an_unknown_customer_is_blocked() -> None:
    assert validated(given(customer)).decision == "BLOCK"


def test_a_customer_on_hold_is_blocked_with_the_reason() -> None:
    answer = validated(given(customer, REGISTERED, HOLD))
    assert (answer.decision, answer.reasons) == ("BLOCK", ("on hold", "late payments"))


@pytest.mark.parametrize("tax_id", [None, ""])
def test_a_customer_without_a_tax_id_is_for_review(tax_id: str | None) -> None:
    assert validated(given(customer, replace(REGISTERED, tax_id=tax_id))).decision == "REVIEW"


def test_a_credit_check_names_the_figures() -> None:
    answer = checked(given(customer, REGISTERED, LIMIT, reserved(eur(50_000))), eur(20_000))
    assert answer == CreditCheck(
        customer_id="ACME", decision="HOLD", exposure=eur(50_000), would_be=eur(70_000), limit=eur(60_000)
    )


def test_a_credit_check_within_the_limit_is_ok() -> None:
    assert checked(given(customer, REGISTERED, LIMIT), eur(60_000)).decision == "OK"


def test_a_credit_check_without_a_limit_is_ok() -> None:
    answer = checked(given(customer, REGISTERED), eur(60_000))
    assert (answer.decision, answer.limit) == ("OK", None)


def test_a_credit_check_of_a_customer_unknown_or_on_hold_is_held() -> None:
    assert checked(given(customer), eur(1)).decision == "HOLD"
    assert checked(given(customer, REGISTERED, HOLD), eur(1)).decision == "HOLD"
