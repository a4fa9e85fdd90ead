"""An effect worker calls the outside at least once, and tells the actor that asked exactly once what came of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from nats.aio.client import Client

from contracts import runtime
from contracts.wire import STREAM
from shared.decider import WiringError, wire_service
from shared.effects import Call, wire_effect
from shared.log import Log
from shared.outside import outside
from shared.workers import Workers
from tests.conftest import NatsServer
from tests.receiver import Receiver, Reply, Request, receiver
from tests.runtime.parcels import carrier, parcel
from tests.runtime.parcels.messages import (
    TYPES,
    ConfirmSending,
    NotSent,
    RefuseSending,
    Send,
    SendingAsked,
    Sent,
)
from tests.runtime.processes import Tally
from tests.runtime.working import Serving, Working, varied, working

WIRING = wire_service("parcels", [parcel], None, TYPES)
CONSUMER = "effect-parcels-carrier"


def post(log: Log, folder: Path, module: Any = carrier) -> AbstractAsyncContextManager[Serving]:
    return working(log, folder, WIRING, module)


async def send(office: Working, parcel: str, to: Receiver) -> None:
    await office.say(Send(parcel=parcel, carrier=to.url))


@pytest.fixture
async def carriers() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


def takes_after(failures: int, status: int = 503, *headers: tuple[str, str]) -> Callable[[Request], Reply]:
    left = failures

    def answer(_request: Request) -> Reply:
        nonlocal left
        left -= 1
        return Reply(status, headers) if left >= 0 else Reply()

    return answer


async def test_a_call_is_made_with_the_requests_id_and_its_outcome_told(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    async with post(Log(nats_client, 4), tmp_path) as office:
        await send(office, "P-1", carriers)
        assert [sent.parcel for sent in await office.until(Sent)] == ["P-1"]
        (asked,) = await office.heard(SendingAsked)
        (confirmed,) = await office.heard(ConfirmSending)
    assert [request.headers["idempotency-key"] for request in carriers.requests] == [asked.id]
    assert (confirmed.context.cause, confirmed.correlation, confirmed.key) == (asked.id, "j", "ACME")


async def test_a_no_for_good_is_an_outcome(nats_client: Client, tmp_path: Path, carriers: Receiver) -> None:
    carriers.answer = lambda _request: Reply(422)
    async with post(Log(nats_client, 4), tmp_path) as office:
        await send(office, "P-1", carriers)
        assert [refused.status for refused in await office.until(NotSent)] == [422]
        await office.settled(CONSUMER)
    assert len(carriers.requests) == 1


async def test_a_call_without_effect_is_made_again_without_being_looked_up(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    carriers.answer = takes_after(2)
    async with post(Log(nats_client, 4), tmp_path) as office:
        await send(office, "P-1", carriers)
        await office.until(Sent)
        await office.settled(CONSUMER)
        assert len(await office.heard(Sent)) == 1
    assert [request.method for request in carriers.requests] == ["POST", "POST", "POST"]


async def test_an_outcome_in_doubt_is_looked_up_and_never_called_again_blindly(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    carriers.answer = lambda request: Reply(499 if request.method == "POST" else 200)
    async with post(Log(nats_client, 4), tmp_path) as office:
        await send(office, "P-1", carriers)
        assert [sent.found for sent in await office.until(Sent)] == [True]
    assert [request.method for request in carriers.requests] == ["POST", "GET"]


async def test_a_doubt_stays_while_it_cannot_be_looked_up(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    statuses = {"POST": [499, 204], "GET": [503, 503, 200]}
    carriers.answer = lambda request: Reply(statuses[request.method].pop(0))
    async with post(Log(nats_client, 4), tmp_path) as office:
        await send(office, "P-1", carriers)
        assert [sent.found for sent in await office.until(Sent)] == [True]
    assert [request.method for request in carriers.requests] == ["POST", "GET", "GET", "GET"]


async def test_what_the_lookup_does_not_find_is_called_again(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    carriers.answer = takes_after(1, 499)

    def answer(request: Request, first: Callable[[Request], Reply] = carriers.answer) -> Reply:
        return Reply(404) if request.method == "GET" else first(request)

    carriers.answer = answer
    async with post(Log(nats_client, 4), tmp_path) as office:
        await send(office, "P-1", carriers)
        assert [sent.found for sent in await office.until(Sent)] == [False]
    assert [request.method for request in carriers.requests] == ["POST", "GET", "POST"]


async def test_a_call_that_takes_too_long_is_in_doubt(nats_client: Client, tmp_path: Path, carriers: Receiver) -> None:
    never = asyncio.Event()

    def answer(request: Request) -> Reply:
        return Reply(200, before=never.wait) if request.method == "POST" else Reply(200)

    carriers.answer = answer
    async with post(Log(nats_client, 4), tmp_path, varied(carrier, patience=0.2)) as office:
        await send(office, "P-1", carriers)
        assert [sent.found for sent in await office.until(Sent)] == [True]
    assert [request.method for request in carriers.requests] == ["POST", "GET"]


async def test_a_bug_in_a_worker_is_in_doubt_and_its_text_is_not_told(
    nats_client: Client, tmp_path: Path, carriers: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    bugs = 1

    async def perform(request: SendingAsked, call: Call[None]) -> ConfirmSending | RefuseSending:
        nonlocal bugs
        bugs -= 1
        if bugs >= 0:
            raise ArithmeticError("whsec_1234")
        return await carrier.perform(request, call)

    carriers.answer = lambda request: Reply(404 if request.method == "GET" else 204)
    async with post(Log(nats_client, 4), tmp_path, varied(carrier, perform=perform)) as office:
        await send(office, "P-1", carriers)
        await office.until(Sent)
    assert "whsec_1234" not in caplog.text
    assert [request.method for request in carriers.requests] == ["GET", "POST"]


async def test_two_workers_and_a_consumer_that_an_operator_deletes_tell_each_outcome_once(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    """Notes on the log tell what is done, whoever brings a request and however often."""
    log = Log(nats_client, 4)
    async with post(log, tmp_path) as office, outside(("*",), private=True, secrets=None) as there:
        second = Workers([wire_effect(WIRING, carrier)], log, there, scenario=False)
        working = asyncio.create_task(second.run())
        for number in range(20):
            await send(office, f"P-{number}", carriers)
        await carriers.until(5)
        await nats_client.jetstream().delete_consumer(STREAM, CONSUMER)
        for number in range(20, 40):
            await send(office, f"P-{number}", carriers)
        await office.until(Sent, 40)
        await office.settled(CONSUMER)
        await second.drain()
        await working
        told = [sent.parcel for sent in await office.heard(Sent)]
    assert sorted(told) == sorted(f"P-{number}" for number in range(40))
    assert len({request.headers["idempotency-key"] for request in carriers.posts()}) == 40


async def test_a_request_that_no_actor_has_said_calls_nobody(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    async with post(Log(nats_client, 4), tmp_path) as office:
        forged = replace(office.context("forged"), source="/parcels/parcel/ACME/P-1", cause="m1")
        await office.say_as(SendingAsked(parcel="P-1", carrier=carriers.url), forged)
        await send(office, "P-2", carriers)
        await office.until(Sent)
        await office.settled(CONSUMER)
    assert [request.path for request in carriers.requests] == ["/hooks/P-2"]


async def test_a_copy_of_a_request_calls_nobody(nats_client: Client, tmp_path: Path, carriers: Receiver) -> None:
    async with post(Log(nats_client, 4), tmp_path) as office:
        await send(office, "P-1", carriers)
        (asked,) = await office.until(SendingAsked)
        await office.until(Sent)
        await office.say_as(asked, asked.context)
        await send(office, "P-2", carriers)
        await office.until(Sent, 2)
        await office.settled(CONSUMER)
    assert [request.path for request in carriers.requests] == ["/hooks/P-1", "/hooks/P-2"]


async def test_a_note_that_somebody_else_wrote_leaves_the_call_in_doubt(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    carriers.answer = lambda request: Reply(503 if request.method == "POST" else 200)
    async with post(Log(nats_client, 4), tmp_path, varied(carrier, retries=(0.3,))) as office:
        await send(office, "P-1", carriers)
        await carriers.until(1)
        (asked,) = await office.until(SendingAsked)
        await office.log.say(f"q2c.sys.effect.parcels.carrier.{asked.id}", b"no note")
        assert [sent.found for sent in await office.until(Sent)] == [True]


async def test_a_destination_that_keeps_failing_is_left_alone_and_others_are_not(
    nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    types = runtime.of("parcels")
    async with receiver() as broken, post(Log(nats_client, 4), tmp_path) as office:
        broken.answer = takes_after(5)
        await send(office, "P-1", broken)
        (paused,) = await office.until(types.effect_paused)
        assert (paused.effect, paused.destination, paused.reason) == (
            "carrier",
            f"127.0.0.1:{broken.port}",
            "status 503",
        )
        assert office.workers.paused() == [f"carrier leaves 127.0.0.1:{broken.port} alone"]
        await send(office, "P-2", carriers)
        assert [sent.parcel for sent in await office.until(Sent)] == ["P-2"]
        await office.until(types.effect_resumed)
        assert [sent.parcel for sent in await office.until(Sent, 2)] == ["P-2", "P-1"]
        assert office.workers.paused() == []


async def test_a_call_outlives_the_time_after_which_the_server_would_bring_it_again(
    nats_client: Client, tmp_path: Path, carriers: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server hears that it is in progress: no second worker is given it."""
    monkeypatch.setattr("shared.channel.ACK_WAIT", 0.6)
    monkeypatch.setattr("shared.channel._HEARTBEAT", 0.2)
    done = asyncio.Event()
    carriers.answer = lambda _request: Reply(204, before=done.wait)
    async with post(Log(nats_client, 4), tmp_path, varied(carrier, patience=30.0)) as office:
        await send(office, "P-1", carriers)
        await carriers.until(1)
        info = await nats_client.jetstream().consumer_info(STREAM, CONSUMER)
        await asyncio.sleep(1.5)  # longer than the server waits: the time itself is what is tested
        later = await nats_client.jetstream().consumer_info(STREAM, CONSUMER)
        assert (info.num_redelivered, later.num_redelivered, later.num_ack_pending) == (0, 0, 1)
        done.set()
        await office.until(Sent)
    assert len(carriers.requests) == 1


