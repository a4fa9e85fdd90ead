"""Revenue of one agreement: recognised as its obligations are satisfied, caught up when a change amends them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from contracts.commercial import (
    AgreementActivated,
    AgreementOpened,
    ChangeAdmitted,
    ChangeOrderApplied,
    ChangeOrderRefused,
)
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
from contracts.message import Wake
from services.finance import modification, recognition
from services.finance.obligation import Obligation, Obligations, next_close, opened, recognised, under
from services.finance.reference import Reference, day_in, day_of, start_of, zone_of

Sourced = (
    AgreementOpened
    | AgreementActivated
    | EstimateUpdated
    | TimeClaimed
    | ChangeAdmitted
    | ChangeOrderApplied
    | ChangeOrderRefused
)
Heard = Sourced | Wake
Said = (
    ObligationsOpened
    | ObligationsActivated
    | RevenueRecognised
    | ProgressNoted
    | RevenueChangeStaged
    | RevenueChangeRefused
    | RevenueChangeReleased
    | ObligationsAmended
    | CatchUpPosted
)

initial = Obligations()


def actor_id(message: Sourced | PreviewCatchUp) -> str | None:
    match message:
        case EstimateUpdated():
            return message.project_id  # a project carries its agreement's id
        case ChangeOrderApplied():
            return message.change.agreement_id
        case _:
            return message.agreement_id


def decide(state: Obligations, message: Heard, reference: Reference) -> Sequence[Said]:
    match message:
        case AgreementOpened():
            entity = message.order.legal_entity
            today = day_of(reference, entity, message.at)
            return recognition.on_opening(state, message, zone_of(reference, entity).key, today)
        case AgreementActivated() if state.opened_on is None or state.activated_on is not None:
            return []  # not opened here, or active already
        case AgreementActivated():
            return [ObligationsActivated(agreement_id=state.agreement_id, activated_on=message.activated_on)]
        case EstimateUpdated():
            return recognition.on_progress(state, message)
        case TimeClaimed():
            return recognition.on_claim(state, message)
        case ChangeAdmitted():
            return modification.staged(state, message.change)
        case ChangeOrderApplied() if message.change.change_order_id != state.staged:
            return []  # not staged here, or applied already
        case ChangeOrderApplied():
            return modification.amended(state, message.change, day_of(reference, state.legal_entity, message.at))
        case ChangeOrderRefused() if message.refused_by is None or message.change_order_id != state.staged:
            return []  # a request was refused and the change order lives on, or it is not staged here
        case ChangeOrderRefused(change_order_id=change_order_id):
            return [RevenueChangeReleased(agreement_id=state.agreement_id, change_order_id=change_order_id)]
        case Wake() if state.activated_on is None:
            return []  # asks for none before activation
        case Wake():
            today = day_in(ZoneInfo(state.time_zone), message.at)
            return recognition.on_month_end(state, state.activated_on, today)
        case _:
            assert_never(message)


def evolve(state: Obligations, event: Said) -> Obligations:
    match event:
        case ObligationsOpened():
            return Obligations(
                agreement_id=event.agreement_id,
                legal_entity=event.legal_entity,
                currency=event.transaction_price.currency,
                time_zone=event.time_zone,
                opened_on=event.opened_on,
                lines=tuple(opened(term) for term in event.obligations),
            )
        case ObligationsActivated():
            return replace(state, activated_on=event.activated_on)
        case RevenueRecognised():
            return _with(state, event.line_id, lambda one: recognised(one, event))
        case ProgressNoted() if state.opened_on is None:
            others = (noted for noted in state.early if noted.line_id != event.line_id)
            return replace(state, early=(*others, event))
        case ProgressNoted(cost_to_date=cost, estimate_at_completion=estimate):
            return _with(state, event.line_id, lambda one: replace(one, cost=cost, estimate=estimate))
        case RevenueChangeStaged():
            return replace(state, staged=event.change_order_id)
        case RevenueChangeReleased():
            return replace(state, staged=None, settled=event.change_order_id)
        case RevenueChangeRefused():
            return state
        case ObligationsAmended():
            state = replace(state, staged=None, settled=event.change_order_id)
            for term in event.obligations:
                state = _with(state, term.line_id, partial(under, term))
            return state
        case CatchUpPosted():
            return _with(state, event.line_id, lambda one: replace(one, recognised=event.recognised_to_date))
        case _:
            assert_never(event)


def wakes(state: Obligations) -> datetime | None:
    """The next month-end, in the legal entity's zone, at which days will have been earned; none before activation."""
    if state.activated_on is None:
        return None
    closes = (next_close(one, state.activated_on) for one in state.lines)
    first = min((day for day in closes if day is not None), default=None)
    return None if first is None else start_of(ZoneInfo(state.time_zone), first)


def answer(state: Obligations, question: PreviewCatchUp) -> CatchUpPreview:
    return modification.preview(state, question.agreement_id, question.lines)


def _with(state: Obligations, line_id: str, change: Callable[[Obligation], Obligation]) -> Obligations:
    lines = (change(one) if one.line_id == line_id else one for one in state.lines)
    return replace(state, lines=tuple(lines))
