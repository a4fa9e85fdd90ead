"""A webhook tells an outside system what happens, until the receiver is gone or keeps failing."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from contracts.message import Context
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
)
from services.observability import webhook
from services.observability.webhook import MAX_ATTEMPTS, MAX_REFUSED
from tests.story import NOON, at, given

ISSUED = "finance.invoice.issued.v1"
URL = "https://erp.example.com/hooks"
REGISTER = RegisterWebhook(url=URL, events=(ISSUED,), secret="erp-1", after=100)
REGISTERED = WebhookRegistered(url=URL, events=(ISSUED,), keys=(), secret="erp-1", run=1, after=100)
ROTATED = WebhookSecretRotated(secrets=("erp-2", "erp-1"))
GONE = WebhookDisabled(reason="GONE", detail="the receiver says that it is gone (410)")


def delivered(sequence: int, run: int = 1) -> EventDelivered:
    return EventDelivered(run=run, sequence=sequence, event=f"e-{sequence}", attempt=1)


def confirm(sequence: int, run: int = 1) -> ConfirmDelivery:
    return ConfirmDelivery(run=run, sequence=sequence, event=f"e-{sequence}", attempt=1)


def fail(attempt: int, sequence: int = 101, run: int = 1) -> FailDelivery:
    again = NOON + timedelta(seconds=5)
    return FailDelivery(
        run=run, sequence=sequence, event=f"e-{sequence}", attempt=attempt, detail="status 503", again_at=again
    )


def failed(attempt: int, sequence: int = 101) -> DeliveryFailed:
    again = NOON + timedelta(seconds=5)
    return DeliveryFailed(
        run=1, sequence=sequence, event=f"e-{sequence}", attempt=attempt, detail="status 503", again_at=again
    )


def refuse(status: int, sequence: int = 101) -> RefuseDelivery:
    return RefuseDelivery(run=1, sequence=sequence, event=f"e-{sequence}", attempt=1, status=status)


def refused(status: int, sequence: int = 101) -> DeliveryRefused:
    return DeliveryRefused(run=1, sequence=sequence, event=f"e-{sequence}", attempt=1, status=status)


def test_a_webhook_begins_where_it_is_told_to() -> None:
    given(webhook).when(REGISTER).then(REGISTERED)


def test_a_webhook_begins_with_what_follows_its_registration_unless_told_otherwise() -> None:
    context = Context(id="m-1", source="/tests", key="ERP", at=NOON, correlation="j", sequence=4711)
    given(webhook).when(replace(REGISTER, after=None).heard(context)).then(replace(REGISTERED, after=4711))


def test_a_webhook_registered_twice_is_one_webhook() -> None:
    given(webhook, REGISTERED).when(REGISTER).then_nothing()
    given(webhook, REGISTERED, ROTATED).when(REGISTER).then_nothing()


@pytest.mark.parametrize("other", [{"url": "https://other.example.com/"}, {"keys": ("ACME",)}, {"secret": "other"}])
def test_another_webhook_of_the_same_name_is_refused(other: dict[str, object]) -> None:
    different = msgspec.structs.replace(REGISTER, **other)
    assert given(webhook, REGISTERED).when(different).the(WebhookRefused).reason == "EXISTS"


def test_a_name_is_free_again_once_its_webhook_is_removed() -> None:
    given(webhook, REGISTERED, WebhookRemoved()).when(REGISTER).then(replace(REGISTERED, run=2))


@pytest.mark.parametrize("entity", webhook.UNHEARD)
def test_deliveries_are_not_delivered(entity: str) -> None:
    about = replace(REGISTER, events=(f"observability.{entity}.*.v1",))
    assert given(webhook).when(about).the(WebhookRefused).reason == "NOT_DELIVERED"


def test_the_journeys_are_delivered() -> None:
    stalled = ("observability.journey.stalled.v1",)
    given(webhook).when(replace(REGISTER, events=stalled)).then(replace(REGISTERED, events=stalled))


@pytest.mark.parametrize("other", ["finance.invoice.*.v1", "*.*.*.*", "finance.*.issued.*", ISSUED])
def test_no_event_may_match_twice(other: str) -> None:
    twice = replace(REGISTER, events=(ISSUED, other))
    assert given(webhook).when(twice).the(WebhookRefused).reason == "OVERLAP"


def test_patterns_that_no_event_can_match_both_are_taken() -> None:
    events = (ISSUED, "finance.receivable.*.*", "delivery.*.accepted.v1")
    given(webhook).when(replace(REGISTER, events=events)).then(replace(REGISTERED, events=events))


def test_a_key_named_twice_is_refused() -> None:
    twice = replace(REGISTER, keys=("ACME", "ACME"))
    assert given(webhook).when(twice).the(WebhookRefused).reason == "OVERLAP"


@pytest.mark.parametrize(
    "request_", [RotateWebhookSecret(secret="x"), PauseWebhook(), ResumeWebhook(), RemoveWebhook()]
)
def test_what_is_asked_of_a_webhook_that_is_not_there_is_refused(
    request_: RotateWebhookSecret | PauseWebhook | ResumeWebhook | RemoveWebhook,
) -> None:
    assert given(webhook).when(request_).the(WebhookRefused).reason == "UNKNOWN_WEBHOOK"
    removed = given(webhook, REGISTERED, WebhookRemoved()).when(request_)
    assert removed.the(WebhookRefused).reason == "UNKNOWN_WEBHOOK"


def test_two_secrets_sign_after_a_rotation() -> None:
    given(webhook, REGISTERED).when(RotateWebhookSecret(secret="erp-2")).then(ROTATED)
    third = RotateWebhookSecret(secret="erp-3")
    given(webhook, REGISTERED, ROTATED).when(third).then(WebhookSecretRotated(secrets=("erp-3", "erp-2")))


def test_the_secret_before_is_dropped_when_it_is_asked_for() -> None:
    drop = RotateWebhookSecret(secret="erp-2", drop_previous=True)
    given(webhook, REGISTERED).when(drop).then(WebhookSecretRotated(secrets=("erp-2",)))
    given(webhook, REGISTERED, ROTATED).when(drop).then(WebhookSecretRotated(secrets=("erp-2",)))


def test_a_rotation_asked_for_twice_is_one() -> None:
    given(webhook, REGISTERED, ROTATED).when(RotateWebhookSecret(secret="erp-2")).then_nothing()
    drop = RotateWebhookSecret(secret="erp-1", drop_previous=True)
    given(webhook, REGISTERED).when(drop).then_nothing()


def test_a_paused_webhook_goes_on_where_it_was() -> None:
    given(webhook, REGISTERED, delivered(150)).when(PauseWebhook()).then(WebhookPaused())
    paused = given(webhook, REGISTERED, delivered(150), WebhookPaused())
    paused.when(PauseWebhook()).then_nothing()
    paused.when(ResumeWebhook()).then(WebhookResumed(run=2, after=150))


def test_an_active_webhook_has_nothing_to_resume() -> None:
    given(webhook, REGISTERED).when(ResumeWebhook()).then_nothing()
    given(webhook, REGISTERED).when(ResumeWebhook(after=100)).then_nothing()


def test_what_was_delivered_is_delivered_again_when_it_is_asked_for() -> None:
    again = ResumeWebhook(after=100)
    given(webhook, REGISTERED, delivered(150)).when(again).then(WebhookResumed(run=2, after=100))


def test_a_removed_webhook_delivers_nothing_more() -> None:
    given(webhook, REGISTERED).when(RemoveWebhook()).then(WebhookRemoved())
    given(webhook, REGISTERED, WebhookRemoved()).when(confirm(101)).then_nothing()


def test_a_delivery_is_a_fact_once() -> None:
    given(webhook, REGISTERED).when(confirm(101)).then(delivered(101))
    given(webhook, REGISTERED, delivered(101)).when(confirm(101)).then_nothing()


def test_a_delivery_that_was_under_way_when_it_was_paused_counts() -> None:
    given(webhook, REGISTERED, WebhookPaused()).when(confirm(101)).then(delivered(101))


def test_what_an_earlier_run_has_still_to_say_is_no_fact() -> None:
    rewound = given(webhook, REGISTERED, delivered(150), WebhookResumed(run=2, after=100))
    rewound.when(confirm(151, run=1)).then_nothing()
    rewound.when(confirm(101, run=2)).then(delivered(101, run=2))


def test_a_failed_attempt_is_a_fact_once() -> None:
    given(webhook, REGISTERED).when(fail(1)).then(failed(1))
    given(webhook, REGISTERED, failed(1)).when(fail(1)).then_nothing()
    given(webhook, REGISTERED, failed(1)).when(fail(2)).then(failed(2))


def test_a_webhook_is_disabled_when_all_attempts_have_failed() -> None:
    story = given(webhook, REGISTERED, failed(MAX_ATTEMPTS - 1)).when(fail(MAX_ATTEMPTS))
    disabled = WebhookDisabled(reason="UNREACHABLE", detail="10 attempts have failed: status 503")
    story.then(failed(MAX_ATTEMPTS), disabled)


def test_a_receiver_that_is_gone_disables_at_once() -> None:
    given(webhook, REGISTERED).when(refuse(410)).then(GONE)
    given(webhook, REGISTERED, GONE).when(refuse(410)).then_nothing()


def test_a_disabled_webhook_skips_nothing_when_it_is_resumed() -> None:
    given(webhook, REGISTERED, delivered(150), GONE).when(ResumeWebhook()).then(WebhookResumed(run=2, after=150))


def test_a_refused_event_is_a_fact_and_the_next_one_follows() -> None:
    given(webhook, REGISTERED).when(refuse(422)).then(refused(422))
    given(webhook, REGISTERED, refused(422)).when(confirm(102)).then(delivered(102))


def test_a_receiver_that_refuses_one_event_after_the_other_is_disabled() -> None:
    before = [refused(401, 101 + number) for number in range(MAX_REFUSED - 1)]
    disabled = WebhookDisabled(
        reason="REFUSING", detail="the receiver has refused 5 events one after the other, the last with status 401"
    )
    given(webhook, REGISTERED, *before).when(refuse(401, 120)).then(refused(401, 120), disabled)
    given(webhook, REGISTERED, *before, delivered(119)).when(refuse(401, 120)).then(refused(401, 120))


def test_a_webhook_shows_its_last_error_until_all_is_well() -> None:
    question = at(ShowWebhook(), key="ERP")
    shown = webhook.answer(given(webhook, REGISTERED, failed(1)).state, question)
    assert (shown.phase, shown.last_error, shown.position) == ("ACTIVE", "status 503", 100)
    assert shown.again_at == NOON + timedelta(seconds=5)
    shown = webhook.answer(given(webhook, REGISTERED, failed(1), delivered(101)).state, question)
    assert (shown.last_error, shown.again_at, shown.position, shown.delivered) == (None, None, 101, 1)
    shown = webhook.answer(given(webhook, REGISTERED, refused(422)).state, question)
    assert (shown.last_error, shown.refused, shown.position) == ("refused with status 422", 1, 101)


def test_a_webhook_that_is_not_there_shows_nothing() -> None:
    shown = webhook.answer(webhook.initial, at(ShowWebhook(), key="ERP"))
    assert (shown.phase, shown.url, shown.events, shown.keys) == ("UNKNOWN", None, (), ())
    refusal = WebhookRefused(request="observability.webhook.pause.v1", reason="UNKNOWN_WEBHOOK", detail="no")
    assert webhook.evolve(webhook.initial, refusal) == webhook.initial


def test_a_webhook_is_named_by_its_key() -> None:
    assert webhook.actor_id(at(PauseWebhook(), key="ERP")) == "ERP"


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "https://user:word@a.example/", "https://a.example:port/", "https://", "https://a b/"]
)
def test_an_address_that_is_none_is_not_heard(url: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(REGISTER), "url": url}, RegisterWebhook)


@pytest.mark.parametrize("pattern", ["finance", "finance.>", "finance.invoice.iss*.v1", "finance.invoice.issued.v0"])
def test_a_pattern_that_is_none_is_not_heard(pattern: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(REGISTER), "events": [pattern]}, RegisterWebhook)
