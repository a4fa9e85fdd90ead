"""The checker finds what is wrong with a log, whatever it is, and nothing in one that is right."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import msgspec
import pytest
from msgspec.structs import replace

from contracts import wire
from contracts.wire import Received
from infra.checker import Law, check
from tests.runtime.toys.messages import Add
from tests.runtime.toys.playground import wiring
from tests.simulation.simulating import undisturbed

SEEDS = range(8)
"""Together they say everything that the toys can say."""


@cache
def log(seed: int) -> Sequence[Received]:
    return undisturbed("toys", seed).log


def laws(messages: Sequence[Received], *, quiet: bool = True) -> set[Law]:
    """The laws that the log breaks."""
    return {finding.law for finding in check(messages, [wiring()], 4, quiet=quiet)}


def places(messages: Sequence[Received], name: str) -> Iterator[int]:
    """Where on the log something of that name is said by its service."""
    for place, received in enumerate(messages):
        if f".{name}." in received.subject and "Nats-Batch-Id" in received.headers:
            yield place


def with_changed(seed: int, name: str, change: Callable[[Received], Received | None]) -> list[Received]:
    """The log with the last message of that name changed or left out."""
    messages = list(log(seed))
    *_, place = places(messages, name)
    changed = change(messages[place])
    messages[place : place + 1] = [] if changed is None else [changed]
    return messages


def with_one_more(seed: int, received: Received) -> list[Received]:
    """The log with a message behind its end, and behind that the cursor of its partition once more."""
    messages = list(log(seed))
    last = messages[-1].sequence
    partition = received.subject.split(".")[6]
    cursor = next(one for one in reversed(messages) if one.subject == f"q2c.sys.cursor.toys.{partition}")
    input_ = msgspec.json.decode(cursor.body) | {"input": last}
    batch = {"Nats-Batch-Id": "planted"} if received.headers else {}
    return [
        *messages,
        replace(received, sequence=last + 1, headers=batch | {"Nats-Batch-Sequence": "1"} if batch else {}),
        replace(cursor, sequence=last + 2, body=msgspec.json.encode(input_), headers={}),
    ]


def said(seed: int, name: str) -> Received:
    *_, place = places(log(seed), name)
    return log(seed)[place]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_wrong_with_a_log_that_is_right(seed: int) -> None:
    assert laws(log(seed)) == set()
    assert laws(log(seed), quiet=False) == set()


def test_the_logs_that_are_looked_at_hold_all_that_can_happen() -> None:
    names = {".".join(received.subject.split(".")[2:6]) for seed in SEEDS for received in log(seed)}
    told = {"counter.added", "echo.repeated", "alarm.rang", "glass.touched", "rate.agreed", "price.priced"}
    runtime = {"actor.parked", "actor.waiting", "actor.retried", "actor.discarded", "message.rejected"}
    assert {f"toys.{name}.v1" for name in told | runtime} <= names


@pytest.mark.parametrize("name", ["glass.touched", "actor.waiting", "message.rejected", "rate.heard", "alarm.rang"])
def test_an_effect_that_is_lost_is_found(name: str) -> None:
    for seed in SEEDS:
        if any(places(log(seed), name)):
            assert "lost" in laws(with_changed(seed, name, lambda _: None))


def test_an_effect_that_is_there_twice_is_found() -> None:
    assert laws(with_one_more(0, said(0, "glass.touched"))) == {"twice"}


def test_an_effect_that_says_something_else_is_found() -> None:
    def changed(received: Received) -> Received:
        return replace(received, body=received.body.replace(b'"text":"at last"', b'"text":"at most"'))

    assert laws(with_changed(0, "glass.touched", changed)) == {"different", "lost"}


def test_effects_in_another_order_than_their_causes_are_found() -> None:
    messages = list(log(0))
    actor = said(0, "glass.touched").subject
    *_, one, other = (place for place in places(messages, "glass.touched") if messages[place].subject == actor)
    first, second = messages[one], messages[other]
    messages[one], messages[other] = replace(first, body=second.body), replace(second, body=first.body)
    assert laws(messages) == {"out of order"}


def test_an_event_that_somebody_puts_on_the_log_by_hand_is_found() -> None:
    forged = replace(said(0, "glass.touched"), headers={})
    assert laws(with_one_more(0, forged)) == {"without cause"}


def test_an_event_in_the_name_of_a_service_that_nothing_brought_about_is_found() -> None:
    original = said(0, "glass.touched")
    body = original.body.replace(b'"id":"', b'"id":"f0', 1)
    assert laws(with_one_more(0, replace(original, body=body))) == {"without cause"}


def test_an_event_of_a_service_with_a_foreign_source_is_found() -> None:
    body = said(0, "glass.touched").body.replace(b'"source":"/toys/', b'"source":"/elsewhere/', 1)
    assert laws(with_one_more(0, replace(said(0, "glass.touched"), body=body))) == {"without cause"}


def test_a_command_that_has_had_no_effect_is_found_unless_it_may_still_come() -> None:
    stored = wire.subject(Add, "ACME", wire.partition("ACME", 4))
    last = log(0)[-1].sequence
    unheard = [*log(0), Received(stored, wire.encode(Add(counter="c", amount=1)), last + 1)]
    assert laws(unheard) == {"lost"}
    assert laws(unheard, quiet=False) == set()


def test_what_cannot_be_heard_and_is_not_rejected_is_found() -> None:
    stored = wire.subject(Add, "ACME", wire.partition("ACME", 4))
    last = log(0)[-1].sequence
    assert laws([*log(0), Received(stored, b"{}", last + 1)]) == {"lost"}


def test_an_effect_of_what_the_cursor_says_is_unheard_is_found() -> None:
    messages = list(log(0))
    for place, received in enumerate(messages):
        if received.subject.startswith("q2c.sys.cursor."):
            cursor = msgspec.json.decode(received.body) | {"input": 0}
            messages[place] = replace(received, body=msgspec.json.encode(cursor))
    assert laws(messages) == {"cursor"}


def test_an_effect_that_no_cursor_follows_is_found() -> None:
    messages = list(log(0))
    *_, place = places(messages, "counter.added")
    partition = messages[place].subject.split(".")[6]
    cursor = f"q2c.sys.cursor.toys.{partition}"
    cut = [one for one in messages if one.subject != cursor or one.sequence < messages[place].sequence]
    assert "cursor" in laws(cut)


def test_what_anybody_else_has_put_where_cursors_are_is_no_cursor() -> None:
    last = log(0)[-1].sequence
    assert laws([*log(0), Received("q2c.sys.cursor.toys.0", b"no cursor", last + 1)]) == set()


@pytest.mark.parametrize("change", [{"epoch": 0}, {"owner": "somebody else"}, {"input": 10**6}])
def test_a_cursor_that_is_not_its_owners_or_knows_too_much_is_found(change: dict[str, int | str]) -> None:
    messages = list(log(0))
    place = max(place for place, one in enumerate(messages) if one.subject.startswith("q2c.sys.cursor."))
    cursor = msgspec.json.decode(messages[place].body) | change
    messages[place] = replace(messages[place], body=msgspec.json.encode(cursor))
    assert laws(messages) == {"cursor"}


def test_a_batch_that_is_not_in_one_piece_is_found() -> None:
    messages = list(log(0))
    numbers = [int(one.headers.get("Nats-Batch-Sequence", 0)) for one in messages]
    place = numbers.index(2)
    messages[place] = replace(messages[place], headers={**messages[place].headers, "Nats-Batch-Sequence": "9"})
    assert laws(messages) == {"batch"}
