from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from contracts.delivery import (
    CostRecorded,
    EstimateOpened,
    EstimateRefused,
    EstimateUpdated,
    LineBudget,
    ProjectAmended,
    ReviseEstimate,
    TimeEntryApproved,
    TimeRecord,
)
from contracts.money import Money
from contracts.order import Budget
from services.delivery import estimate
from tests.pure.delivery_orders import CONSULTING, DE01, RATES, RATES_FROM_MARCH, eur, provisioned
from tests.story import Story, at, given

PROVISIONED = provisioned()
OPENED = EstimateOpened(
    project_id="SOW-A",
    legal_entity="DE01",
    budgets=PROVISIONED.budgets,
    time_lines=(("L3", "RC-EU"),),
)


def cost(amount: int, *, id: str = "C-1", line: str = "L1", currency: str = "EUR") -> CostRecorded:
    return CostRecorded(
        cost_id=id,
        project_id="SOW-A",
        line_id=line,
        amount=Money(str(amount), currency),
        incurred_on=date(2026, 1, 30),
        description="work",
    )


def work(minutes: int, *, id: str = "T-1", line: str = "L3", role: str = "senior", month: int = 2) -> TimeEntryApproved:
    record = TimeRecord(
        entry_id=id,
        project_id="SOW-A",
        line_id=line,
        consultant="PAULA",
        role=role,
        work_date=date(2026, month, 11),
        minutes=minutes,
        billable_minutes=0,
    )
    return TimeEntryApproved(record=record, approved_by="M. Jones")


def revise(amount: int, *, line: str = "L1", currency: str = "EUR") -> ReviseEstimate:
    return ReviseEstimate(
        project_id="SOW-A",
        line_id=line,
        estimate_at_completion=Money(str(amount), currency),
        revised_by="NINA",
        revision_reason="more to migrate",
    )


def amended(cost_of_l1: int, *, id: str = "CO-1", currency: str = "EUR", line: str = "L1") -> ProjectAmended:
    moved = LineBudget(line_id=line, budget=Budget(minutes=1, cost=Money(str(cost_of_l1), currency)))
    return ProjectAmended(
        project_id="SOW-A",
        change_order_id=id,
        milestones_added=(),
        budgets=(moved, *(budget for budget in OPENED.budgets if budget.line_id != line)),
    )


def opened() -> Story:
    return given(estimate, OPENED).knowing(DE01, CONSULTING, RATES, RATES_FROM_MARCH)


def figures(story: Story) -> tuple[str, str, int]:
    update = story.the(EstimateUpdated)
    return update.cost_to_date.amount, update.estimate_at_completion.amount, update.version


def refused(story: Story, reason: str) -> None:
    story.says(EstimateRefused)
    assert story.the(EstimateRefused).reason == reason


def test_every_message_finds_the_estimate_by_its_project() -> None:
    heard = (PROVISIONED, amended(1), cost(1), work(1), revise(1))
    assert {estimate.actor_id(message) for message in heard} == {"SOW-A"}


def test_the_budget_is_the_first_estimate() -> None:
    given(estimate).knowing().when(PROVISIONED).then(OPENED)


def test_a_project_provisioned_twice_opens_one_estimate() -> None:
    opened().when(PROVISIONED).then_nothing()


def test_a_cost_adds_to_the_cost_to_date_and_leaves_the_estimate() -> None:
    opened().when(cost(126_000)).then(
        EstimateUpdated(
            project_id="SOW-A",
            line_id="L1",
            cost_to_date=eur(126_000),
            estimate_at_completion=eur(420_000),
            version=1,
            as_of=date(2026, 1, 30),
            origin="COST",
            reference="C-1",
        )
    )


def test_the_half_year_of_the_fixed_fee_comes_out() -> None:
    steps = (
        cost(126_000),
        cost(84_000, id="C-2"),
        amended(490_000),
        cost(84_000, id="C-3"),
        cost(98_000, id="C-4"),
        cost(98_000, id="C-5"),
    )
    seen = [figures(opened().when(*steps[: at + 1])) for at in range(len(steps))]
    assert seen == [
        ("126000.00", "420000.00", 1),
        ("210000.00", "420000.00", 1),
        ("210000.00", "490000.00", 2),
        ("294000.00", "490000.00", 2),
        ("392000.00", "490000.00", 2),
        ("490000.00", "490000.00", 2),
    ]


def test_a_cost_heard_twice_counts_once() -> None:
    opened().when(cost(126_000), cost(126_000)).then_nothing()


def test_the_memory_of_what_was_counted_is_bounded() -> None:
    costs = [cost(1, id=f"C-{n}") for n in range(estimate.REMEMBERED + 5)]
    counted = opened().when(*costs).state.counted
    assert len(counted) == estimate.REMEMBERED
    assert counted[-1] == f"COST C-{estimate.REMEMBERED + 4}"


def test_costs_beyond_the_estimate_raise_it() -> None:
    story = opened().when(cost(500_000))
    assert figures(story) == ("500000.00", "500000.00", 2)
    assert story.the(EstimateUpdated).planned == eur(420_000)


