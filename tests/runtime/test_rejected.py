"""What cannot be heard is said to be rejected, with the reason and its place in the log; the service keeps working."""

import pytest

from contracts import wire
from contracts.message import Context, Event
from contracts.runtime import MessageRejected
from tests.runtime.toys.messages import Add, Added, Repeat, Repeated
from tests.runtime.toys.playground import NOON, Playground

ADD = "q2c.cmd.toys.counter.add.v1"


@pytest.mark.parametrize(
    ("subject", "body", "reason"),
    [
        (f"{ADD}.ACME", b"{", "truncated"),
        (f"{ADD}.ACME", b'{"counter": "c"}', "missing required field `amount`"),
        (f"{ADD}.ACME", b'{"counter": "c", "amount": "1"}', "Expected `int`, got `str` - at `$.amount`"),
        (f"{ADD}.ACME", b"\xff\xfe", "malformed"),
        (f"{ADD}.ACME", b"[" * 60_000, "Expected `object`"),
        (f"{ADD}.ACME", b'{"counter": "c", "amount": 1, "x": ' + b"[" * 60_000, "nested too deep"),
        (f"{ADD}.A$B", b'{"counter": "c", "amount": 1}', "key 'A$B' must be 1 to 64"),
        (f"{ADD}.{'K' * 65}", b'{"counter": "c", "amount": 1}', "must be 1 to 64"),
        (f"{ADD}.1.ACME", b'{"counter": "c", "amount": 1}', "key ACME belongs to partition 3, not 1"),
        ("q2c.cmd.toys.counter.multiply.v1.ACME", b"{}", "toys hears no command toys.counter.multiply.v1"),
        ("q2c.cmd.toys.counter.added.v1.ACME", b'{"counter": "c", "total": 1}', "published on q2c.evt"),
        (
            f"{ADD}.ACME",
            b'{"specversion":"1.0","id":"x","source":"/x","type":"toys.counter.added.v1","data":{"counter":"c","amount":1}}',
            "the envelope says toys.counter.added.v1, its subject toys.counter.add.v1",
        ),
        (
            f"{ADD}.ACME",
            b'{"specversion":"1.0","id":"x","source":"/x","type":"toys.counter.add.v1","data":{"counter":"c","amount":"1"}}',
            "Expected `int`, got `str` - at `$.amount`",
        ),
    ],
)
async def test_a_message_that_cannot_be_heard_is_rejected_with_the_reason(
    playground: Playground, subject: str, body: bytes, reason: str
) -> None:
    async with playground.running() as toys:
        sequence = await playground.publish(subject, body)
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert rejected.sequence == sequence
        assert reason in rejected.reason
        assert rejected.context.cause == f"Q2C:{sequence}"
        assert len(await playground.heard(Added)) == 1


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("q2c.cmd.toys.counter.add.ACME", "has 6 tokens"),
        ("q2c.cmd.toys.counter.add.v1.A.B.C", "has 9 tokens"),
        ("q2c.cmd.toys.counter.add.v1.x.ACME", "'x' in the subject"),
        ("q2c.cmd.toys.counter.add.v1.77.ACME", "77 is not a partition"),
        ("q2c.cmd.nobody.counter.add.v1.ACME", "there is no service nobody"),
        ("q2c.evt.toys.counter.exploded.v1.ACME", "there is no message named toys.counter.exploded.v1"),
        ("q2c.evt.toys.counter.add.v1.ACME", "is published on q2c.cmd, not on q2c.evt"),
        ("q2c.cmd.Toys.counter.add.v1.ACME", "'Toys' in the subject"),
    ],
)
async def test_what_no_service_reads_is_rejected_once_by_the_one_that_sweeps(
    playground: Playground, subject: str, reason: str
) -> None:
    async with playground.running("toys", sweeps=True) as toys:
        sequence = await playground.publish(subject, b"{}")
        await playground.say(Add(counter="c", amount=1))
        await playground.quiet(toys)
        (rejected,) = await playground.heard(MessageRejected)
        assert (rejected.sequence, reason in rejected.reason) == (sequence, True)
        assert len(await playground.heard(Added)) == 1


