"""A journey: from quote to cash, with what is late said aloud and the end said once."""

from datetime import date, datetime, timedelta

import pytest

from contracts.commercial import (
    AgreementActivated,
    AgreementAmended,
    AgreementHeld,
    AgreementResumed,
    QuoteAccepted,
    QuotePriced,
)
from contracts.finance import BillingProgressed, EntryFrozen, PaymentApplied, TimeClaimed
from contracts.message import Message, Wake, is_identifier
from contracts.money import Money
from contracts.observability import (
    Hold,
    JourneyCompleted,
    JourneyProgressed,
    JourneyStalled,
    JourneyStarted,
    OwedInvoice,
    Waiting,
)
from contracts.order import Offer
from services.observability import journey
from tests.pure import finance_orders
from tests.pure.finance_documents import issued, usd
from tests.pure.finance_orders import A, accepted, eur, order
from tests.story import NOON, Story, at, given

ACTIVATED, ISSUED = "commercial.agreement.activated.v1", "finance.invoice.issued.v1"
FOUR_HOURS, TWO_DAYS = NOON + timedelta(hours=4), NOON + timedelta(days=2)


def priced(version: int = 1) -> QuotePriced:
    return QuotePriced(
        quote_id="Q-1",
        version=version,
        offer=Offer(
            quote_id="Q-1",
            quote_version=version,
            agreement_id="SOW-A",
            legal_entity="DE01",
            currency="EUR",
            lines=A.lines,
            total=A.total,
            project=A.project,
            payment_terms_days=30,
            valid_until=date(2026, 1, 31),
        ),
        list_total=A.total,
        discount_total=eur(0),
        total=A.total,
        highest_discount_percent="0",
        valid_until=date(2026, 1, 31),
        expires_at=NOON,
        content_hash="0" * 64,
        policy_version=1,
    )


SIGNED = QuoteAccepted(quote_id="Q-1", version=1, order=A, accepted_by="I. Weber")
ACTIVE = AgreementActivated(agreement_id="SOW-A", order=A, activated_on=date(2026, 1, 8))
HELD = AgreementHeld(agreement_id="SOW-A", reason="PSA_TEMPLATE", detail="no role", owner="delivery", way_out="mend it")
RESUMED = AgreementResumed(agreement_id="SOW-A", reason="PSA_TEMPLATE", owner="delivery")
UNBILLABLE = AgreementHeld(
    agreement_id="SOW-A", reason="FX_RATE_MISSING", detail="no rate", owner="finance", way_out="publish it"
)


def amended(total: Money) -> AgreementAmended:
    line = finance_orders.line("A1", total, A.lines[0].billing)
    return AgreementAmended(
        agreement_id="SOW-A", change_order_id="CO-1", price_delta=total, order=order("SOW-A", line, version=2)
    )


def billed(amount: Money, number: str = "DE01-000001") -> BillingProgressed:
    return BillingProgressed(
        agreement_id="SOW-A", invoice_id="I-1", number=number, billed=amount, unbilled=amount, total=A.total
    )


def paid(number: str, amount: Money, left: Money) -> PaymentApplied:
    return PaymentApplied(
        payment_id="P-1",
        invoice_id="I-1",
        number=number,
        agreement_id="SOW-A",
        legal_entity="DE01",
        amount=amount,
        open=left,
        unapplied=Money.zero(amount.currency),
        fx_difference=eur(0),
        applied_on=date(2026, 4, 20),
    )


def frozen(entry_id: str) -> EntryFrozen:
    return EntryFrozen(agreement_id="SOW-A", entry_id=entry_id, amount=eur(1), invoice_id=f"SOW-A-{entry_id}")


def claimed() -> TimeClaimed:
    return TimeClaimed(
        agreement_id="SOW-A",
        line_id="A1",
        invoice_id="SOW-A-T1",
        claims=(),
        amount=eur(1),
        held=(),
        claimed_to_date=eur(1),
        cap=eur(1),
        claimed_on=date(2026, 2, 28),
    )


def going(*heard: Message) -> Story:
    return given(journey).when(priced(), *heard)


def now(story: Story) -> JourneyProgressed:
    return story.the(JourneyProgressed)


def waits(story: Story) -> list[tuple[str, str, datetime]]:
    return [(one.step, one.reference, one.due) for one in story.state.progress.waiting]


