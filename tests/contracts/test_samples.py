"""What was ever said can be heard for ever: one golden sample per message, read and written again."""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

from contracts import runtime, wire
from contracts.message import Command, Event, Internal, Message, Refusal
from infra import documents
from infra.fleet import SERVICES

CATALOGUE = wire.catalogue()
OF_RUNTIME = {item for service in SERVICES for item in runtime.of(service).all}


@pytest.fixture(params=sorted(CATALOGUE))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_sample_is_read_and_written_again_as_it_is(name: str) -> None:
    body = (documents.SAMPLES / f"{name}.json").read_bytes()
    message = wire.decode(CATALOGUE[name], body)
    assert msgspec.json.decode(wire.encode(message)) == msgspec.json.decode(body)


def test_a_message_without_its_type_is_the_same_message(name: str) -> None:
    fields = msgspec.json.decode((documents.SAMPLES / f"{name}.json").read_bytes())
    with_type = wire.decode(CATALOGUE[name], wire.encode(fields))
    del fields["type"]
    assert wire.decode(CATALOGUE[name], wire.encode(fields)) == with_type


def test_a_field_that_is_not_known_yet_is_ignored(name: str) -> None:
    fields = msgspec.json.decode((documents.SAMPLES / f"{name}.json").read_bytes())
    assert wire.decode(CATALOGUE[name], wire.encode({**fields, "of_a_later_day": 1})) == wire.decode(
        CATALOGUE[name], wire.encode(fields)
    )


def test_a_message_says_what_it_means(name: str) -> None:
    documentation = CATALOGUE[name].__doc__
    assert documentation, "the docstring of a contract is its published description"
    assert documentation.strip().endswith((".", "?", ")"))


def test_its_name_has_four_parts(name: str) -> None:
    service, entity, verb, version = name.split(".")
    assert service in ("commercial", "delivery", "finance", "observability")
    assert entity.isidentifier()
    assert verb.isidentifier()
    assert version == "v1"


def test_what_refuses_says_so_in_its_name() -> None:
    def told(item: type[Message]) -> bool:
        return issubclass(item, Refusal) and "refused" not in str(item.__struct_config__.tag)

    assert [name for name, item in CATALOGUE.items() if issubclass(item, Event) and told(item)] == []


def test_nothing_that_is_said_from_outside_is_without_bounds(name: str) -> None:
    said = CATALOGUE[name]
    if issubclass(said, Command) and not issubclass(said, Internal) and said not in OF_RUNTIME:
        assert list(unbounded(inspect.type_info(said), "$")) == []


def unbounded(info: inspect.Type, path: str) -> Iterator[str]:
    """Texts that may be as long, and lists that may have as many items, as a whole message."""
    match info:
        case inspect.Metadata(type=inner):
            yield from unbounded(inner, path)
        case inspect.UnionType(types=choices):
            for choice in choices:
                yield from unbounded(choice, path)
        case inspect.StructType(fields=fields):
            for field in fields:
                yield from unbounded(field.type, f"{path}.{field.name}")
        case inspect.VarTupleType(item_type=item, max_length=most):
            if most is None:
                yield path
            yield from unbounded(item, f"{path}[]")
        case inspect.StrType(max_length=None, pattern=None):
            yield path
        case _:
            pass
