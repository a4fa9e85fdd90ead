"""A webhook tells an outside system without a NATS client what happens, until the receiver is gone or keeps failing."""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, assert_never

from msgspec.structs import replace

from contracts.message import Message, Record, name_of
from contracts.observability import (
    ConfirmDelivery,
    DeliveryFailed,
    DeliveryRefused,
    EventDelivered,
    FailDelivery,
    PauseWebhook,
    RefuseDelivery,
    RegisterWebhook,
    RemoveWebhook,
    ResumeWebhook,
    RotateWebhookSecret,
    ShowWebhook,
    WebhookDisabled,
    WebhookPaused,
    WebhookRefused,
    WebhookRegistered,
    WebhookRemoved,
    WebhookResumed,
    WebhookSecretRotated,
    WebhookShown,
)

Managed = RegisterWebhook | RotateWebhookSecret | PauseWebhook | ResumeWebhook | RemoveWebhook
Delivered = ConfirmDelivery | FailDelivery | RefuseDelivery
Heard = Managed | Delivered
Said = (
    WebhookRegistered
    | WebhookSecretRotated
    | WebhookPaused
    | WebhookResumed
    | WebhookDisabled
    | WebhookRemoved
    | EventDelivered
    | DeliveryFailed
    | DeliveryRefused
    | WebhookRefused
)

MAX_ATTEMPTS = 10
"""Of one event, over three days by the schedule of Standard Webhooks; then the webhook is disabled."""
MAX_REFUSED = 5
"""Events refused one after the other, after which the receiver refuses everything, as far as one can tell."""
GONE = 410

UNHEARD = ("actor", "effect", "message", "webhook")
"""Entities of observability that a delivery itself makes speak: to deliver them would never end."""


class Webhook(Record):
    phase: Literal["UNKNOWN", "ACTIVE", "PAUSED", "DISABLED", "REMOVED"] = "UNKNOWN"
    registered: WebhookRegistered | None = None
    secrets: tuple[str, ...] = ()
    run: int = 0
    position: int = 0
    """Everything that matches up to this log sequence was delivered or refused, or lies before the beginning."""
    delivered: int = 0
    refused: int = 0
    refused_in_a_row: int = 0
    failing: DeliveryFailed | None = None  # what is tried again
    last_error: str | None = None


initial = Webhook()


def actor_id(message: Heard | ShowWebhook) -> str:
    return message.key


def decide(state: Webhook, message: Heard) -> Sequence[Said]:
    match message:
        case RegisterWebhook():
            return _register(state, message)
        case ConfirmDelivery() | FailDelivery() | RefuseDelivery():
            return _settle(state, message)
        case _ if state.phase in ("UNKNOWN", "REMOVED"):
            return [_refuse(message, "UNKNOWN_WEBHOOK", f"there is no webhook {message.key}")]
        case RotateWebhookSecret(secret=secret):
            previous = () if message.drop_previous else tuple(name for name in state.secrets[:1] if name != secret)
            secrets = state.secrets if state.secrets[0] == secret and not message.drop_previous else (secret, *previous)
            return [] if secrets == state.secrets else [WebhookSecretRotated(secrets=secrets)]
        case PauseWebhook():
            return [WebhookPaused()] if state.phase == "ACTIVE" else []
        case ResumeWebhook(after=after):
            return _resume(state, state.position if after is None else after, again=after is not None)
        case RemoveWebhook():
            return [WebhookRemoved()]
        case _:
            assert_never(message)


def evolve(state: Webhook, event: Said) -> Webhook:
    match event:
        case WebhookRegistered():
            return Webhook(
                phase="ACTIVE", registered=event, secrets=(event.secret,), run=event.run, position=event.after
            )
        case WebhookSecretRotated():
            return replace(state, secrets=event.secrets)
        case WebhookPaused():
            return replace(state, phase="PAUSED")
        case WebhookResumed():
            well = replace(state, refused_in_a_row=0, failing=None, last_error=None)
            return replace(well, phase="ACTIVE", run=event.run, position=event.after)
        case WebhookDisabled():
            return replace(state, phase="DISABLED", failing=None, last_error=event.detail)
        case WebhookRemoved():
            return replace(state, phase="REMOVED", failing=None)
        case EventDelivered():
            well = replace(state, refused_in_a_row=0, failing=None, last_error=None)
            return replace(well, position=event.sequence, delivered=state.delivered + 1)
        case DeliveryFailed():
            return replace(state, failing=event, last_error=event.detail)
        case DeliveryRefused():
            error = f"refused with status {event.status}"
            settled = replace(state, position=event.sequence, failing=None, last_error=error)
            return replace(settled, refused=state.refused + 1, refused_in_a_row=state.refused_in_a_row + 1)
        case WebhookRefused():
            return state
        case _:
            assert_never(event)


