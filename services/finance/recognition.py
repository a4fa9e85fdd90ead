"""Recognition: revenue is earned with each cost fact, each claim and each month that ends."""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from contracts.commercial import AgreementOpened
from contracts.delivery import EstimateUpdated
from contracts.finance import ObligationsOpened, ProgressNoted, RevenueRecognised, TimeClaimed
from contracts.money import Money, total
from services.finance.obligation import (
    DAY,
    Cause,
    Obligation,
    Obligations,
    Progress,
    earned_by_cost,
    earned_by_day,
    next_close,
    opened,
    progress_by_cost,
    progress_by_day,
    term_of,
)


def on_opening(
    state: Obligations, message: AgreementOpened, zone: str, today: date
) -> list[ObligationsOpened | RevenueRecognised | ProgressNoted]:
    """The obligations, and what progress heard before the agreement has earned already."""
    order = message.order
    if state.opened_on is not None or any(line.price.currency != order.currency for line in order.lines):
        return []  # opened once; a second currency is refused by the quote
    terms = tuple(term_of(line) for line in order.lines)
    event = ObligationsOpened(
        agreement_id=message.agreement_id,
        legal_entity=order.legal_entity,
        obligations=terms,
        transaction_price=total((term.allocated_price for term in terms), order.currency),
        time_zone=zone,
        opened_on=today,
    )
    now = replace(
        state,
        agreement_id=message.agreement_id,
        legal_entity=order.legal_entity,
        currency=order.currency,
        opened_on=today,
        lines=tuple(opened(term) for term in terms),
    )
    said: list[ObligationsOpened | RevenueRecognised | ProgressNoted] = [event]
    basis = Money.zero(order.currency)
    for noted in state.early:
        for more in _by_cost(now, noted.line_id, noted.cost_to_date, noted.estimate_at_completion, today, basis):
            said.append(more)
            basis = more.contract_balance_basis if isinstance(more, RevenueRecognised) else basis
    return said


def on_progress(state: Obligations, message: EstimateUpdated) -> Sequence[RevenueRecognised | ProgressNoted]:
    """Cost-to-cost: what the new figures have earned beyond what was recognised."""
    cost, estimate = message.cost_to_date, message.estimate_at_completion
    if state.opened_on is None:
        noted = _noted(message.project_id, message.line_id, cost, estimate)
        return [] if noted in state.early else [noted]
    on = max(message.as_of, state.opened_on)
    return _by_cost(state, message.line_id, cost, estimate, on, state.recognised)


def _by_cost(
    state: Obligations, line_id: str, cost: Money, estimate: Money, on: date, basis: Money
) -> Sequence[RevenueRecognised | ProgressNoted]:
    one = state.line(line_id)
    if one is None or one.method != "COST_TO_COST":
        return []  # cost is not the measure of this line's progress
    if not (cost.currency == estimate.currency == one.estimate.currency):
        return []  # delivery refuses cost in another currency than the budget's
    if (cost, estimate) == (one.cost, one.estimate):
        return []  # the same figures again
    measured = replace(one, cost=cost, estimate=estimate)
    target = earned_by_cost(measured)
    if target == one.recognised:
        return [_noted(state.agreement_id, line_id, cost, estimate)]
    return [_recognise(state, one, target, basis, progress_by_cost(measured), "PROGRESS", on)]


def on_claim(state: Obligations, message: TimeClaimed) -> Sequence[RevenueRecognised]:
    """Right to invoice: what may be billed is what was earned (IFRS 15.B16)."""
    one, claimed = state.line(message.line_id), message.claimed_to_date
    if one is None or one.method != "RIGHT_TO_INVOICE" or claimed.currency != one.recognised.currency:
        return []  # the right to invoice is not the measure of this line's progress
    if claimed <= one.recognised:
        return []  # heard before: what is claimed only ever rises
    progress = (claimed.amount, one.price.amount)
    return [_recognise(state, one, claimed, state.recognised, progress, "CLAIM", message.claimed_on)]


def on_month_end(state: Obligations, activated_on: date, first: date) -> Sequence[RevenueRecognised]:
    """The day before `first` ends a month: all days of the terms up to it are earned.

    Said even when it comes to nothing, so that the month is done with.
    """
    said: list[RevenueRecognised] = []
    last, basis = first - DAY, state.recognised
    for one in state.lines:
        due = next_close(one, activated_on)
        if one.term is None or due is None or due > first:
            continue  # measured otherwise, wholly earned, or not begun
        target, progress = earned_by_day(one, one.term, last), progress_by_day(one.term, last)
        said.append(_recognise(state, one, target, basis, progress, "PERIOD_END", last))
        basis = said[-1].contract_balance_basis
    return said


def _recognise(
    state: Obligations, one: Obligation, target: Money, basis: Money, progress: Progress, cause: Cause, on: date
) -> RevenueRecognised:
    amount = target - one.recognised
    return RevenueRecognised(
        agreement_id=state.agreement_id,
        legal_entity=state.legal_entity,
        line_id=one.line_id,
        amount=amount,
        recognised_to_date=target,
        contract_balance_basis=basis + amount,
        progress=progress,
        cause=cause,
        recognised_on=on,
    )


def _noted(agreement_id: str, line_id: str, cost: Money, estimate: Money) -> ProgressNoted:
    return ProgressNoted(
        agreement_id=agreement_id,
        line_id=line_id,
        cost_to_date=cost,
        estimate_at_completion=estimate,
    )
