"""A journey: one chain from quote to cash. It says what nobody else can see: that something did *not* happen."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import assert_never

from msgspec.structs import replace

from contracts.commercial import (
    AgreementActivated,
    AgreementAmended,
    AgreementHeld,
    AgreementResumed,
    QuoteAccepted,
    QuotePriced,
)
from contracts.delivery import MilestoneAccepted
from contracts.finance import BillingProgressed, EntryFrozen, InvoiceIssued, PaymentApplied, TimeClaimed
from contracts.message import Message, Record, Wake, is_identifier, name_of
from contracts.money import Money, total
from contracts.observability import (
    Hold,
    JourneyCompleted,
    JourneyProgressed,
    JourneyStalled,
    JourneyStarted,
    OwedInvoice,
    Waiting,
)

TurningPoint = (
    QuoteAccepted
    | AgreementActivated
    | AgreementHeld
    | AgreementResumed
    | AgreementAmended
    | MilestoneAccepted
    | EntryFrozen
    | TimeClaimed
    | InvoiceIssued
    | BillingProgressed
    | PaymentApplied
)
Heard = QuotePriced | TurningPoint | Wake
Said = JourneyStarted | JourneyProgressed | JourneyStalled | JourneyCompleted

TO_ACTIVATE = timedelta(hours=4)
"""From signature to an active agreement (domain 3.4)."""
TO_INVOICE = timedelta(days=2)
"""From what may be billed to its invoice."""


class Journey(Record):
    progress: JourneyProgressed | None = None  # None until a quote opened it
    stalled: tuple[Waiting, ...] = ()
    """Of what is waited for, what was already said to be late."""
    completed: bool = False


initial = Journey()


def actor_id(message: QuotePriced | TurningPoint) -> str:
    """The correlation itself, or as near to it as an identifier can be."""
    if is_identifier(message.correlation):
        return message.correlation
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", message.correlation)
    if is_identifier(readable):
        return readable
    return blake2b(message.correlation.encode(), digest_size=16).hexdigest()


def decide(state: Journey, message: Heard) -> Sequence[Said]:
    match message:
        case QuotePriced() if state.progress is None:
            return [JourneyStarted(journey=message.correlation, quote_id=message.quote_id), _quoted(message)]
        case QuotePriced():
            return []  # another version of what is being quoted
        case Wake():
            return [_stalled(state, waiting) for waiting in _unsaid(state) if waiting.due <= message.at]
        case _ if state.progress is None:
            return []  # not a chain that a quote opened
        case _:
            return _turn(state, state.progress, message)


def evolve(state: Journey, event: Said) -> Journey:
    match event:
        case JourneyStarted():
            return state
        case JourneyProgressed():
            stalled = tuple(late for late in state.stalled if late in event.waiting)
            return Journey(progress=event, stalled=stalled, completed=state.completed and _is_done(event))
        case JourneyStalled():
            late = Waiting(step=event.step, reference=event.reference, due=event.expected_by)
            return replace(state, stalled=(*state.stalled, late))
        case JourneyCompleted():
            return replace(state, completed=True)
        case _:
            assert_never(event)


def wakes(state: Journey) -> datetime | None:
    return min((waiting.due for waiting in _unsaid(state)), default=None)


def _unsaid(state: Journey) -> list[Waiting]:
    """What is waited for and was not yet said to be late."""
    waiting = state.progress.waiting if state.progress else ()
    return [step for step in waiting if step not in state.stalled]


def _quoted(message: QuotePriced) -> JourneyProgressed:
    nothing = Money.zero(message.total.currency)
    return JourneyProgressed(
        journey=message.correlation,
        turning_point=name_of(QuotePriced),
        value=nothing,
        billed=nothing,
        open=nothing,
        phase="QUOTED",
        invoices=(),
        waiting=(),
    )


def _stalled(state: Journey, waiting: Waiting) -> JourneyStalled:
    journey = state.progress.journey if state.progress else ""
    return JourneyStalled(journey=journey, step=waiting.step, reference=waiting.reference, expected_by=waiting.due)


def _turn(state: Journey, progress: JourneyProgressed, message: TurningPoint) -> Sequence[Said]:
    after = _after(progress, message)
    if after == progress:
        return []  # heard before, or nothing that the chain waits for or is worth has changed
    said: list[Said] = [replace(after, turning_point=name_of(type(message)))]
    if _is_done(after) and not state.completed:
        said.append(JourneyCompleted(journey=after.journey, value=after.value))
    return said


def _is_done(progress: JourneyProgressed) -> bool:
    """Nothing is left to bill and cash has covered everything billed."""
    return progress.value.value > 0 and progress.billed == progress.value and not progress.invoices


def _after(progress: JourneyProgressed, message: TurningPoint) -> JourneyProgressed:
    """The journey once it has heard a turning point; the same when it changes nothing."""
    match message:
        case QuoteAccepted() if progress.phase == "QUOTED" and _fits(progress, message.order.total):
            activation = _expected(AgreementActivated, message.order.agreement_id, message.at + TO_ACTIVATE)
            return replace(_waiting(progress, activation), phase="ACCEPTED", value=message.order.total)
        case AgreementActivated():
            return replace(_came(progress, message.agreement_id), phase="ACTIVE", holds=())
        case AgreementHeld():
            held = Hold(owner=message.owner, reason=message.reason)
            return replace(progress, holds=(*_held_by_others(progress, message.owner), held))
        case AgreementResumed():
            return replace(progress, holds=_held_by_others(progress, message.owner))
        case AgreementAmended() if _fits(progress, message.order.total):
            return replace(progress, value=message.order.total)
        case MilestoneAccepted():
            return _waiting(progress, _expected(InvoiceIssued, message.milestone_id, message.at + TO_INVOICE))
        case EntryFrozen() if any(step.reference == message.entry_id for step in progress.waiting):
            return progress  # its milestone is waited for already
        case EntryFrozen() | TimeClaimed():
            return _waiting(progress, _expected(InvoiceIssued, message.invoice_id, message.at + TO_INVOICE))
        case InvoiceIssued() if _fits(progress, message.totals.payable):
            billed = (line.entry_id for line in message.lines if line.entry_id is not None)
            known = any(invoice.number == message.number for invoice in progress.invoices)
            owed = OwedInvoice(number=message.number, open=message.totals.payable)
            came = _came(progress, message.invoice_id, *billed)
            return came if known or owed.open.value <= 0 else _owing(came, (*progress.invoices, owed))
        case BillingProgressed() if _fits(progress, message.billed):
            return replace(progress, billed=message.billed)
        case PaymentApplied() if _fits(progress, message.open):
            paid = (_paid(invoice, message) for invoice in progress.invoices)
            return _owing(progress, tuple(invoice for invoice in paid if invoice.open))
        case _:
            return progress  # accepted before, or in a currency that the agreement does not have


def _fits(progress: JourneyProgressed, amount: Money) -> bool:
    return amount.currency == progress.value.currency


def _held_by_others(progress: JourneyProgressed, owner: str) -> tuple[Hold, ...]:
    return tuple(hold for hold in progress.holds if hold.owner != owner)


def _expected(step: type[Message], reference: str, due: datetime) -> Waiting:
    return Waiting(step=name_of(step), reference=reference, due=due)


def _waiting(progress: JourneyProgressed, expected: Waiting) -> JourneyProgressed:
    known = any((one.step, one.reference) == (expected.step, expected.reference) for one in progress.waiting)
    return progress if known else replace(progress, waiting=(*progress.waiting, expected))


def _came(progress: JourneyProgressed, *references: str) -> JourneyProgressed:
    return replace(progress, waiting=tuple(one for one in progress.waiting if one.reference not in references))


def _owing(progress: JourneyProgressed, invoices: tuple[OwedInvoice, ...]) -> JourneyProgressed:
    return replace(progress, invoices=invoices, open=total((one.open for one in invoices), progress.value.currency))


def _paid(invoice: OwedInvoice, message: PaymentApplied) -> OwedInvoice:
    return replace(invoice, open=message.open) if invoice.number == message.number else invoice
