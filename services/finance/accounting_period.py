"""An accounting period: a month of a legal entity's books that, once closed, is never posted into again."""

from collections.abc import Sequence
from typing import assert_never

from contracts.finance import AccountingPeriodClosed, AccountingPeriodRefused, CloseAccountingPeriod
from contracts.message import Record, name_of
from services.finance.reference import Reference, day_of

Heard = CloseAccountingPeriod
Said = AccountingPeriodClosed | AccountingPeriodRefused


class AccountingPeriods(Record):
    closed: str = ""
    """The latest closed month; it and all before it are closed."""


initial = AccountingPeriods()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: AccountingPeriods, message: Heard, reference: Reference) -> Sequence[Said]:
    today = day_of(reference, message.key, message.at)
    match message:
        case CloseAccountingPeriod() if message.period == state.closed:
            return []  # closed twice
        case CloseAccountingPeriod() if message.key not in reference.legal_entities:
            return [refuse(message, "UNKNOWN_LEGAL_ENTITY", f"no legal entity {message.key} is registered")]
        case CloseAccountingPeriod() if message.period < state.closed:
            return [refuse(message, "ALREADY_CLOSED", f"{state.closed} and all months before it are closed")]
        case CloseAccountingPeriod() if message.period >= f"{today:%Y-%m}":
            return [refuse(message, "NOT_OVER", f"it is {today} in {message.key}: the month is not over")]
        case CloseAccountingPeriod():
            closed = AccountingPeriodClosed(
                legal_entity=message.key, period=message.period, closed_by=message.closed_by
            )
            return [closed.about(message.correlation)]
        case _:
            assert_never(message)


def evolve(state: AccountingPeriods, event: Said) -> AccountingPeriods:
    match event:
        case AccountingPeriodClosed():
            return AccountingPeriods(closed=event.period)
        case AccountingPeriodRefused():
            return state
        case _:
            assert_never(event)


def refuse(message: CloseAccountingPeriod, reason: str, detail: str) -> AccountingPeriodRefused:
    return AccountingPeriodRefused(
        legal_entity=message.key,
        period=message.period,
        request=name_of(CloseAccountingPeriod),
        reason=reason,
        detail=detail,
    ).about(message.correlation)
