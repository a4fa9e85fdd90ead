"""A delivery is signed so that the receiver can verify it, and what the receiver answers is told as it is."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook, WebhookVerificationError

from contracts import wire
from contracts.message import Event
from contracts.money import Money
from contracts.observability import (
    ClockTicked,
    ConfirmDelivery,
    FailDelivery,
    JourneyCompleted,
    RefuseDelivery,
    WebhookDisabled,
    WebhookPaused,
    WebhookRegistered,
    WebhookRemoved,
    WebhookResumed,
    WebhookSecretRotated,
)
from contracts.runtime import of
from services.observability import delivery
from services.observability.delivery import Subscription
from shared.effects import Call, Outside, Unavailable
from shared.outside import Answer, Policy
from tests.story import NOON, at

SECRETS = {"erp-1": "whsec_" + base64.b64encode(b"1" * 32).decode(), "erp-2": base64.b64encode(b"2" * 32).decode()}
REGISTERED = WebhookRegistered(
    url="https://erp.example.com/hooks",
    events=("observability.journey.*.v1",),
    keys=("ACME", "OMNI"),
    secret="erp-1",
    run=1,
    after=7,
)
COMPLETED = at(JourneyCompleted(journey="J-1", value=Money("1.00", "EUR")), id="e-1")


class Scripted(Outside):
    """The outside with a receiver that always answers the same; what it was sent is kept."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        super().__init__(httpx.AsyncClient(), Policy(), folder)
        self.answer = answer
        self.sent: list[tuple[str, bytes, dict[str, str]]] = []
        for name, secret in SECRETS.items():
            (folder / name).write_text(secret)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.sent.append((url, body, dict(headers)))
        return self.answer


def subscription(*facts: Any) -> Subscription | None:
    found = None
    for fact in (REGISTERED, *facts):
        found = delivery.feed(found, at(fact, key="ERP", journey="J-ERP"))
    return found


async def deliver(folder: Path, answer: Answer, *facts: Any, event: Event = COMPLETED) -> tuple[Any, Scripted]:
    feed = subscription(*facts)
    assert feed is not None
    scripted = Scripted(folder, answer)
    return await delivery.perform(event, Call(event.id, 2, feed, scripted)), scripted


async def test_a_delivery_is_an_envelope_that_the_receiver_can_verify(tmp_path: Path) -> None:
    outcome, scripted = await deliver(tmp_path, Answer(204, {}, b""))
    assert outcome == ConfirmDelivery(run=1, sequence=0, event="e-1", attempt=2)
    ((url, body, headers),) = scripted.sent
    assert url == "https://erp.example.com/hooks"
    assert headers["webhook-id"] == "e-1"
    verified = Webhook(SECRETS["erp-1"]).verify(body, headers)
    assert (verified["type"], verified["data"]["journey"]) == ("observability.journey.completed.v1", "J-1")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS["erp-1"]).verify(body + b" ", headers)


async def test_both_secrets_sign_while_one_follows_the_other(tmp_path: Path) -> None:
    _, scripted = await deliver(tmp_path, Answer(200, {}, b""), WebhookSecretRotated(secrets=("erp-2", "erp-1")))
    ((_, body, headers),) = scripted.sent
    for secret in SECRETS.values():
        Webhook(secret).verify(body, headers)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_a_receiver_that_asks_for_patience_is_given_it(tmp_path: Path, status: int) -> None:
    with pytest.raises(Unavailable) as raised:
        await deliver(tmp_path, Answer(status, {"retry-after": "120"}, b""))
    assert (raised.value.retry_after, raised.value.reason) == (120, f"the receiver answered with status {status}")


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 422])
async def test_a_receiver_may_refuse_an_event(tmp_path: Path, status: int) -> None:
    outcome, _ = await deliver(tmp_path, Answer(status, {}, b""))
    assert outcome == RefuseDelivery(run=1, sequence=0, event="e-1", attempt=2, status=status)


async def test_an_id_that_no_header_can_carry_gets_another_that_stays_the_same(tmp_path: Path) -> None:
    event = at(JourneyCompleted(journey="J-1", value=Money("1.00", "EUR")), id="e 1\r\nx: y")
    _, first = await deliver(tmp_path, Answer(200, {}, b""), event=event)
    _, second = await deliver(tmp_path, Answer(200, {}, b""), event=event)
    assert first.sent[0][2]["webhook-id"] == second.sent[0][2]["webhook-id"] == wire.derive(event.id, "webhook-id", 0)


@pytest.mark.parametrize("text", ["whsec_é", "whsec_a", "whsec_"])
async def test_a_secret_that_is_none_sends_nothing_and_is_not_told(tmp_path: Path, text: str) -> None:
    feed = subscription()
    assert feed is not None
    scripted = Scripted(tmp_path, Answer(200, {}, b""))
    (tmp_path / "erp-1").write_text(text)
    with pytest.raises(Unavailable) as raised:
        await delivery.perform(COMPLETED, Call("e-1", 1, feed, scripted))
    assert raised.value.reason == "the secret erp-1 is not base64, with or without whsec_ before it"
    assert scripted.sent == []


async def test_sending_it_again_is_how_a_delivery_in_doubt_is_looked_up(tmp_path: Path) -> None:
    feed = subscription()
    assert feed is not None
    assert await delivery.lookup(COMPLETED, Call("e-1", 1, feed, Scripted(tmp_path, Answer(200, {}, b"")))) is None


def test_a_failed_attempt_is_told_with_its_reason(tmp_path: Path) -> None:
    feed = subscription()
    assert feed is not None
    call = Call("e-1", 3, feed, Scripted(tmp_path, Answer(200, {}, b"")))
    told = delivery.failed(COMPLETED, call, Unavailable("status 503"), NOON)
    assert told == FailDelivery(run=1, sequence=0, event="e-1", attempt=3, detail="status 503", again_at=NOON)


def test_a_webhook_is_read_from_where_it_begins_by_name_and_key() -> None:
    feed = subscription()
    assert feed is not None
    assert (feed.key, feed.journey, feed.run, feed.after, feed.active) == ("ERP", "J-ERP", 1, 7, True)
    assert feed.filters == [f"q2c.evt.observability.journey.*.v1.*.{key}" for key in ("ACME", "OMNI")]
    assert replace(feed, keys=()).filters == ["q2c.evt.observability.journey.*.v1.*.*"]


@pytest.mark.parametrize("fact", [WebhookPaused(), WebhookDisabled(reason="GONE", detail="gone")])
def test_a_webhook_that_rests_is_remembered(fact: WebhookPaused | WebhookDisabled) -> None:
    feed = subscription(fact)
    assert feed is not None
    assert not feed.active
    resumed = subscription(fact, WebhookResumed(run=2, after=5))
    assert resumed is not None
    assert (resumed.run, resumed.after, resumed.active, resumed.url) == (2, 5, True, feed.url)


def test_a_removed_webhook_is_forgotten() -> None:
    assert subscription(WebhookRemoved()) is None
    assert subscription(WebhookRemoved(), WebhookPaused()) is None


def test_deliveries_are_not_delivered() -> None:
    runtime = of("observability")
    about = [REGISTERED, runtime.rejected(sequence=1, subject="s", reason="r")]
    assert [delivery.concerns(event) for event in about] == [False, False]
    elsewhere = of("finance").rejected(sequence=1, subject="s", reason="r")
    assert [delivery.concerns(event) for event in (COMPLETED, ClockTicked(instant=NOON), elsewhere)] == [True] * 3