async def test_a_worker_killed_between_call_and_confirmation_looks_up_what_came_of_it(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    """A real process: the carrier has the parcel, nobody knows, and it must not be handed over twice."""
    office = Working(Log(nats_client, 4), WIRING)
    async with parcels(nats_server, tmp_path) as first:

        async def killed() -> None:
            first.kill()

        carriers.answer = lambda request: Reply(200, before=killed if request.method == "POST" else None)
        await send(office, "P-1", carriers)
        await first.exit_code()
    async with parcels(nats_server, tmp_path) as second:
        assert [sent.found for sent in await office.until(Sent)] == [True]
        await office.settled(CONSUMER)
        second.ask_to_stop()
        assert await second.exit_code() == 0
    assert [request.method for request in carriers.requests] == ["POST", "GET"]
    assert len(await office.heard(Sent)) == 1


async def test_a_service_is_ready_and_tells_what_it_leaves_alone(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path, carriers: Receiver
) -> None:
    office = Working(Log(nats_client, 4), WIRING)
    carriers.answer = lambda _request: Reply(503)
    async with parcels(nats_server, tmp_path) as service:
        await service.says('"ready"')
        assert await service.get("/ready") == (200, {"service": "parcels", "ready": True, "waits_for": []})
        await send(office, "P-1", carriers)
        await office.until(runtime.of("parcels").effect_paused)
        status, told = await service.get("/ready")
    assert (status, told["paused"]) == (200, [f"carrier leaves 127.0.0.1:{carriers.port} alone"])


def parcels(server: NatsServer, folder: Path) -> Tally:
    return Tally(server.url, folder, app="tests.runtime.parcels.app:app", Q2C_PRIVATE="allow")


def test_a_worker_must_find_what_it_performs() -> None:
    async def lookup(request: SendingAsked, call: Call[None]) -> ConfirmSending | None:
        raise NotImplementedError

    with pytest.raises(WiringError, match="must find what perform returns"):
        wire_effect(WIRING, varied(carrier, lookup=lookup))


def test_a_worker_answers_what_its_own_service_says() -> None:
    async def perform(request: Send, call: Call[None]) -> ConfirmSending | RefuseSending:
        raise NotImplementedError

    async def lookup(request: Send, call: Call[None]) -> ConfirmSending | RefuseSending | None:
        raise NotImplementedError

    with pytest.raises(WiringError, match="which no actor of parcels says"):
        wire_effect(WIRING, varied(carrier, perform=perform, lookup=lookup))


def test_a_worker_says_commands_only() -> None:
    async def perform(request: SendingAsked, call: Call[None]) -> Sent:
        raise NotImplementedError

    async def lookup(request: SendingAsked, call: Call[None]) -> Sent | None:
        raise NotImplementedError

    with pytest.raises(WiringError, match="which is no command to an actor of parcels"):
        wire_effect(WIRING, varied(carrier, perform=perform, lookup=lookup))


def test_a_module_without_a_lookup_is_no_worker() -> None:
    with pytest.raises(WiringError, match="no async lookup"):
        wire_effect(WIRING, varied(carrier, lookup=None))
