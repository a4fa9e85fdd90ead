"""A receiver gets every event that its webhook wants, at least once and in order; each outcome is a fact once."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from standardwebhooks import Webhook

from contracts.finance import InvoiceIssued
from contracts.message import Message
from contracts.observability import (
    DeliveryFailed,
    DeliveryRefused,
    EventDelivered,
    PauseWebhook,
    RegisterWebhook,
    RemoveWebhook,
    ResumeWebhook,
    RotateWebhookSecret,
    WebhookDisabled,
    WebhookPaused,
    WebhookRegistered,
    WebhookRemoved,
    WebhookResumed,
    WebhookSecretRotated,
)
from contracts.wire import STREAM
from infra.documents import sample
from services.observability import delivery, webhook
from shared.decider import wire_service
from shared.log import Log
from tests.receiver import Receiver, Reply, Request, receiver
from tests.runtime.processes import Tally
from tests.runtime.working import Working, varied, working

WIRING = wire_service("observability", [webhook])
ISSUED = "finance.invoice.issued.v1"
SECRETS = {name: "whsec_" + base64.b64encode(name.encode() * 8).decode() for name in ("erp-1", "erp-2")}
HASTY = varied(delivery, patience=0.5, retries=(0.05,))
"""The worker with less patience, so that the test need not have more."""


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret)
    return folder


@pytest.fixture
async def erp() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


@asynccontextmanager
async def hooks(nc: Client, secrets: Path, module: Any = HASTY) -> AsyncIterator[Working]:
    async with working(Log(nc, 4), secrets.parent / "data", WIRING, module, secrets=secrets) as office:
        yield office


def register(to: Receiver, *events: str, after: int | None = None, keys: tuple[str, ...] = ()) -> RegisterWebhook:
    return RegisterWebhook(url=to.url, events=events or (ISSUED,), secret="erp-1", keys=keys, after=after)


def issued(number: int) -> Message:
    data = {**sample(ISSUED), "number": f"DE01-{number:06}"}
    return msgspec.convert(data, InvoiceIssued)


async def happen(office: Working, numbers: Sequence[int], key: str = "ACME") -> None:
    """Invoices are issued; the id of each is its number."""
    for number in numbers:
        await office.say_as(issued(number), office.context(f"e-{number}", key))


def ids(requests: Sequence[Request]) -> list[str]:
    return [request.headers["webhook-id"] for request in requests]


def events(facts: Sequence[EventDelivered | DeliveryFailed | DeliveryRefused]) -> list[str]:
    return [fact.event for fact in facts]


def names(numbers: Sequence[int]) -> list[str]:
    return [f"e-{number}" for number in numbers]


def once(status: int, *headers: tuple[str, str]) -> Callable[[Request], Reply]:
    replies = [Reply(status, headers)]
    return lambda _request: replies.pop() if replies else Reply()


async def test_a_receiver_is_sent_what_happens_from_the_registration_on(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    async with hooks(nats_client, secrets) as office:
        await happen(office, [1, 2])
        await office.say(register(erp), "ERP")
        await happen(office, [3, 4, 5])
        delivered = await office.until(EventDelivered, 3)
    assert events(delivered) == ids(erp.requests) == names([3, 4, 5])
    for request, fact in zip(erp.requests, delivered, strict=True):
        verified = Webhook(SECRETS["erp-1"]).verify(request.body, request.headers)
        assert (verified["id"], verified["type"], verified["partitionkey"]) == (fact.event, ISSUED, "ACME")


async def test_a_receiver_can_be_sent_what_happened_before(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    async with hooks(nats_client, secrets) as office:
        await happen(office, [1, 2])
        place = await office.say_as(issued(3), office.context("e-3"))
        await happen(office, [4])
        await office.say(register(erp, after=place - 1), "ERP")
        delivered = await office.until(EventDelivered, 2)
    assert events(delivered) == names([3, 4])
    assert delivered[0].sequence == place


async def test_a_receiver_is_sent_what_it_wants_only(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp, keys=("OMNI",)), "ERP")
        await office.until(WebhookRegistered)
        await happen(office, [1])
        await happen(office, [2], "OMNI")
        assert events(await office.until(EventDelivered)) == names([2])
    assert ids(erp.requests) == names([2])


async def test_who_wants_everything_is_not_sent_deliveries_without_end(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp, "*.*.*.*"), "ERP")
        await happen(office, [1, 2, 3])
        await office.until(EventDelivered, 3)
        await office.settled("effect-observability-delivery-ERP-1")
        assert len(await office.heard(EventDelivered)) == 3
    assert ids(erp.requests) == names([1, 2, 3])


async def test_an_event_that_fails_holds_up_those_behind_it(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    erp.answer = once(503)
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1, 2])
        assert [fact.attempt for fact in await office.until(EventDelivered, 2)] == [2, 1]
        (failed,) = await office.heard(DeliveryFailed)
    assert (failed.event, failed.attempt, failed.detail) == ("e-1", 1, "the receiver answered with status 503")
    assert ids(erp.requests) == names([1, 1, 2])


async def test_a_receiver_that_asks_for_patience_is_given_it(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    erp.answer = once(429, ("Retry-After", "1"))
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1])
        (delivered,) = await office.until(EventDelivered)
        (failed,) = await office.heard(DeliveryFailed)
    assert delivered.at >= failed.again_at
    assert (failed.again_at - failed.at).total_seconds() > 0.9


async def test_a_receiver_that_answers_too_late_gets_the_event_again_under_the_same_id(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    never = asyncio.Event()
    replies = [Reply(200, before=never.wait)]
    erp.answer = lambda _request: replies.pop() if replies else Reply()
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1, 2])
        assert events(await office.until(EventDelivered, 2)) == names([1, 2])
    assert ids(erp.requests) == names([1, 1, 2])
    assert erp.requests[0].body == erp.requests[1].body


async def test_what_a_receiver_refuses_is_a_fact_and_the_next_event_follows(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    erp.answer = once(422)
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1, 2])
        assert events(await office.until(EventDelivered)) == names([2])
        assert [(fact.event, fact.status) for fact in await office.heard(DeliveryRefused)] == [("e-1", 422)]
    assert ids(erp.requests) == names([1, 2])


async def test_a_receiver_that_is_gone_gets_nothing_until_it_is_resumed_and_then_everything(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    erp.answer = once(410)
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1])
        assert [fact.reason for fact in await office.until(WebhookDisabled)] == ["GONE"]
        await happen(office, [2])
        assert len(erp.requests) == 1
        await office.say(ResumeWebhook(), "ERP")
        assert events(await office.until(EventDelivered, 2)) == names([1, 2])


async def test_a_receiver_that_cannot_be_reached_is_given_up_after_ten_attempts(
    nats_client: Client, secrets: Path, erp: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.breaker._REST", (0.05,))
    erp.answer = lambda _request: Reply(500)
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1])
        (disabled,) = await office.until(WebhookDisabled)
        assert [fact.attempt for fact in await office.heard(DeliveryFailed)] == list(range(1, 11))
    assert disabled.reason == "UNREACHABLE"
    assert ids(erp.requests) == names([1] * 10)


async def test_a_paused_webhook_skips_nothing(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1])
        await office.until(EventDelivered)
        await office.say(PauseWebhook(), "ERP")
        await office.until(WebhookPaused)
        await happen(office, [2, 3])
        await office.say(ResumeWebhook(), "ERP")
        assert events(await office.until(EventDelivered, 3)) == names([1, 2, 3])


async def test_what_was_delivered_is_delivered_again_when_it_is_asked_for(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1, 2])
        first, _ = await office.until(EventDelivered, 2)
        await office.say(ResumeWebhook(after=first.sequence - 1), "ERP")
        await office.until(WebhookResumed)
        assert events(await office.until(EventDelivered, 4)) == names([1, 2, 1, 2])
    assert ids(erp.requests) == names([1, 2, 1, 2])


async def test_a_removed_webhook_gets_nothing(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    async with receiver() as other, hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await office.say(register(other), "CRM")
        await office.until(WebhookRegistered, 2)
        await office.say(RemoveWebhook(), "ERP")
        await office.until(WebhookRemoved)
        await happen(office, [1])
        await office.until(EventDelivered)
    assert (ids(erp.requests), ids(other.requests)) == ([], names([1]))


async def test_a_rotated_secret_signs_without_a_gap(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await office.say(RotateWebhookSecret(secret="erp-2"), "ERP")
        await office.until(WebhookSecretRotated)
        await happen(office, [1])
        await office.until(EventDelivered)
    (request,) = erp.requests
    for secret in SECRETS.values():
        Webhook(secret).verify(request.body, request.headers)


async def test_a_webhook_that_somebody_forged_gets_nothing(nats_client: Client, secrets: Path, erp: Receiver) -> None:
    """Only what the actor itself has said opens a way out, whatever is published under its name."""
    async with receiver() as thief, hooks(nats_client, secrets) as office:
        forged = WebhookRegistered(url=thief.url, events=(ISSUED,), keys=(), secret="erp-1", run=1, after=0)
        context = msgspec.structs.replace(
            office.context("f", "BAD"), source="/observability/webhook/BAD/BAD", cause="m"
        )
        await office.say_as(forged, context)
        await office.say(register(erp), "ERP")
        await office.until(WebhookRegistered, 2)
        await happen(office, [1])
        await office.until(EventDelivered)
    assert thief.requests == []


async def test_a_copy_of_what_a_removed_webhook_has_said_gets_nothing(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    async with receiver() as other, hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await office.say(RemoveWebhook(), "ERP")
        await office.until(WebhookRemoved)
        (registered,) = await office.heard(WebhookRegistered)
        await office.say_as(registered, registered.context)
        await office.say(register(other), "CRM")
        await office.until(WebhookRegistered, 3)
        await happen(office, [1])
        await office.until(EventDelivered)
    assert (ids(erp.requests), ids(other.requests)) == ([], names([1]))


async def test_a_consumer_that_an_operator_deletes_is_made_again_where_it_was(
    nats_client: Client, secrets: Path, erp: Receiver
) -> None:
    async with hooks(nats_client, secrets) as office:
        await office.say(register(erp), "ERP")
        await happen(office, [1, 2])
        await office.until(EventDelivered, 2)
        await nats_client.jetstream().delete_consumer(STREAM, "effect-observability-delivery-ERP-1")
        await happen(office, [3, 4])
        assert events(await office.until(EventDelivered, 4)) == names([1, 2, 3, 4])
    assert ids(erp.requests) == names([1, 2, 3, 4])


async def test_a_worker_killed_between_call_and_confirmation_tells_each_delivery_once(
    nats_client: Client, nats_server: Any, secrets: Path, erp: Receiver
) -> None:
    """The real service as a real process, killed while the receiver has the event and has not answered."""

    def service() -> Tally:
        return Tally(
            nats_server.url,
            secrets.parent / "data",
            app="services.observability.app:app",
            Q2C_SECRETS=str(secrets),
            Q2C_PRIVATE="allow",
            Q2C_CLOCK="scenario",
        )

    office = Working(Log(nats_client, 4), WIRING)
    async with service() as first:
        await first.says('"ready"')
        await office.say(register(erp), "ERP")
        await happen(office, [1, 2])
        await office.until(EventDelivered, 2)

        async def killed() -> None:
            first.kill()

        erp.answer = lambda _request: Reply(200, before=killed)
        await happen(office, [3, 4])
        await first.exit_code()
    erp.answer = lambda _request: Reply()
    async with service() as second:
        assert events(await office.until(EventDelivered, 4)) == names([1, 2, 3, 4])
        second.ask_to_stop()
        assert await second.exit_code() == 0
    assert ids(erp.requests) == names([1, 2, 3, 3, 4])
    for request in erp.requests:
        Webhook(SECRETS["erp-1"]).verify(request.body, request.headers)
    stored = [received async for batch in office.log.read(["q2c.>"], 0, await office.log.last()) for received in batch]
    everything = b"\n".join(received.body for received in stored) + "\n".join(first.lines + second.lines).encode()
    assert not any(secret.encode() in everything for secret in SECRETS.values())
