"""Amendments: the next version of an order, and what a change order cannot do to it."""

from typing import Literal

import pytest
from msgspec.structs import replace

from contracts.money import LARGEST, Money
from contracts.order import FixedMilestone, LineChange, MilestoneTerm, OrderLine, TimeMaterialsCapped
from services.commercial.amendment import amended, obstacle_to
from tests.pure.commercial_firm import (
    CAPPED,
    RETAINER,
    change,
    eur,
    gbp,
    line_change,
    milestones,
    order_line,
    signed_order,
)

FIXED = order_line()
TIME = order_line(line_id="T1", billing=CAPPED, price=eur(5_000), revenue_method="RIGHT_TO_INVOICE", cost=eur(3_000))
MONTHLY = order_line(line_id="R1", billing=RETAINER, price=eur(240_000), revenue_method="ELAPSED")
ORDER = signed_order(FIXED, TIME, MONTHLY)


def added(amount: Money, milestone_id: str = "CO-1-M1") -> MilestoneTerm:
    return MilestoneTerm(milestone_id=milestone_id, name="Second site", amount=amount)


def on_time(delta: Money, *, cost: Money | None = None, minutes: int = 0) -> LineChange:
    return line_change(line_id="T1", price=delta, cost=cost or eur(0), minutes=minutes, added=())


def problem(*lines: LineChange) -> tuple[str, str]:
    obstacle = obstacle_to(ORDER, lines)
    assert obstacle is not None
    return obstacle.reason, obstacle.detail


def after(*lines: LineChange) -> tuple[OrderLine, ...]:
    assert obstacle_to(ORDER, lines) is None
    return amended(ORDER, change(*lines)).lines


def test_a_fixed_line_gets_its_milestone_its_price_and_its_budget() -> None:
    line, *others = after(line_change(minutes=42_000))
    assert isinstance(line.billing, FixedMilestone)
    assert [term.amount for term in line.billing.milestones] == [eur(180_000), eur(240_000), eur(180_000), eur(90_000)]
    assert (line.list_price, line.price) == (eur(690_000), eur(690_000))
    assert (line.budget.cost, line.budget.minutes) == (eur(490_000), 294_000)
    assert others == [TIME, MONTHLY]


def test_the_next_version_has_the_sum_of_its_lines() -> None:
    order = amended(ORDER, change(line_change(), on_time(eur(1_000))))
    assert (order.version, order.total) == (2, eur(600_000 + 5_000 + 240_000 + 90_000 + 1_000))
    assert (order.signature, order.content_hash) == (ORDER.signature, ORDER.content_hash)


def test_time_gets_a_higher_or_a_lower_cap() -> None:
    for delta, cap in ((eur(1_000), eur(6_000)), (eur(-1_000), eur(4_000)), (eur(-5_000), eur(0))):
        line = after(on_time(delta))[1]
        assert isinstance(line.billing, TimeMaterialsCapped)
        assert (line.billing.cap, line.price) == (cap, cap)


def test_a_retainer_gets_another_budget_at_the_same_price() -> None:
    line = after(line_change(line_id="R1", price=eur(0), cost=eur(-1), added=()))[2]
    assert (line.billing, line.price, line.budget.cost) == (RETAINER, eur(240_000), eur(419_999))


def test_a_discount_given_stays_as_it_was() -> None:
    discounted = replace(FIXED, list_price=eur(700_000), discount=eur(100_000))
    line = amended(signed_order(discounted), change()).lines[0]
    assert (line.list_price, line.discount, line.price) == (eur(790_000), eur(100_000), eur(690_000))


def test_a_change_of_nothing_leaves_every_line_as_it_was() -> None:
    assert after(line_change(price=eur(0), cost=eur(0), added=())) == ORDER.lines


def test_an_unknown_line_is_named() -> None:
    assert problem(line_change(line_id="L9")) == ("UNKNOWN_LINE", "version 1 has no line L9")


