"""The wiring is read from signatures, and a module that contradicts itself does not start."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import msgspec
import pytest

from contracts import wire
from contracts.message import Command, Context, Record, Wake
from shared import deciding
from shared.decider import StateCodec, WiringError, asked, fold, hears, says, wire_actor, wire_service
from shared.store import ActorRef
from tests.runtime.toys import alarm, counter, echo, glass, price, rate, reference
from tests.runtime.toys.messages import (
    TYPES,
    Add,
    Added,
    AlarmRang,
    AlarmSet,
    Count,
    Counted,
    Priced,
    RateTold,
    Repeat,
    Repeated,
    SetAlarm,
    SetPrice,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ADD = Add(counter="c", amount=1)


def module(**changes: Any) -> ModuleType:
    """A counter with some of its functions replaced."""
    made = ModuleType("toys.counter")
    made.__dict__.update({name: item for name, item in vars(counter).items() if not name.startswith("_")})
    made.__dict__.update(changes)
    return made


def wrong(**changes: Any) -> str:
    with pytest.raises(WiringError) as problem:
        wire_service("toys", [module(**changes)], None, TYPES)
    return str(problem.value)


def decided(**changes: Any) -> deciding.Decision:
    """What a counter with these functions says to an addition."""
    actor = wire_actor("toys", module(**changes))
    message = ADD.heard(Context(id="m", source="/tests", key="ACME", at=NOON, correlation="j"))
    return deciding.decide(actor, ActorRef("counter", "ACME", "c"), 3, deciding.fresh(actor), message, None)


def test_what_an_actor_hears_says_and_answers_is_in_its_signatures() -> None:
    assert hears(alarm) == (SetAlarm, Wake)
    assert says(alarm) == (AlarmSet, AlarmRang)
    assert says(counter) == (Added, Repeat)
    assert asked(counter) == {Count: Counted}
    assert asked(echo) == {}


def test_a_service_knows_who_hears_what() -> None:
    wiring = wire_service("toys", [alarm, counter, echo, glass, price, rate], reference, TYPES)
    assert [actor.entity for actor in wiring.hearers[Added]] == ["echo"]
    assert wiring.actors["alarm"].hears == (SetAlarm,)
    assert wiring.actors["price"].wants_reference
    assert not wiring.actors["counter"].wants_reference
    assert wiring.reference_hears == (RateTold,)
    assert wiring.broadcasts == {RateTold}
    assert wiring.actors["price"].broadcasts == (RateTold,)


def test_a_state_is_the_fold_of_events() -> None:
    assert fold(echo, echo.initial, [Repeated(echo="e", times=1), Repeated(echo="e", times=2)]).times == 2


def test_the_fingerprint_changes_with_the_shape_of_a_state_only() -> None:
    class Wider(Record):
        times: int = 0
        more: str = ""

    def decide(state: Wider, message: Repeat) -> Sequence[Repeated]:
        raise NotImplementedError

    def evolve(state: Wider, event: Repeated) -> Wider:
        raise NotImplementedError

    wider = ModuleType("toys.echo")
    wider.__dict__.update(actor_id=echo.actor_id, decide=decide, evolve=evolve, initial=Wider())
    plain = wire_service("toys", [echo], None, TYPES)
    assert plain.fingerprint(8) == wire_service("toys", [echo], None, TYPES).fingerprint(8)
    changed = wire_service("toys", [wider], None, TYPES)
    assert len({plain.fingerprint(8), plain.fingerprint(4), changed.fingerprint(8)}) == 3


def test_a_state_does_not_tell_in_which_order_it_came_about() -> None:
    class State(Record):
        by_name: dict[str, int] = msgspec.field(default_factory=dict)

    codec = StateCodec(State)
    assert list(codec.settle(State(by_name={"b": 1, "a": 2})).by_name) == ["a", "b"]


def test_a_module_without_a_function_or_an_annotation_does_not_start() -> None:
    def unannotated(state, message):  # type: ignore[no-untyped-def]  # this is what is refused
        return [state, message]

    def says_nothing_at_all(state: counter.Counter, message: Add) -> None:
        raise NotImplementedError

    made = module()
    del made.__dict__["evolve"]
    with pytest.raises(WiringError, match="has no evolve"):
        wire_service("toys", [made], None, TYPES)
    assert "does not annotate state, message" in wrong(decide=unannotated)
    assert "must be annotated to return a Sequence" in wrong(decide=says_nothing_at_all)


def test_signatures_that_contradict_each_other_do_not_start() -> None:
    def hears_wake(state: counter.Counter, message: Add | Wake) -> Sequence[Added]:
        raise NotImplementedError

    def hears_others(state: counter.Counter, message: Repeat) -> Sequence[Added]:
        raise NotImplementedError

    def says_others(state: counter.Counter, message: Add) -> Sequence[Added | Repeated]:
        raise NotImplementedError

    def hears_questions(state: counter.Counter, message: Count) -> Sequence[Added]:
        raise NotImplementedError

    def hears_text(state: counter.Counter, message: str) -> Sequence[Added]:
        raise NotImplementedError

    def folds_others(state: counter.Counter, event: Repeated) -> counter.Counter:
        raise NotImplementedError

    def folds_another_state(state: echo.Echo, event: Added) -> counter.Counter:
        raise NotImplementedError

    def wants_reference(state: counter.Counter, message: Add, known: reference.Reference) -> Sequence[Added]:
        raise NotImplementedError

    assert "must both hear Wake and have `wakes`" in wrong(decide=hears_wake)
    assert "hears the command toys.echo.repeat.v1, which is addressed to another" in wrong(decide=hears_others)
    assert "says the event toys.echo.repeated.v1, which is another entity's" in wrong(decide=says_others)
    assert "hears the question toys.counter.count.v1" in wrong(decide=hears_questions)
    assert "is not a message type" in wrong(decide=hears_text)
    assert "different events: Added, Repeated" in wrong(evolve=folds_others)
    assert "evolve takes another state than decide" in wrong(evolve=folds_another_state)
    assert "takes a reference and the service has none" in wrong(decide=wants_reference)


def test_a_state_that_cannot_be_kept_does_not_start() -> None:
    class ByDay(Record):
        minutes: dict[date, int] = msgspec.field(default_factory=dict)

    def decide(state: ByDay, message: Add) -> Sequence[Added]:
        raise NotImplementedError

    def evolve(state: ByDay, event: Added) -> ByDay:
        raise NotImplementedError

    assert "keys of a mapping in ByDay are not text" in wrong(decide=decide, evolve=evolve, initial=ByDay())
    assert "must be a frozen record, not int" in wrong(initial=0)


def test_two_entities_of_one_name_or_a_message_from_no_catalogue_do_not_start() -> None:
    with pytest.raises(WiringError, match="two entities named counter"):
        wire_service("toys", [counter, counter], None, TYPES)
    with pytest.raises(WiringError, match="not in the catalogue"):
        wire_service("toys", [counter], None, {})
    with pytest.raises(WiringError, match="takes another reference than"):
        wire_service("toys", [price], counter, TYPES)


def test_deciding_twice_gives_the_same_bytes() -> None:
    assert decided() == decided()


def test_whatever_raises_is_undecidable_with_the_place_where_it_did() -> None:
    def raises(*_: object) -> Any:
        raise ZeroDivisionError("oops")

    def says_too_much(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        return [Added(counter=message.counter, total=state.total)] * 901

    def says_badly(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        return [Added(counter="no key at all!", total=state.total + message.amount)]

    def says_what_it_hears(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        return [message] if state.total == 0 else []  # type: ignore[list-item]  # this is what is refused

    def addresses_events(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        return [Added(counter=message.counter, total=state.total).to("OMEGA")]

    def says_at_length(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        return [Added(counter=message.counter, total=state.total, tags=frozenset({"x" * 600_000}))]

    for changes, reason in (
        ({"decide": says_too_much}, "says 901 messages at once"),
        ({"decide": says_badly}, r"saying Added raised Refused: .*`\$\.counter`"),
        ({"decide": says_what_it_hears}, "says Add, which its signature does not name"),
        ({"decide": addresses_events}, "an event carries its own actor's key"),
        ({"decide": says_at_length}, "more than the 524288 that are allowed"),
    ):
        with pytest.raises(deciding.Undecidable, match=reason):
            decided(**changes)
    actor = wire_actor("toys", counter)
    message = ADD.heard(Context(id="m", source="/tests", key="ACME", at=NOON, correlation="j"))
    broken = deciding.Entry("no state", None, None, 0)
    with pytest.raises(deciding.Undecidable, match="decide raised AttributeError"):
        deciding.decide(actor, ActorRef("counter", "ACME", "c"), 3, broken, message, None)
    with pytest.raises(deciding.Undecidable, match=r"actor_id raised ZeroDivisionError: oops"):
        deciding.id_of(wire_actor("toys", module(actor_id=raises)), message)
    with pytest.raises(deciding.Undecidable, match="actor_id raised ValueError: 'a b' is not"):
        deciding.id_of(wire_actor("toys", module(actor_id=lambda _: "a b")), message)
    with pytest.raises(deciding.Undecidable, match="actor_id raised TypeError"):
        deciding.id_of(wire_actor("toys", module(actor_id=lambda _: 5)), message)


def test_what_a_bug_says_can_be_said() -> None:
    def raises(_state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        raise ValueError(f"\ud800 {message.counter}")

    with pytest.raises(deciding.Undecidable, match=r"decide raised ValueError: \? c"):
        decided(decide=raises)


def test_a_command_may_be_about_another_journey_and_for_another_key() -> None:
    def decide(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        assert isinstance(message, Command)
        return [Repeat(echo="e").to("OMEGA").about("another"), Added(counter="c", total=state.total)]

    (repeat, added), events, entry, kept = decided(decide=decide)
    assert repeat.subject == "q2c.cmd.toys.echo.repeat.v1.OMEGA"
    assert b'"correlationid":"another"' in repeat.body
    assert b'"correlationid":"j"' in added.body
    assert (events, entry.opener, kept) == ([1], "j", wire.encode(entry.state))


def test_a_price_is_decided_with_the_reference() -> None:
    actor = wire_actor("toys", price)
    message = SetPrice(price="p", amount=3).heard(
        Context(id="m", source="/tests", key="ACME", at=NOON, correlation="j")
    )
    known = reference.Reference(percent=7)
    decision = deciding.decide(actor, ActorRef("price", "ACME", "p"), 3, deciding.fresh(actor), message, known)
    assert decision.entry.state == price.evolve(price.initial, Priced(price="p", amount=3, with_rate=7))
