"""A billing plan: milestones when accepted, months when begun, time up to its cap, each once, never while held."""

from datetime import date, datetime
from itertools import chain

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts import wire
from contracts.commercial import ChangeOrderRefused, LegalEntityRegistered
from contracts.finance import (
    BillingPlanActivated,
    BillingPlanAgreed,
    BillingPlanAmended,
    BillingPlanChangeRefused,
    BillingPlanChangeReleased,
    BillingPlanChangeStaged,
    BillingPlanCompleted,
    BillingPlanNotChanged,
    BillingPlanRefused,
    BillingProgressed,
    BillTime,
    Claim,
    EntryAccepted,
    EntryFrozen,
    FxRatePublished,
    InvoiceIssued,
    ProposeInvoice,
    RateTime,
    TakeNumber,
    TaxTablePublished,
    TimeClaimed,
    TimeHeld,
    TimeRated,
    TimeUnratable,
)
from contracts.message import Message, Period, Wake
from contracts.money import Money, total
from contracts.order import MOST_PARTS, FixedMilestone, ManagedServiceRecurring, OrderLine, RoleRate, ServicesOrder
from services.finance import billing_plan, invoice
from services.finance.billing import MOST_CLAIMS, RATED_AT_ONCE
from services.finance.claim import claim_up_to, price
from shared import deciding
from tests.pure.finance_orders import (
    CARD,
    DE01,
    MILESTONES,
    RETAINER,
    UK01,
    VAT_DE,
    A,
    B,
    C,
    accepted,
    activated,
    admitted,
    applied,
    approved,
    capped,
    eur,
    fixed,
    gbp,
    line,
    milestone,
    opened,
    order,
    refused,
    utc,
)
from tests.story import Story, at, given

VAT_UK = TaxTablePublished(
    legal_entity="UK01", version=1, effective_from=date(2026, 1, 1), rates=(replace(VAT_DE.rates[0], percent="20"),)
)
FEB = (
    approved("T-5", 240, "consultant", date(2026, 2, 13)),
    approved("T-4", 480, "consultant", date(2026, 2, 12)),
    approved("T-3", 480, "consultant", date(2026, 2, 11)),
    approved("T-2", 300, "senior", date(2026, 2, 10)),
    approved("T-1", 450, "senior", date(2026, 2, 9)),
)
"""12.5 h at 180 and 20 h at 150, approved last first."""
MONTH_END = utc(2026, 3, 1)
BILL = BillTime(agreement_id="SOW-C")


def known(*said: Message) -> Story:
    return given(billing_plan, *said).knowing(DE01, UK01, VAT_DE, VAT_UK, CARD)


def plan(order: ServicesOrder) -> Story:
    """The order is agreed and active."""
    return known().when(opened(order), activated(order))


def with_february() -> Story:
    return plan(C).when(*FEB)


def wake(instant: datetime) -> Wake:
    return at(Wake(), instant)


def issued(story: Story, number: int = 1) -> InvoiceIssued:
    """The invoice that was just proposed, as it is issued."""
    proposal = [message for message in story.said if isinstance(message, ProposeInvoice)][-1]
    made = given(invoice).knowing(DE01, UK01, VAT_DE, VAT_UK).when(at(proposal, utc(2026, 4, 16)))
    from_series = TakeNumber(invoice_id=proposal.invoice_id, number=f"{proposal.legal_entity}-{number:06d}")
    return made.when(from_series).the(InvoiceIssued)


def refusal(story: Story) -> str:
    return story.says(BillingPlanNotChanged).the(BillingPlanNotChanged).reason


def objection(story: Story) -> str:
    return story.says(BillingPlanChangeRefused).the(BillingPlanChangeRefused).reason


# --- agreeing -------------------------------------------------------------------------------------------------------


def test_a_fixed_fee_is_planned_by_its_milestones() -> None:
    agreed = known().when(opened(A)).says(BillingPlanAgreed).the(BillingPlanAgreed)
    assert [(entry.entry_id, entry.kind, entry.amount) for entry in agreed.entries] == [
        ("SOW-A-M1", "MILESTONE", eur(180_000)),
        ("SOW-A-M2", "MILESTONE", eur(240_000)),
        ("SOW-A-M3", "MILESTONE", eur(180_000)),
    ]
    assert (agreed.total, agreed.caps, agreed.time_zone) == (eur(600_000), (), "Europe/Berlin")
    assert (agreed.payment_terms_days, agreed.purchase_order) == (30, "PO-7")


def test_a_retainer_has_one_entry_for_each_calendar_month_of_its_term() -> None:
    agreed = known().when(opened(B)).the(BillingPlanAgreed)
    amounts = [entry.amount.amount for entry in agreed.entries]
    assert amounts == ["10000.00", *["20000.00"] * 11, "10000.00"]
    assert total((entry.amount for entry in agreed.entries), "EUR") == eur(240_000)
    assert [entry.bill_at for entry in agreed.entries][:2] == [utc(2026, 4, 15, 22), utc(2026, 4, 30, 22)]
    assert agreed.entries[0].period == Period(start=date(2026, 4, 16), end=date(2026, 4, 30))
    assert agreed.entries[-1].entry_id == "B1--2027-04"


