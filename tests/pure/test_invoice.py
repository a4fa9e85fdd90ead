"""An invoice: taxed on its tax point date, numbered, issued once, paid; held, never guessed, while a rate lacks."""

from datetime import date, datetime

import pytest
from msgspec.structs import replace

from contracts.canonical import content_hash
from contracts.finance import (
    AllotNumber,
    FxRatePublished,
    InvoiceHeld,
    InvoiceIssued,
    InvoiceLine,
    InvoicePaid,
    InvoicePartPaid,
    InvoiceProposed,
    InvoiceRefused,
    PaymentApplied,
    ProposeInvoice,
    TakeNumber,
    TaxRate,
    TaxTablePublished,
)
from contracts.money import Money
from contracts.order import Party, TaxCategory
from services.finance import invoice, proposal, reference
from tests.pure.finance_orders import DE01, VAT_DE, A, eur, utc
from tests.story import Story, at, given

MIDNIGHT = utc(2026, 3, 31, 22)  # 1 April in Berlin


def line(net: Money, category: TaxCategory = "S", number: int = 1) -> InvoiceLine:
    return InvoiceLine(
        line_no=number,
        line_id="A1",
        description="Advice: Go-live",
        quantity="1",
        unit="LS",
        unit_price=net.amount,
        net=net,
        tax_category=category,
    )


def propose(*lines: InvoiceLine, on: datetime = MIDNIGHT) -> ProposeInvoice:
    proposed = ProposeInvoice(
        invoice_id="I-1",
        agreement_id="SOW-A",
        legal_entity="DE01",
        customer=A.customer,
        currency=lines[0].net.currency,
        lines=lines,
        payment_terms_days=30,
        purchase_order="PO-7",
    )
    return at(proposed, on)


M2 = propose(line(eur(240_000)))


def take(number: str = "DE01-000003", on: datetime = MIDNIGHT) -> TakeNumber:
    return at(TakeNumber(invoice_id="I-1", number=number), on)


def applied(amount: Money, open: Money) -> PaymentApplied:
    return PaymentApplied(
        payment_id="PAY-1",
        invoice_id="I-1",
        number="DE01-000003",
        agreement_id="SOW-A",
        legal_entity="DE01",
        amount=amount,
        open=open,
        unapplied=Money.zero(amount.currency),
        fx_difference=eur(0),
        applied_on=date(2026, 4, 20),
    )


def new() -> Story:
    return given(invoice).knowing(DE01, VAT_DE)


def issued() -> InvoiceIssued:
    return new().when(M2, take()).the(InvoiceIssued)


def reason(story: Story) -> str:
    return story.the(InvoiceRefused).reason


# --- proposing ------------------------------------------------------------------------------------------------------


def test_a_proposal_is_taxed_and_asks_the_legal_entitys_series_for_a_number() -> None:
    story = new().when(M2).says(InvoiceProposed, AllotNumber)
    proposed, allot = story.the(InvoiceProposed), story.the(AllotNumber)
    assert proposed.totals.net == eur(240_000)
    assert proposed.totals.tax == eur(45_600)
    assert proposed.totals.gross == eur(285_600)
    assert (proposed.tax_table_version, proposed.tax_point_date) == (1, date(2026, 4, 1))
    assert (allot.invoice_id, allot.customer, allot.address.key) == ("I-1", "ACME", "DE01")


def test_a_proposal_made_twice_is_billed_once() -> None:
    new().when(M2, M2).then_nothing()


def test_a_proposal_of_an_issued_invoice_says_nothing() -> None:
    new().when(M2, take(), M2).then_nothing()


@pytest.mark.parametrize(
    "other", [replace(M2, agreement_id="SOW-B"), replace(M2, lines=(line(eur(1)),)), replace(M2, legal_entity="UK01")]
)
def test_an_id_stands_for_one_invoice(other: ProposeInvoice) -> None:
    assert reason(new().when(M2, other)) == "INVOICE_EXISTS"


def test_a_legal_entity_that_nobody_has_registered_bills_nobody() -> None:
    assert reason(given(invoice).knowing(VAT_DE).when(M2)) == "UNKNOWN_LEGAL_ENTITY"


def test_an_invoice_is_of_the_customer_whose_key_it_has() -> None:
    other = Party(customer_id="BRAVO", legal_name="Bravo AG", country="DE")
    assert reason(new().when(replace(M2, customer=other))) == "CUSTOMER"


