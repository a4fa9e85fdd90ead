"""Revenue: E01 to the cent, retainers by day, time as it is claimed, and laws that hold for every agreement."""

from collections.abc import Sequence
from datetime import date, datetime

import pytest
from hypothesis import given as whatever
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.commercial import AgreementActivated, ChangeAdmitted, ChangeOrderApplied, ChangeOrderRefused
from contracts.delivery import EstimateUpdated
from contracts.finance import (
    CatchUpPosted,
    CatchUpPreview,
    ObligationsActivated,
    ObligationsAmended,
    ObligationsOpened,
    PreviewCatchUp,
    ProgressNoted,
    RevenueChangeRefused,
    RevenueChangeReleased,
    RevenueChangeStaged,
    RevenueRecognised,
    TimeClaimed,
)
from contracts.message import Period, Wake
from contracts.money import Money
from contracts.order import (
    Budget,
    Change,
    LineChange,
    ManagedServiceRecurring,
    OrderLine,
    RevenueMethod,
    ServicesOrder,
)
from services.finance import revenue
from services.finance.obligation import Obligation, Obligations, next_close
from tests.pure import finance_orders
from tests.pure.finance_documents import DE01, UK01, usd
from tests.pure.finance_orders import B, C, eur, gbp, opened, order, utc
from tests.story import Story, at, given

SIGNED = utc(2026, 1, 8, 10)


def line(line_id: str, price: Money, cost: Money, method: RevenueMethod = "COST_TO_COST") -> OrderLine:
    base = finance_orders.fixed(*finance_orders.MILESTONES)
    return replace(base, line_id=line_id, price=price, revenue_method=method, budget=Budget(minutes=1, cost=cost))


A = order("SOW-A", line("A1", eur(600_000), eur(420_000)))
RETAINER = replace(B, lines=(replace(B.lines[0], revenue_method="ELAPSED"),))
TIME = replace(C, lines=(replace(C.lines[0], revenue_method="RIGHT_TO_INVOICE"),))


def agreed(what: ServicesOrder = A, when: datetime = SIGNED) -> Story:
    return given(revenue).knowing(DE01, UK01).when(at(opened(what), when))


def active(what: ServicesOrder, on: date) -> Story:
    return agreed(what).when(AgreementActivated(agreement_id=what.agreement_id, order=what, activated_on=on))


def estimated(
    cost: Money, estimate: Money, line_id: str = "A1", on: date = date(2026, 1, 30), project: str = "SOW-A"
) -> EstimateUpdated:
    return EstimateUpdated(
        project_id=project,
        line_id=line_id,
        cost_to_date=cost,
        estimate_at_completion=estimate,
        version=1,
        as_of=on,
        origin="COST",
        reference="COST-1",
    )


def claimed(amount: Money, to_date: Money, line_id: str = "C1") -> TimeClaimed:
    return TimeClaimed(
        agreement_id="SOW-C",
        line_id=line_id,
        invoice_id="SOW-C-T1",
        claims=(),
        amount=amount,
        held=(),
        claimed_to_date=to_date,
        cap=to_date,
        claimed_on=date(2026, 2, 28),
    )


def woken(instant: datetime) -> Wake:
    return at(Wake(), instant)


def change(price: Money, cost: Money, line_id: str = "A1", *, distinct: bool = False) -> LineChange:
    return LineChange(line_id=line_id, price_delta=price, cost_delta=cost, distinct=distinct)


def changing(*lines: LineChange, id: str = "CO-1", agreement_id: str = "SOW-A") -> Change:
    return Change(
        change_order_id=id,
        agreement_id=agreement_id,
        description="More",
        lines=lines,
        price_delta=lines[0].price_delta,
    )


WAREHOUSE = change(eur(90_000), eur(70_000))


def admitted(what: Change) -> ChangeAdmitted:
    return ChangeAdmitted(
        agreement_id=what.agreement_id, change=what, order=A, proposed=A, participants=("finance.revenue",)
    )


