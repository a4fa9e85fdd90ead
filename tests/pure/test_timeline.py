"""The timeline: who said what, when and why, found by any of its names, and what is still outstanding."""

import pytest

from contracts.commercial import CustomerRefused
from contracts.delivery import AcceptMilestone
from contracts.finance import AllotNumber
from contracts.message import Message
from contracts.observability import (
    ClockTicked,
    JourneyList,
    JourneyProgressed,
    JourneyStalled,
    JourneyTimeline,
    ListTimelines,
    Outstanding,
    ShowTimeline,
    Waiting,
)
from services.observability import timeline
from services.observability.summary import amounts, names, summary
from tests.pure import finance_orders
from tests.pure.finance_documents import issued, received
from tests.pure.finance_orders import eur
from tests.pure.read_model import rows_of, said
from tests.pure.test_journal import caught_up, recognised
from tests.pure.test_journey import (
    ACTIVATED,
    ACTIVE,
    FOUR_HOURS,
    HELD,
    RESUMED,
    SIGNED,
    UNBILLABLE,
    amended,
    billed,
    paid,
    priced,
)
from tests.story import NOON

INVOICE = issued("DE01-000001", eur(600_000), eur(114_000), entry_id="SOW-A-M1")
PAID = paid("DE01-000001", eur(714_000), eur(0))


def show(log: list[Message], name: str) -> JourneyTimeline:
    found = timeline.answer(rows_of(timeline, log), ShowTimeline(id=name))
    assert isinstance(found, JourneyTimeline)
    return found


def listed(log: list[Message]) -> JourneyList:
    found = timeline.answer(rows_of(timeline, log), ListTimelines())
    assert isinstance(found, JourneyList)
    return found


def waiting(*late: JourneyStalled) -> list[Message]:
    expected = Waiting(step=ACTIVATED, reference="SOW-A", due=FOUR_HOURS)
    progress = JourneyProgressed(
        journey="J-1",
        turning_point="commercial.quote.accepted.v1",
        value=eur(600_000),
        billed=eur(0),
        open=eur(0),
        phase="ACCEPTED",
        invoices=(),
        waiting=(expected,),
    )
    return [progress, *late]


STALLED = JourneyStalled(journey="J-1", step=ACTIVATED, reference="SOW-A", expected_by=FOUR_HOURS)

# --- steps ----------------------------------------------------------------------------------------------------------


def test_a_journey_is_every_message_of_its_chain_in_the_order_of_the_log() -> None:
    other = said(priced(), journey="J-2")
    found = show([priced(), other, SIGNED, ACTIVE], "J-1")
    assert [step.sequence for step in found.steps] == [1, 3, 4]
    assert found.steps[0].type == "commercial.quote.priced.v1"
    assert found.steps[0].at == NOON
    assert (found.customer, found.quote_id, found.agreement_id) == ("ACME", "Q-1", "SOW-A")


def test_a_step_names_what_caused_it_and_the_request_from_outside_is_part_of_it() -> None:
    asked = said(
        AcceptMilestone(project_id="SOW-A", milestone_id="SOW-A-M1", accepted_by="I. Weber", evidence="protocol.pdf"),
        "cmd-1",
        journey="cmd-1",
    )
    answered = said(finance_orders.accepted("SOW-A-M1"), cause="cmd-1")
    found = show([priced(), asked, answered], "J-1")
    assert [(step.type, step.cause_type) for step in found.steps[1:]] == [
        ("delivery.milestone.accept.v1", None),
        ("delivery.milestone.accepted.v1", "delivery.milestone.accept.v1"),
    ]


def test_the_passing_of_time_is_no_step() -> None:
    assert show([priced(), said(ClockTicked(instant=NOON))], "J-1").steps[-1].sequence == 1


@pytest.mark.parametrize("name", ["J-1", "Q-1", "SOW-A", "DE01-000001", "SOW-A-M1", "P-1"])
def test_a_journey_is_found_by_any_of_its_names(name: str) -> None:
    payment = said(received("P-1", eur(1)), "p-1", journey="J-P")
    assert show([payment, priced(), SIGNED, INVOICE, PAID], name).journey == "J-1"


def test_a_chain_that_no_quote_opened_has_steps_only() -> None:
    found = show([said(received("P-1", eur(1)), "p-1", journey="J-P")], "P-1")
    assert (found.journey, found.status, found.value, len(found.steps)) == ("J-P", "OPEN", None, 1)


def test_what_nobody_has_heard_of_is_unknown() -> None:
    found = show([priced()], "NOBODY")
    assert (found.journey, found.status, found.steps, found.outstanding) == (None, "UNKNOWN", (), ())


