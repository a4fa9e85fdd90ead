"""States are folded from what was said, never decided again: code that has changed since does not break a restore."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from contracts import upcast
from contracts.message import Event, Identifier, Message, Record, name_of
from shared.folding import RestoreFailed
from tests.runtime.toys import counter, echo, price
from tests.runtime.toys.changed import changed, wired
from tests.runtime.toys.messages import TYPES, Add, Added, Count, Counted, Repeat, Repeated, SetPrice
from tests.runtime.toys.playground import Playground


@pytest.fixture
async def lived(playground: Playground) -> Playground:
    """Ten additions to a counter, which an echo has heard, and a price; a snapshot of it all."""
    async with playground.running(kept_every=1) as toys:
        for _ in range(10):
            await playground.say(Add(counter="loud", amount=1))
        await playground.say(SetPrice(price="p", amount=3))
        await playground.quiet(toys)
        await playground.kept(at_least=(await playground.heard(Added))[-1].context.sequence)
    return playground


async def test_a_changed_decision_decides_what_comes_and_nothing_that_was(lived: Playground) -> None:
    def doubles(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        return [Added(counter=message.counter, total=2 * state.total)]

    lived.code = wired(changed(counter, decide=doubles))
    async with lived.running("another disk") as toys:
        await lived.quiet(toys)
        assert (await toys.state("counter", "ACME", "loud")).total == 10
        await lived.say(Add(counter="loud", amount=1))
        await lived.quiet(toys)
        assert (await toys.state("counter", "ACME", "loud")).total == 20
        assert (await toys.owner.verify()).differences == ()


class Remembering(Record):
    """A counter that knows its history, as it did not before."""

    total: int = 0
    totals: tuple[int, ...] = ()


def remember_decide(state: Remembering, message: Add) -> Sequence[Added | Repeat]:
    return [Added(counter=message.counter, total=state.total + message.amount)]


def remember_evolve(state: Remembering, event: Added) -> Remembering:
    return Remembering(total=event.total, totals=(*state.totals, event.total))


def remember_answer(state: Remembering, question: Count) -> Counted:
    assert question.counter
    return Counted(total=state.total)


@pytest.mark.parametrize("folder", ["a", "another disk"])
async def test_a_state_of_another_shape_is_folded_from_the_first_message_on(lived: Playground, folder: str) -> None:
    later = changed(
        counter, initial=Remembering(), decide=remember_decide, evolve=remember_evolve, answer=remember_answer
    )
    lived.code = wired(later)
    async with lived.running(folder, kept_every=1_000_000) as toys:
        await lived.quiet(toys)
        assert (await toys.state("counter", "ACME", "loud")).totals == tuple(range(1, 11))
        assert (await toys.state("echo", "ACME", "loud")).times == 10
        assert (await toys.owner.verify()).differences == ()


class Summed(Event, tag="toys.counter.added.v2"):
    """What replaced `Added`: its total has another name."""

    counter: Identifier
    sum: int


def sum_decide(state: counter.Counter, message: Add) -> Sequence[Summed | Repeat]:
    return [Summed(counter=message.counter, sum=state.total + message.amount)]


def sum_evolve(state: counter.Counter, event: Summed) -> counter.Counter:
    assert event.sum == state.total + 1
    return counter.Counter(total=event.sum)


def sum_heard(message: Repeat | Summed) -> str | None:
    return message.echo if isinstance(message, Repeat) else "loud"


def sum_repeated(state: echo.Echo, message: Repeat | Summed) -> Sequence[Repeated]:
    assert sum_heard(message)
    return [Repeated(echo="loud", times=state.times + 1)]


async def test_what_was_said_in_a_version_that_is_retired_is_folded_as_the_one_that_replaced_it(
    lived: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named_anew(data: dict[str, Any]) -> dict[str, Any]:
        return {"counter": data["counter"], "sum": data["total"]}

    raised = upcast.Upcast(name_of(Summed), named_anew)
    monkeypatch.setitem(cast("dict[str, upcast.Upcast]", upcast.RETIRED), name_of(Added), raised)
    types: dict[str, type[Message]] = {
        **{name: item for name, item in TYPES.items() if item is not Added},
        name_of(Summed): Summed,
    }
    later = changed(counter, decide=sum_decide, evolve=sum_evolve)
    lived.code = wired(later, changed(echo, actor_id=sum_heard, decide=sum_repeated), types=types)
    async with lived.running("another disk") as toys:
        await lived.say(Add(counter="loud", amount=1))
        await lived.quiet(toys)
        assert (await toys.state("counter", "ACME", "loud")).total == 11
        assert (await toys.state("echo", "ACME", "loud")).times == 11
        assert (await toys.owner.verify()).differences == ()


async def test_an_entity_that_is_gone_is_left_on_the_log(lived: Playground) -> None:
    lived.code = wired(without=(price,))
    async with lived.running("another disk") as toys:
        await lived.quiet(toys)
        assert (await toys.state("counter", "ACME", "loud")).total == 10
        with pytest.raises(LookupError, match="toys has no entity price"):
            await toys.state("price", "ACME", "p")
        assert (await toys.owner.verify()).differences == ()


async def test_an_event_that_its_actor_folds_no_more_is_never_left_out_in_silence(lived: Playground) -> None:
    def says_nothing(_state: echo.Echo, _message: Repeat | Added) -> Sequence[Repeat]:
        return []

    def folds_nothing(state: echo.Echo, _event: Event) -> echo.Echo:
        return state

    lived.code = wired(changed(echo, decide=says_nothing, evolve=folds_nothing))
    with pytest.raises(RestoreFailed, match=r"toys.echo.repeated.v1 at log sequence \d+ was said by echo, which says"):
        async with lived.running("another disk"):
            pass
