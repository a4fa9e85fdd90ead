"""What comes from outside too often, or too large, is rejected as a fact; what the services say never is."""

from contracts import wire
from contracts.message import Context
from contracts.runtime import MessageRejected
from shared.limits import LIMITS, Rate
from tests.runtime.toys.messages import Add, Added
from tests.runtime.toys.playground import NOON, Playground

SLOW = Rate(1, 3)
TO_ONE = LIMITS._replace(actor=SLOW)
FROM_ONE = LIMITS._replace(publisher=SLOW)
ADD = wire.subject(Add, "ACME")


async def add(playground: Playground, counter: str, source: str = "/erp", key: str = "ACME") -> None:
    playground.said += 1
    name = f"g{playground.said}"
    context = Context(id=name, source=source, key=key, at=NOON, correlation=name)
    message = Add(counter=counter, amount=1)
    await playground.log.nc.publish(wire.subject(Add, key), wire.envelope(message, context))


async def counted(playground: Playground) -> tuple[int, set[str]]:
    """How many commands were heard, and why the others were not."""
    return len(await playground.heard(Added)), {one.reason for one in await playground.heard(MessageRejected)}


async def test_what_comes_too_often_to_one_actor_is_rejected_and_others_go_on(playground: Playground) -> None:
    for number in range(20):
        await add(playground, "busy", f"/publisher/{number}")
    await add(playground, "calm")
    async with playground.running(limits=TO_ONE) as toys:
        await playground.quiet(toys)
        heard, reasons = await counted(playground)
        rejected = await playground.heard(MessageRejected)
        assert 3 + 1 <= heard < 20
        assert heard + len(rejected) == 21
        assert reasons == {
            "too many commands to counter/ACME/busy: more than 3 at once and 1 a second; resubmit it later"
        }
        assert (await toys.state("counter", "ACME", "calm")).total == 1
        assert (await toys.owner.verify()).differences == ()


async def test_what_one_publisher_says_too_often_is_rejected_and_others_are_heard(playground: Playground) -> None:
    for number in range(20):
        await add(playground, f"c{number}", "/flood")
    await add(playground, "calm", "/erp")
    async with playground.running(limits=FROM_ONE) as toys:
        await playground.quiet(toys)
        assert (await counted(playground))[1] == {
            "too many commands from /flood: more than 3 at once and 1 a second; resubmit it later"
        }
        assert (await toys.state("counter", "ACME", "calm")).total == 1


async def test_bare_json_for_one_key_keeps_nobody_out_who_speaks_for_another(playground: Playground) -> None:
    for number in range(20):
        await playground.log.nc.publish(ADD, b'{"counter":"c%d","amount":1}' % number)
    await playground.log.nc.publish(wire.subject(Add, "BETA"), b'{"counter":"calm","amount":1}')
    async with playground.running(limits=FROM_ONE) as toys:
        await playground.quiet(toys)
        assert all("from /outside ACME:" in reason for reason in (await counted(playground))[1])
        assert (await toys.state("counter", "BETA", "calm")).total == 1


async def test_what_was_rejected_stays_rejected_and_can_be_said_again(playground: Playground) -> None:
    for _ in range(20):
        await add(playground, "busy")
    async with playground.running(limits=TO_ONE) as toys:
        await playground.quiet(toys)
        before = [one.sequence for one in await playground.heard(MessageRejected)]
    async with playground.running("another disk", limits=TO_ONE) as toys:
        await playground.quiet(toys)
        assert [one.sequence for one in await playground.heard(MessageRejected)] == before
        total = (await toys.state("counter", "ACME", "busy")).total
        original = await playground.log.message(before[0])
        assert original is not None
        await playground.publish(ADD, original.body)
        await playground.quiet(toys)
        assert (await toys.state("counter", "ACME", "busy")).total == total + 1
        assert (await toys.owner.verify()).differences == ()


async def test_what_the_services_say_is_not_measured(playground: Playground) -> None:
    async with playground.running(limits=LIMITS._replace(actor=SLOW, publisher=SLOW)) as toys:
        for number in range(10):  # ten counters, each of which says one command to the same echo
            subject = wire.subject(Add, f"K{number}")
            await playground.publish(subject, b'{"counter":"c","amount":1,"pass_on_to":"BETA"}')
        await playground.quiet(toys)
        assert await counted(playground) == (10, set())
        assert (await toys.state("echo", "BETA", "c")).times == 10


async def test_a_command_that_an_operator_finds_too_large_is_rejected(playground: Playground) -> None:
    async with playground.running(limits=LIMITS._replace(largest=1024)) as toys:
        await playground.publish(ADD, b'{"counter":"c","amount":1,"note":"%s"}' % (b"x" * 1024))
        await playground.publish(ADD, b'{"counter":"c","amount":1}')
        await playground.quiet(toys)
        assert await counted(playground) == (1, {"the command has 1060 bytes, more than the 1024 allowed here"})
