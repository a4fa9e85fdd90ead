"""A bug parks one actor: what concerns it waits in order, everything else flows, and nothing is lost or reordered."""

import json

import pytest

from contracts import runtime, wire
from contracts.message import Context, Message
from contracts.runtime import (
    ActorDiscarded,
    ActorEdited,
    ActorParked,
    ActorRetried,
    ActorWaiting,
    MessageRejected,
)
from shared.log import Log, provision
from tests.runtime.toys import glass
from tests.runtime.toys.messages import Touch, Touched
from tests.runtime.toys.playground import NOON, Playground, dies_after

OWN = runtime.of("toys")


def touch(text: str, glass_id: str = "g") -> Touch:
    return Touch(glass=glass_id, text=text)


def retry(actor: str = "g") -> Message:
    return OWN.retry(entity="glass", actor=actor)


def discard(sequence: int | None = None, actor: str = "g") -> Message:
    return OWN.discard(entity="glass", actor=actor, reason="not worth mending", sequence=sequence)


def edit(sequence: int, text: str = "mended", actor: str = "g", glass_id: str = "g") -> Message:
    data = {"glass": glass_id, "text": text}
    return OWN.edit(entity="glass", actor=actor, sequence=sequence, data=data, reason="a slip of the pen")


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


async def test_killed_in_the_middle_of_what_follows_an_edit_the_edited_message_is_heard_once(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = await playground.open()
    head = await playground.say(touch("rough"))
    await playground.say_all(touch(f"n{n}") for n in range(1200))
    await playground.quiet(toys)
    with monkeypatch.context() as patch:
        patch.setattr(Log, "commit", dies_after(1))
        await playground.say(edit(head))
        with pytest.raises(ConnectionError):
            await toys.task
        await playground.kill(toys)
    assert 0 < len(await playground.heard(ActorRetried)) < 1201
    async with playground.running("another disk") as toys:
        await playground.quiet(toys)
        assert await texts(playground) == ["mended", *(f"n{n}" for n in range(1200))]
        assert len(await playground.heard(ActorEdited)) == 1
        assert toys.owner.parked() == ()
        assert (await toys.owner.verify()).differences == ()


async def test_where_in_the_code_it_failed_is_a_fact_without_the_values_of_variables(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(touch("rough", "secret-glass"))
        await playground.quiet(toys)
        (parked,) = await playground.heard(ActorParked)
        assert 'glass.py", line' in parked.traceback
        assert "in decide" in parked.traceback
        assert parked.traceback.endswith("RuntimeError: rough after 0\n")
        assert "secret-glass" not in parked.traceback


async def test_a_traceback_without_end_is_cut_to_its_innermost_calls(playground: Playground) -> None:
    glass.rough.add("x" * 2000)
    async with playground.running() as toys:
        await playground.say(touch("x" * 2000))
        await playground.say(touch("x" * 2000, "h"))
        await playground.quiet(toys)
        parked, _ = await playground.heard(ActorParked)
        assert len(parked.traceback) <= 4001
        assert parked.traceback.endswith("x after 0\n")


async def test_an_edited_message_is_heard_in_place_of_the_head_then_all_behind_it(playground: Playground) -> None:
    async with playground.running() as toys:
        head = await playground.say(touch("rough"), id="original")
        await playground.say(touch("second"))
        told = await playground.say(edit(head), id="correction")
        await playground.say(touch("third"))
        await playground.quiet(toys)
        assert await texts(playground) == ["mended", "second", "third"]
        first = (await playground.heard(Touched))[0]
        assert (first.context.cause, first.correlation) == ("correction", "j-original")
        (edited,) = await playground.heard(ActorEdited)
        assert (edited.sequence, edited.edited, edited.context.cause) == (head, told, "correction")
        assert toys.owner.parked() == ()
        assert (await toys.owner.verify()).differences == ()


async def test_an_edited_message_that_fails_again_keeps_its_new_data(playground: Playground) -> None:
    glass.rough.add("worse")
    async with playground.running() as toys:
        head = await playground.say(touch("rough"))
        await playground.say(edit(head, "worse"))
        await playground.quiet(toys)
        (parked,) = toys.owner.parked()
        assert parked.reason == "decide raised RuntimeError: worse after 0"
    async with playground.running("another disk") as toys:
        await playground.quiet(toys)
        glass.rough.clear()
        await playground.say(retry())
        await playground.quiet(toys)
        assert await texts(playground) == ["worse"]
        assert (await toys.owner.verify()).differences == ()


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (edit(99), "not at 99"),
        (OWN.edit(entity="glass", actor="g", sequence=1, data={"glass": "g"}, reason="r"), "missing required field"),
        (edit(1, glass_id="other"), "the edited message is for glass other, not for g"),
        (edit(1, actor="nobody"), "is not parked"),
        (
            OWN.edit(entity="glass", actor="g", sequence=1, data={"glass": "g", "text": 2**63}, reason="r"),
            "Expected `str`, got `int`",
        ),
    ],
)
async def test_an_edit_that_cannot_be_heard_changes_nothing(playground: Playground, word: Message, reason: str) -> None:
    async with playground.running() as toys:
        await playground.quiet(toys)
        head = await playground.say(touch("rough"))
        if isinstance(word, runtime.EditMessage) and word.sequence == 1:
            word = OWN.edit(
                entity=word.entity, actor=word.actor, sequence=head, data=dict(word.data), reason=word.reason
            )
        await playground.say(word)
        await playground.quiet(toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert reason in rejected.reason
        (parked,) = toys.owner.parked()
        assert [waits.sequence for waits in parked.waiting] == [head]


async def test_a_rehearsal_tells_what_would_be_said_and_says_nothing(playground: Playground) -> None:
    def rehearse(data: dict[str, str] | None = None) -> runtime.Rehearse:
        context = Context(id="q", source="/tests", key="ACME", at=NOON, correlation="q")
        return OWN.rehearse(entity="glass", actor="g", data=data).heard(context)

    async with playground.running() as toys:
        await playground.say(touch("softly"))
        head = await playground.say(touch("rough"), id="original")
        behind = await playground.say(touch("behind"))
        await playground.quiet(toys)
        before = await playground.log.last()

        still = await toys.owner.rehearse(rehearse())
        assert [(one.sequence, one.problem) for one in still.messages] == [
            (head, "decide raised RuntimeError: rough after 1")
        ]
        assert still.left_off == 1

        edited = await toys.owner.rehearse(rehearse({"glass": "g", "text": "mended"}))
        assert [json.loads(said)["data"]["text"] for one in edited.messages for said in one.says] == [
            "mended",
            "behind",
        ]

        glass.rough.clear()
        mended = await toys.owner.rehearse(rehearse())
        assert [one.sequence for one in mended.messages] == [head, behind]
        assert await playground.log.last() == before
        assert (await toys.state("glass", "ACME", "g")).touched == ("softly",)
        assert await texts(playground) == ["softly"]

        await playground.say(retry())
        await playground.quiet(toys)
        said = [one.body.decode() for one in await playground.received() if ".touched." in one.subject][1:]
        assert [one.says[0] for one in mended.messages] == said


async def test_a_retry_leaves_no_difference_to_never_having_failed(playground: Playground) -> None:
    async def states(folder: str) -> dict[str, list[str]]:
        async with playground.running(folder) as toys:
            for n in range(40):
                text, key = ("rough" if n % 7 == 3 else f"n{n}"), ("ACME", "BETA", "GAMMA")[n % 3]
                await playground.say(touch(text, f"g{n % 4}"), key=key, id=f"message {n}")
            await playground.quiet(toys)
            glass.rough.clear()
            for parked in toys.owner.parked():
                await playground.say(retry(parked.actor), key=parked.key)
            await playground.say(touch("at last", "g0"))
            await playground.quiet(toys)
            assert toys.owner.parked() == ()
            rows = [(await toys.store.dump(partition))["actor"] for partition in range(4)]
        return {name: json.loads(row)[:3] for part in rows for name, row in part.items()}

    failed = await states("failed")
    assert len(await playground.heard(ActorParked)) > 3
    await playground.log.nc.jetstream().delete_stream(wire.STREAM)
    await provision(playground.log.nc, 4)
    assert glass.rough == set()
    assert await states("never failed") == failed
    assert await playground.heard(ActorParked) == []