INVOICE = issued("DE01-000001", eur(600_000), eur(114_000), entry_id="SOW-A-M1")
SETTLED = (SIGNED, ACTIVE, INVOICE, billed(eur(600_000)), paid("DE01-000001", eur(714_000), eur(0)))

# --- identity -------------------------------------------------------------------------------------------------------


def test_the_actor_is_the_correlation() -> None:
    assert journey.actor_id(at(ACTIVE, journey="J-1")) == "J-1"


@pytest.mark.parametrize(("correlation", "id"), [("Q2C:17", "Q2C-17"), ("a b/c", "a-b-c")])
def test_a_correlation_that_is_no_identifier_is_made_one(correlation: str, id: str) -> None:
    assert journey.actor_id(at(ACTIVE, journey=correlation)) == id


@pytest.mark.parametrize("correlation", ["", "x" * 65])
def test_a_correlation_of_another_length_is_replaced_by_its_digest(correlation: str) -> None:
    assert is_identifier(journey.actor_id(at(ACTIVE, journey=correlation)))


# --- progress -------------------------------------------------------------------------------------------------------


def test_a_priced_quote_starts_a_journey_that_is_worth_nothing_yet() -> None:
    going().then(
        JourneyStarted(journey="J-1", quote_id="Q-1"),
        JourneyProgressed(
            journey="J-1",
            turning_point="commercial.quote.priced.v1",
            value=eur(0),
            billed=eur(0),
            open=eur(0),
            phase="QUOTED",
            invoices=(),
            waiting=(),
        ),
    )


def test_another_version_of_the_quote_is_the_same_journey() -> None:
    going(priced(2)).then_nothing()


@pytest.mark.parametrize("heard", [SIGNED, ACTIVE, HELD, accepted("SOW-A-M1"), INVOICE, paid("X", eur(1), eur(0))])
def test_a_chain_that_no_quote_opened_is_not_followed(heard: Message) -> None:
    given(journey).when(heard).then_nothing()


def test_an_accepted_quote_is_worth_its_total_and_waits_for_activation() -> None:
    story = going(SIGNED)
    assert (now(story).value, now(story).phase) == (eur(600_000), "ACCEPTED")
    assert waits(story) == [(ACTIVATED, "SOW-A", FOUR_HOURS)]
    assert journey.wakes(story.state) == FOUR_HOURS


def test_an_active_agreement_waits_for_nothing() -> None:
    story = going(SIGNED, ACTIVE)
    assert (now(story).phase, now(story).turning_point) == ("ACTIVE", ACTIVATED)
    assert waits(story) == []
    assert journey.wakes(story.state) is None


def test_an_accepted_milestone_waits_for_its_invoice() -> None:
    story = going(SIGNED, ACTIVE, accepted("SOW-A-M1"))
    assert waits(story) == [(ISSUED, "SOW-A-M1", TWO_DAYS)]
    story.when(accepted("SOW-A-M1")).then_nothing()
    story.when(frozen("SOW-A-M1")).then_nothing()
    assert waits(story.when(INVOICE)) == []


def test_what_is_claimed_or_due_by_the_calendar_waits_for_its_invoice_too() -> None:
    story = going(SIGNED, ACTIVE, frozen("B1-2026-04"), claimed())
    assert [reference for _, reference, _ in waits(story)] == ["SOW-A-B1-2026-04", "SOW-A-T1"]


def test_an_issued_invoice_is_owed_until_it_is_paid() -> None:
    owed = going(SIGNED, ACTIVE, INVOICE)
    assert (now(owed).open, now(owed).invoices) == (
        eur(714_000),
        (OwedInvoice(number="DE01-000001", open=eur(714_000)),),
    )
    owed.when(INVOICE).then_nothing()
    part = owed.when(paid("DE01-000001", eur(700_000), eur(14_000)))
    assert now(part).open == eur(14_000)
    part.when(paid("DE01-000001", eur(700_000), eur(14_000))).then_nothing()
    assert now(part.when(paid("DE01-000001", eur(14_000), eur(0)))).invoices == ()


def test_two_invoices_are_owed_together() -> None:
    other = issued("DE01-000002", eur(100))
    story = going(SIGNED, ACTIVE, INVOICE, other, paid("DE01-000002", eur(40), eur(60)))
    assert now(story).open == eur(714_060)


