"""A number series: gapless per legal entity in allotment order, one number for each invoice (I12)."""

from contracts.finance import AllotNumber, NumberAllotted, TakeNumber
from services.finance import number_series
from services.finance.number_series import REMEMBERED
from tests.story import at, given


def allot(invoice_id: str, customer: str = "ACME", journey: str = "J-1") -> AllotNumber:
    return at(AllotNumber(invoice_id=invoice_id, customer=customer), key="DE01", journey=journey)


def allotted(ordinal: int, invoice_id: str, customer: str = "ACME") -> NumberAllotted:
    number = f"DE01-{ordinal:06d}"
    return NumberAllotted(legal_entity="DE01", invoice_id=invoice_id, customer=customer, number=number, ordinal=ordinal)


def test_the_first_invoice_gets_number_one_and_is_told() -> None:
    given(number_series).when(allot("I-1")).then(allotted(1, "I-1"), TakeNumber(invoice_id="I-1", number="DE01-000001"))


def test_numbers_follow_each_other_whoever_the_customer_is() -> None:
    story = given(number_series, allotted(1, "I-1")).when(allot("I-1", "BRAVO"))
    assert story.the(NumberAllotted) == allotted(2, "I-1", "BRAVO")


def test_an_invoice_that_asks_twice_has_one_number() -> None:
    given(number_series).when(allot("I-1"), allot("I-1")).then_nothing()


def test_the_number_goes_to_the_customer_and_speaks_of_the_invoices_journey() -> None:
    said, told = given(number_series).when(allot("I-1", "BRAVO", "J-7")).said
    assert told.address.key == "BRAVO"
    assert (said.address.journey, told.address.journey) == ("J-7", "J-7")


def test_what_is_remembered_is_bounded() -> None:
    many = [allotted(n, f"I-{n}") for n in range(1, REMEMBERED + 3)]
    story = given(number_series, *many)
    assert len(story.state.recent) == REMEMBERED
    story.when(allot("I-3")).then_nothing()
    assert story.when(allot("I-2")).the(NumberAllotted).ordinal == REMEMBERED + 3


def test_a_legal_entity_has_one_series() -> None:
    assert number_series.actor_id(allot("I-1")) == "invoice"
