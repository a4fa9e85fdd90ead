"""An estimate: what each line of a project has cost, and will have cost in all: the measure of progress (IFRS B18)."""

from collections.abc import Sequence
from datetime import date
from typing import assert_never

from msgspec.structs import replace

from contracts.delivery import (
    CostRecorded,
    EstimateOpened,
    EstimateRefused,
    EstimateUpdated,
    ProjectAmended,
    ProjectProvisioned,
    ReviseEstimate,
    TimeEntryApproved,
)
from contracts.message import Record, name_of
from contracts.money import LARGEST, Money, ratio
from services.delivery.line_estimate import LineEstimate, Origin, after_update, opened, updated
from services.delivery.reference import Reference, cost_rate_of, day_of, rate_card_on

Heard = ProjectProvisioned | ProjectAmended | CostRecorded | TimeEntryApproved | ReviseEstimate
Said = EstimateOpened | EstimateUpdated | EstimateRefused

REMEMBERED = 50
"""So many counted costs and time entries are remembered; each of them is said once, by an actor of its own."""


class Estimate(Record):
    legal_entity: str = ""
    """Empty until the project is provisioned."""
    lines: tuple[LineEstimate, ...] = ()
    counted: tuple[str, ...] = ()


initial = Estimate()


def actor_id(message: Heard) -> str:
    return message.record.project_id if isinstance(message, TimeEntryApproved) else message.project_id


def decide(state: Estimate, message: Heard, reference: Reference) -> Sequence[Said]:
    match message:
        case ProjectProvisioned() if state.legal_entity:
            return []  # opened once
        case ProjectProvisioned():
            return [opening(message)]
        case ProjectAmended():
            return follow(state, message, day_of(reference, state.legal_entity, message.at))
        case CostRecorded() if f"COST {message.cost_id}" in state.counted:
            return []  # it counts once
        case CostRecorded():
            cost_id = message.cost_id
            return [count(state, message, message.line_id, message.amount, message.incurred_on, "COST", cost_id)]
        case TimeEntryApproved() if f"TIME {message.record.entry_id}" in state.counted:
            return []  # it counts once
        case TimeEntryApproved():
            work, cost = message.record, cost_of(state, message, reference)
            if cost is None:
                return []  # not billed by time, or its cost is recorded otherwise
            return [count(state, message, work.line_id, cost, work.work_date, "TIME", work.entry_id)]
        case ReviseEstimate():
            return revise(state, message, day_of(reference, state.legal_entity, message.at))
        case _:
            assert_never(message)


def evolve(state: Estimate, event: Said) -> Estimate:
    match event:
        case EstimateOpened():
            cards = dict(event.time_lines)
            lines = tuple(opened(budget, cards) for budget in event.budgets)
            return Estimate(legal_entity=event.legal_entity, lines=lines)
        case EstimateUpdated():
            lines = tuple(after_update(line, event) if line.line_id == event.line_id else line for line in state.lines)
            counted = (*state.counted, f"{event.origin} {event.reference}")[-REMEMBERED:]
            return replace(state, lines=lines, counted=counted if event.origin in ("COST", "TIME") else state.counted)
        case EstimateRefused():
            return state
        case _:
            assert_never(event)


def line_of(state: Estimate, line_id: str) -> LineEstimate | None:
    return next((line for line in state.lines if line.line_id == line_id), None)


def opening(message: ProjectProvisioned) -> EstimateOpened:
    return EstimateOpened(
        project_id=message.project_id,
        legal_entity=message.legal_entity,
        budgets=message.budgets,
        time_lines=message.time_lines,
    )


def follow(state: Estimate, message: ProjectAmended, today: date) -> list[EstimateUpdated]:
    """A change order moves the estimate by as much as the budget; the project has checked lines and currency."""
    updates = []
    for line_id, cost in {amended.line_id: amended.budget.cost for amended in message.budgets}.items():
        line = line_of(state, line_id)
        if line is not None and line.budget != cost and line.budget.currency == cost.currency:
            after = replace(line, planned=line.planned + cost - line.budget)
            updates.append(
                updated(
                    line,
                    after,
                    project_id=message.project_id,
                    as_of=today,
                    origin="CHANGE_ORDER",
                    reference=message.change_order_id,
                )
            )
    return updates


def count(
    state: Estimate, message: Heard, line_id: str, amount: Money, as_of: date, origin: Origin, reference: str
) -> EstimateUpdated | EstimateRefused:
    line = line_of(state, line_id)
    if line is None or line.spent.currency != amount.currency:
        return misfit(state, message, line, line_id)
    after = replace(line, spent=line.spent + amount)
    return updated(line, after, project_id=actor_id(message), as_of=as_of, origin=origin, reference=reference)


def cost_of(state: Estimate, message: TimeEntryApproved, reference: Reference) -> Money | None:
    """Actual minutes at the cost rate of the work date; None when nobody has said what they cost (domain 4.3)."""
    work = message.record
    line = line_of(state, work.line_id)
    card = rate_card_on(reference, line.rate_card, work.work_date) if line and line.rate_card else None
    rate = cost_rate_of(card, work.role) if card else None
    return Money.rounded(ratio(rate, work.minutes, 60), card.currency) if card and rate is not None else None


def revise(state: Estimate, message: ReviseEstimate, today: date) -> list[EstimateUpdated | EstimateRefused]:
    line, revised = line_of(state, message.line_id), message.estimate_at_completion
    if line is None or line.spent.currency != revised.currency:
        return [misfit(state, message, line, message.line_id)]
    if revised == line.planned:
        return []  # that is the estimate already
    if revised.value > LARGEST:
        return [refuse(message, "TOO_LARGE", f"{revised} is more than any project costs")]
    if revised < line.spent:
        return [refuse(message, "BELOW_COST_TO_DATE", f"line {line.line_id} has cost {line.spent} already")]
    return [
        updated(
            line,
            replace(line, planned=revised),
            project_id=message.project_id,
            as_of=today,
            origin="REVISION",
            reference=message.revised_by,
        )
    ]


def misfit(state: Estimate, message: Heard, line: LineEstimate | None, line_id: str) -> EstimateRefused:
    if line is not None:
        return refuse(message, "CURRENCY", f"line {line_id} is estimated in {line.spent.currency}")
    if state.legal_entity:
        return refuse(message, "UNKNOWN_LINE", f"the project has no line {line_id}")
    unknown = refuse(message, "UNKNOWN_PROJECT", f"there is no provisioned project {actor_id(message)}")
    return unknown.about(message.correlation)


def refuse(message: Heard, reason: str, detail: str) -> EstimateRefused:
    return EstimateRefused(project_id=actor_id(message), request=name_of(type(message)), reason=reason, detail=detail)
