"""What the observability service says and answers: time, the journeys, the books at a position of the log, webhooks."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from contracts.message import (
    LARGEST_WHOLE,
    Broadcast,
    Command,
    Event,
    Identifier,
    Instant,
    Question,
    ReasonCode,
    Record,
    Refusal,
    Text,
    Whole,
    utc,
)
from contracts.money import CurrencyCode, Money
from contracts.order import HoldOwner


class ClockTicked(Broadcast, tag="observability.clock.ticked.v1"):
    """Time has passed up to `instant`; every actor that asked to be woken by then is woken."""

    instant: Instant

    def __post_init__(self) -> None:
        try:
            utc(self.instant)
        except OverflowError:
            raise ValueError("the instant cannot be told in UTC") from None


# --- journey: keyed by the customer; its id stands for the correlation ----------------------------------------------


class JourneyStarted(Event, tag="observability.journey.started.v1"):
    """A quote opened a chain from quote to cash."""

    journey: Text
    quote_id: Identifier


class Waiting(Record):
    """A step that is expected, and by when."""

    step: Text
    reference: Text
    """What it is about: an agreement, a milestone, an invoice."""
    due: Instant


class Hold(Record):
    """One side holds the agreement until it has mended what it refused."""

    owner: HoldOwner
    reason: ReasonCode


class OwedInvoice(Record):
    """An issued invoice of the journey that is not paid yet."""

    number: Text
    open: Money
    """With tax."""


class JourneyProgressed(Event, tag="observability.journey.progressed.v1"):
    """A turning point: what the chain is worth, what is billed, what cash has covered, and what is expected next."""

    journey: Text
    turning_point: Text
    """Name of the message that was the turning point."""
    value: Money
    """Agreed, net of tax."""
    billed: Money
    """Net of tax."""
    open: Money
    """Owed on issued invoices, with tax: the sum of `invoices`."""
    phase: Literal["QUOTED", "ACCEPTED", "ACTIVE"]
    invoices: tuple[OwedInvoice, ...]
    waiting: tuple[Waiting, ...]
    holds: tuple[Hold, ...] = ()
    """Why the agreement is held, when it is."""


class JourneyStalled(Event, tag="observability.journey.stalled.v1"):
    """An expected step is late: that something did *not* happen."""

    journey: Text
    step: Text
    reference: Text
    expected_by: datetime


class JourneyCompleted(Event, tag="observability.journey.completed.v1"):
    """Nothing is left to bill and cash has covered everything billed."""

    journey: Text
    value: Money


# --- timeline: a projection over the whole log ----------------------------------------------------------------------


class TimelineStep(Record):
    """One message of a journey."""

    sequence: Whole
    at: datetime
    type: Text
    key: Text
    source: Text
    id: Text
    cause: str | None
    cause_type: str | None
    """Name of the message that caused it: the why."""
    summary: Text
    """What it says in a few words, such as `INV DE01-2026-000001 214,200.00 EUR`."""
    amounts: tuple[tuple[Text, Money], ...]


class Outstanding(Record):
    """What the journey still waits for."""

    what: Text
    reference: Text
    amount: Money | None = None
    since: datetime | None = None


class JourneyTimeline(Record):
    """The answer to `observability.timeline.show.v1`."""

    journey: str | None
    """None when nothing is known under that id."""
    customer: str | None
    quote_id: str | None
    agreement_id: str | None
    status: Literal["UNKNOWN", "OPEN", "HELD", "STALLED", "COMPLETED"]
    value: Money | None
    billed: Money | None
    unbilled: Money | None
    recognised: Money | None
    open: Money | None
    steps: tuple[TimelineStep, ...]
    outstanding: tuple[Outstanding, ...]


class ShowTimeline(Question, tag="observability.timeline.show.v1"):
    """One quote-to-cash chain as a timeline; `id` is a journey, quote, agreement, change order or invoice number."""

    id: Annotated[str, Meta(min_length=1, max_length=100)]


class JourneySummary(Record):
    """One line of the list of journeys."""

    journey: Text
    customer: Text
    quote_id: str | None
    agreement_id: str | None
    status: Text
    value: Money | None
    billed: Money | None
    open: Money | None


class JourneyList(Record):
    """The answer to `observability.timeline.list.v1`."""

    journeys: tuple[JourneySummary, ...]


class ListTimelines(Question, tag="observability.timeline.list.v1"):
    """All journeys, oldest first."""


# --- books: a projection over the whole log -------------------------------------------------------------------------


class TrialBalanceLine(Record):
    """One account in one currency: debits and credits to date; the balance is debit less credit."""

    account: Text
    currency: CurrencyCode
    debit: Money
    credit: Money
    balance: Money
    functional_balance: Money


class OpenItem(Record):
    """An open invoice, or unapplied cash when `open` is negative."""

    customer: Text
    number: Text
    """Invoice number, or the payment's id for unapplied cash."""
    due_date: date | None
    gross: Money
    open: Money
    days_overdue: Whole


