"""What hardly ever happens, through all four services: it has its effect or a refusal, and the books add up."""

from datetime import date

import pytest
from msgspec.structs import replace

from contracts.finance import InvoiceIssued
from contracts.money import LARGEST, Money
from tests.pure.small_firm import Firm, names, reasons

HUGE = "999999999999999999"


def invoices(firm: Firm) -> list[InvoiceIssued]:
    return [item for item in firm.mesh.log if isinstance(item, InvoiceIssued)]


# --- names that meet ------------------------------------------------------------------------------------------------


def test_two_projects_of_a_customer_may_name_their_milestones_alike() -> None:
    firm = Firm()
    firm.sell("SOW-A", firm.fixed(M1="100"))
    assert reasons(firm.sell("SOW-B", firm.fixed(M1="200"))) == []
    firm.accept("SOW-B", "M1")
    firm.accept("SOW-A", "M1")
    assert [(one.agreement_id, one.totals.net.amount) for one in invoices(firm)] == [
        ("SOW-B", "200.00"),
        ("SOW-A", "100.00"),
    ]
    assert firm.checks() == []


def test_names_that_read_alike_when_joined_are_billed_apart() -> None:
    firm = Firm()
    firm.sell("A", firm.fixed(B_C="100"))
    firm.sell("A-B", firm.fixed(C="200"))
    firm.accept("A", "B-C")
    firm.accept("A-B", "C")
    assert len({one.invoice_id for one in invoices(firm)}) == 2
    assert firm.checks() == []


def test_two_customers_may_have_agreements_of_the_same_name() -> None:
    firm = Firm()
    firm.sell("SOW-A", firm.fixed(M1="100", M2="50"))
    firm.sell("SOW-A", firm.fixed(M1="700", M2="40"), customer="BETA")
    firm.accept("SOW-A", "M1")
    assert firm.checks() == []
    firm.accept("SOW-A", "M1", customer="BETA")
    assert firm.checks() == []


# --- more than there can be -------------------------------------------------------------------------------------------


def test_what_bills_in_too_many_parts_is_not_offered() -> None:
    firm = Firm()
    lines = [firm.retainer(f"L{number}", "10", "2016-01-01", "2025-12-31") for number in range(3)]
    assert reasons(firm.sell("SOW-A", *lines)) == ["TOO_MANY_PARTS", "UNKNOWN_QUOTE"]


def test_a_term_at_the_end_of_the_calendar_is_not_offered() -> None:
    firm = Firm()
    assert "TERM" in reasons(firm.sell("SOW-A", firm.retainer("L1", "10", "9999-12-01", "9999-12-31")))


@pytest.mark.parametrize("amount", [HUGE, f"-{HUGE}"])
def test_a_cost_that_no_project_has_is_refused(amount: str) -> None:
    firm = Firm()
    firm.sell("SOW-A", firm.fixed(M1="100"))
    cost = {"project_id": "SOW-A", "line_id": "L1", "incurred_on": "2026-01-08", "description": "typed on the 9 key"}
    for number in ("C-1", "C-2"):
        said = firm.say("delivery.cost.record.v1", "ACME", cost_id=number, amount=firm.money(amount), **cost)
        assert names(said) == ["delivery.cost.refused.v1"]
        assert reasons(said)[-1] == "TOO_LARGE"


def test_a_date_that_has_not_come_is_refused_and_tomorrow_is_somewhere_else() -> None:
    firm = Firm()
    firm.sell("SOW-A", firm.fixed(M1="100"))
    where = {"project_id": "SOW-A", "line_id": "L1"}
    cost = {**where, "amount": firm.money("1"), "description": "the wrong year"}
    work = {**where, "consultant": "NINA", "role": "architect", "minutes": 60}
    for day, reason in ((date(2027, 1, 2), ["FUTURE_DATE"]), (date(2026, 1, 9), [])):
        spent = firm.say("delivery.cost.record.v1", "ACME", cost_id=f"C-{day}", incurred_on=day, **cost)
        worked = firm.say("delivery.time_entry.submit.v1", "ACME", entry_id=f"T-{day}", work_date=day, **work)
        assert (reasons(spent)[-1:], reasons(worked)[-1:]) == (reason, reason)


def test_books_can_be_read_as_of_the_last_day_there_is() -> None:
    assert Firm().checks(as_of=date.max) == []


def test_an_estimate_that_no_project_has_is_refused() -> None:
    firm = Firm()
    firm.sell("SOW-A", firm.fixed(M1="100"))
    revision = {"project_id": "SOW-A", "line_id": "L1", "revised_by": "NINA", "revision_reason": "typed on the 9 key"}
    said = firm.say("delivery.estimate.revise.v1", "ACME", estimate_at_completion=firm.money(HUGE), **revision)
    assert reasons(said) == ["TOO_LARGE"]


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_a_payment_that_no_customer_makes_is_refused(currency: str) -> None:
    firm = Firm(currency)
    for number in ("P-1", "P-2"):
        assert reasons(firm.pay(number, Money(HUGE, currency))) == ["TOO_LARGE"]
    assert firm.checks() == []


def test_an_offer_whose_lines_are_worth_too_much_together_is_refused() -> None:
    firm = Firm()
    most = str(LARGEST)
    lines = firm.fixed(M1=most), replace(firm.fixed(M2=most), line_id="L2")
    assert reasons(firm.sell("SOW-A", *lines)) == ["TOO_LARGE", "UNKNOWN_QUOTE"]
