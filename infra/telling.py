"""How a message is told in one line: what happened, to what, and how much."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_NAMES = (
    "number",
    "invoice_number",
    "invoice_id",
    "change_order_id",
    "milestone_id",
    "entry_id",
    "cost_id",
    "payment_id",
    "assignment_id",
    "line_id",
    "quote_id",
    "agreement_id",
    "project_id",
)
"""What a message is about, the most telling first."""

_UNTOLD = ("lines", "list_total", "contract_balance_basis")
_UNTOLD_KIND = "functional_"
"""Amounts that repeat another one."""

_AMOUNTS = ("gross", "net", "tax", "total", "amount", "open", "recognised_to_date", "value")
_SHOWN = 3
_NOUGHT = re.compile(r"-?[0.]+ ")
_DERIVED = re.compile("[0-9a-f]{32}")
"""The id of a message, which tells a reader nothing."""


ECHOES = frozenset(
    {
        "commercial.agreement.change_examined.v1",
        "commercial.agreement.confirmed.v1",
        "commercial.change_order.admitted.v1",
        "commercial.change_order.staged.v1",
        "commercial.customer.exposure_changed.v1",
        "delivery.calendar.booked.v1",
        "delivery.estimate.opened.v1",
        "delivery.milestone.planned.v1",
        "delivery.staffing.requested.v1",
        "delivery.timesheet_week.booked.v1",
        "finance.billing_plan.activated.v1",
        "finance.billing_plan.progressed.v1",
        "finance.dunning.settled.v1",
        "finance.dunning.tracked.v1",
        "finance.invoice.proposed.v1",
        "finance.journal.posted.v1",
        "finance.number_series.allotted.v1",
        "finance.receivable.allocated.v1",
        "finance.receivable.cash_booked.v1",
        "finance.receivable.opened.v1",
        "finance.revenue.activated.v1",
        "finance.revenue.opened.v1",
        "observability.journey.progressed.v1",
        "observability.journey.started.v1",
    }
)
"""Facts by which one service notes what another fact, told in the same breath, has said already."""


def title(name: str) -> str:
    """`finance.invoice.part_paid.v1` is read as `invoice part paid`."""
    parts = name.split(".")
    return " ".join(parts[1:3]).replace("_", " ") if len(parts) == 4 else name


def about(data: Any) -> str:
    """The business id that the message is about, the most telling one it has."""
    if not isinstance(data, Mapping):
        return ""
    for scope in (data, *(inner for inner in data.values() if isinstance(inner, Mapping))):
        for name in _NAMES:
            if isinstance(scope.get(name), str):
                return str(scope[name])
    texts = (
        value for name, value in data.items() if name.endswith("_id") and name != "tax_id" and isinstance(value, str)
    )
    return next((text for text in texts if not _DERIVED.fullmatch(text)), "")


def amounts(data: Any) -> list[str]:
    """The amounts at or just below its top, the most telling first; noughts only if there is nothing else.

    A message without amounts tells its description.
    """
    found = dict(_amounts(data, depth=2))
    if not found:
        return [data["description"]] if isinstance(data, Mapping) and isinstance(data.get("description"), str) else []
    found = {name: told for name, told in found.items() if not _NOUGHT.match(told)} or found
    ranked = sorted(found, key=lambda name: _AMOUNTS.index(name) if name in _AMOUNTS else len(_AMOUNTS))
    return [f"{_words(name)} {found[name]}" for name in ranked[:_SHOWN]]


def money(amount: Mapping[str, Any]) -> str:
    """`{"amount": "85600.00", "currency": "EUR"}` is read as `85,600.00 EUR`."""
    try:
        return f"{Decimal(str(amount['amount'])):,} {amount['currency']}"
    except InvalidOperation:
        return f"{amount['amount']} {amount['currency']}"


def why(data: Any) -> str:
    """The reason of a refusal, a hold or a rejection."""
    if not isinstance(data, Mapping) or not isinstance(data.get("reason"), str):
        return ""
    detail = data.get("detail")
    return f"{data['reason']}: {detail}" if isinstance(detail, str) and detail else str(data["reason"])


def instant(at: datetime) -> str:
    """In UTC, as everything on the log: the end of a month in Berlin is 22:00Z or 23:00Z of its last day."""
    return f"{at:%d %b %Y %H:%M}Z"


def is_money(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"amount", "currency"}


def _amounts(data: Any, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(data, Mapping) or depth == 0:
        return
    for name, value in data.items():
        if name in _UNTOLD or name.startswith(_UNTOLD_KIND):
            continue
        if is_money(value):
            yield name, money(value)
        else:
            yield from _amounts(value, depth - 1)


def _words(name: str) -> str:
    return name.replace("_", " ")