@pytest.mark.parametrize(
    "wrong",
    [
        replace(line(eur(100)), unit_price="99.99"),
        replace(line(eur(100)), base_quantity="0"),
        replace(line(eur(100)), base_quantity="-1"),
        replace(line(eur(100)), net=Money("100", "GBP")),
    ],
)
def test_a_net_is_what_quantity_and_price_come_to(wrong: InvoiceLine) -> None:
    assert reason(new().when(propose(line(eur(1)), wrong))) == "LINE_NET"


def test_a_refused_proposal_leaves_its_id_free() -> None:
    new().when(replace(M2, customer=Party(customer_id="X", legal_name="X", country="DE")), M2).says(
        InvoiceProposed, AllotNumber
    )


# --- held: PENDING_TAX ----------------------------------------------------------------------------------------------


def test_without_a_tax_rate_nothing_is_issued_on_a_guess() -> None:
    held = given(invoice).knowing(DE01).when(M2).says(InvoiceHeld).the(InvoiceHeld)
    assert (held.reason, held.owner, held.way_out) == (
        "TAX_RATE_UNKNOWN",
        "finance",
        "publish a tax table of DE01 with category S",
    )


def test_a_table_without_the_category_is_no_rate() -> None:
    held = new().when(propose(line(eur(100), "Z"))).the(InvoiceHeld)
    assert held.reason == "TAX_RATE_UNKNOWN"
    assert "category Z on 2026-04-01" in held.detail


def test_a_table_of_a_later_day_is_no_rate_today() -> None:
    later = replace(VAT_DE, effective_from=date(2026, 4, 2))
    assert given(invoice).knowing(DE01, later).when(M2).the(InvoiceHeld).reason == "TAX_RATE_UNKNOWN"


def test_a_held_invoice_goes_on_when_its_tax_table_is_published() -> None:
    story = given(invoice).knowing(DE01).when(M2).knowing(VAT_DE).when(at(VAT_DE, MIDNIGHT, key="DE01"))
    story.says(InvoiceProposed, AllotNumber)
    assert story.the(AllotNumber).customer == "ACME"
    story.when(at(VAT_DE, MIDNIGHT, key="DE01")).then_nothing()


def test_another_entitys_tax_table_leaves_it_held() -> None:
    other = TaxTablePublished(
        legal_entity="UK01", version=1, effective_from=date(2026, 1, 1), rates=(TaxRate(category="S", percent="20"),)
    )
    given(invoice).knowing(DE01).when(M2).knowing(other).when(at(other, MIDNIGHT, key="UK01")).then_nothing()


def test_a_held_invoice_proposed_again_waits_as_before() -> None:
    given(invoice).knowing(DE01).when(M2, M2).then_nothing()
    assert reason(given(invoice).knowing(DE01).when(M2, propose(line(eur(1))))) == "INVOICE_EXISTS"


def test_a_held_invoice_gets_no_number() -> None:
    assert reason(given(invoice).knowing(DE01).when(M2, take())) == "NOT_PROPOSED"


def test_what_is_outside_the_scope_of_tax_is_not_mixed_with_the_rest() -> None:
    held = new().when(propose(line(eur(100), "O"), line(eur(1), "S", 2))).the(InvoiceHeld)
    assert held.reason == "TAX_CATEGORY_MIX"


def test_what_is_outside_the_scope_of_tax_alone_is_billed_without_tax() -> None:
    proposed = new().when(propose(line(eur(100), "O"))).the(InvoiceProposed)
    assert proposed.totals.tax == eur(0)
    assert proposed.breakdown[0].exemption_reason == "Place of supply outside the EU"


# --- exchange rates -------------------------------------------------------------------------------------------------

USD_EUR = FxRatePublished(base="USD", quote="EUR", rate="0.9234", on=date(2026, 3, 31), origin="ECB")
DOLLARS = propose(line(Money("1000.55", "USD")))


def test_without_an_exchange_rate_it_is_held_until_one_is_published() -> None:
    story = new().when(DOLLARS)
    assert story.the(InvoiceHeld).reason == "FX_RATE_MISSING"
    story.knowing(USD_EUR).when(at(USD_EUR, MIDNIGHT, key="USD-EUR")).says(InvoiceProposed, AllotNumber)


def test_a_held_invoice_may_come_to_wait_for_something_else() -> None:
    story = given(invoice).knowing(DE01).when(DOLLARS).knowing(VAT_DE).when(at(VAT_DE, MIDNIGHT, key="DE01"))
    assert story.the(InvoiceHeld).reason == "FX_RATE_MISSING"


