"""What the observability service says and answers: time, the journeys, and the books read at a position of the log."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from contracts.message import Broadcast, Event, Identifier, Instant, Question, ReasonCode, Record, Text, utc
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

    sequence: int
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
    days_overdue: int


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
    position: int
    """The log sequence up to which they were read."""
    entities: tuple[EntityBooks, ...]


class ShowBooks(Question, tag="observability.books.show.v1"):
    """The books of one legal entity, or of all when none is named, with accounting dates up to `as_of`."""

    legal_entity: Identifier | None = None
    as_of: date | None = None