def applied(what: Change) -> ChangeOrderApplied:
    return at(ChangeOrderApplied(change=what, proposed=A), utc(2026, 3, 10, 23))


def refused(
    id: str = "CO-1", by: str | None = "delivery.project", agreement_id: str | None = "SOW-A"
) -> ChangeOrderRefused:
    return ChangeOrderRefused(
        change_order_id=id,
        agreement_id=agreement_id,
        refused_by=by,
        request="commercial.change_order.approve.v1",
        reason="BUDGET",
        detail="The budget would be negative.",
    )


def recognised(said: Sequence[object]) -> list[tuple[str, str, str, date]]:
    """(line, amount, to date, day) of what is recognised."""
    return [
        (one.line_id, one.amount.amount, one.recognised_to_date.amount, one.recognised_on)
        for one in said
        if isinstance(one, RevenueRecognised)
    ]


# --- the actor and its opening --------------------------------------------------------------------------------------


def test_the_actor_is_the_agreement() -> None:
    assert revenue.actor_id(opened(A)) == "SOW-A"
    assert revenue.actor_id(estimated(eur(1), eur(2))) == "SOW-A"
    assert revenue.actor_id(applied(changing(WAREHOUSE))) == "SOW-A"
    assert revenue.actor_id(refused(agreement_id=None)) is None
    assert revenue.actor_id(PreviewCatchUp(agreement_id="SOW-A", lines=(WAREHOUSE,))) == "SOW-A"


def test_an_opened_agreement_is_one_obligation_for_each_line() -> None:
    two = order("SOW-A", line("A1", eur(600_000), eur(420_000)), line("A2", eur(50_000), eur(30_000)))
    found = agreed(two, utc(2026, 1, 8, 23)).the(ObligationsOpened)
    assert [(term.line_id, term.allocated_price) for term in found.obligations] == [
        ("A1", eur(600_000)),
        ("A2", eur(50_000)),
    ]
    assert (found.transaction_price, found.time_zone) == (eur(650_000), "Europe/Berlin")
    assert found.opened_on == date(2026, 1, 9)  # it is past midnight in Berlin


def test_a_retainer_is_satisfied_over_its_term() -> None:
    (term,) = agreed(RETAINER).the(ObligationsOpened).obligations
    assert term.term == Period(start=date(2026, 4, 16), end=date(2027, 4, 15))


def test_an_agreement_is_opened_once() -> None:
    agreed().when(opened(A)).then_nothing()


def test_an_order_in_two_currencies_opens_nothing() -> None:
    agreed(replace(A, currency="GBP")).then_nothing()


def test_an_agreement_is_activated_once_and_only_when_it_is_open() -> None:
    agreed().when(finance_orders.activated(A)).then(
        ObligationsActivated(agreement_id="SOW-A", activated_on=date(2026, 1, 9))
    )
    agreed().when(finance_orders.activated(A), finance_orders.activated(A)).then_nothing()
    given(revenue).knowing(DE01).when(finance_orders.activated(A)).then_nothing()


# --- cost to cost ---------------------------------------------------------------------------------------------------


def test_revenue_follows_cost() -> None:
    story = agreed().when(estimated(eur(126_000), eur(420_000)))
    story.then(
        RevenueRecognised(
            agreement_id="SOW-A",
            legal_entity="DE01",
            line_id="A1",
            amount=eur(180_000),
            recognised_to_date=eur(180_000),
            contract_balance_basis=eur(180_000),
            progress=("126000.00", "420000.00"),
            cause="PROGRESS",
            recognised_on=date(2026, 1, 30),
        )
    )
    later = story.when(estimated(eur(210_000), eur(420_000), on=date(2026, 2, 27)))
    assert recognised(later.said) == [("A1", "120000.00", "300000.00", date(2026, 2, 27))]


