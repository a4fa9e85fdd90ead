from datetime import date

import pytest

from contracts.delivery import AdmitCost, CostItem, CostRecorded, CostRefused, DeclineCost, ExamineCost, RecordCost
from contracts.message import Message
from services.delivery import cost
from tests.pure.delivery_orders import eur
from tests.story import given


def record(amount: int = 126_000) -> RecordCost:
    return RecordCost(
        cost_id="C-1",
        project_id="SOW-A",
        line_id="L1",
        amount=eur(amount),
        incurred_on=date(2026, 1, 30),
        description="January",
    )


def item(amount: int = 126_000) -> CostItem:
    return cost.item_of(record(amount))


RECORDED = CostRecorded(
    cost_id="C-1",
    project_id="SOW-A",
    line_id="L1",
    amount=eur(126_000),
    incurred_on=date(2026, 1, 30),
    description="January",
)
ADMIT = AdmitCost(item=item())
DECLINE = DeclineCost(item=item(), reason="UNKNOWN_LINE", detail="the project has no line L1")


def test_every_message_finds_the_cost_by_its_id() -> None:
    assert {cost.actor_id(message) for message in (record(), ADMIT, DECLINE)} == {"C-1"}


def test_a_cost_is_first_shown_to_the_project() -> None:
    given(cost).when(record()).then(ExamineCost(item=item()))


def test_a_cost_of_the_project_is_recorded() -> None:
    given(cost).when(ADMIT).then(RECORDED)


def test_a_cost_that_the_project_does_not_know_is_refused_with_its_word() -> None:
    refusal = given(cost).when(DECLINE).the(CostRefused)
    assert (refusal.reason, refusal.detail) == ("UNKNOWN_LINE", "the project has no line L1")


def test_a_refused_cost_may_be_recorded_again() -> None:
    assert given(cost).when(DECLINE).state == cost.initial


@pytest.mark.parametrize("message", [record(), ADMIT, DECLINE])
def test_the_same_cost_counts_once(message: Message) -> None:
    given(cost, RECORDED).when(message).then_nothing()


@pytest.mark.parametrize("message", [record(1), AdmitCost(item=item(1))])
def test_another_cost_under_the_same_id_is_refused(message: Message) -> None:
    story = given(cost, RECORDED).when(message)
    assert story.the(CostRefused).reason == "COST_EXISTS"
    assert story.state == given(cost, RECORDED).state


def test_a_decline_of_another_cost_is_passed_on() -> None:
    declined = DeclineCost(item=item(1), reason="CURRENCY", detail="in EUR")
    assert given(cost, RECORDED).when(declined).the(CostRefused).reason == "CURRENCY"
