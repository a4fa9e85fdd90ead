"""A modification: how a change order is accounted for, and the cumulative catch-up when it comes into force."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import assert_never

from contracts.finance import (
    CatchUpPosted,
    CatchUpPreview,
    ObligationsAmended,
    RevenueChangeRefused,
    RevenueChangeStaged,
)
from contracts.message import Record
from contracts.money import Money, total
from contracts.order import Change, LineChange, Treatment
from services.finance.obligation import Obligation, Obligations, changed, earned_by_cost, progress_by_cost, terms

Treatments = tuple[tuple[str, Treatment], ...]
"""(line, treatment)."""


class Problem(Record):
    """Why a change cannot be accounted for."""

    reason: str
    detail: str


def staged(state: Obligations, change: Change) -> Sequence[RevenueChangeStaged | RevenueChangeRefused]:
    if change.change_order_id in (state.staged, state.settled):
        return []  # staged or settled already
    found = examined(state, change.lines)
    if state.staged is not None:
        found = Problem(reason="CHANGE_IN_PROGRESS", detail=f"change order {state.staged} is staged and not decided")
    agreement_id, change_order_id = change.agreement_id, change.change_order_id
    if isinstance(found, Problem):
        return [
            RevenueChangeRefused(
                agreement_id=agreement_id,
                change_order_id=change_order_id,
                reason=found.reason,
                detail=found.detail,
            )
        ]
    return [RevenueChangeStaged(agreement_id=agreement_id, change_order_id=change_order_id, treatments=found)]


def preview(state: Obligations, agreement_id: str, lines: Sequence[LineChange]) -> CatchUpPreview:
    """What applying the change now would post."""
    found = examined(state, lines)
    if isinstance(found, Problem):
        return CatchUpPreview(agreement_id=agreement_id, treatments=(), catch_up=(), problem=found.detail)
    catch_up = tuple((one.line_id, earned_by_cost(one) - one.recognised) for one in _caught_up(state, lines))
    return CatchUpPreview(agreement_id=agreement_id, treatments=found, catch_up=catch_up)


def examined(state: Obligations, lines: Sequence[LineChange]) -> Treatments | Problem:
    """The treatment of each changed line, or why there is none."""
    if state.opened_on is None:
        return Problem(reason="UNKNOWN_AGREEMENT", detail="no performance obligations are open for this agreement")
    treatments: list[tuple[str, Treatment]] = []
    for change in lines:
        one = state.line(change.line_id)
        if one is None:
            return Problem(reason="UNKNOWN_LINE", detail=f"the agreement has no line {change.line_id}")
        if not _fits(one, change):
            return Problem(reason="CURRENCY", detail=f"line {one.line_id} is agreed in {one.price.currency}")
        treatment = _treatment(one, change)
        if isinstance(treatment, Problem):
            return treatment
        treatments.append((one.line_id, treatment))
    if any(one.price.value < 0 or one.estimate.value < 0 for one in _under(state, lines)):
        return Problem(reason="NEGATIVE", detail="the change would leave a line with less than no price or no cost")
    return tuple(treatments)


def _treatment(one: Obligation, change: LineChange) -> Treatment | Problem:
    """IFRS 15.20-21: what is not distinct from a promise under way is caught up with it."""
    if change.distinct:
        detail = f"line {one.line_id}: distinct services are a contract of their own, sell them by a new quote"
        return Problem(reason="TREATMENT_NOT_OFFERED", detail=detail)
    match one.method:
        case "COST_TO_COST":
            return "CATCH_UP"
        case "RIGHT_TO_INVOICE":
            return "RIGHT_TO_INVOICE"
        case "ELAPSED" if change.price_delta:
            detail = f"line {one.line_id} is recognised by days, its price cannot be changed in mid-term yet"
            return Problem(reason="UNSUPPORTED", detail=detail)
        case "ELAPSED":
            return "PROSPECTIVE"  # its price stays: nothing is posted
        case _:
            assert_never(one.method)


def amended(state: Obligations, change: Change, today: date) -> list[ObligationsAmended | CatchUpPosted]:
    """The change is in force: recognised is made what it would be under the new terms (IFRS 15.21(b), I25)."""
    after = _under(state, change.lines)
    said: list[ObligationsAmended | CatchUpPosted] = [
        ObligationsAmended(
            agreement_id=state.agreement_id,
            change_order_id=change.change_order_id,
            obligations=tuple(terms(one) for one in after),
            transaction_price=total((one.price for one in after), state.currency),
        )
    ]
    basis = state.recognised
    for one in _caught_up(state, change.lines):
        target = earned_by_cost(one)
        amount = target - one.recognised
        if amount:
            basis += amount
            said.append(_catch_up(state, change, one, target, basis, today))
    return said


def _catch_up(
    state: Obligations, change: Change, one: Obligation, target: Money, basis: Money, today: date
) -> CatchUpPosted:
    return CatchUpPosted(
        agreement_id=state.agreement_id,
        legal_entity=state.legal_entity,
        change_order_id=change.change_order_id,
        line_id=one.line_id,
        before=one.recognised,
        amount=target - one.recognised,
        recognised_to_date=target,
        contract_balance_basis=basis,
        progress=progress_by_cost(one),
        recognised_on=today,
    )


def _under(state: Obligations, lines: Iterable[LineChange]) -> list[Obligation]:
    """All obligations under the terms of the change; what `examined` would refuse changes nothing."""
    after = {one.line_id: one for one in state.lines}
    for change in lines:
        one = after.get(change.line_id)
        if one is not None and _fits(one, change):
            after[change.line_id] = changed(one, change)
    return list(after.values())


def _fits(one: Obligation, change: LineChange) -> bool:
    return (change.price_delta.currency, change.cost_delta.currency) == (one.price.currency, one.estimate.currency)


def _caught_up(state: Obligations, lines: Sequence[LineChange]) -> list[Obligation]:
    """The changed obligations whose progress is measured by cost."""
    touched = [change.line_id for change in lines]
    return [one for one in _under(state, lines) if one.method == "COST_TO_COST" and one.line_id in touched]