@pytest.mark.parametrize(
    ("start", "end", "fee"),
    [
        (date(2026, 4, 16), date(2026, 4, 30), "10000.00"),
        (date(2026, 2, 10), date(2026, 2, 28), "13571.43"),
        (date(2028, 2, 1), date(2028, 2, 29), "20000.00"),
        (date(2028, 2, 29), date(2028, 2, 29), "689.66"),
    ],
)
def test_a_part_of_a_month_costs_its_days_over_the_days_of_the_whole_month(start: date, end: date, fee: str) -> None:
    term = ManagedServiceRecurring(monthly_fee=eur(20_000), term=Period(start=start, end=end))
    (entry,) = known().when(opened(order("SOW-B", line("B1", eur(fee), term)))).the(BillingPlanAgreed).entries
    assert entry.amount == eur(fee)


def test_time_has_a_cap_and_a_rate_card() -> None:
    agreed = known().when(opened(C)).the(BillingPlanAgreed)
    assert [(cap.line_id, cap.cap, cap.rate_card) for cap in agreed.caps] == [("C1", gbp(5_000), "UK-2026")]
    assert agreed.entries == ()


def test_an_agreement_opened_twice_is_planned_once() -> None:
    known().when(opened(A), opened(A)).then_nothing()


TWICE = fixed(milestone("M1", 300_000), milestone("M1", 300_000))


@pytest.mark.parametrize(
    ("unbillable", "reason"),
    [
        (replace(A, legal_entity="XX01"), "UNKNOWN_LEGAL_ENTITY"),
        (replace(C, legal_entity="DE01"), "FX_RATE_MISSING"),
        (replace(A, total=eur(600_001)), "AMOUNTS_DO_NOT_SUM"),
        (replace(A, total=gbp(600_000)), "AMOUNTS_DO_NOT_SUM"),
        (order("SOW-A", replace(fixed(*MILESTONES), price=eur(599_999))), "AMOUNTS_DO_NOT_SUM"),
        (order("SOW-B", line("B1", eur(239_999), RETAINER)), "AMOUNTS_DO_NOT_SUM"),
        (order("SOW-C", replace(capped(5_000), price=gbp(6_000)), legal_entity="UK01"), "AMOUNTS_DO_NOT_SUM"),
        (order("SOW-A", fixed(*MILESTONES), line("L2", eur(1), capped(1).billing)), "AMOUNTS_DO_NOT_SUM"),
        (order("SOW-A", TWICE), "DUPLICATE_ID"),
        (order("SOW-A", fixed(MILESTONES[0]), fixed(MILESTONES[1])), "DUPLICATE_ID"),
        (
            order("SOW-B", line("B1", eur(0), replace(RETAINER, term=Period(start=date(1, 1, 1), end=date(1, 1, 2))))),
            "TERM_NOT_BILLABLE",
        ),
        (
            order(
                "SOW-B",
                line("B1", eur(0), replace(RETAINER, term=Period(start=date(2026, 1, 1), end=date(2076, 1, 1)))),
            ),
            "TERM_NOT_BILLABLE",
        ),
        (
            order("SOW-C", line("C1", gbp(1), replace(capped(1).billing, rate_card="NONE")), legal_entity="UK01"),
            "UNKNOWN_RATE_CARD",
        ),
        (
            order("SOW-C", line("C1", eur(1), replace(capped(1).billing, cap=eur(1)))),
            "UNKNOWN_RATE_CARD",
        ),
    ],
)
def test_an_order_that_cannot_be_billed_is_refused_with_a_way_out(unbillable: ServicesOrder, reason: str) -> None:
    found = known().when(opened(unbillable)).says(BillingPlanRefused).the(BillingPlanRefused)
    assert found.reason == reason
    assert found.way_out


USD_EUR = FxRatePublished(base="GBP", quote="EUR", rate="1.15", on=date(2026, 1, 2), origin="ECB")


def test_an_order_refused_for_want_of_a_rate_is_agreed_when_it_is_published() -> None:
    waiting = given(billing_plan).knowing(DE01, CARD).when(opened(replace(C, legal_entity="DE01")))
    assert waiting.the(BillingPlanRefused).reason == "FX_RATE_MISSING"
    agreed = waiting.knowing(USD_EUR).when(at(USD_EUR, key="GBP-EUR"))
    assert agreed.the(BillingPlanAgreed).legal_entity == "DE01"
    agreed.when(at(USD_EUR, key="GBP-EUR")).then_nothing()


