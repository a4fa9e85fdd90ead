"""Code is rehearsed on the log: what it would say differently is told message by message, and nothing else is."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from contracts.message import Wake
from contracts.runtime import of
from shared.decider import Wiring
from shared.difference import Difference
from shared.shadow import Shadow
from tests.runtime.toys import alarm, counter, glass, price
from tests.runtime.toys.changed import changed, wired
from tests.runtime.toys.messages import (
    Add,
    Added,
    AlarmRang,
    AlarmSet,
    Priced,
    RateTold,
    Repeat,
    SetAlarm,
    SetPrice,
    SetRate,
    Touch,
)
from tests.runtime.toys.playground import NOON, Playground, wiring
from tests.runtime.toys.reference import Reference

OWN = of("toys")


async def rehearsed(playground: Playground, of: Wiring, **options: Any) -> tuple[Shadow, list[Difference]]:
    shadow = Shadow(of, playground.log, **options)
    return shadow, [difference async for difference in shadow.differences()]


async def live_through_everything(playground: Playground) -> None:
    """Every way in which a service hears and says, its troubles included."""
    async with playground.running() as toys:
        for n in range(30):
            await playground.say(Add(counter=f"c{n % 3}", amount=n, times=n % 4, pass_on_to="OMEGA"), key=f"K{n % 5}")
        for _ in range(2):
            await playground.say(Add(counter="loud", amount=1), id="said twice")
        for n in range(4):
            await playground.say(SetAlarm(alarm="a", at=NOON, again_after_hours=n, rings=3 if n else 1), key=f"K{n}")
        await playground.say(SetAlarm(alarm="b", at=NOON, rings=-1))
        await playground.say(SetPrice(price="p", amount=10))
        for percent in (7, 19):
            await playground.say(SetRate(percent=percent))
            await playground.quiet(toys)
            await playground.say(SetPrice(price="p", amount=10), key=f"K{percent}")
        for hours in (1, 2, 30):
            await playground.tick(NOON + timedelta(hours=hours))
        for text in ("gently", "rough", "later", "rough", "nowhere", "last"):
            await playground.say(Touch(glass="g", text=text))
        await playground.publish("q2c.cmd.toys.counter.add.v1.ACME", b'{"counter": "by-hand", "amount": 3}')
        await playground.publish("q2c.cmd.toys.counter.add.v1.ACME", b'{"counter": 7}')
        await playground.publish("q2c.cmd.toys.counter.sing.v1.ACME", b"{}")
        await playground.quiet(toys)
        await playground.say(OWN.discard(entity="glass", actor="g", reason="broken"))
        await playground.quiet(toys)
        assert {one.actor for one in toys.owner.parked()} == {"g", "-", "b"}
        glass.rough.clear()
        for actor in ("g", "-"):
            await playground.say(OWN.retry(entity="glass", actor=actor))
        await playground.say(OWN.retry(entity="glass", actor="nobody"))
        await playground.say(Touch(glass="g", text="at the end"))
        await playground.quiet(toys)
        assert {one.actor for one in toys.owner.parked()} == {"b"}
        assert (await toys.owner.verify()).differences == ()


async def test_unchanged_code_would_say_the_same_whatever_has_happened(playground: Playground) -> None:
    await live_through_everything(playground)
    shadow, differences = await rehearsed(playground, wiring())
    assert differences == []
    assert shadow.decided > 50
    assert shadow.skipped == 8  # five of the glass, a wake, two that are no messages
    assert shadow.unaccounted == 0


def generous(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
    """Ten are counted as eleven."""
    more = 1 if message.amount == 10 else 0
    return counter.decide(state, Add(counter=message.counter, amount=message.amount + more))


async def test_a_changed_rule_is_told_where_it_would_show_and_nowhere_else(playground: Playground) -> None:
    async with playground.running() as toys:
        for amount in (1, 10, 5, 10):
            await playground.say(Add(counter="c", amount=amount), id=f"add-{amount}-{playground.said}")
        await playground.quiet(toys)
    shadow, (first, second) = await rehearsed(playground, wired(changed(counter, decide=generous)))
    assert (first.heard, first.actor, first.problem) == ("toys.counter.add.v1", "toys/counter/ACME/c", None)
    assert [one.message for one in first.said] == [Added(counter="c", total=11, tags=counter.TAGS)]
    assert [one.message for one in first.instead] == [Added(counter="c", total=12, tags=counter.TAGS)]
    assert [one.message for one in second.said] == [Added(counter="c", total=26, tags=counter.TAGS)]
    assert [one.message for one in second.instead] == [Added(counter="c", total=27, tags=counter.TAGS)]
    assert shadow.decided == 4
    _, (later,) = await rehearsed(playground, wired(changed(counter, decide=generous)), since=first.sequence + 1)
    assert later == second


async def test_what_would_not_be_said_and_what_would_be_said_besides_is_told(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1, times=3))
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)

    def twice(state: counter.Counter, message: Add) -> Sequence[Added | Repeat]:
        return [Added(counter=message.counter, total=state.total + 1, tags=counter.TAGS)] * 2

    _, (less, more) = await rehearsed(playground, wired(changed(counter, decide=twice)))
    assert (len(less.said), len(less.instead)) == (1, 0)
    assert (len(more.said), len(more.instead)) == (0, 1)


async def test_a_bug_that_is_new_is_told_as_what_it_would_park(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Touch(glass="g", text="gently"))
        await playground.quiet(toys)
    glass.rough.add("gently")
    _, (difference,) = await rehearsed(playground, wiring())
    assert len(difference.said) == 1
    assert difference.instead == ()
    assert difference.problem == "it would be parked: decide raised RuntimeError: gently after 0"


async def test_a_changed_wake_and_a_changed_answer_to_a_broadcast_are_told(playground: Playground) -> None:
    await live_through_everything(playground)

    def rings_once(state: alarm.Alarm, message: SetAlarm | Wake) -> Sequence[AlarmSet | AlarmRang]:
        return [AlarmRang(alarm="a", due=None, rings=0)] if isinstance(message, Wake) else alarm.decide(state, message)

    def keeps_its_rate(state: price.Price, message: SetPrice | RateTold, reference: Reference) -> Sequence[Priced]:
        return [] if isinstance(message, RateTold) else price.decide(state, message, reference)

    later = wired(changed(alarm, decide=rings_once), changed(price, decide=keeps_its_rate))
    _, differences = await rehearsed(playground, later)
    assert {one.heard for one in differences} == {"wake", "toys.rate.told.v1"}
    assert sorted(one.actor for one in differences if one.heard == "toys.rate.told.v1") == [
        "toys/price/ACME/p",  # at 7 percent and at 19
        "toys/price/ACME/p",
        "toys/price/K7/p",
    ]
    assert all(one.said and one.instead for one in differences if one.heard == "wake")


async def test_an_entity_that_is_gone_is_told_by_what_it_will_not_say(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(SetPrice(price="p", amount=1))
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
    _, differences = await rehearsed(playground, wired(without=(price,)))
    assert [(one.actor, len(one.said), one.instead) for one in differences if one.said] == [
        ("toys/price/ACME/p", 1, ())
    ]
    assert [one.problem for one in differences if one.problem] == [
        "it would be rejected: toys hears no command toys.price.set.v1"
    ]