def answer(state: Webhook, _question: ShowWebhook) -> WebhookShown:
    registered = state.registered
    return WebhookShown(
        phase=state.phase,
        url=registered.url if registered else None,
        events=registered.events if registered else (),
        keys=registered.keys if registered else (),
        secrets=state.secrets,
        run=state.run,
        position=state.position,
        delivered=state.delivered,
        refused=state.refused,
        last_error=state.last_error,
        again_at=state.failing.again_at if state.failing else None,
    )


def _register(state: Webhook, message: RegisterWebhook) -> Sequence[Said]:
    after = message.context.sequence if message.after is None else message.after
    known = state.registered
    if state.phase not in ("UNKNOWN", "REMOVED") and known is not None:
        same = (known.url, known.events, known.keys) == (message.url, message.events, message.keys)
        if same and message.secret in state.secrets:
            return []  # asked twice, registered once
        return [_refuse(message, "EXISTS", f"webhook {message.key} exists: remove it first")]
    for pattern in message.events:
        service, entity = pattern.split(".")[:2]
        if service == "observability" and entity in UNHEARD:
            return [_refuse(message, "NOT_DELIVERED", f"{pattern} is about deliveries and is never delivered itself")]
    for one, other in combinations(message.events, 2):
        if overlap(one, other):
            return [_refuse(message, "OVERLAP", f"an event may match both {one} and {other}: leave one of them out")]
    if len(set(message.keys)) < len(message.keys):
        return [_refuse(message, "OVERLAP", "a key is named twice")]
    return [
        WebhookRegistered(
            url=message.url,
            events=message.events,
            keys=message.keys,
            secret=message.secret,
            run=state.run + 1,
            after=after,
        )
    ]


def overlap(one: str, other: str) -> bool:
    """Whether the name of an event can match both patterns: the log gives one reader an event only once."""
    return all(a == b or "*" in (a, b) for a, b in zip(one.split("."), other.split("."), strict=True))


def _resume(state: Webhook, after: int, *, again: bool) -> Sequence[Said]:
    if state.phase == "ACTIVE" and (not again or after == state.position):
        return []  # it goes on from there anyway
    return [WebhookResumed(run=state.run + 1, after=after)]


def _settle(state: Webhook, message: Delivered) -> Sequence[Said]:
    """What came of one attempt. What an earlier run still has to say is about deliveries that are begun anew."""
    if message.run != state.run or message.sequence <= state.position or state.phase not in ("ACTIVE", "PAUSED"):
        return []
    run, sequence, event, attempt = message.run, message.sequence, message.event, message.attempt
    match message:
        case ConfirmDelivery():
            return [EventDelivered(run=run, sequence=sequence, event=event, attempt=attempt)]
        case RefuseDelivery(status=status) if status == GONE:
            return [WebhookDisabled(reason="GONE", detail="the receiver says that it is gone (410)")]
        case RefuseDelivery(status=status):
            refused = DeliveryRefused(run=run, sequence=sequence, event=event, attempt=attempt, status=status)
            detail = f"the receiver has refused {MAX_REFUSED} events one after the other, the last with status {status}"
            disabled = WebhookDisabled(reason="REFUSING", detail=detail)
            return [refused, disabled] if state.refused_in_a_row + 1 >= MAX_REFUSED else [refused]
        case FailDelivery() if state.failing and state.failing.attempt >= attempt:
            return []  # told before
        case FailDelivery(detail=detail, again_at=again_at):
            failed = DeliveryFailed(
                run=run, sequence=sequence, event=event, attempt=attempt, detail=detail, again_at=again_at
            )
            disabled = WebhookDisabled(reason="UNREACHABLE", detail=f"{attempt} attempts have failed: {detail}"[:2000])
            return [failed, disabled] if attempt >= MAX_ATTEMPTS else [failed]
        case _:
            assert_never(message)


def _refuse(message: Message, reason: str, detail: str) -> WebhookRefused:
    return WebhookRefused(request=name_of(type(message)), reason=reason, detail=detail)
