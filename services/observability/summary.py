"""A message in a few words: what it is about, how much, and why not."""

from collections.abc import Iterator

from msgspec import Struct, structs

from contracts.message import Message
from contracts.money import Money

Amounts = tuple[tuple[str, Money], ...]

INSIDE = {
    "totals": ("net", "tax", "gross"),
    "order": ("total", "quote_id", "agreement_id"),
    "offer": ("agreement_id",),
    "proposed": ("total",),
    "change": ("price_delta", "change_order_id", "agreement_id"),
    "claim": ("amount", "entry_id"),
    "milestone": ("milestone_id",),
    "record": ("entry_id", "project_id"),
    "draft": ("journal_id",),
}
"""What of a record inside a message tells what the message is about."""

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

_NOT_ASKED_FOR = ("line_id",)
"""Names that many chains may share: nobody finds a journey by them."""

_SHOWN = 3
_LONGEST = 500


def names(message: Message) -> tuple[str, ...]:
    """The business names by which the message's journey can be found, each once, the most telling first."""
    found = dict(_named(message))
    return tuple(dict.fromkeys(found[name] for name in NAMES if name in found and name not in _NOT_ASKED_FOR))


def amounts(message: Message) -> Amounts:
    """The amounts of the message by their names, in the order of its contract."""
    return tuple((name, value) for name, value in _parts(message) if isinstance(value, Money))


def summary(message: Message) -> str:
    """Such as `DE01-000001 net 180,000.00 EUR, tax 34,200.00 EUR, gross 214,200.00 EUR`."""
    found = dict(_named(message))
    about = [found[name] for name in NAMES if name in found][:1] or [message.key]
    much = [f"{name.replace('_', ' ')} {amount}" for name, amount in amounts(message)[:_SHOWN]]
    parts = [" ".join((*about, ", ".join(much))).strip(), *_reasons(message)]
    return ": ".join(parts)[:_LONGEST]


def _named(message: Message) -> Iterator[tuple[str, str]]:
    for name, value in _parts(message):
        if name in NAMES and isinstance(value, str):
            yield name, value


def _reasons(message: Message) -> list[str]:
    found = dict(_parts(message))
    texts = (found.get(name) for name in ("problem", "reason", "step", "detail"))
    return [text for text in texts if isinstance(text, str)]


def _parts(message: Message) -> Iterator[tuple[str, object]]:
    """The fields of a message and, of the records inside it, those that tell what it is about; the outer ones first."""
    fields = structs.asdict(message)
    yield from fields.items()
    for name, wanted in INSIDE.items():
        inside = fields.get(name)
        if isinstance(inside, Struct):
            yield from ((part, getattr(inside, part)) for part in wanted if part not in fields)
