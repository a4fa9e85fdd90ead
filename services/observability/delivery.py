"""Delivers the events that a webhook wants: signed as Standard Webhooks says, one at a time, in the log's order.

Each webhook has a durable consumer of its own, and the server filters by the names and keys that the webhook wants:
events that nobody wants cost nothing here, and no actor has to hear every event of the mesh to enqueue it. The log
itself is the queue. Where deliveries begin is a place in the log that the webhook's actor has said; how far they have
come is one note on the log, replaced in the same atomic batch that says the outcome. So whatever crashes, no event is
skipped or enqueued twice, and no outcome is said twice.

Order: an event is sent once the one before it, of whatever key, is settled. One that fails holds up those behind it
until it is delivered or the webhook is disabled, and a receiver gets no more than one event per answer: that is the
price. What the receiver refuses (any other 3xx or 4xx) becomes a fact, and the next one is sent; resume the webhook
with the place before it to have it sent again.

In doubt (no answer in time, or the process died before the outcome was noted): a receiver recognises what it has by
its webhook-id, as Standard Webhooks asks of it. Sending the event again under the same id is therefore how one looks up
what became of it; there is no other way.
"""

import re
from datetime import UTC, datetime
from typing import assert_never

from msgspec.structs import replace
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from contracts import wire
from contracts.message import Event, name_of
from contracts.observability import (
    ConfirmDelivery,
    FailDelivery,
    RefuseDelivery,
    WebhookDisabled,
    WebhookPaused,
    WebhookRegistered,
    WebhookRemoved,
    WebhookResumed,
    WebhookSecretRotated,
)
from services.observability.webhook import UNHEARD
from shared.effects import Call, Failure, Feed, Unavailable

Outcome = ConfirmDelivery | RefuseDelivery
Facts = WebhookRegistered | WebhookResumed | WebhookSecretRotated | WebhookPaused | WebhookDisabled | WebhookRemoved

patience = 15.0
"""Seconds for which a receiver may take to answer (Standard Webhooks asks for 15 to 30)."""

retries = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""Seconds between attempts: the schedule of Standard Webhooks."""

_BUSY = (408, 425, 429)
"""Statuses by which a receiver asks for patience, besides those from 500 on."""

_SAFE = re.compile(r"[A-Za-z0-9_:-]{1,256}")


class Subscription(Feed):
    """A webhook as its deliveries need it."""

    url: str
    secrets: tuple[str, ...]
    """Their names; each signs."""


def feed(before: Subscription | None, fact: Facts) -> Subscription | None:
    match fact:
        case WebhookRegistered():
            return Subscription(
                key=fact.key,
                journey=fact.correlation,
                run=fact.run,
                after=fact.after,
                events=fact.events,
                keys=fact.keys,
                active=True,
                url=fact.url,
                secrets=(fact.secret,),
            )
        case _ if before is None:
            return None
        case WebhookResumed(run=run, after=after):
            return replace(before, run=run, after=after, active=True)
        case WebhookSecretRotated(secrets=secrets):
            return replace(before, secrets=secrets)
        case WebhookPaused() | WebhookDisabled():
            return replace(before, active=False)
        case WebhookRemoved():
            return None
        case _:
            assert_never(fact)


def concerns(event: Event) -> bool:
    """Deliveries are not delivered: that would never end."""
    service, entity = name_of(type(event)).split(".")[:2]
    return service != "observability" or entity not in UNHEARD


async def perform(request: Event, call: Call[Subscription]) -> Outcome:
    """Unavailable while the receiver asks for patience or cannot be reached; InDoubt when it did not answer."""
    body = wire.envelope(request, request.context)
    answer = await call.outside.post(call.feed.url, body, _headers(body, call))
    run, sequence = call.feed.run, request.context.sequence
    if 200 <= answer.status < 300:
        return ConfirmDelivery(run=run, sequence=sequence, event=request.id, attempt=call.attempt)
    if answer.status in _BUSY or answer.status >= 500:
        raise Unavailable(f"the receiver answered with status {answer.status}", retry_after=answer.retry_after)
    return RefuseDelivery(run=run, sequence=sequence, event=request.id, attempt=call.attempt, status=answer.status)


async def lookup(_request: Event, _call: Call[Subscription]) -> Outcome | None:
    """Nobody can be asked: the same webhook-id, sent again, is the question (see above)."""
    return None


def failed(request: Event, call: Call[Subscription], failure: Failure, again_at: datetime) -> FailDelivery:
    return FailDelivery(
        run=call.feed.run,
        sequence=request.context.sequence,
        event=request.id,
        attempt=call.attempt,
        detail=failure.reason,
        again_at=again_at,
    )


def _headers(body: bytes, call: Call[Subscription]) -> dict[str, str]:
    """Of Standard Webhooks 1.0: every secret in use signs, so that a receiver can change from one to the next."""
    now = datetime.now(UTC)
    named = call.id if _SAFE.fullmatch(call.id) else wire.derive(call.id, "webhook-id", 0)
    signatures = [_signature(call.outside.secret(name), name, named, now, body) for name in call.feed.secrets]
    return {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "webhook-id": named,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, name: str, named: str, now: datetime, body: bytes) -> str:
    try:
        return Webhook(secret).sign(named, now, body.decode())
    except (ValueError, EmptyWebhookSecretError):
        raise Unavailable(f"the secret {name} is not base64, with or without whsec_ before it") from None