def test_books_of_an_unknown_currency_hold_it_too() -> None:
    found = proposal.examine(M2, MIDNIGHT, reference.evolve(reference.initial, VAT_DE))
    assert isinstance(found, InvoiceHeld)
    assert found.reason == "FX_RATE_MISSING"


def test_functional_amounts_are_converted_once() -> None:
    """Net 1,000.55, tax 190.10 (190.1045), gross 1,190.65 USD at 0.9234."""
    document = new().knowing(USD_EUR).when(DOLLARS, take()).the(InvoiceIssued)
    assert (document.totals.gross, document.totals.tax) == (Money("1190.65", "USD"), Money("190.10", "USD"))
    assert (document.functional_currency, document.fx_rate) == ("EUR", "0.9234")
    assert (document.functional_gross, document.functional_tax) == (eur("1099.45"), eur("175.54"))


def test_a_rate_published_says_nothing_to_an_invoice_that_waits_for_none() -> None:
    new().when(M2, at(USD_EUR, key="USD-EUR")).then_nothing()
    new().when(M2, at(VAT_DE, key="DE01")).then_nothing()


# --- issuing --------------------------------------------------------------------------------------------------------


def test_an_invoice_is_issued_on_the_day_of_its_legal_entity_and_due_after_its_terms() -> None:
    document = issued()
    assert document.number == "DE01-000003"
    assert (document.issue_date, document.tax_point_date) == (date(2026, 4, 1), date(2026, 4, 1))
    assert document.due_date == date(2026, 5, 1)
    assert (document.document_type, document.purchase_order) == ("380", "PO-7")
    assert (document.functional_gross, document.functional_tax) == (eur(285_600), eur(45_600))


def test_the_rates_are_those_of_the_tax_point_date_even_when_the_number_comes_a_day_later() -> None:
    document = new().when(M2, take(on=utc(2026, 4, 1, 22))).the(InvoiceIssued)
    assert (document.tax_point_date, document.issue_date) == (date(2026, 4, 1), date(2026, 4, 2))


def test_the_content_hash_is_that_of_the_document() -> None:
    document = issued()
    assert document.content_hash == content_hash(replace(document, content_hash=""))
    assert document.content_hash != content_hash(replace(document, content_hash="", number="DE01-000004"))


def test_an_invoice_has_one_number_for_ever() -> None:
    new().when(M2, take(), take()).then_nothing()
    assert reason(new().when(M2, take(), take("DE01-000004"))) == "ALREADY_ISSUED"


def test_a_number_for_an_unknown_invoice_is_refused() -> None:
    assert reason(new().when(take())) == "NOT_PROPOSED"


def test_an_invoice_of_nothing_is_paid_when_it_is_issued() -> None:
    new().when(propose(line(eur(0))), take()).says(InvoiceIssued, InvoicePaid)


# --- payment --------------------------------------------------------------------------------------------------------


def test_a_payment_of_a_part_leaves_the_rest_open() -> None:
    part = new().when(M2, take(), applied(eur(200_000), eur(85_600))).the(InvoicePartPaid)
    assert (part.number, part.paid, part.open) == ("DE01-000003", eur(200_000), eur(85_600))


def test_an_invoice_is_paid_when_nothing_is_open() -> None:
    both = applied(eur(200_000), eur(85_600)), applied(eur(85_600), eur(0))
    paid = new().when(M2, take(), *both).the(InvoicePaid)
    assert paid.paid == eur(285_600)


@pytest.mark.parametrize("open", [eur(85_600), eur(0)])
def test_a_payment_applied_twice_counts_once(open: Money) -> None:
    payment = applied(eur(1), open)
    new().when(M2, take(), payment, payment).then_nothing()


def test_what_was_applied_earlier_and_is_heard_late_opens_nothing_again() -> None:
    new().when(M2, take(), applied(eur(1), eur(0)), applied(eur(1), eur(85_600))).then_nothing()


def test_money_of_another_currency_is_not_for_this_invoice() -> None:
    new().when(M2, take(), applied(Money("1", "GBP"), Money("1", "GBP"))).then_nothing()


def test_a_payment_of_an_invoice_that_is_not_issued_says_nothing() -> None:
    new().when(M2, applied(eur(1), eur(0))).then_nothing()


def test_a_message_concerns_the_invoice_it_names_and_a_broadcast_every_one() -> None:
    assert [invoice.actor_id(message) for message in (M2, take(), applied(eur(1), eur(0)))] == ["I-1"] * 3
    assert [invoice.actor_id(message) for message in (VAT_DE, USD_EUR)] == [None, None]