def test_an_order_refused_for_want_of_a_legal_entity_or_a_rate_card_is_tried_again_too() -> None:
    waiting = given(billing_plan).knowing(VAT_UK).when(opened(C))
    assert waiting.the(BillingPlanRefused).reason == "UNKNOWN_LEGAL_ENTITY"
    waiting = waiting.knowing(UK01).when(at(UK01, key="UK01"))
    assert waiting.the(BillingPlanRefused).reason == "UNKNOWN_RATE_CARD"
    waiting.when(at(UK01, key="UK01")).then_nothing()
    waiting.knowing(CARD).when(at(CARD, key="UK-2026")).says(BillingPlanAgreed)


def test_what_is_published_says_nothing_to_a_plan_that_does_not_wait() -> None:
    for published in (DE01, USD_EUR, CARD):
        known().when(at(published)).then_nothing()
        plan(A).when(at(published)).then_nothing()


# --- before the agreement is active ---------------------------------------------------------------------------------


def test_an_order_of_the_most_parts_fits_on_the_log_and_may_fall_due_at_once() -> None:
    long = Period(start=date(2001, 1, 1), end=date(2000 + MOST_PARTS // 12, 12, 31))
    retainer = ManagedServiceRecurring(monthly_fee=eur(1), term=long)
    most = replace(line("B" * 40, eur(MOST_PARTS), retainer), description="x" * 2000)
    story = known().when(opened(order("S" * 64, most)))
    assert len(wire.encode(story.the(BillingPlanAgreed))) < wire.MAX_BODY // 2
    assert len(story.when(activated(order("S" * 64, most))).said) <= deciding.MAX_SAID


def test_an_order_of_more_parts_is_refused() -> None:
    longer = Period(start=date(2001, 1, 1), end=date(2001 + MOST_PARTS // 12, 1, 31))
    retainer = ManagedServiceRecurring(monthly_fee=eur(1), term=longer)
    refusal = known().when(opened(order("SOW-B", line("B1", eur(MOST_PARTS + 1), retainer)))).the(BillingPlanRefused)
    assert refusal.reason == "TERM_NOT_BILLABLE"


def test_a_milestone_accepted_before_activation_is_billed_on_activation() -> None:
    early = known().when(opened(A), accepted("SOW-A-M1"))
    early.says(EntryAccepted)
    early.when(accepted("SOW-A-M1")).then_nothing()
    early.when(activated(A)).says(BillingPlanActivated, EntryFrozen, ProposeInvoice)
    early.when(activated(A), activated(A)).then_nothing()
    early.when(activated(A), accepted("SOW-A-M1")).then_nothing()


def test_what_is_delivered_while_the_order_is_refused_is_billed_once_it_is_agreed_and_active() -> None:
    waiting = given(billing_plan).knowing(UK01, VAT_UK).when(opened(C))
    assert waiting.the(BillingPlanRefused).reason == "UNKNOWN_RATE_CARD"
    waiting = waiting.when(FEB[0]).says(TimeUnratable)
    waiting.when(FEB[0]).then_nothing()
    agreed = waiting.knowing(CARD).when(at(CARD, utc(2026, 2, 20))).says(BillingPlanAgreed, TimeRated)
    assert agreed.the(TimeRated).claim.amount == gbp(600)
    assert agreed.the(TimeRated).bill_at == MONTH_END
    agreed.when(at(activated(C), utc(2026, 2, 20))).says(BillingPlanActivated)
    agreed.when(at(activated(C), MONTH_END)).says(BillingPlanActivated, TimeClaimed, ProposeInvoice)


def test_a_milestone_accepted_while_the_order_is_refused_is_billed_on_activation() -> None:
    held = given(billing_plan).knowing().when(opened(A))
    early = held.when(accepted("SOW-A-M2")).says(EntryAccepted)
    early.when(accepted("SOW-A-M2")).then_nothing()
    active = early.knowing(DE01).when(at(DE01), activated(A))
    assert active.the(EntryFrozen).entry_id == "SOW-A-M2"


def test_months_begun_before_activation_are_billed_on_activation_and_dated_then() -> None:
    late = known().when(opened(B), at(activated(B), utc(2026, 5, 4)))
    late.says(BillingPlanActivated, EntryFrozen, ProposeInvoice, EntryFrozen, ProposeInvoice)
    assert billing_plan.wakes(late.state) == utc(2026, 5, 31, 22)


def test_a_plan_that_is_not_active_is_never_woken_and_bills_nothing() -> None:
    agreed = known().when(opened(B))
    assert billing_plan.wakes(agreed.state) is None
    assert billing_plan.wakes(billing_plan.initial) is None
    assert refusal(agreed.when(BillTime(agreement_id="SOW-B"))) == "NOT_ACTIVE"


@pytest.mark.parametrize(
    "message",
    [accepted("SOW-A-M1"), FEB[0], activated(A), wake(MONTH_END), applied(A), refused("SOW-A")],
)
def test_a_plan_that_nobody_has_opened_says_nothing(message: Message) -> None:
    known().when(message).then_nothing()


def test_an_unknown_plan_bills_nothing_and_follows_no_change() -> None:
    assert refusal(known().when(BILL)) == "NOT_AGREED"
    assert objection(known().when(admitted(A, A))) == "NOT_AGREED"
    known().when(issued(plan(A).when(accepted("SOW-A-M1")))).then_nothing()


def test_time_for_a_line_of_a_refused_order_that_is_not_billed_by_time_says_nothing() -> None:
    time = approved("T-1", 60, "senior", date(2026, 2, 9), line_id="A1", agreement_id="SOW-A")
    given(billing_plan).knowing().when(opened(A), time).then_nothing()


# --- milestones -----------------------------------------------------------------------------------------------------


def test_an_accepted_milestone_is_frozen_and_an_invoice_proposed() -> None:
    story = plan(A).when(accepted("SOW-A-M1")).says(EntryFrozen, ProposeInvoice)
    proposal = story.the(ProposeInvoice)
    (billed,) = proposal.lines
    assert story.the(EntryFrozen).amount == eur(180_000)
    assert proposal.invoice_id == story.the(EntryFrozen).invoice_id == "SOW-A--SOW-A-M1"
    assert (billed.net, billed.quantity, billed.unit, billed.entry_id) == (eur(180_000), "1", "LS", "SOW-A-M1")
    assert (proposal.legal_entity, proposal.payment_terms_days, proposal.purchase_order) == ("DE01", 30, "PO-7")


def test_a_milestone_accepted_twice_is_billed_once() -> None:
    plan(A).when(accepted("SOW-A-M1"), accepted("SOW-A-M1")).then_nothing()


def test_a_milestone_that_is_not_planned_is_not_billed() -> None:
    assert refusal(plan(A).when(accepted("M-9"))) == "UNKNOWN_ENTRY"


def test_a_long_id_is_shortened_and_stays_its_own() -> None:
    long = order("S" * 60, fixed(milestone("M" * 60, 1), milestone("M" * 61, 1)))
    active = known().when(opened(long), activated(long))
    ids = {active.when(accepted("M" * n, "S" * 60)).the(EntryFrozen).invoice_id for n in (60, 61)}
    assert [len(name) for name in ids] == [64, 64]


# --- months ---------------------------------------------------------------------------------------------------------


def test_each_month_is_billed_at_its_first_instant_in_the_legal_entitys_zone() -> None:
    story = plan(B)
    for instant, amount, unit in (
        (utc(2026, 4, 15, 22), eur(10_000), "LS"),
        (utc(2026, 4, 30, 22), eur(20_000), "MON"),
        (utc(2026, 5, 31, 22), eur(20_000), "MON"),
    ):
        assert billing_plan.wakes(story.state) == instant
        story = story.when(wake(instant)).says(EntryFrozen, ProposeInvoice)
        (billed,) = story.the(ProposeInvoice).lines
        assert (billed.net, billed.unit, billed.entry_id) == (amount, unit, story.the(EntryFrozen).entry_id)


def test_months_that_begin_together_have_an_invoice_each() -> None:
    both = order("SOW-B", line("B1", eur(240_000), RETAINER), line("B2", eur(240_000), RETAINER))
    story = plan(both).when(wake(utc(2026, 4, 15, 22)))
    story.says(EntryFrozen, ProposeInvoice, EntryFrozen, ProposeInvoice)


def test_after_the_last_month_nobody_wakes_it() -> None:
    story = plan(B).when(wake(utc(2027, 4, 30)))
    assert len([said for said in story.said if isinstance(said, ProposeInvoice)]) == 13
    assert billing_plan.wakes(story.state) is None
    story.when(wake(utc(2027, 5, 1))).then_nothing()


# --- time and materials ---------------------------------------------------------------------------------------------


def test_approved_time_is_rated_by_its_work_date_and_billed_at_the_month_end() -> None:
    story = plan(C).when(FEB[-1]).says(TimeRated)
    time = story.the(TimeRated)
    assert (time.claim.rate, time.claim.amount, time.rate_card_version) == ("180", gbp(1_350), 1)
    assert time.bill_at == billing_plan.wakes(story.state) == MONTH_END


def test_time_up_to_the_cap_is_billed_and_the_straddling_entry_split_by_whole_minutes() -> None:
    """Domain B16: 2,250 + 18 h 20 min at 150 = 5,000.00; 1 h 40 min (250.00) held."""
    story = with_february().when(wake(MONTH_END)).says(TimeClaimed, ProposeInvoice)
    claimed, proposal = story.the(TimeClaimed), story.the(ProposeInvoice)
    assert [(item.entry_id, item.minutes) for item in claimed.claims] == [
        ("T-1", 450),
        ("T-2", 300),
        ("T-3", 480),
        ("T-4", 480),
        ("T-5", 140),
    ]
    assert (claimed.amount, claimed.claimed_to_date, claimed.cap) == (gbp(5_000), gbp(5_000), gbp(5_000))
    assert [(item.entry_id, item.minutes, item.amount) for item in claimed.held] == [("T-5", 100, gbp(250))]
    assert claimed.claimed_on == date(2026, 3, 1)
    assert [(each.line_no, each.quantity, each.unit, each.unit_price, each.net) for each in proposal.lines] == [
        (1, "18.3333", "HUR", "150", gbp(2_750)),
        (2, "12.5", "HUR", "180", gbp(2_250)),
    ]
    assert proposal.invoice_id == claimed.invoice_id == "SOW-C--time--1"
    assert billing_plan.wakes(story.state) is None


def test_one_entry_of_twenty_hours_is_split_alike() -> None:
    """The example of the domain in two entries, as they may come from another system."""
    rated = [
        claim
        for message in (
            approved("E-1", 750, "senior", date(2026, 2, 9)),
            approved("E-2", 1200, "consultant", date(2026, 2, 10)),
        )
        for claim in [plan(C).when(message).the(TimeRated).claim]
    ]
    found = claim_up_to(rated, gbp(5_000))
    assert [(claim.minutes, claim.amount) for claim in found.claims] == [(750, gbp(2_250)), (1_100, gbp(2_750))]
    assert [(claim.minutes, claim.amount) for claim in found.held] == [(100, gbp(250))]


def test_time_can_be_billed_before_the_month_end() -> None:
    story = with_february().when(at(BILL, utc(2026, 2, 14)))
    assert story.the(TimeClaimed).claimed_on == date(2026, 2, 14)
    story.when(at(BILL, utc(2026, 2, 14))).then_nothing()
    assert billing_plan.wakes(story.state) is None


def test_time_over_an_exhausted_cap_is_held_and_said_once() -> None:
    full = with_february().when(wake(MONTH_END), approved("T-6", 60, "senior", date(2026, 3, 2)))
    held = full.when(wake(utc(2026, 3, 31, 23))).says(TimeHeld).the(TimeHeld)
    assert [(item.entry_id, item.minutes) for item in held.held] == [("T-5", 100), ("T-6", 60)]
    after = full.when(wake(utc(2026, 3, 31, 23)))
    assert billing_plan.wakes(after.state) is None
    after.when(at(BILL, utc(2026, 4, 1))).then_nothing()


@pytest.mark.parametrize("again", [FEB[0], FEB[-1]])
def test_time_approved_twice_is_billed_once(again: Message) -> None:
    with_february().when(again).then_nothing()
    with_february().when(wake(MONTH_END), again).then_nothing()


def test_time_that_is_not_billable_is_not_billed() -> None:
    plan(C).when(approved("T-9", 0, "senior", date(2026, 2, 9))).then_nothing()


def test_work_on_a_fixed_fee_is_not_billed_by_time() -> None:
    plan(A).when(approved("T-9", 60, "x", date(2026, 2, 9), line_id="A1", agreement_id="SOW-A")).then_nothing()


def test_work_on_a_line_that_is_not_agreed_is_refused() -> None:
    assert refusal(plan(C).when(approved("T-9", 60, "senior", date(2026, 2, 9), line_id="C9"))) == "UNKNOWN_LINE"


@pytest.mark.parametrize(
    "unrated",
    [
        approved("T-9", 60, "partner", date(2026, 2, 9)),
        approved("T-9", 60, "senior", date(2025, 12, 31), on=utc(2026, 2, 9)),
    ],
)
def test_time_without_a_rate_waits_for_a_rate_card(unrated: Message) -> None:
    waiting = plan(C).when(unrated).says(TimeUnratable)
    assert waiting.the(TimeUnratable).claim.amount == gbp(0)
    waiting.when(unrated).then_nothing()
    waiting.when(at(CARD)).then_nothing()
    card = replace(
        CARD, version=2, effective_from=date(2025, 1, 1), rates=(*CARD.rates, RoleRate(role="partner", bill_rate="300"))
    )
    waiting = waiting.knowing(card).when(at(card, utc(2026, 2, 20))).says(TimeRated)
    assert waiting.the(TimeRated).rate_card_version == 2
    waiting.when(at(card, utc(2026, 2, 20))).then_nothing()


def test_more_time_than_one_answer_holds_is_rated_in_several() -> None:
    unrated = [approved(f"T-{n}", 60, "partner", date(2026, 2, 9)) for n in range(RATED_AT_ONCE + 1)]
    card = replace(CARD, version=2, effective_from=date(2026, 2, 1), rates=(RoleRate(role="partner", bill_rate="300"),))
    published = plan(C).when(*unrated).knowing(card).when(at(card))
    published.says(*[TimeRated] * RATED_AT_ONCE, RateTime)
    rest = published.when(published.the(RateTime))
    rest.says(TimeRated)
    assert rest.state.unratable == ()
    rest.when(published.the(RateTime)).then_nothing()


def test_nothing_is_rated_where_no_plan_is_agreed() -> None:
    known().when(RateTime(agreement_id="SOW-C")).then_nothing()


@pytest.mark.parametrize("change", [{"currency": "EUR"}, {"rates": (RoleRate(role="senior", bill_rate="-1"),)}])
def test_a_rate_of_another_currency_or_below_zero_is_no_rate(change: dict[str, object]) -> None:
    card = replace(CARD, version=2, effective_from=date(2026, 2, 1), **change)
    plan(C).knowing(card).when(FEB[-1]).says(TimeUnratable)


def test_a_month_that_hours_cannot_express_is_billed_in_minutes() -> None:
    """100 minutes at 180 are 300.00; 1.6667 hours would be 300.01."""
    story = plan(C).when(approved("T-1", 100, "senior", date(2026, 2, 9)), wake(MONTH_END))
    (billed,) = story.the(ProposeInvoice).lines
    assert (billed.quantity, billed.unit, billed.unit_price, billed.base_quantity) == ("100", "MIN", "180", "60")
    assert billed.net == gbp(300)


def test_each_role_rate_and_month_has_its_line() -> None:
    both = approved("T-1", 60, "senior", date(2026, 1, 30)), approved("T-2", 60, "senior", date(2026, 2, 2))
    story = plan(C).when(both[0], both[1], at(BILL, utc(2026, 2, 14)))
    assert [each.description for each in story.the(ProposeInvoice).lines] == [
        "Advice: senior, 2026-01",
        "Advice: senior, 2026-02",
    ]


def test_lines_share_an_invoice_but_what_is_outside_the_scope_of_tax_has_its_own() -> None:
    lines = capped(1_000), capped(1_000, "C2"), capped(1_000, "C3", "O")
    story = plan(order("SOW-C", *lines, legal_entity="UK01"))
    for each in ("C1", "C2", "C3"):
        story = story.when(approved(f"T-{each}", 60, "senior", date(2026, 2, 9), line_id=each))
    story = story.when(wake(MONTH_END))
    story.says(TimeClaimed, TimeClaimed, ProposeInvoice, TimeClaimed, ProposeInvoice)
    proposals = [said for said in story.said if isinstance(said, ProposeInvoice)]
    assert [(each.invoice_id, len(each.lines)) for each in proposals] == [("SOW-C--time--1", 2), ("SOW-C--time--2", 1)]
    assert story.state.proposed == {"SOW-C--time--1": gbp(360), "SOW-C--time--2": gbp(180)}
    story = story.when(approved("T-9", 60, "senior", date(2026, 3, 2)), at(BILL, utc(2026, 3, 3)))
    assert story.the(ProposeInvoice).invoice_id == "SOW-C--time--3"


def test_more_entries_than_an_invoice_can_list_go_on_the_next_and_the_cap_still_holds() -> None:
    days = [date(2026, 2, 1 + n % 28) for n in range(MOST_CLAIMS + 300)]
    story = plan(C).when(*(approved(f"T-{n:04d}", 2, "consultant", day) for n, day in enumerate(days)))
    story = story.when(wake(MONTH_END)).says(TimeClaimed, ProposeInvoice, TimeHeld)
    assert [len(each.lines) for each in story.said if isinstance(each, ProposeInvoice)] == [1]
    assert story.the(TimeClaimed).amount == gbp(5_000)
    assert len(story.state.held) == 300
    wide = order("SOW-C", capped(9_000), legal_entity="UK01", version=2)
    story = story.when(admitted(C, wide), at(applied(wide), MONTH_END))
    assert story.the(TimeClaimed).invoice_id == "SOW-C--time--2"
    assert (story.the(TimeClaimed).amount, story.state.held) == (gbp(1_500), ())


entries = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=1440),
        st.sampled_from(["180", "149.999999", "99.9", "0", "33.333333"]),
        st.integers(min_value=1, max_value=60),
    ),
    max_size=12,
)


@forall(entries, st.lists(st.integers(min_value=0, max_value=300_000), min_size=1, max_size=4))
def test_the_cap_is_never_exceeded_and_no_minute_is_lost_or_billed_twice(
    work: list[tuple[int, str, int]], rooms: list[int]
) -> None:
    """I10 and I16, for a cap that is raised again and again."""
    blank = plan(C).when(FEB[0]).the(TimeRated).claim
    time = tuple(
        replace(
            blank,
            entry_id=f"T-{n:03d}",
            minutes=minutes,
            rate=rate,
            work_date=date.fromordinal(date(2026, 1, 1).toordinal() + day),
            amount=price(rate, minutes, "GBP"),
        )
        for n, (minutes, rate, day) in enumerate(work)
    )
    held = time
    billed: list[Claim] = []
    for room in rooms:
        found = claim_up_to(held, Money(f"{room // 100}.{room % 100:02d}", "GBP"))
        assert total((claim.amount for claim in found.claims), "GBP") == found.amount
        assert found.amount.value * 100 <= room
        billed.extend(found.claims)
        held = found.held
    for claim in time:
        parts = [each for each in chain(billed, held) if each.entry_id == claim.entry_id]
        assert sum(each.minutes for each in parts) == claim.minutes
        assert all(each.minutes for each in parts)


# --- progress -------------------------------------------------------------------------------------------------------


def test_what_is_issued_is_billed_and_the_rest_is_not() -> None:
    first = plan(A).when(accepted("SOW-A-M1"))
    progressed = first.when(issued(first)).says(BillingProgressed).the(BillingProgressed)
    assert (progressed.billed, progressed.unbilled, progressed.total) == (eur(180_000), eur(420_000), eur(600_000))
    assert progressed.number == "DE01-000001"


def test_an_invoice_issued_twice_is_counted_once() -> None:
    first = plan(A).when(accepted("SOW-A-M1"))
    first.when(issued(first), issued(first)).then_nothing()


def test_an_invoice_that_this_plan_has_not_proposed_is_not_counted() -> None:
    first = plan(A).when(accepted("SOW-A-M1"))
    plan(A).when(issued(first)).then_nothing()


def test_a_plan_is_completed_when_everything_is_billed() -> None:
    story = plan(A)
    for each in ("SOW-A-M1", "SOW-A-M2", "SOW-A-M3"):
        story = story.when(accepted(each))
        story = story.when(issued(story))
    story.says(BillingProgressed, BillingPlanCompleted)
    assert story.the(BillingProgressed).unbilled == eur(0)
    assert story.the(BillingPlanCompleted).total == eur(600_000)


def test_time_is_completed_only_when_the_cap_is_reached() -> None:
    short = plan(C).when(FEB[-1], wake(MONTH_END))
    short.when(issued(short)).says(BillingProgressed)
    whole = with_february().when(wake(MONTH_END))
    whole.when(issued(whole)).says(BillingProgressed, BillingPlanCompleted)


# --- change orders --------------------------------------------------------------------------------------------------

A2 = order("SOW-A", fixed(*MILESTONES, milestone("SOW-A-M4", 90_000)), version=2)
C2 = order("SOW-C", capped(6_000), legal_entity="UK01", version=2)


def test_added_milestones_are_staged_applied_and_billed_when_accepted() -> None:
    first = plan(A).when(accepted("SOW-A-M1"))
    first = first.when(issued(first)).when(admitted(A, A2)).says(BillingPlanChangeStaged)
    amended = first.when(applied(A2)).says(BillingPlanAmended).the(BillingPlanAmended)
    assert [entry.amount for entry in amended.entries] == [
        eur(180_000),
        eur(240_000),
        eur(180_000),
        eur(90_000),
    ]
    assert amended.total == eur(690_000)
    fourth = first.when(applied(A2), accepted("SOW-A-M4")).says(EntryFrozen, ProposeInvoice)
    progressed = fourth.when(issued(fourth)).the(BillingProgressed)
    assert (progressed.billed, progressed.unbilled) == (eur(270_000), eur(420_000))


def test_a_raised_cap_releases_the_held_time_at_once() -> None:
    """Cap 5,000 + 1,000: 100 held minutes at 150 are billed, 250.00; 750.00 stay unbilled."""
    full = with_february().when(wake(MONTH_END))
    full = full.when(issued(full), admitted(C, C2))
    full.says(BillingPlanChangeStaged)
    story = full.when(at(applied(C2), utc(2026, 3, 16))).says(BillingPlanAmended, TimeClaimed, ProposeInvoice)
    claimed = story.the(TimeClaimed)
    assert [(item.entry_id, item.minutes, item.amount) for item in claimed.claims] == [("T-5", 100, gbp(250))]
    assert (claimed.held, claimed.claimed_to_date, claimed.cap) == ((), gbp(5_250), gbp(6_000))
    assert claimed.claimed_on == date(2026, 3, 16)
    progressed = story.when(issued(story, 2)).says(BillingProgressed).the(BillingProgressed)
    assert (progressed.billed, progressed.unbilled, progressed.total) == (gbp(5_250), gbp(750), gbp(6_000))


def test_time_that_waits_for_its_month_end_keeps_waiting_when_the_cap_is_raised() -> None:
    full = with_february().when(wake(MONTH_END), approved("T-6", 60, "senior", date(2026, 3, 2)))
    story = full.when(admitted(C, C2), at(applied(C2), utc(2026, 3, 16)))
    assert [item.entry_id for item in story.the(TimeClaimed).claims] == ["T-5"]
    assert billing_plan.wakes(story.state) == utc(2026, 3, 31, 23)


def test_a_change_is_staged_once_and_not_again_once_it_is_settled() -> None:
    plan(A).when(admitted(A, A2), admitted(A, A2)).then_nothing()
    plan(A).when(admitted(A, A2), applied(A2), applied(A2)).then_nothing()
    plan(A).when(admitted(A, A2), applied(A2), admitted(A, A2)).then_nothing()
    plan(A).when(admitted(A, A2), refused("SOW-A"), admitted(A, A2)).then_nothing()


def test_one_change_is_staged_at_a_time() -> None:
    assert objection(plan(A).when(admitted(A, A2), admitted(A, A2, "CO-2"))) == "CHANGE_IN_PROGRESS"


def test_a_change_refused_elsewhere_is_released_and_the_next_is_staged() -> None:
    story = plan(A).when(admitted(A, A2), refused("SOW-A")).says(BillingPlanChangeReleased)
    story.when(refused("SOW-A")).then_nothing()
    story.when(applied(A2)).then_nothing()
    story.when(admitted(A, A2, "CO-2")).says(BillingPlanChangeStaged)


def test_a_decision_about_another_change_leaves_the_staged_one() -> None:
    plan(A).when(admitted(A, A2), applied(A2, "CO-9")).then_nothing()
    plan(A).when(admitted(A, A2), refused("SOW-A", "CO-9")).then_nothing()


def test_an_agreement_that_is_not_active_is_not_changed() -> None:
    assert objection(known().when(opened(A), admitted(A, A2))) == "NOT_ACTIVE"


LOWER = order("SOW-C", capped(3_000), legal_entity="UK01", version=2)


def test_a_price_does_not_fall_below_what_is_billed() -> None:
    full = with_february().when(wake(MONTH_END))
    assert objection(full.when(admitted(C, LOWER))) == "BELOW_BILLED"
    first = plan(A).when(accepted("SOW-A-M2"))
    assert objection(first.when(admitted(A, order("SOW-A", fixed(MILESTONES[0]))))) == "BELOW_BILLED"


def test_while_a_lower_cap_is_staged_time_is_billed_up_to_it() -> None:
    staged = with_february().when(admitted(C, LOWER), wake(MONTH_END))
    assert staged.the(TimeClaimed).claimed_to_date == gbp(3_000)
    staged.when(at(applied(LOWER), utc(2026, 3, 2))).says(BillingPlanAmended)
    after = staged.when(at(refused("SOW-C"), utc(2026, 3, 2)))
    after.says(BillingPlanChangeReleased, TimeClaimed, ProposeInvoice)
    assert after.the(TimeClaimed).claimed_to_date == gbp(5_000)


def test_a_cap_lowered_to_what_is_billed_completes_the_plan() -> None:
    some = plan(C).when(*FEB[3:], wake(MONTH_END))
    some = some.when(issued(some)).says(BillingProgressed)
    lower = order("SOW-C", capped(2_250), legal_entity="UK01", version=2)
    some.when(admitted(C, lower), applied(lower)).says(BillingPlanAmended, BillingPlanCompleted)


def other_card(line: OrderLine) -> OrderLine:
    return replace(line, billing=replace(line.billing, rate_card="OTHER"))


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (A, replace(C, agreement_id="SOW-A"), "CURRENCY"),
        (A, replace(A2, total=eur(1)), "AMOUNTS_DO_NOT_SUM"),
        (A, order("SOW-A", fixed(milestone("SOW-A-M1", 600_000))), "INVALID_CHANGE"),
        (A, order("SOW-A", fixed(*MILESTONES), line("A2", eur(240_000), RETAINER)), "INVALID_CHANGE"),
        (C, order("SOW-C", other_card(capped(6_000)), legal_entity="UK01"), "INVALID_CHANGE"),
        (C, order("SOW-C", capped(6_000, "C2"), legal_entity="UK01"), "INVALID_CHANGE"),
    ],
)
def test_a_change_that_rewrites_what_is_planned_is_refused(
    before: ServicesOrder, after: ServicesOrder, reason: str
) -> None:
    assert objection(plan(before).when(admitted(before, after))) == reason


