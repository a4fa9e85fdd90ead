"""A plausible message of each type, made from its contract alone: the same whenever it is made."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import inspect as shape

from contracts.message import Message
from contracts.money import Money

_BY_NAME: Mapping[str, Any] = {
    "accepted_by": "I. Weber, CFO",
    "account": "AR_CONTROL",
    "actor": "SOW-A-M1",
    "agreement_id": "SOW-A",
    "approved_by": "I. Weber, CFO",
    "assignment_id": "AS-1",
    "bank_reference": "camt-0220-1",
    "base": "USD",
    "bill_rate": "180",
    "change_order_id": "CO-A-1",
    "consultant": "NINA",
    "closed_by": "M. Jones",
    "completed_by": "NINA",
    "cost_id": "COST-A-01",
    "country": "DE",
    "currency": "EUR",
    "customer": "ACME",
    "customer_id": "ACME",
    "decided_by": "K. Braun",
    "description": "ERP implementation",
    "detail": "a sentence that says why",
    "discount_percent": "5",
    "due_date": "2026-04-30",
    "email": "invoices@example.com",
    "end": "2026-03-31",
    "entity": "invoice",
    "entry_id": "T-1",
    "evidence": "acceptance-protocol-1.pdf",
    "expected_by": "2026-03-31T22:00:00Z",
    "functional_currency": "EUR",
    "fx_rate": "1",
    "gross": {"amount": "214200.00", "currency": "EUR"},
    "invoice_id": "SOW-A-M1",
    "journal_id": "J-1",
    "journey": "Q-A",
    "legal_entity": "DE01",
    "legal_name": "Acme Maschinenbau AG",
    "line_id": "SOW-A-1",
    "milestone_id": "SOW-A-M1",
    "minutes": 480,
    "minutes_per_day": 480,
    "name": "Blueprint",
    "net": {"amount": "180000.00", "currency": "EUR"},
    "note": "as agreed on the phone",
    "number": "DE01-000001",
    "payable": {"amount": "214200.00", "currency": "EUR"},
    "payment_id": "PAY-A-1",
    "payment_terms_days": 30,
    "percent": "19",
    "phase": "build",
    "priced_by": "K. Braun",
    "project_id": "SOW-A",
    "purchase_order": "PO-4711",
    "quantity": "1",
    "quote": "EUR",
    "quote_id": "Q-A",
    "rate": "180",
    "rate_card": "UK-2026",
    "reason": "NOT_FOUND",
    "rejected_by": "I. Weber, CFO",
    "request": "commercial.quote.accept.v1",
    "requested_by": "I. Weber, CFO",
    "role": "architect",
    "sequence": 4711,
    "service_line": "IMPLEMENTATION",
    "start": "2026-03-01",
    "subject": "q2c.cmd.finance.payment.record.v1.3.ACME",
    "tax": {"amount": "34200.00", "currency": "EUR"},
    "tax_category": "S",
    "category": "S",
    "tax_id": "DE136695976",
    "task": "configure",
    "template": "CONSULTING",
    "time_zone": "Europe/Berlin",
    "unit_price": "180",
    "way_out": "mend it and ask again",
}
"""What a field of that name mostly holds, where its type allows it."""

_BY_PATTERN: Mapping[str, str] = {
    "^[A-Z]{3}$": "EUR",
    "^[A-Z]{2}$": "DE",
    "^[0-9a-f]{64}$": "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea",
}
_TEXTS = ("X-1", "2026-03", "2026-W11", "100.00", "NOT_FOUND", "commercial.quote.accept.v1")
_DAY, _INSTANT = "2026-03-10", "2026-03-10T11:00:00Z"


class NoSample(Exception):
    """No plausible value could be made for a field: the sample is to be written by hand."""


def data(message_type: type[Message]) -> Any:
    """The data of a message of this type as JSON values. NoSample when its own rules refuse what was made."""
    made = _struct(shape.type_info(message_type), message_type.__name__)
    try:
        return msgspec.json.decode(msgspec.json.encode(msgspec.convert(made, message_type)))
    except msgspec.ValidationError as problem:
        raise NoSample(f"{message_type.__name__}: {problem}") from None


def _struct(info: shape.Type, path: str) -> Any:
    assert isinstance(info, shape.StructType)
    made = {} if info.tag is None else {str(info.tag_field): info.tag}
    for field in info.fields:
        made[field.encode_name] = _value(field.type, field.name, f"{path}.{field.name}")
    return made


def _value(info: shape.Type, name: str, path: str) -> Any:
    if name in _BY_NAME and _fits(_BY_NAME[name], info):
        return _BY_NAME[name]
    match info:
        case shape.Metadata(type=inner):
            return _value(inner, name, path)
        case shape.StructType(cls=cls) if cls is Money:
            return {"amount": "1000.00", "currency": "EUR"}
        case shape.StructType():
            return _struct(info, path)
        case shape.UnionType(types=types):
            return _value(next(one for one in types if not isinstance(one, shape.NoneType)), name, path)
        case shape.LiteralType(values=values):
            return values[0]
        case shape.TupleType(item_types=items):
            return [_value(item, name, f"{path}[{at}]") for at, item in enumerate(items)]
        case shape.CollectionType(item_type=item):
            return [_value(item, name.removesuffix("s"), f"{path}[0]")] * max(1, info.min_length or 0)
        case shape.DictType(key_type=key, value_type=value):
            return {_value(key, "", path): _value(value, "", path)}
        case _:
            return _plain(info, path)


def _plain(info: shape.Type, path: str) -> Any:
    match info:
        case shape.StrType(pattern=pattern):
            candidates = [_BY_PATTERN[pattern]] if pattern and pattern in _BY_PATTERN else list(_TEXTS)
            fitting = [text for text in candidates if _fits(text, info)]
            if not fitting:
                raise NoSample(f"{path}: nothing known matches {pattern}")
            return fitting[0]
        case shape.IntType(ge=least):
            return max(int(least or 0), 1)
        case shape.FloatType():
            return 1.0
        case shape.BoolType():
            return True
        case shape.DateTimeType():
            return _INSTANT
        case shape.DateType():
            return _DAY
        case shape.NoneType():
            return None
        case shape.AnyType():
            return "X-1"
        case _:
            raise NoSample(f"{path}: no sample of {type(info).__name__}")


def _fits(value: Any, info: shape.Type) -> bool:
    """Whether a type takes a value: texts, numbers, days and amounts are known by name."""
    match info:
        case shape.Metadata(type=inner):
            return _fits(value, inner)
        case shape.UnionType(types=types):
            return any(_fits(value, one) for one in types)
        case shape.StructType(cls=cls):
            return cls is Money and isinstance(value, dict)
        case shape.StrType():
            return _converts(value, str, info)
        case shape.DateType():
            return _converts(value, date, info)
        case shape.DateTimeType():
            return _converts(value, datetime, info)
        case shape.LiteralType(values=values):
            return value in values
        case shape.IntType(ge=least, le=most):
            return isinstance(value, int) and (least or 0) <= value <= (value if most is None else most)
        case _:
            return False


def _converts(value: Any, to: type[str | date | datetime], info: shape.Type) -> bool:
    constraints = {
        name: getattr(info, name)
        for name in ("pattern", "min_length", "max_length")
        if isinstance(info, shape.StrType) and getattr(info, name) is not None
    }
    wanted: Any = Annotated[to, msgspec.Meta(**constraints)] if constraints else to
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True
