"""A bug parks one actor: what concerns it waits in order, everything else flows, and nothing is lost or reordered."""

import pytest

from contracts import runtime
from contracts.message import Message
from contracts.runtime import ActorDiscarded, ActorParked, ActorRetried, ActorWaiting, MessageRejected
from shared.log import Log
from tests.runtime.toys import glass
from tests.runtime.toys.messages import Touch, Touched
from tests.runtime.toys.playground import Playground, dies_after

OWN = runtime.of("toys")


def touch(text: str, glass_id: str = "g") -> Touch:
    return Touch(glass=glass_id, text=text)


def retry(actor: str = "g") -> Message:
    return OWN.retry(entity="glass", actor=actor)


def discard(sequence: int | None = None, actor: str = "g") -> Message:
    return OWN.discard(entity="glass", actor=actor, reason="not worth mending", sequence=sequence)


async def texts(playground: Playground) -> list[str]:
    return [event.text for event in await playground.heard(Touched)]


async def test_a_bug_parks_the_actor_and_the_others_go_on(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(touch("softly"))
        head = await playground.say(touch("rough"))
        behind = await playground.say(touch("again"))
        await playground.say(touch("other", "h"))
        await playground.quiet(toys)
        assert await texts(playground) == ["softly", "other"]
        (parked,) = toys.owner.parked()
        assert (parked.entity, parked.key, parked.actor) == ("glass", "ACME", "g")
        assert parked.reason == "decide raised RuntimeError: rough after 1"
        assert [waits.sequence for waits in parked.waiting] == [head, behind]
        (fact,) = await playground.heard(ActorParked)
        assert (fact.sequence, fact.key, fact.context.source) == (head, "ACME", "/toys/runtime")
        assert [fact.sequence for fact in await playground.heard(ActorWaiting)] == [behind]


async def test_after_a_fix_a_retry_hears_all_that_waited_in_order(playground: Playground) -> None:
    async with playground.running() as toys:
        for text in ("rough", "second", "third"):
            await playground.say(touch(text))
        await playground.quiet(toys)
        glass.rough.clear()
        await playground.say(retry())
        await playground.say(touch("fourth"))
        await playground.quiet(toys)
        assert await texts(playground) == ["rough", "second", "third", "fourth"]
        assert toys.owner.parked() == ()
        assert len(await playground.heard(ActorRetried)) == 3
        assert (await toys.state("glass", "ACME", "g")).touched == ("rough", "second", "third", "fourth")
        assert (await toys.owner.verify()).differences == ()


async def test_what_is_said_on_a_retry_answers_the_original(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(touch("rough"), id="original")
        await playground.quiet(toys)
        glass.rough.clear()
        await playground.say(retry())
        await playground.quiet(toys)
        (touched,) = await playground.heard(Touched)
        assert (touched.context.cause, touched.correlation) == ("original", "j-original")


async def test_a_retry_without_a_fix_parks_again_with_the_new_reason(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(touch("rough"))
        await playground.say(touch("second"))
        await playground.say(retry())
        await playground.quiet(toys)
        (parked,) = toys.owner.parked()
        assert len(parked.waiting) == 2
        assert len(await playground.heard(ActorParked)) == 2
        assert (await toys.owner.verify()).differences == ()


async def test_a_discard_gives_up_the_head_with_a_reason_and_goes_on(playground: Playground) -> None:
    async with playground.running() as toys:
        head = await playground.say(touch("rough"))
        await playground.say(touch("second"))
        await playground.say(discard(head))
        await playground.quiet(toys)
        assert await texts(playground) == ["second"]
        (discarded,) = await playground.heard(ActorDiscarded)
        assert (discarded.sequence, discarded.reason) == (head, "not worth mending")
        assert toys.owner.parked() == ()
        assert (await toys.owner.verify()).differences == ()


async def test_the_next_bug_behind_a_discarded_head_parks_the_actor_again(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(touch("rough"))
        await playground.say(touch("second"))
        second = await playground.say(touch("rough"))
        await playground.say(discard())
        await playground.quiet(toys)
        (parked,) = toys.owner.parked()
        assert (parked.reason, [waits.sequence for waits in parked.waiting]) == (
            "decide raised RuntimeError: rough after 1",
            [second],
        )


async def test_a_word_about_an_actor_that_is_not_parked_is_rejected(playground: Playground) -> None:
    async with playground.running() as toys:
        sequence = await playground.say(retry("nobody"))
        await playground.say(touch("rough"))
        await playground.say(discard(1))
        await playground.quiet(toys)
        first, second = await playground.heard(MessageRejected)
        assert (first.sequence, first.reason) == (sequence, "glass/ACME/nobody is not parked")
        assert "not at 1" in second.reason


async def test_parked_actors_survive_a_restart_and_a_lost_disk(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(touch("rough"))
        await playground.say(touch("second"))
        await playground.quiet(toys)
        before = toys.owner.parked()
    async with playground.running() as toys:
        await playground.quiet(toys)
        assert toys.owner.parked() == before
    async with playground.running("another disk") as toys:
        await playground.quiet(toys)
        assert toys.owner.parked() == before
        await playground.say(touch("third"))
        glass.rough.clear()
        await playground.say(retry())
        await playground.quiet(toys)
        assert await texts(playground) == ["rough", "second", "third"]


async def test_who_cannot_be_told_waits_for_nobody_and_is_heard_after_a_fix(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(touch("nowhere"))
        await playground.say(touch("softly"))
        await playground.quiet(toys)
        (parked,) = toys.owner.parked()
        assert (parked.actor, parked.reason) == ("-", "actor_id raised LookupError: which glass?")
        glass.rough.clear()
        await playground.say(retry("-"))
        await playground.quiet(toys)
        assert await texts(playground) == ["softly", "nowhere"]
        assert toys.owner.parked() == ()
        assert (await toys.owner.verify()).differences == ()


async def test_killed_in_the_middle_of_a_long_drain_each_message_is_heard_once(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = await playground.open()
    await playground.say(touch("rough"))
    await playground.say_all(touch(f"n{n}") for n in range(1200))
    await playground.quiet(toys)
    glass.rough.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Log, "commit", dies_after(1))
        await playground.say(retry())
        with pytest.raises(ConnectionError):
            await toys.task
        await playground.kill(toys)
    assert 0 < len(await playground.heard(ActorRetried)) < 1201
    async with playground.running() as toys:
        await playground.quiet(toys)
        assert await texts(playground) == ["rough", *(f"n{n}" for n in range(1200))]
        assert toys.owner.parked() == ()
        assert (await toys.owner.verify()).differences == ()