def test_the_half_year_of_a_is_recognised_to_the_cent() -> None:
    """E01: a change order of +90,000 price and +70,000 cost on 10 March, with the catch-up of -4,285.71."""
    story = agreed()
    posted = []
    for cost in (126_000, 210_000):
        story = story.when(estimated(eur(cost), eur(420_000)))
        posted += recognised(story.said)
    story = story.when(admitted(changing(WAREHOUSE)))
    story.then(RevenueChangeStaged(agreement_id="SOW-A", change_order_id="CO-1", treatments=(("A1", "CATCH_UP"),)))
    story = story.when(applied(changing(WAREHOUSE)))
    story.says(ObligationsAmended, CatchUpPosted)
    catch_up = story.the(CatchUpPosted)
    assert (catch_up.before, catch_up.amount, catch_up.recognised_to_date) == (
        eur(300_000),
        eur("-4285.71"),
        eur("295714.29"),
    )
    assert (catch_up.recognised_on, catch_up.progress) == (date(2026, 3, 11), ("210000.00", "490000.00"))
    assert catch_up.contract_balance_basis == eur("295714.29")
    assert story.the(ObligationsAmended).transaction_price == eur(690_000)
    story = story.when(estimated(eur(210_000), eur(490_000)))
    story.then_nothing()  # delivery's estimate follows the same change order
    for cost in (294_000, 392_000, 490_000):
        story = story.when(estimated(eur(cost), eur(490_000)))
        posted += recognised(story.said)
    assert [amount for _, amount, _, _ in posted] == [
        "180000.00",
        "120000.00",
        "118285.71",
        "138000.00",
        "138000.00",
    ]
    assert posted[-1][2] == "690000.00"


def test_a_rising_estimate_takes_revenue_back() -> None:
    story = agreed().when(estimated(eur(210_000), eur(420_000)), estimated(eur(210_000), eur(600_000)))
    assert recognised(story.said) == [("A1", "-90000.00", "210000.00", date(2026, 1, 30))]


def test_the_same_figures_again_say_nothing() -> None:
    agreed().when(estimated(eur(210_000), eur(420_000)), estimated(eur(210_000), eur(420_000))).then_nothing()


def test_figures_that_come_to_the_same_revenue_are_only_noted() -> None:
    noted = ProgressNoted(
        agreement_id="SOW-A", line_id="A1", cost_to_date=eur(105_000), estimate_at_completion=eur(210_000)
    )
    story = agreed().when(estimated(eur(210_000), eur(420_000)), estimated(eur(105_000), eur(210_000)))
    story.then(noted)
    story.when(estimated(eur(105_000), eur(210_000))).then_nothing()


def test_less_than_no_cost_earns_nothing_and_more_than_the_estimate_earns_the_price() -> None:
    agreed().when(estimated(eur(-5), eur(420_000))).says(ProgressNoted)
    over = agreed().when(estimated(eur(500_000), eur(420_000)))
    assert recognised(over.said) == [("A1", "600000.00", "600000.00", date(2026, 1, 30))]


def test_no_revenue_is_dated_before_the_agreement() -> None:
    story = agreed().when(estimated(eur(210_000), eur(420_000), on=date(2025, 12, 20)))
    assert recognised(story.said)[0][3] == date(2026, 1, 8)


def test_progress_before_the_agreement_is_remembered() -> None:
    two = order("SOW-A", line("A1", eur(100), eur(50)), line("A2", eur(100), eur(50)), line("A3", eur(100), eur(50)))
    early = (
        estimated(eur(10), eur(50)),
        estimated(eur(25), eur(50)),
        estimated(eur(50), eur(50), "A2"),
        estimated(eur(0), eur(60), "A3"),
    )
    story = given(revenue).knowing(DE01).when(*early)
    story.says(ProgressNoted)
    story.when(early[-1]).then_nothing()
    started = story.when(at(opened(two), SIGNED))
    started.says(ObligationsOpened, RevenueRecognised, RevenueRecognised, ProgressNoted)
    assert recognised(started.said) == [
        ("A1", "50.00", "50.00", date(2026, 1, 8)),
        ("A2", "100.00", "100.00", date(2026, 1, 8)),
    ]
    basis = [one.contract_balance_basis for one in started.said if isinstance(one, RevenueRecognised)]
    assert basis == [eur(50), eur(150)]
    assert not started.state.early


