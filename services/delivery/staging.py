"""What a change order would make of a project: its new milestones and the budget of every line, or why it cannot be."""

from typing import NamedTuple

from contracts.delivery import LineBudget, MilestoneNode
from contracts.order import Budget, Change, LineChange
from services.delivery.plan import Plan
from services.delivery.provisioning import node

MOST_MINUTES = 100_000_000
"""The bound of the contract's `Minutes`."""


class Outcome(NamedTuple):
    milestones_added: tuple[MilestoneNode, ...]
    budgets: tuple[LineBudget, ...]


class Problem(NamedTuple):
    reason: str
    detail: str


def stage(change: Change, plan: Plan) -> Outcome | Problem:
    standing = {line.line_id: line.budget for line in plan.budgets}
    taken, added = list(plan.milestones), []
    for line in change.lines:
        budget = standing.get(line.line_id)
        if budget is None:
            return Problem("UNKNOWN_LINE", f"the project has no line {line.line_id}")
        if line.cost_delta.currency != budget.cost.currency:
            return Problem("CURRENCY", f"line {line.line_id} is budgeted in {budget.cost.currency}")
        changed = moved(budget, line)
        if changed is None:
            return Problem("INVALID_BUDGET", f"the budget of line {line.line_id} would be negative or out of bounds")
        standing[line.line_id] = changed
        for term in line.milestones_added:
            if term.milestone_id in taken:
                return Problem("MILESTONE_EXISTS", f"the project has a milestone {term.milestone_id} already")
            taken.append(term.milestone_id)
            added.append(node(line.line_id, term))
    return Outcome(tuple(added), tuple(LineBudget(line_id=at, budget=budget) for at, budget in standing.items()))


def moved(budget: Budget, line: LineChange) -> Budget | None:
    """The budget with the line's deltas; None when no budget can be that."""
    minutes, cost = budget.minutes + line.minutes_delta, budget.cost + line.cost_delta
    return Budget(minutes=minutes, cost=cost) if 0 <= minutes <= MOST_MINUTES and cost.value >= 0 else None