class ContractBalance(Record):
    """One agreement: one net figure, an asset or a liability (IFRS 15.105)."""

    agreement_id: Identifier
    customer: Text
    value: Money
    billed: Money
    unbilled: Money
    recognised: Money
    remaining: Money
    """Remaining performance obligation: value less recognised (IFRS 15.120)."""
    asset: Money
    liability: Money
    """Deferred revenue: billed before it was earned."""


class BooksCheck(Record):
    """One thing that must hold of the books."""

    name: Text
    holds: bool
    detail: Text


class EntityBooks(Record):
    """The books of one legal entity."""

    legal_entity: Identifier
    functional_currency: CurrencyCode
    trial_balance: tuple[TrialBalanceLine, ...]
    receivables: tuple[OpenItem, ...]
    contracts: tuple[ContractBalance, ...]
    totals: tuple[tuple[Text, Money], ...]
    """Named figures, each as `name.CUR`: billed, recognised, deferred, contract_assets, unbilled, receivables,
    unapplied_cash."""
    invoice_numbers: tuple[Text, ...]
    checks: tuple[BooksCheck, ...]


class Books(Record):
    """The answer to `observability.books.show.v1`."""

    as_of: date | None
    position: Whole
    """The log sequence up to which they were read."""
    entities: tuple[EntityBooks, ...]


class ShowBooks(Question, tag="observability.books.show.v1"):
    """The books of one legal entity, or of all when none is named, with accounting dates up to `as_of`."""

    legal_entity: Identifier | None = None
    as_of: date | None = None


# --- webhook: its key is its id -------------------------------------------------------------------------------------

EventPattern = Annotated[
    str,
    Meta(
        pattern=r"^([a-z][a-z0-9_]*|\*)\.([a-z][a-z0-9_]*|\*)\.([a-z][a-z0-9_]*|\*)\.(v[1-9][0-9]*|\*)$",
        max_length=200,
        description="The name of an event such as finance.invoice.issued.v1; * stands for any one of its four parts.",
    ),
]
WebhookUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[!-~]*)?$",
        max_length=1000,
        description="An http or https address, without user and password.",
    ),
]
LogSequence = Annotated[int, Meta(ge=0, le=LARGEST_WHOLE, description="A place in the log.")]


class RegisterWebhook(Command, tag="observability.webhook.register.v1"):
    """Send every event that matches to `url` from now on, in the log's order. The key is the webhook's id.

    Neither this message nor any other holds a secret: `secret` is the name of a file in the folder Q2C_SECRETS.
    """

    url: WebhookUrl
    events: Annotated[tuple[EventPattern, ...], Meta(min_length=1, max_length=20)]
    secret: Identifier
    keys: Annotated[tuple[Identifier, ...], Meta(max_length=20)] = ()
    """Only events of these keys; all when empty."""
    after: LogSequence | None = None
    """Begin with what follows this place in the log; None: with what follows this very request."""


class RotateWebhookSecret(Command, tag="observability.webhook.rotate_secret.v1"):
    """Sign with another secret. Until the next rotation the one before it signs too, unless `drop_previous`."""

    secret: Identifier
    drop_previous: bool = False


class PauseWebhook(Command, tag="observability.webhook.pause.v1"):
    """Deliver nothing until it is resumed; what happens meanwhile is delivered then."""