@pytest.mark.parametrize(
    "heard",
    [
        estimated(eur(1), eur(2), "X"),
        estimated(usd(1), usd(2)),
        estimated(eur(1), usd(2)),
    ],
)
def test_figures_that_do_not_belong_to_an_obligation_say_nothing(heard: EstimateUpdated) -> None:
    agreed().when(heard).then_nothing()


def test_cost_does_not_measure_a_line_that_is_billed_by_time() -> None:
    agreed(TIME).when(estimated(gbp(1), gbp(2), "C1", project="SOW-C")).then_nothing()


# --- right to invoice -----------------------------------------------------------------------------------------------


def test_claimed_time_is_revenue() -> None:
    story = agreed(TIME).when(claimed(gbp(5_000), gbp(5_000)))
    assert recognised(story.said) == [("C1", "5000.00", "5000.00", date(2026, 2, 28))]
    assert story.the(RevenueRecognised).cause == "CLAIM"
    more = story.when(claimed(gbp(250), gbp(5_250)))
    assert recognised(more.said) == [("C1", "250.00", "5250.00", date(2026, 2, 28))]


def test_a_claim_heard_twice_is_revenue_once() -> None:
    agreed(TIME).when(claimed(gbp(5_000), gbp(5_000)), claimed(gbp(5_000), gbp(5_000))).then_nothing()


def test_a_claim_is_no_revenue_of_a_line_that_is_measured_otherwise() -> None:
    agreed(C).when(claimed(gbp(1), gbp(1))).then_nothing()
    agreed(TIME).when(claimed(gbp(1), gbp(1), "X")).then_nothing()
    agreed(TIME).when(claimed(usd(1), usd(1))).then_nothing()


# --- straight-line by day -------------------------------------------------------------------------------------------

APRIL, MAY, JUNE = utc(2026, 4, 30, 22), utc(2026, 5, 31, 22), utc(2026, 6, 30, 22)


def test_a_retainer_is_recognised_by_day_at_each_month_end() -> None:
    """The half-year of B: 240,000 over 365 days, cumulative and rounded once."""
    story = active(RETAINER, date(2026, 4, 10))
    found = []
    for month_end in (APRIL, MAY, JUNE):
        assert revenue.wakes(story.state) == month_end
        story = story.when(woken(month_end))
        found += recognised(story.said)
    assert [(to_date, on) for _, _, to_date, on in found] == [
        ("9863.01", date(2026, 4, 30)),
        ("30246.58", date(2026, 5, 31)),
        ("49972.60", date(2026, 6, 30)),
    ]
    assert story.the(RevenueRecognised).progress == ("76", "365")


def test_the_last_month_end_earns_the_whole_price_and_asks_for_no_other() -> None:
    story = active(RETAINER, date(2026, 4, 10))
    while (instant := revenue.wakes(story.state)) is not None:
        story = story.when(woken(instant))
    assert recognised(story.said) == [("B1", "9863.01", "240000.00", date(2027, 4, 30))]


def test_nothing_is_recognised_by_day_before_activation() -> None:
    story = agreed(RETAINER)
    assert revenue.wakes(story.state) is None
    story.when(woken(APRIL)).then_nothing()


def test_a_late_activation_catches_up_at_its_first_month_end() -> None:
    story = active(RETAINER, date(2026, 6, 10))
    assert revenue.wakes(story.state) == JUNE
    assert recognised(story.when(woken(JUNE)).said) == [("B1", "49972.60", "49972.60", date(2026, 6, 30))]


