"""A cost: recorded once, when its project knows the line it was incurred for."""

from collections.abc import Sequence
from typing import assert_never

from contracts.delivery import (
    AdmitCost,
    CostItem,
    CostRecorded,
    CostRefused,
    DeclineCost,
    ExamineCost,
    RecordCost,
)
from contracts.message import Record, name_of

Heard = RecordCost | AdmitCost | DeclineCost
Said = CostRecorded | CostRefused


class Cost(Record):
    recorded: CostItem | None = None
    """None until the project has admitted it; a refused cost may be recorded again."""


initial = Cost()


def actor_id(message: Heard) -> str:
    return item_of(message).cost_id


def decide(state: Cost, message: Heard) -> Sequence[Said | ExamineCost]:
    item, known = item_of(message), state.recorded
    match message:
        case _ if known == item:
            return []  # recorded already: it counts once
        case DeclineCost():
            return [refuse(item, message.reason, message.detail).about(message.correlation)]
        case RecordCost() | AdmitCost() if known is not None:
            return [refuse(item, "COST_EXISTS", f"{item.cost_id} stands with other data: correct it by a new cost")]
        case RecordCost():
            return [ExamineCost(item=item)]  # the chain is the project's: nothing is a fact before it answers
        case AdmitCost():
            return [recorded(item)]
        case _:
            assert_never(message)


def evolve(state: Cost, event: Said) -> Cost:
    match event:
        case CostRecorded():
            return Cost(recorded=item_of(event))
        case CostRefused():
            return state
        case _:
            assert_never(event)


def item_of(message: Heard | CostRecorded) -> CostItem:
    if isinstance(message, AdmitCost | DeclineCost):
        return message.item
    return CostItem(
        cost_id=message.cost_id,
        project_id=message.project_id,
        line_id=message.line_id,
        amount=message.amount,
        incurred_on=message.incurred_on,
        description=message.description,
    )


def recorded(item: CostItem) -> CostRecorded:
    return CostRecorded(
        cost_id=item.cost_id,
        project_id=item.project_id,
        line_id=item.line_id,
        amount=item.amount,
        incurred_on=item.incurred_on,
        description=item.description,
    )


def refuse(item: CostItem, reason: str, detail: str) -> CostRefused:
    return CostRefused(cost_id=item.cost_id, request=name_of(RecordCost), reason=reason, detail=detail)