def test_a_cost_corrected_leads_back_to_what_was_planned() -> None:
    story = opened().when(cost(500_000), cost(-450_000, id="C-2"))
    assert figures(story) == ("50000.00", "420000.00", 3)
    assert story.the(EstimateUpdated).planned is None


def test_a_correction_that_comes_before_its_cost_counts_all_the_same() -> None:
    early = opened().when(cost(-300, id="C-2"))
    assert figures(early) == ("-300.00", "420000.00", 1)
    assert figures(early.when(cost(1_000))) == figures(opened().when(cost(1_000), cost(-300, id="C-2")))


def test_a_cost_of_an_unknown_line_is_refused() -> None:
    refused(opened().when(cost(1, line="L9")), "UNKNOWN_LINE")


def test_a_cost_of_an_unknown_project_is_refused() -> None:
    refused(given(estimate).knowing().when(cost(1)), "UNKNOWN_PROJECT")


def test_a_cost_in_another_currency_is_refused() -> None:
    refused(opened().when(cost(1, currency="GBP")), "CURRENCY")


def test_a_refused_cost_changes_nothing() -> None:
    assert opened().when(cost(1, line="L9")).state == opened().state


def test_approved_time_costs_its_actual_minutes_at_the_rate_of_the_work_date() -> None:
    story = opened().when(work(100))
    assert story.the(EstimateUpdated).cost_to_date == eur("133.33")
    assert (story.the(EstimateUpdated).origin, story.the(EstimateUpdated).reference) == ("TIME", "T-1")
    assert opened().when(work(100, month=3)).the(EstimateUpdated).cost_to_date == eur("150.17")


def test_time_heard_twice_counts_once() -> None:
    opened().when(work(100), work(100)).then_nothing()


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(work(60, line="L1"), id="a line that is not billed by time"),
        pytest.param(work(60, line="L9"), id="a line that nobody knows"),
        pytest.param(work(60, role="architect"), id="a role without a cost rate"),
        pytest.param(work(60, role="architect", month=3), id="a role that the card of the work date lacks"),
    ],
)
def test_time_whose_cost_nobody_has_said_costs_nothing(entry: TimeEntryApproved) -> None:
    opened().when(entry).then_nothing()


def test_time_without_a_rate_card_in_force_costs_nothing() -> None:
    given(estimate, OPENED).knowing(DE01, RATES_FROM_MARCH).when(work(60)).then_nothing()


def test_an_estimate_is_revised_on_the_legal_entitys_day() -> None:
    late = at(revise(450_000), datetime(2026, 3, 31, 22, 30, tzinfo=UTC))
    story = opened().when(cost(126_000), late)
    assert figures(story) == ("126000.00", "450000.00", 2)
    update = story.the(EstimateUpdated)
    assert (update.as_of, update.origin, update.reference) == (date(2026, 4, 1), "REVISION", "NINA")


def test_the_same_estimate_again_says_nothing() -> None:
    opened().when(revise(450_000), revise(450_000)).then_nothing()


def test_an_overrun_that_is_admitted_keeps_its_version() -> None:
    story = opened().when(cost(500_000), revise(500_000))
    assert figures(story) == ("500000.00", "500000.00", 2)
    assert story.the(EstimateUpdated).planned is None


def test_an_estimate_below_the_cost_to_date_is_refused() -> None:
    refused(opened().when(cost(126_000), revise(125_999)), "BELOW_COST_TO_DATE")


@pytest.mark.parametrize(
    ("request_", "reason"), [(revise(1, line="L9"), "UNKNOWN_LINE"), (revise(1, currency="GBP"), "CURRENCY")]
)
def test_a_revision_that_does_not_fit_is_refused(request_: ReviseEstimate, reason: str) -> None:
    refused(opened().when(request_), reason)


def test_the_estimate_of_an_unknown_project_is_not_revised() -> None:
    refused(given(estimate).knowing().when(revise(1)), "UNKNOWN_PROJECT")


def test_a_change_order_moves_a_revised_estimate_by_as_much_as_the_budget() -> None:
    story = opened().when(revise(450_000), amended(490_000))
    assert figures(story) == ("0.00", "520000.00", 3)
    update = story.the(EstimateUpdated)
    assert (update.origin, update.reference, update.as_of) == ("CHANGE_ORDER", "CO-1", date(2026, 3, 10))


def test_a_change_order_applied_twice_moves_the_estimate_once() -> None:
    opened().when(amended(490_000), amended(490_000)).then_nothing()


def test_a_line_that_an_amendment_names_twice_moves_once_to_the_last() -> None:
    change = amended(490_000)
    twice = replace(change, budgets=(*amended(1).budgets, *change.budgets))
    story = opened().when(twice)
    assert figures(story) == ("0.00", "490000.00", 2)
    opened().when(twice, twice).then_nothing()


def test_a_change_order_and_its_reverse_lead_back() -> None:
    story = opened().when(cost(500_000), amended(0), amended(420_000, id="CO-2"))
    assert story.state.lines == opened().when(cost(500_000)).state.lines


@pytest.mark.parametrize("change", [amended(420_000), amended(1, line="L9"), amended(1, currency="GBP")])
def test_a_change_that_moves_no_budget_of_a_line_says_nothing(change: ProjectAmended) -> None:
    opened().when(change).then_nothing()