def test_only_obligations_with_days_are_woken() -> None:
    assert revenue.wakes(active(A, date(2026, 1, 9)).state) is None


def test_two_retainers_of_one_agreement_are_recognised_together_and_each_over_its_own_term() -> None:
    later = ManagedServiceRecurring(monthly_fee=eur(100), term=Period(start=date(2026, 5, 1), end=date(2026, 5, 31)))
    two = order(
        "SOW-B",
        *RETAINER.lines,
        line("B0", eur(1), eur(1)),
        replace(RETAINER.lines[0], line_id="B2", price=eur(100), billing=later),
    )
    story = active(two, date(2026, 4, 10)).when(woken(APRIL))
    assert [one[0] for one in recognised(story.said)] == ["B1"]
    story = story.when(woken(MAY))
    assert [(one[0], one[2]) for one in recognised(story.said)] == [("B1", "30246.58"), ("B2", "100.00")]
    assert [one.contract_balance_basis for one in story.said if isinstance(one, RevenueRecognised)] == [
        eur("30246.58"),
        eur("30346.58"),
    ]
    assert [one[0] for one in recognised(story.when(woken(JUNE)).said)] == ["B1"]


def test_a_month_that_earns_nothing_is_said_to_be_done_with() -> None:
    free = replace(RETAINER, lines=(replace(RETAINER.lines[0], price=eur(0)),))
    story = active(free, date(2026, 4, 10)).when(woken(APRIL))
    assert recognised(story.said) == [("B1", "0.00", "0.00", date(2026, 4, 30))]
    assert revenue.wakes(story.state) == MAY


# --- change orders --------------------------------------------------------------------------------------------------


def test_a_change_is_staged_once() -> None:
    staged = agreed().when(admitted(changing(WAREHOUSE)))
    staged.when(admitted(changing(WAREHOUSE))).then_nothing()


def test_a_second_change_is_refused_while_one_is_staged() -> None:
    story = agreed().when(admitted(changing(WAREHOUSE)), admitted(changing(WAREHOUSE, id="CO-2")))
    refusal = story.the(RevenueChangeRefused)
    assert (refusal.change_order_id, refusal.reason) == ("CO-2", "CHANGE_IN_PROGRESS")


@pytest.mark.parametrize(
    ("order", "lines", "reason"),
    [
        (A, [change(eur(1), eur(1), "X")], "UNKNOWN_LINE"),
        (A, [change(usd(1), eur(1))], "CURRENCY"),
        (A, [change(eur(1), usd(1))], "CURRENCY"),
        (A, [change(eur(1), eur(1), distinct=True)], "TREATMENT_NOT_OFFERED"),
        (A, [change(eur(-600_001), eur(0))], "NEGATIVE"),
        (A, [change(eur(0), eur(-420_001))], "NEGATIVE"),
        (RETAINER, [change(eur(1), eur(0), "B1")], "UNSUPPORTED"),
    ],
)
def test_a_change_without_a_treatment_is_refused(order: ServicesOrder, lines: list[LineChange], reason: str) -> None:
    what = admitted(changing(*lines, agreement_id=order.agreement_id))
    assert agreed(order).when(what).the(RevenueChangeRefused).reason == reason


def test_a_change_of_an_agreement_that_is_not_open_is_refused() -> None:
    story = given(revenue).knowing(DE01).when(admitted(changing(WAREHOUSE)))
    assert story.the(RevenueChangeRefused).reason == "UNKNOWN_AGREEMENT"


def test_a_raised_cap_posts_nothing_until_time_is_claimed() -> None:
    cap = changing(change(gbp(1_000), gbp(0), "C1"), agreement_id="SOW-C")
    story = agreed(TIME).when(claimed(gbp(5_000), gbp(5_000)), admitted(cap))
    assert story.the(RevenueChangeStaged).treatments == (("C1", "RIGHT_TO_INVOICE"),)
    done = story.when(applied(cap))
    done.says(ObligationsAmended)
    assert done.the(ObligationsAmended).transaction_price == gbp(6_000)


