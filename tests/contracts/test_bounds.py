"""What a message may hold is bounded: no number in it is larger than every reader of JSON and SQLite can hold."""

from collections.abc import Iterator

import pytest
from msgspec import inspect

from contracts import wire
from contracts.message import LARGEST_WHOLE

DATA_OF_ANY_FORM = "data"
"""Of an edited message: it is checked against the message's own contract, once it is known which one that is."""


def unbounded(info: inspect.Type, path: str) -> Iterator[str]:
    """The fields, at any depth, that hold more than may be."""
    match info:
        case inspect.Metadata():
            yield from unbounded(info.type, path)
        case inspect.StructType():
            for field in info.fields:
                if not (path.endswith((".edit.v1", ".rehearse.v1")) and field.name == DATA_OF_ANY_FORM):
                    yield from unbounded(field.type, f"{path}.{field.name}")
        case inspect.UnionType() | inspect.TupleType():
            for item in info.types if isinstance(info, inspect.UnionType) else info.item_types:
                yield from unbounded(item, path)
        case inspect.VarTupleType():
            yield from unbounded(info.item_type, f"{path}[]")
        case inspect.IntType(ge=low, le=high):
            if low is None or high is None or low < -LARGEST_WHOLE or high > LARGEST_WHOLE:
                yield path
        case inspect.AnyType() | inspect.DictType() | inspect.DecimalType() | inspect.BytesType():
            yield path
        case _:
            return  # dates, names and texts, which are as long as a body may be, and floats, which are never endless


@pytest.mark.parametrize("name", sorted(wire.catalogue()))
def test_every_number_of_a_message_is_bounded(name: str) -> None:
    assert list(unbounded(inspect.type_info(wire.catalogue()[name]), name)) == []
