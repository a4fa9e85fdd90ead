"""A message in a few words: what it is about, how much, and why not."""

from collections.abc import Iterator

from msgspec import Struct, structs

from contracts.message import Event, Message
from contracts.money import Money

Amounts = tuple[tuple[str, Money], ...]

NAMES = (
    "number",
    "invoice_number",
    "change_order_id",
    "milestone_id",
    "entry_id",
    "payment_id",
    "cost_id",
    "assignment_id",
    "invoice_id",
    "line_id",
    "agreement_id",
    "project_id",
    "quote_id",
)
"""Business names, the most telling first."""

_SHARED = ("line_id",)
"""Names by which nobody looks for a journey."""

_INSIDE = {
    "totals": ("net", "tax", "gross"),
    "order": ("total", "agreement_id", "quote_id"),
    "proposed": ("total",),
    "offer": ("agreement_id",),
    "change": ("price_delta", "change_order_id", "agreement_id"),
    "claim": ("amount", "entry_id"),
    "milestone": ("milestone_id",),
    "record": ("entry_id", "project_id"),
}
"""What of a record inside a message tells what the message is about."""

_UNTOLD = ("list_total", "functional_gross", "functional_tax", "functional_amount", "contract_balance_basis")
"""Amounts that repeat another one for most readers."""

_WHY = ("problem", "reason", "step", "detail")
_SHOWN = 3
_LONGEST = 500


def names(message: Message) -> tuple[str, ...]:
    """The business names by which the message's journey can be found, each once, the most telling first."""
    found = _parts(message)
    known = (found.get(name) for name in NAMES if name not in _SHARED)
    return tuple(dict.fromkeys(name for name in known if isinstance(name, str)))


def amounts(message: Message) -> Amounts:
    """The amounts of a fact by their names, in the order of its contract; a request has none yet."""
    if not isinstance(message, Event):
        return ()
    return tuple((name, value) for name, value in _parts(message).items() if isinstance(value, Money))


def summary(message: Message) -> str:
    """Such as `DE01-000001 net 180,000.00 EUR, tax 34,200.00 EUR, gross 214,200.00 EUR`."""
    found, own = _parts(message), structs.asdict(message)
    about = [known[name] for known in (own, found) for name in NAMES if isinstance(known.get(name), str)]
    told = [(name, amount) for name, amount in amounts(message) if name not in _UNTOLD]
    much = ", ".join(f"{name.replace('_', ' ')} {amount}" for name, amount in told[:_SHOWN])
    what = f"{about[0] if about else message.key} {much}".strip()
    why = [str(found[name]) for name in _WHY if isinstance(found.get(name), str)]
    return ": ".join((what, *why))[:_LONGEST]


def _parts(message: Message) -> dict[str, object]:
    """The fields of a message and, of the records inside it, those that tell what it is about."""
    fields = structs.asdict(message)
    return dict(_inside(fields)) | fields


def _inside(fields: dict[str, object]) -> Iterator[tuple[str, object]]:
    for name, wanted in _INSIDE.items():
        record = fields.get(name)
        if isinstance(record, Struct):
            yield from ((part, getattr(record, part)) for part in wanted)