def test_the_cost_of_a_retainer_may_change_without_posting_anything() -> None:
    cheaper = changing(change(eur(0), eur(-5), "B1"), agreement_id="SOW-B")
    story = agreed(RETAINER).when(admitted(cheaper))
    assert story.the(RevenueChangeStaged).treatments == (("B1", "PROSPECTIVE"),)
    story.when(applied(cheaper)).says(ObligationsAmended)


def test_only_changed_lines_are_caught_up() -> None:
    two = order("SOW-A", line("A1", eur(600_000), eur(420_000)), line("A2", eur(50_000), eur(30_000)))
    story = agreed(two).when(
        estimated(eur(210_000), eur(420_000)),
        estimated(eur(15_000), eur(30_000), "A2"),
        admitted(changing(WAREHOUSE)),
        applied(changing(WAREHOUSE)),
    )
    assert story.the(CatchUpPosted).line_id == "A1"
    assert story.the(CatchUpPosted).contract_balance_basis == eur("320714.29")


def test_a_change_before_any_progress_has_nothing_to_catch_up() -> None:
    agreed().when(admitted(changing(WAREHOUSE)), applied(changing(WAREHOUSE))).says(ObligationsAmended)


def test_an_applied_change_is_applied_once_and_only_when_it_was_staged() -> None:
    done = agreed().when(admitted(changing(WAREHOUSE)), applied(changing(WAREHOUSE)))
    done.when(applied(changing(WAREHOUSE))).then_nothing()
    done.when(admitted(changing(WAREHOUSE))).then_nothing()
    agreed().when(applied(changing(WAREHOUSE))).then_nothing()


def test_what_was_not_staged_of_an_applied_change_changes_nothing() -> None:
    other = changing(change(eur(1), eur(1), "X"), change(usd(1), eur(1)))
    done = agreed().when(admitted(changing(WAREHOUSE)), applied(other))
    assert done.the(ObligationsAmended).transaction_price == eur(600_000)


def test_a_change_refused_elsewhere_is_released() -> None:
    staged = agreed().when(admitted(changing(WAREHOUSE)))
    released = staged.when(refused())
    released.then(RevenueChangeReleased(agreement_id="SOW-A", change_order_id="CO-1"))
    released.when(refused()).then_nothing()
    released.when(admitted(changing(WAREHOUSE))).then_nothing()
    released.when(admitted(changing(WAREHOUSE, id="CO-2"))).says(RevenueChangeStaged)


def test_a_refused_request_about_a_change_order_releases_nothing() -> None:
    staged = agreed().when(admitted(changing(WAREHOUSE)))
    staged.when(refused(by=None)).then_nothing()
    staged.when(refused("CO-2")).then_nothing()


def test_a_preview_says_what_applying_the_change_now_would_post() -> None:
    state = agreed().when(estimated(eur(210_000), eur(420_000))).state
    question = PreviewCatchUp(agreement_id="SOW-A", lines=(WAREHOUSE,))
    assert revenue.answer(state, question) == CatchUpPreview(
        agreement_id="SOW-A", treatments=(("A1", "CATCH_UP"),), catch_up=(("A1", eur("-4285.71")),)
    )


def test_a_preview_says_why_there_is_no_treatment() -> None:
    question = PreviewCatchUp(agreement_id="SOW-A", lines=(WAREHOUSE,))
    found = revenue.answer(revenue.initial, question)
    assert (found.treatments, found.catch_up) == ((), ())
    assert found.problem == "no performance obligations are open for this agreement"


# --- laws -----------------------------------------------------------------------------------------------------------