async def test_an_unknown_event_is_nothing_to_a_service_that_does_not_sweep(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.publish("q2c.evt.toys.counter.exploded.v1.ACME", b"{}")
        await playground.quiet(toys)
        assert await playground.heard(Event) == []


@pytest.mark.parametrize("fact", ["counter.added", "echo.repeated", "rate.told"])
async def test_a_fact_by_hand_that_is_wrong_is_rejected_once_by_the_one_that_sweeps(
    playground: Playground, fact: str
) -> None:
    """Whether it hears such a fact, does not, or all hear it: those that do not sweep say nothing of it."""
    async with playground.running("toys", sweeps=False) as toys:
        sequence = await playground.publish(f"q2c.evt.toys.{fact}.v1.ACME", b'{"nothing": "of it"}')
        await playground.publish(f"q2c.evt.toys.{fact}.v1.1.ACME", b"{}")
        await playground.quiet(toys)
        assert await playground.heard(MessageRejected) == []
    async with playground.running("swept", sweeps=True) as sweeping:
        await playground.quiet(sweeping)
        first, second = await playground.heard(MessageRejected)
        assert "missing required field" in first.reason
        assert first.sequence == sequence
        assert "belongs to partition 3, not 1" in second.reason


async def test_a_rejected_message_is_rejected_once_whatever_happens(playground: Playground) -> None:
    toys = await playground.open()
    for _ in range(20):
        await playground.publish(f"{ADD}.ACME", b"{")
        await playground.publish(f"{ADD}.A$B", b"{}")
    await playground.kill(toys)
    async with playground.running("another disk") as toys:
        await playground.quiet(toys)
    async with playground.running("a third") as toys:
        await playground.quiet(toys)
        sequences = [event.sequence for event in await playground.heard(MessageRejected)]
        assert len(sequences) == len(set(sequences)) == 40


async def test_bare_json_is_named_by_its_publisher_or_by_its_place_in_the_log(playground: Playground) -> None:
    async with playground.running() as toys:
        sequence = await playground.publish(f"{ADD}.ACME", b'{"counter": "c", "amount": 1}')
        await playground.log.say(f"{ADD}.ACME", b'{"counter": "d", "amount": 1}', "mine")
        await playground.quiet(toys)
        first, second = await playground.heard(Added)
        assert (first.context.cause, first.correlation) == (f"Q2C:{sequence}", f"Q2C:{sequence}")
        assert (second.context.cause, second.correlation) == ("mine", "mine")


@pytest.mark.parametrize(
    "source",
    ["/outside", "/toys/counter/ACME/c", "/toys/echo/ACME/c", "/elsewhere/counter/ACME/c", "/toys/counter"],
)
async def test_an_internal_command_said_by_hand_is_rejected(playground: Playground, source: str) -> None:
    async with playground.running() as toys:
        context = Context(id="mine", source=source, key="ACME", at=NOON, correlation="j", cause="another")
        subject = wire.subject(Repeat, "ACME")
        by_hand = [
            await playground.publish(subject, wire.envelope(Repeat(echo="c"), context)),
            await playground.publish(subject, b'{"echo": "c"}'),
        ]
        await playground.quiet(toys)
        rejected = await playground.heard(MessageRejected)
        assert [event.sequence for event in rejected] == by_hand
        assert {event.reason for event in rejected} == {
            "toys.echo.repeat.v1 is internal: toys.counter says it, nobody else may"
        }
        assert await playground.heard(Repeated) == []


async def test_a_copy_of_an_internal_command_is_rejected(playground: Playground) -> None:
    async with playground.running() as toys:
        await playground.say(Add(counter="c", amount=1, pass_on_to="BETA"))
        await playground.quiet(toys)
        (original,) = [item for item in await playground.received() if ".repeat." in item.subject]
        copy = await playground.publish(wire.subject(Repeat, "BETA"), original.body)
        await playground.quiet(toys)
        assert [event.sequence for event in await playground.heard(MessageRejected)] == [copy]
        assert len(await playground.heard(Repeated)) == 1