class ResumeWebhook(Command, tag="observability.webhook.resume.v1"):
    """Go on with what is not delivered yet; with `after`, with all that follows this place, delivered before or not."""

    after: LogSequence | None = None


class RemoveWebhook(Command, tag="observability.webhook.remove.v1"):
    """Deliver nothing more, ever."""


class ConfirmDelivery(Command, tag="observability.webhook.confirm_delivery.v1"):
    """The receiver has taken the event at `sequence`. Said by the worker that delivers."""

    run: Whole
    sequence: LogSequence
    event: Text
    attempt: Whole


class FailDelivery(Command, tag="observability.webhook.fail_delivery.v1"):
    """The receiver could not be reached or asked for patience: it is tried again. Said by the worker that delivers."""

    run: Whole
    sequence: LogSequence
    event: Text
    attempt: Whole
    detail: Text
    again_at: Instant


class RefuseDelivery(Command, tag="observability.webhook.refuse_delivery.v1"):
    """The receiver has refused the event with an HTTP `status`. Said by the worker that delivers."""

    run: Whole
    sequence: LogSequence
    event: Text
    attempt: Whole
    status: Whole


class WebhookRegistered(Event, tag="observability.webhook.registered.v1"):
    """What matches and lies after `after` in the log is delivered, each event at least once, in order."""

    url: WebhookUrl
    events: tuple[EventPattern, ...]
    keys: tuple[Identifier, ...]
    secret: Identifier
    run: Whole
    """Counts how often its deliveries were begun at a place in the log."""
    after: LogSequence


class WebhookSecretRotated(Event, tag="observability.webhook.secret_rotated.v1"):
    """Deliveries are signed with each of `secrets`, by name, the newest first."""

    secrets: tuple[Identifier, ...]


class WebhookPaused(Event, tag="observability.webhook.paused.v1"):
    """Nothing is delivered until it is resumed."""


class WebhookResumed(Event, tag="observability.webhook.resumed.v1"):
    """Deliveries go on after `after`."""

    run: Whole
    after: LogSequence


class WebhookDisabled(Event, tag="observability.webhook.disabled.v1"):
    """Nothing is delivered until somebody has mended the receiver and resumes it. Nothing was skipped."""

    reason: Literal["GONE", "UNREACHABLE", "REFUSING"]
    detail: Text


class WebhookRemoved(Event, tag="observability.webhook.removed.v1"):
    """Nothing is delivered any more."""


class EventDelivered(Event, tag="observability.webhook.delivered.v1"):
    """The receiver has taken the event at `sequence`."""

    run: Whole
    sequence: LogSequence
    event: Text
    attempt: Whole


class DeliveryFailed(Event, tag="observability.webhook.delivery_failed.v1"):
    """An attempt has failed; the event, and all that follow it, are tried again at `again_at`."""

    run: Whole
    sequence: LogSequence
    event: Text
    attempt: Whole
    detail: Text
    again_at: Instant


class DeliveryRefused(Event, tag="observability.webhook.delivery_refused.v1"):
    """The receiver does not want the event: it is not sent again unless somebody resumes the webhook before it."""

    run: Whole
    sequence: LogSequence
    event: Text
    attempt: Whole
    status: Whole


class WebhookRefused(Refusal, tag="observability.webhook.refused.v1"):
    """The webhook is not as the request needs it."""


class WebhookShown(Record):
    """The answer to `observability.webhook.show.v1`."""

    phase: Literal["UNKNOWN", "ACTIVE", "PAUSED", "DISABLED", "REMOVED"]
    url: str | None
    events: tuple[EventPattern, ...]
    keys: tuple[Identifier, ...]
    secrets: tuple[Identifier, ...]
    """Their names."""
    run: Whole
    position: LogSequence
    """All that matches up to here is settled."""
    delivered: Whole
    refused: Whole
    last_error: str | None
    """Of the event that is tried again, or why it is disabled; None while all is well."""
    again_at: Instant | None


class ShowWebhook(Question, tag="observability.webhook.show.v1"):
    """What becomes of a webhook's deliveries. The key is its id."""