# --- whom a message concerns ----------------------------------------------------------------------------------------


def test_a_message_concerns_the_plan_of_its_agreement() -> None:
    invoice_of_a = issued(plan(A).when(accepted("SOW-A-M1")))
    commands = opened(A), activated(A), accepted("SOW-A-M1"), BillTime(agreement_id="SOW-A"), invoice_of_a
    changes = admitted(A, A2), applied(A2), refused("SOW-A")
    assert [billing_plan.actor_id(message) for message in commands] == ["SOW-A"] * 5
    assert [billing_plan.actor_id(message) for message in changes] == ["SOW-A"] * 3
    assert billing_plan.actor_id(FEB[0]) == "SOW-C"


def test_a_broadcast_concerns_every_plan_and_a_change_order_without_an_agreement_none() -> None:
    everybody: tuple[LegalEntityRegistered | FxRatePublished | ChangeOrderRefused, ...]
    everybody = (DE01, USD_EUR, refused(None))
    assert [billing_plan.actor_id(message) for message in everybody] == [None, None, None]
    assert billing_plan.actor_id(CARD) is None


def test_a_fixed_fee_in_another_currency_than_the_books_needs_a_rate() -> None:
    dollars = FixedMilestone(milestones=(replace(MILESTONES[0], amount=Money("1", "USD")),))
    abroad = order("SOW-U", line("U1", Money("1", "USD"), dollars))
    assert known().when(opened(abroad)).the(BillingPlanRefused).reason == "FX_RATE_MISSING"
