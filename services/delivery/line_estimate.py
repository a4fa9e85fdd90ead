"""The figures of one line of a project: budgeted, planned, spent, and what it will have cost in all."""

from datetime import date
from typing import Literal

from contracts.delivery import EstimateUpdated, LineBudget
from contracts.message import Record
from contracts.money import Money

Origin = Literal["COST", "TIME", "REVISION", "CHANGE_ORDER"]


class LineEstimate(Record):
    line_id: str
    budget: Money
    planned: Money
    """The budget, as revised; a cost that overruns it does not change it, so that a corrected cost leads back to it."""
    spent: Money
    version: int = 1
    rate_card: str | None = None
    """For a line billed by time: where an hour's cost stands."""

    @property
    def at_completion(self) -> Money:
        """Never less than what has been spent already."""
        return max(self.planned, self.spent)


def opened(budget: LineBudget, time_lines: dict[str, str]) -> LineEstimate:
    cost = budget.budget.cost
    return LineEstimate(
        line_id=budget.line_id,
        budget=cost,
        planned=cost,
        spent=Money.zero(cost.currency),
        rate_card=time_lines.get(budget.line_id),
    )


def updated(
    before: LineEstimate, after: LineEstimate, *, project_id: str, as_of: date, origin: Origin, reference: str
) -> EstimateUpdated:
    moved = before.at_completion != after.at_completion
    return EstimateUpdated(
        project_id=project_id,
        line_id=after.line_id,
        cost_to_date=after.spent,
        estimate_at_completion=after.at_completion,
        version=before.version + 1 if moved else before.version,
        as_of=as_of,
        origin=origin,
        reference=reference,
        planned=None if after.planned == after.at_completion else after.planned,
    )


def after_update(line: LineEstimate, event: EstimateUpdated) -> LineEstimate:
    planned = event.estimate_at_completion if event.planned is None else event.planned
    return LineEstimate(
        line_id=line.line_id,
        budget=line.budget + planned - line.planned if event.origin == "CHANGE_ORDER" else line.budget,
        planned=planned,
        spent=event.cost_to_date,
        version=event.version,
        rate_card=line.rate_card,
    )