@pytest.mark.parametrize(
    ("lines", "detail"),
    [
        ((on_time(eur(1)), on_time(eur(1))), "is changed twice"),
        ((on_time(gbp(1)),), "another currency"),
        ((on_time(eur(1), cost=gbp(1)),), "another currency"),
        ((line_change(added=(added(gbp(90_000)),)),), "another currency"),
        ((on_time(Money("999999999999999999", "EUR")),), "more than an order can be worth"),
        ((line_change(added=(added(eur(90_000), "M1"),)),), "which there is already"),
        ((line_change(added=(added(eur(45_000)),) * 2),), "which there is already"),
        (
            (
                line_change(
                    added=(added(eur(90_001)), added(eur(-1), "X")),
                ),
            ),
            "bills nothing or less",
        ),
        ((line_change(price=eur(-1), added=()),), "not yet lower"),
        ((line_change(price=eur(90_000), added=()),), "do not sum to it"),
        ((line_change(price=eur(0), added=(added(eur(90_000)),)),), "do not sum to it"),
        ((line_change(line_id="R1", price=eur(1), added=()),), "is not offered yet"),
        ((line_change(line_id="R1", price=eur(0), added=(added(eur(1)),)),), "is not offered yet"),
        ((line_change(line_id="T1", price=eur(90_000)),), "has a cap and no milestones"),
        ((on_time(eur("-5000.01")),), "less than nothing"),
        ((on_time(eur(0), cost=eur("-3000.01")),), "no cost budget"),
        ((line_change(price=eur(0), cost=eur(-420_000), added=()),), "no cost budget"),
        ((on_time(eur(0), minutes=-252_001),), "less than no time"),
        ((on_time(eur(0), minutes=100_000_000),), "more than there is"),
    ],
)
def test_what_does_not_fit_the_order_is_an_invalid_change(lines: tuple[LineChange, ...], detail: str) -> None:
    reason, sentence = problem(*lines)
    assert reason == "INVALID_CHANGE"
    assert detail in sentence


def test_two_lines_cannot_get_the_same_milestone() -> None:
    order = signed_order(FIXED, order_line(line_id="L2", billing=milestones(1, prefix="N"), price=eur(1)))
    obstacle = obstacle_to(order, (line_change(), line_change(line_id="L2")))
    assert obstacle is not None
    assert "which there is already" in obstacle.detail


def test_a_line_has_no_more_milestones_than_an_order_can_hold() -> None:
    full = order_line(billing=milestones(*[1] * 200), price=eur(200))
    obstacle = obstacle_to(signed_order(full), (line_change(),))
    assert obstacle is not None
    assert "more than 200 milestones" in obstacle.detail


def test_an_order_that_is_not_in_one_currency_cannot_be_changed() -> None:
    mixed = signed_order(FIXED, replace(TIME, billing=replace(CAPPED, cap=gbp(5_000))))
    obstacle = obstacle_to(mixed, (line_change(),))
    assert obstacle is not None
    assert obstacle.reason == "INVALID_CHANGE"


def test_an_order_stays_short_enough_to_be_said() -> None:
    lengthy = tuple(MilestoneTerm(milestone_id=f"X{at}", name="n" * 2000, amount=eur(1)) for at in range(110))
    obstacle = obstacle_to(ORDER, (line_change(price=eur(110), added=lengthy),))
    assert obstacle is not None
    assert "200000 bytes" in obstacle.detail


def test_an_order_bills_in_no_more_parts_than_can_fall_due_at_once() -> None:
    full = [
        order_line(line_id=f"L{n}", billing=milestones(*[1] * 150, prefix=f"N{n}-"), price=eur(150)) for n in (1, 2)
    ]
    obstacle = obstacle_to(signed_order(*full), (line_change(),))
    assert obstacle is not None
    assert "301 parts, more than 300" in obstacle.detail


def test_an_order_is_not_worth_more_by_a_second_change() -> None:
    for lines in ((on_time(eur(LARGEST)),), (on_time(eur(0), cost=eur(LARGEST)),)):
        assert "worth or cost more than" in problem(*lines)[1]


@pytest.mark.parametrize("first", ["raise", "cut"])
def test_the_order_of_changes_does_not_change_the_value(first: Literal["raise", "cut"]) -> None:
    up, down = change(on_time(eur(1_000))), change(on_time(eur(-500)))
    one, two = (up, down) if first == "raise" else (down, up)
    assert amended(amended(ORDER, one), two).total == ORDER.total + eur(500)
