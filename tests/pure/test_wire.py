"""Names and bytes: one name per message, one subject per name, one strict pass per body."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import runtime, upcast, wire
from contracts.message import Command, Context, Event, Message, Question, Record, name_of
from contracts.money import Money
from contracts.wire import Place, Received, Refused

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Line(Record):
    price: Money


class Billed(Event, tag="toys.bill.billed.v1"):
    lines: tuple[Line, ...]
    tags: frozenset[str] = frozenset()
    by_name: dict[str, int] = msgspec.field(default_factory=dict)


class Pay(Command, tag="toys.bill.pay.v2"):
    amount: Money


class IsPaid(Question, tag="toys.bill.is_paid.v1"):
    bill: str


TYPES: dict[str, type[Message]] = {name_of(item): item for item in (Billed, Pay, IsPaid)}
CONTEXT = Context(id="1", source="/toys/bill/ACME/b", key="ACME", at=NOON, correlation="j", cause="0")
GOOD = b'{"lines": [{"price": {"amount": "1.00", "currency": "EUR"}}]}'
BILLED = "q2c.evt.toys.bill.billed.v1.3.ACME"


def hear(body: bytes, subject: str = BILLED, **received: Any) -> Message:
    return wire.hear(Received(subject, body, **received), TYPES)


def refused(body: bytes, subject: str = BILLED) -> str:
    with pytest.raises(Refused) as problem:
        hear(body, subject)
    return problem.value.reason


def enveloped(data: bytes, **changes: str) -> bytes:
    attributes = {"specversion": "1.0", "id": "x", "source": "/x", "type": "toys.bill.billed.v1", **changes}
    return msgspec.json.encode({**attributes, "data": msgspec.Raw(data)})


def test_every_message_of_the_mesh_has_one_name_and_one_kind() -> None:
    for name, item in wire.catalogue().items():
        assert name == name_of(item)
        assert wire.parse(wire.subject(item, "KEY")).name == name
        assert wire.kind(item) in ("cmd", "evt", "ask")


def test_every_service_has_the_runtimes_own_messages() -> None:
    for service in ("commercial", "delivery", "finance", "observability"):
        for item in runtime.of(service).all:
            assert wire.catalogue()[name_of(item)] is item


def test_a_subject_tells_kind_service_entity_name_key_and_partition() -> None:
    assert wire.parse("q2c.cmd.toys.bill.pay.v2.ACME") == Place("cmd", "toys", "bill", "toys.bill.pay.v2", "ACME", None)
    assert wire.parse("q2c.evt.toys.bill.billed.v1.3.ACME").partition == 3
    assert wire.subject(Pay, "ACME") == "q2c.cmd.toys.bill.pay.v2.ACME"
    assert wire.subject(IsPaid, "ACME") == "q2c.ask.toys.bill.is_paid.v1.ACME"
    assert wire.subject(Billed, "ACME", 3) == BILLED


@pytest.mark.parametrize(
    "subject",
    [
        "q2c.cmd.toys.bill.pay.ACME",
        "q2c.cmd.toys.bill.pay.v0.ACME",
        "q2c.sys.toys.bill.pay.v1.ACME",
        "x.cmd.toys.bill.pay.v1.ACME",
        "q2c.cmd.Toys.bill.pay.v1.ACME",
        "q2c.cmd.toys.bill.pay.v1.x.ACME",
        "q2c.cmd.toys.bill.pay.v1.²",
        "q2c.cmd.toys.bill.pay.v1.",
    ],
)
def test_a_malformed_subject_is_refused(subject: str) -> None:
    with pytest.raises(Refused):
        wire.parse(subject)


def test_a_bad_key_or_an_unknown_name_has_no_subject() -> None:
    with pytest.raises(ValueError, match="must be 1 to 64"):
        wire.subject(Pay, "A.B")
    with pytest.raises(LookupError, match=r"no message named toys\.bill\.eaten\.v1"):
        wire.subject("toys.bill.eaten.v1", "A")


@pytest.mark.parametrize(("key", "of_eight"), [("ACME", 7), ("DE01", 5), ("A$B", 6)])
def test_partitions_are_those_of_the_server(key: str, of_eight: int) -> None:
    assert wire.partition(key, 8) == of_eight


def test_what_is_said_is_heard_with_its_context() -> None:
    said = Billed(lines=(Line(price=Money("1", "EUR")),), tags=frozenset("cab"), by_name={"b": 1, "a": 2})
    body = wire.envelope(said, CONTEXT)
    heard = hear(body, sequence=9)
    assert heard == said
    assert heard.context == msgspec.structs.replace(CONTEXT, sequence=9)
    assert body.startswith(b'{"specversion":"1.0","id":"1","source":"/toys/bill/ACME/b","type":"toys.bill.billed.v1",')
    assert b'"time":"2026-03-10T12:00:00Z","datacontenttype":"application/json","correlationid":"j"' in body
    assert b'"tags":["a","b","c"],"by_name":{"a":2,"b":1}' in body


def test_bare_data_is_heard_with_the_streams_time_and_a_name_from_the_log() -> None:
    heard = hear(GOOD, sequence=7, timestamp=1_773_144_000_123_456_789)
    assert (heard.id, heard.correlation, heard.key) == ("Q2C:7", "Q2C:7", "ACME")
    assert heard.at == datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=UTC)
    named = hear(GOOD, headers={"Nats-Msg-Id": "mine"}, sequence=7)
    assert named.id == "mine"
    assert wire.hear(Received(BILLED, GOOD, 7, 5), TYPES, NOON).at == NOON


def test_the_type_is_optional_in_data_and_must_agree_where_it_is_given() -> None:
    assert hear(GOOD.replace(b"{", b'{"type": "toys.bill.billed.v1", ', 1)) == hear(GOOD)
    assert "at `$.type`" in refused(GOOD.replace(b"{", b'{"type": "toys.bill.pay.v2", ', 1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b'{"lines": [{"price": {"amount": 1, "currency": "EUR"}}]}',
            "Expected `str`, got `int` - at `$.lines[0].price.amount`",
        ),
        (
            b'{"lines": [{"price": {"amount": "1.001", "currency": "EUR"}}]}',
            "more decimals than the 2 of EUR - at `$.lines[0].price`",
        ),
        (b'{"lines": [{"price": {"amount": "NaN", "currency": "EUR"}}]}', "at `$.lines[0].price.amount`"),
        (b'{"lines": [{"price": {"amount": "1", "currency": "XYZ"}}]}', "unknown currency 'XYZ'"),
        (b"{}", "missing required field `lines`"),
        (b"[]", "Expected `object`, got `array`"),
    ],
)
def test_a_bare_and_an_enveloped_body_are_refused_with_the_same_path(data: bytes, reason: str) -> None:
    assert reason in refused(data)
    assert refused(data) == refused(enveloped(data))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"type": "toys.bill.pay.v2"},
            "the envelope says toys.bill.pay.v2, its subject toys.bill.billed.v1 - at `$.type`",
        ),
        ({"partitionkey": "OTHER"}, "the envelope's key is OTHER, its subject's ACME - at `$.partitionkey`"),
        ({"time": "2026-01-01T00:00:00"}, "timezone"),
        ({"time": "0001-01-01T00:00:00+10:00"}, "cannot be told in UTC"),
        ({"specversion": "2.0"}, "at `$.specversion`"),
        ({"id": ""}, "at `$.id`"),
    ],
)
def test_an_envelope_that_contradicts_its_subject_is_refused(changes: dict[str, str], reason: str) -> None:
    assert reason in refused(enveloped(GOOD, **changes))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff", b'"\xff"', b"null", b"nul", b'{"lines": [],}', b"{} {}"),
        *(b"[" * 100_000, b'{"specversion":' + b"[" * 100_000, b'{"x":' * 50_000),
        b'{"lines": []' + b" " * wire.MAX_BODY + b"}",
    ],
)
def test_anything_else_is_refused_and_never_raises_otherwise(body: bytes) -> None:
    assert refused(body)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"lines": [], "lines": []}', "the JSON has the name 'lines' twice in one object"),
        (b'{"lines": [], "x": {"a": 1, "\\u0061": 2}}', "the JSON has the name 'a' twice in one object"),
        (b'{"lines": [], "x": "\xff"}', "the body is not UTF-8"),
        (b'{"lines": [], "x": %s}' % (b"9" * 5000), "a number in the JSON has thousands of digits"),
    ],
)
def test_json_that_two_readers_may_read_differently_is_refused(data: bytes, reason: str) -> None:
    for body in (data, enveloped(data)):
        assert reason in refused(body)


def test_the_names_of_an_envelope_are_said_once_too() -> None:
    assert "the name 'id' twice" in refused(enveloped(GOOD).replace(b'"id":"x"', b'"id":"x","id":"y"'))


def test_a_body_of_many_names_is_looked_at_once() -> None:
    names = b",".join(b'"%d":0' % number for number in range(45_000))
    assert "the name '44999' twice" in refused(b'{"lines": [],%s,"44999":0}' % names)


def test_what_an_owner_has_said_is_not_looked_at_again() -> None:
    """Its batch tells: it was written by the same encoder. Of a name said twice, every process takes the last."""
    heard = hear(b'{"lines": [], "by_name": {"a": 1, "a": 2}}', headers={"Nats-Batch-Sequence": "1"})
    assert isinstance(heard, Billed)
    assert heard.by_name == {"a": 2}


def test_a_cause_is_no_longer_than_an_id_may_be() -> None:
    assert "`$.causationid`" in refused(enveloped(GOOD, causationid="x" * 257))


@given(st.binary(max_size=60))
def test_no_bytes_whatever_raise_anything_but_refused(body: bytes) -> None:
    for prefix in (b"", b'{"lines":', b'{"specversion":"1.0",'):
        with suppress(Refused):
            hear(prefix + body)


def test_an_unknown_name_or_the_wrong_kind_is_refused() -> None:
    assert "no message named toys.bill.eaten.v1" in refused(GOOD, "q2c.evt.toys.bill.eaten.v1.3.ACME")
    assert "published on q2c.cmd, not on q2c.evt" in refused(GOOD, "q2c.evt.toys.bill.pay.v2.3.ACME")


def test_an_envelope_from_elsewhere_may_order_its_attributes_as_it_likes() -> None:
    body = (
        b'{"data": '
        + GOOD
        + b', "type": "toys.bill.billed.v1", "source": "/x", "id": "x", "specversion": "1.0", "y": 1}'
    )
    assert hear(body).id == "x"


def test_a_retired_version_is_raised_to_the_one_that_followed() -> None:
    retired = {
        "toys.bill.pay.v1": upcast.Upcast("toys.bill.pay.v2", lambda data: {"amount": {**data, "currency": "EUR"}}),
    }
    for body in (b'{"amount": "5.00"}', enveloped(b'{"amount": "5.00"}', type="toys.bill.pay.v1")):
        heard = wire.hear(Received("q2c.cmd.toys.bill.pay.v1.3.ACME", body), TYPES, retired=retired)
        assert heard == Pay(amount=Money("5.00", "EUR"))
        assert heard.key == "ACME"
    with pytest.raises(Refused, match=r"`\$\.amount\.amount`"):
        wire.hear(Received("q2c.cmd.toys.bill.pay.v1.3.ACME", b'{"amount": 5}'), TYPES, retired=retired)
    for bare in (b"{}", b'{"amount": {"amount": %s}}' % (b"[" * 60_000)):
        with pytest.raises(Refused):
            wire.hear(Received("q2c.cmd.toys.bill.pay.v1.3.ACME", bare), TYPES, retired=retired)
    assert upcast.ancestors("toys.bill.pay.v2", retired) == ("toys.bill.pay.v2", "toys.bill.pay.v1")
    assert upcast.successor("toys.bill.pay.v1", retired) == "toys.bill.pay.v2"


def test_data_that_an_upcast_cannot_raise_is_refused() -> None:
    retired = {"toys.bill.pay.v1": upcast.Upcast("toys.bill.pay.v2", lambda data: {"amount": data["cents"] / 0})}
    for body, reason in ((b"{}", "KeyError: 'cents'"), (b'{"cents": 5}', "ZeroDivisionError")):
        with pytest.raises(Refused, match=reason):
            wire.hear(Received("q2c.cmd.toys.bill.pay.v1.3.ACME", body), TYPES, retired=retired)


def test_data_at_which_a_contract_itself_fails_is_refused() -> None:
    class Split(Command, tag="toys.bill.split.v1"):
        """Its own check has a bug."""

        parts: int

        def __post_init__(self) -> None:
            assert 100 / self.parts

    with pytest.raises(Refused, match="division by zero"):
        wire.decode(Split, b'{"parts": 0}')


def test_ids_and_traces_are_derived_from_what_was_heard() -> None:
    first = wire.derive("cause", "/toys/bill/ACME/b", 0)
    assert first == wire.derive("cause", "/toys/bill/ACME/b", 0)
    assert len({first, wire.derive("cause", "/toys/bill/ACME/b", 1), wire.derive("cause", "/toys/bill/ACME/c", 0)}) == 3
    assert len(first) == 32
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    assert wire.trace(parent, "j", first)[3:35] == "a" * 32
    assert wire.trace(None, "j", first)[3:35] == wire.trace("nonsense", "j", "other")[3:35]
    assert wire.trace(parent, "j", first) != parent


def test_two_types_of_one_name_are_refused() -> None:
    class Again(Event, tag="toys.message.rejected.v1"):
        """Takes a name of the runtime's own."""

    with pytest.raises(TypeError, match="are both named"):
        wire.with_runtime({name_of(Again): Again})