# --- figures --------------------------------------------------------------------------------------------------------


def test_a_quoted_journey_has_no_figures_yet() -> None:
    found = show([priced()], "Q-1")
    assert (found.status, found.value, found.billed, found.recognised, found.open) == ("OPEN", None, None, None, None)


def test_a_journey_shows_what_it_is_worth_and_what_is_outstanding() -> None:
    found = show([priced(), SIGNED, ACTIVE, INVOICE, billed(eur(180_000)), recognised(eur(200_000))], "Q-1")
    assert (found.value, found.billed, found.unbilled) == (eur(600_000), eur(180_000), eur(420_000))
    assert (found.recognised, found.open, found.status) == (eur(200_000), eur(714_000), "OPEN")
    assert found.outstanding == (
        Outstanding(what="unpaid invoice", reference="DE01-000001", amount=eur(714_000), since=NOON),
        Outstanding(what="not yet billed", reference="SOW-A", amount=eur(420_000)),
    )


def test_a_change_order_changes_value_and_revenue() -> None:
    found = show([priced(), SIGNED, amended(eur(690_000)), caught_up(eur(-5))], "Q-1")
    assert (found.value, found.recognised) == (eur(690_000), eur(-5))


def test_a_journey_that_is_billed_and_paid_is_completed() -> None:
    found = show([priced(), SIGNED, ACTIVE, INVOICE, billed(eur(600_000)), PAID], "Q-1")
    assert (found.status, found.open, found.outstanding) == ("COMPLETED", eur(0), ())


def test_a_held_journey_says_by_whom_why_and_the_way_out() -> None:
    found = show([priced(), SIGNED, HELD, UNBILLABLE], "Q-1")
    assert found.status == "HELD"
    assert [one.what for one in found.outstanding[:2]] == [
        "held by delivery, PSA_TEMPLATE: no role; mend it",
        "held by finance, FX_RATE_MISSING: no rate; publish it",
    ]
    assert show([priced(), SIGNED, HELD, UNBILLABLE, RESUMED], "Q-1").status == "HELD"
    assert show([priced(), SIGNED, HELD, UNBILLABLE, RESUMED, ACTIVE], "Q-1").status == "OPEN"


def test_a_late_step_stalls_the_journey() -> None:
    expected = show([priced(), SIGNED, *waiting()], "Q-1")
    assert (expected.status, expected.outstanding[0].what) == ("OPEN", f"expected: {ACTIVATED}")
    late = show([priced(), SIGNED, *waiting(STALLED)], "Q-1")
    assert (late.status, late.outstanding[0].what) == ("STALLED", f"late: {ACTIVATED}")
    assert late.outstanding[0].since == FOUR_HOURS


def test_all_journeys_are_listed_oldest_first() -> None:
    found = listed([said(priced(), journey="J-2"), priced(), SIGNED])
    assert [(one.journey, one.value) for one in found.journeys] == [("J-2", None), ("J-1", eur(600_000))]


def test_a_quote_priced_again_is_the_same_journey() -> None:
    assert len(listed([priced(), priced(2)]).journeys) == 1


# --- in a few words -------------------------------------------------------------------------------------------------


def test_a_fact_is_told_by_its_name_and_its_amounts() -> None:
    assert summary(INVOICE) == "DE01-000001 net 600,000.00 EUR, tax 114,000.00 EUR, gross 714,000.00 EUR"
    assert dict(amounts(INVOICE))["gross"] == eur(714_000)


def test_a_refusal_is_told_with_its_reason() -> None:
    refused = CustomerRefused(
        customer_id="ACME",
        request="commercial.customer.update.v1",
        reason="UNKNOWN_CUSTOMER",
        detail="no such customer",
    )
    assert summary(said(refused)) == "ACME: UNKNOWN_CUSTOMER: no such customer"


def test_a_long_story_is_cut_short() -> None:
    refused = CustomerRefused(
        customer_id="ACME", request="commercial.customer.update.v1", reason="UNKNOWN_CUSTOMER", detail="x" * 2000
    )
    assert len(summary(said(refused))) == 500


def test_a_request_has_no_amounts_yet() -> None:
    asked = said(AllotNumber(invoice_id="I-1", customer="ACME"))
    assert (amounts(asked), summary(asked), names(asked)) == ((), "I-1", ("I-1",))


def test_a_message_is_told_by_its_own_name_before_that_of_what_it_carries() -> None:
    assert summary(said(priced())).startswith("Q-1 ")
    assert names(said(SIGNED)) == ("SOW-A", "Q-1")