def test_an_invoice_over_nothing_is_not_owed_but_ends_the_waiting() -> None:
    story = going(SIGNED, ACTIVE, accepted("SOW-A-M1"), issued("DE01-000001", eur(0), entry_id="SOW-A-M1"))
    assert (now(story).invoices, now(story).waiting) == ((), ())


@pytest.mark.parametrize(
    "heard", [issued("I", usd(1)), billed(usd(1)), paid("DE01-000001", usd(1), usd(0)), amended(usd(1)), SIGNED]
)
def test_what_does_not_belong_to_the_agreement_changes_nothing(heard: Message) -> None:
    going(SIGNED, ACTIVE, INVOICE, heard).then_nothing()


def test_a_quote_signed_in_another_currency_changes_nothing() -> None:
    other = QuoteAccepted(quote_id="Q-1", version=1, order=amended(usd(5)).order, accepted_by="I. Weber")
    going(other).then_nothing()


# --- late -----------------------------------------------------------------------------------------------------------


def woken(instant: datetime) -> Wake:
    return at(Wake(), instant)


def test_a_step_that_is_late_stalls_the_journey_once() -> None:
    story = going(SIGNED, HELD, woken(FOUR_HOURS))
    story.then(JourneyStalled(journey="J-1", step=ACTIVATED, reference="SOW-A", expected_by=FOUR_HOURS))
    assert journey.wakes(story.state) is None
    story.when(woken(TWO_DAYS)).then_nothing()


def test_only_what_is_late_by_then_is_said() -> None:
    story = going(SIGNED, accepted("SOW-A-M1"), woken(FOUR_HOURS))
    story.says(JourneyStalled)
    assert journey.wakes(story.state) == TWO_DAYS


def test_a_late_step_that_comes_after_all_is_forgotten() -> None:
    story = going(SIGNED, accepted("SOW-A-M1"), woken(FOUR_HOURS), woken(TWO_DAYS), ACTIVE)
    assert story.state.stalled == (Waiting(step=ISSUED, reference="SOW-A-M1", due=TWO_DAYS),)


def test_a_wake_without_a_journey_says_nothing() -> None:
    given(journey).when(woken(NOON)).then_nothing()


def test_a_held_agreement_says_why_until_it_is_resumed_or_active() -> None:
    held = going(SIGNED, HELD)
    assert now(held).holds == (Hold(owner="delivery", reason="PSA_TEMPLATE"),)
    held.when(HELD).then_nothing()
    assert now(held.when(RESUMED)).holds == ()
    assert now(held.when(ACTIVE)).holds == ()


def test_an_agreement_that_both_sides_hold_is_held_until_both_have_mended_it() -> None:
    both = going(SIGNED, HELD, UNBILLABLE)
    assert [hold.owner for hold in now(both).holds] == ["delivery", "finance"]
    assert [hold.owner for hold in now(both.when(RESUMED)).holds] == ["finance"]


# --- completed ------------------------------------------------------------------------------------------------------


def test_a_journey_is_completed_when_all_is_billed_and_paid() -> None:
    story = going(*SETTLED)
    story.says(JourneyProgressed, JourneyCompleted)
    assert story.the(JourneyCompleted).value == eur(600_000)
    assert story.state.completed


def test_cash_that_came_first_completes_the_journey_with_the_last_bill() -> None:
    story = going(SIGNED, ACTIVE, INVOICE, SETTLED[-1], SETTLED[-2])
    story.says(JourneyProgressed, JourneyCompleted)


def test_what_is_billed_and_not_paid_is_not_complete() -> None:
    going(*SETTLED[:-1]).says(JourneyProgressed)


def test_a_journey_is_completed_once() -> None:
    story = going(*SETTLED)
    story.when(SETTLED[-1]).then_nothing()
    story.when(HELD).says(JourneyProgressed)


def test_a_change_of_the_agreement_reopens_the_journey() -> None:
    story = going(*SETTLED, amended(eur(690_000)))
    story.says(JourneyProgressed)
    assert not story.state.completed
    second = issued("DE01-000009", eur(90_000), entry_id="SOW-A-M4")
    again = story.when(second, billed(eur(690_000)), paid("DE01-000009", eur(90_000), eur(0)))
    assert again.the(JourneyCompleted).value == eur(690_000)


def test_an_agreement_over_nothing_is_never_complete() -> None:
    free = QuoteAccepted(quote_id="Q-1", version=1, order=amended(eur(0)).order, accepted_by="I. Weber")
    going(free, ACTIVE).says(JourneyProgressed)