def test_the_month_end_of_december_is_in_the_next_year() -> None:
    one = Obligation(
        line_id="B1",
        method="ELAPSED",
        price=eur(1),
        estimate=eur(1),
        cost=eur(0),
        recognised=eur(0),
        term=Period(start=date(2026, 12, 5), end=date(2027, 1, 5)),
    )
    assert next_close(one, date(2026, 12, 1)) == date(2027, 1, 1)
    assert next_close(replace(one, through=date(2027, 1, 31)), date(2026, 12, 1)) is None
    assert next_close(replace(one, term=None), date(2026, 12, 1)) is None


def folded(state: Obligations, said: Sequence[revenue.Said]) -> Obligations:
    for event in said:
        state = revenue.evolve(state, event)
    return state


COSTS = st.lists(st.tuples(st.integers(0, 99_999), st.integers(0, 99_999)), max_size=6)


@whatever(COSTS, st.integers(1, 10**9))
def test_revenue_at_completion_is_the_price_however_often_the_estimate_was_revised(
    figures: list[tuple[int, int]], price: int
) -> None:
    """I24, I27: progress is never less than nothing or more than all of it, and the end does not depend on the way."""
    state = agreed(order("SOW-A", line("A1", eur(price), eur(100_000)))).state
    reference = agreed().reference
    posted = eur(0)
    for cost, estimate in [*figures, (100_000, 100_000)]:
        said = revenue.decide(state, at(estimated(eur(cost), eur(estimate))), reference)
        state = folded(state, said)
        posted = sum((one.amount for one in said if isinstance(one, RevenueRecognised)), posted)
        assert eur(0) <= state.recognised <= eur(price)
        assert posted == state.recognised
    assert posted == eur(price)


@whatever(
    st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.integers(0, 800), st.integers(1, 10**8), st.integers(0, 900)
)
def test_days_sum_to_the_price_whenever_the_agreement_becomes_active(
    start: date, days: int, cents: int, late: int
) -> None:
    """I07: every cut of the term sums to the whole, and no month is negative."""
    term = Period(start=start, end=date.fromordinal(start.toordinal() + days))
    price = Money(f"{cents // 100}.{cents % 100:02}", "EUR")
    billing = ManagedServiceRecurring(monthly_fee=price, term=term)
    what = order("SOW-B", replace(RETAINER.lines[0], price=price, billing=billing))
    story = active(what, date.fromordinal(start.toordinal() + late))
    state, posted, ends = story.state, eur(0), 0
    while (instant := revenue.wakes(state)) is not None:
        said = revenue.decide(state, woken(instant), story.reference)
        state, ends = folded(state, said), ends + 1
        for one in said:
            assert isinstance(one, RevenueRecognised)
            assert one.amount >= eur(0)
            posted += one.amount
        assert ends < 30
    assert posted == price


@whatever(st.integers(0, 420_000), st.integers(-600_000, 10**6), st.integers(-400_000, 10**6))
def test_a_catch_up_makes_recognised_what_it_would_be_had_the_terms_always_been_so(
    cost: int, price: int, estimate: int
) -> None:
    """I25, I26, I28: target under the new terms less what was posted; what remains is never less than nothing."""
    what = changing(change(eur(price), eur(estimate)))
    changed = agreed().when(estimated(eur(cost), eur(420_000)), admitted(what), applied(what))
    terms = line("A1", eur(600_000 + price), eur(420_000 + estimate))
    always = agreed(order("SOW-A", terms)).when(estimated(eur(cost), eur(420_000 + estimate)))
    assert changed.state.recognised == always.state.recognised
    assert changed.state.recognised <= changed.the(ObligationsAmended).transaction_price


@whatever(st.integers(0, 420_000))
def test_a_change_of_nothing_posts_nothing(cost: int) -> None:
    """I14."""
    what = changing(change(eur(0), eur(0)))
    agreed().when(estimated(eur(cost), eur(420_000)), admitted(what), applied(what)).says(ObligationsAmended)
