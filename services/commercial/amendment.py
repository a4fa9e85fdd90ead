"""An amendment: the next version of an order, with each line's price, billing and budget changed as agreed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, assert_never

from msgspec.json import encode
from msgspec.structs import replace

from contracts.message import Record
from contracts.money import LARGEST, total
from contracts.order import (
    MOST_PARTS,
    BillingMethod,
    Budget,
    Change,
    FixedMilestone,
    LineChange,
    ManagedServiceRecurring,
    OrderLine,
    ServicesOrder,
    TimeMaterialsCapped,
)
from services.commercial.billing_terms import amounts_of, parts_of

LONGEST_ORDER = 200_000
MOST_MINUTES = 100_000_000
MOST_MILESTONES = 200


class Obstacle(Record):
    """Why an order cannot be changed as asked."""

    reason: Literal["UNKNOWN_LINE", "INVALID_CHANGE"]
    detail: str


def obstacle_to(order: ServicesOrder, changes: Sequence[LineChange]) -> Obstacle | None:
    """Why these changes do not fit the order, if they do not."""
    if not is_in_one_currency(order):
        return Obstacle(reason="INVALID_CHANGE", detail=f"not all of the order is in its currency {order.currency}")
    return next(_obstacles(order, changes), None) or _too_much(order, changes)


def is_in_one_currency(order: ServicesOrder) -> bool:
    """Every order that a quote makes is; one that came from elsewhere cannot be reckoned with."""
    amounts = [order.total]
    for line in order.lines:
        amounts += [line.list_price, line.discount, line.price, line.budget.cost, *amounts_of(line.billing)]
    return all(amount.currency == order.currency for amount in amounts)


def amended(order: ServicesOrder, change: Change) -> ServicesOrder:
    """The version that the change leads to. There must be no obstacle."""
    return _next_version(order, change.lines)


def _next_version(order: ServicesOrder, changes: Sequence[LineChange]) -> ServicesOrder:
    by_line = {change.line_id: change for change in changes}
    lines = tuple(_changed(line, by_line) for line in order.lines)
    price = total((line.price for line in lines), order.currency)
    return replace(order, version=order.version + 1, lines=lines, total=price)


def _changed(line: OrderLine, changes: Mapping[str, LineChange]) -> OrderLine:
    change = changes.get(line.line_id)
    if change is None:
        return line
    return replace(
        line,
        list_price=line.list_price + change.price_delta,
        price=line.price + change.price_delta,
        billing=_billed(line.billing, change),
        budget=Budget(minutes=line.budget.minutes + change.minutes_delta, cost=line.budget.cost + change.cost_delta),
    )


def _billed(billing: BillingMethod, change: LineChange) -> BillingMethod:
    match billing:
        case FixedMilestone():
            return FixedMilestone(milestones=(*billing.milestones, *change.milestones_added))
        case TimeMaterialsCapped():
            return replace(billing, cap=billing.cap + change.price_delta)
        case ManagedServiceRecurring():
            return billing  # its fee and term stay: only its budget can be changed
        case _:
            assert_never(billing)


def _obstacles(order: ServicesOrder, changes: Sequence[LineChange]) -> Iterator[Obstacle]:
    """Each obstacle supposes that none before it stands: only the first is of use."""
    lines = {line.line_id: line for line in order.lines}
    taken = [
        milestone.milestone_id
        for line in order.lines
        if isinstance(line.billing, FixedMilestone)
        for milestone in line.billing.milestones
    ]
    seen: list[str] = []
    for change in changes:
        line = lines.get(change.line_id)
        if line is None:
            yield Obstacle(reason="UNKNOWN_LINE", detail=f"version {order.version} has no line {change.line_id}")
        elif change.line_id in seen:
            yield _invalid(change, "is changed twice")
        else:
            yield from _misfits(order, line, change, taken)
        seen.append(change.line_id)
        taken.extend(milestone.milestone_id for milestone in change.milestones_added)


def _misfits(order: ServicesOrder, line: OrderLine, change: LineChange, taken: Sequence[str]) -> Iterator[Obstacle]:
    added = change.milestones_added
    amounts = [change.price_delta, change.cost_delta, *(milestone.amount for milestone in added)]
    ids = [milestone.milestone_id for milestone in added]
    if any(amount.currency != order.currency for amount in amounts):
        yield _invalid(change, f"is changed in another currency than the agreement's {order.currency}")
    if any(abs(amount.value) > LARGEST for amount in amounts):
        yield _invalid(change, "is changed by more than an order can be worth")
    for milestone_id in (known for at, known in enumerate(ids) if known in taken or known in ids[:at]):
        yield _invalid(change, f"gets a milestone {milestone_id}, which there is already")
    if any(milestone.amount.value <= 0 for milestone in added):
        yield _invalid(change, "gets a milestone that bills nothing or less")
    yield from _unbillable(order, line, change)
    if (line.price + change.price_delta).value < 0:
        yield _invalid(change, "would cost less than nothing")
    cost, minutes = line.budget.cost + change.cost_delta, line.budget.minutes + change.minutes_delta
    if cost.value < 0 or (line.revenue_method == "COST_TO_COST" and not cost):
        yield _invalid(change, "would have no cost budget by which progress could be measured")
    if not 0 <= minutes <= MOST_MINUTES:
        yield _invalid(change, "would have less than no time, or more than there is")


def _too_much(order: ServicesOrder, changes: Sequence[LineChange]) -> Obstacle | None:
    """An order must fit into a message on the log, with room for what is said about it."""
    after = _next_version(order, changes)
    costs = [line.budget.cost.value for line in after.lines]
    if max(after.total.value, *costs) > LARGEST:
        return Obstacle(reason="INVALID_CHANGE", detail=f"the order would be worth or cost more than {LARGEST}")
    parts = sum(parts_of(line.billing) for line in after.lines)
    if parts > MOST_PARTS:
        detail = f"the order would bill in {parts} parts, more than {MOST_PARTS}"
        return Obstacle(reason="INVALID_CHANGE", detail=detail)
    if len(encode(after)) > LONGEST_ORDER:
        return Obstacle(reason="INVALID_CHANGE", detail=f"the order would have more than {LONGEST_ORDER} bytes")
    return None


def _unbillable(order: ServicesOrder, line: OrderLine, change: LineChange) -> Iterator[Obstacle]:
    """What the way of billing cannot follow."""
    delta, added = change.price_delta, change.milestones_added
    match line.billing:
        case FixedMilestone() if delta.value < 0:
            yield _invalid(change, "has a fixed fee, which a change order can raise but not yet lower")
        case FixedMilestone(milestones=known):
            if total((milestone.amount for milestone in added), order.currency) != delta:
                yield _invalid(change, f"changes by {delta}, and the milestones added do not sum to it")
            if len(known) + len(added) > MOST_MILESTONES:
                yield _invalid(change, f"would have more than {MOST_MILESTONES} milestones")
        case ManagedServiceRecurring():
            if delta or added:
                yield _invalid(change, "is a retainer: changing its fee within the term is not offered yet")
        case TimeMaterialsCapped():
            if added:
                yield _invalid(change, "is billed by time: it has a cap and no milestones")
        case _:
            assert_never(line.billing)


def _invalid(change: LineChange, detail: str) -> Obstacle:
    return Obstacle(reason="INVALID_CHANGE", detail=f"line {change.line_id} {detail}")
