"""A billing plan: how an agreement is billed, by milestones accepted, months begun and time approved, each once."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from contracts.commercial import (
    AgreementActivated,
    AgreementOpened,
    ChangeAdmitted,
    ChangeOrderApplied,
    ChangeOrderRefused,
    LegalEntityRegistered,
    RateCardPublished,
)
from contracts.delivery import MilestoneAccepted, TimeEntryApproved
from contracts.finance import (
    BillingPlanActivated,
    BillingPlanAgreed,
    BillingPlanAmended,
    BillingPlanChangeRefused,
    BillingPlanChangeReleased,
    BillingPlanChangeStaged,
    BillingPlanCompleted,
    BillingPlanNotChanged,
    BillingPlanRefused,
    BillingProgressed,
    BillTime,
    EntryAccepted,
    EntryFrozen,
    FxRatePublished,
    InvoiceIssued,
    ProposeInvoice,
    RateTime,
    ScheduleEntry,
    TimeClaimed,
    TimeHeld,
    TimeRated,
    TimeUnratable,
)
from contracts.message import Wake, name_of
from services.finance.amendment import Objection, apply, refuse, release, stage, staged_change
from services.finance.billing import bill_entries, bill_time, rate
from services.finance.claim import claim_of, unratable
from services.finance.plan import (
    Plan,
    due_periods,
    due_time,
    has_time,
    unbilled_periods,
    waits,
    with_amended,
    with_claimed,
    with_frozen,
    with_released,
    with_time,
)
from services.finance.progress import progress
from services.finance.reference import Reference
from services.finance.terms import agree

Published = LegalEntityRegistered | FxRatePublished | RateCardPublished
ChangeOrder = ChangeAdmitted | ChangeOrderApplied | ChangeOrderRefused
Delivered = MilestoneAccepted | TimeEntryApproved
Request = BillTime | RateTime
Heard = AgreementOpened | AgreementActivated | Delivered | Request | InvoiceIssued | ChangeOrder | Published | Wake
Said = (
    BillingPlanAgreed
    | BillingPlanRefused
    | BillingPlanActivated
    | EntryAccepted
    | EntryFrozen
    | TimeRated
    | TimeUnratable
    | TimeClaimed
    | TimeHeld
    | BillingProgressed
    | BillingPlanCompleted
    | BillingPlanChangeStaged
    | BillingPlanChangeRefused
    | BillingPlanAmended
    | BillingPlanChangeReleased
    | BillingPlanNotChanged
)
Saying = Sequence[Said | ProposeInvoice | RateTime]

initial = Plan()


def actor_id(
    message: AgreementOpened | AgreementActivated | Delivered | Request | InvoiceIssued | ChangeOrder | Published,
) -> str | None:
    match message:
        case AgreementOpened() | AgreementActivated() | BillTime() | RateTime() | InvoiceIssued():
            return message.agreement_id
        case MilestoneAccepted():
            return message.project_id
        case TimeEntryApproved():
            return message.record.project_id
        case ChangeAdmitted() | ChangeOrderRefused():
            return message.agreement_id
        case ChangeOrderApplied():
            return message.change.agreement_id
        case LegalEntityRegistered() | FxRatePublished() | RateCardPublished():
            return None  # every plan hears it
        case _:
            assert_never(message)


def decide(state: Plan, message: Heard, reference: Reference) -> Sequence[Said | ProposeInvoice | RateTime]:
    if state.terms is None:
        return prepare(state, message, reference)
    return bill(state, state.terms, message, reference)


def prepare(state: Plan, message: Heard, reference: Reference) -> Saying:
    """No plan is agreed: nothing is billed, what is delivered is remembered."""
    order = state.refused.order if state.refused else None
    match message:
        case AgreementOpened():
            return agree(state, message.order, message.at, reference)
        case LegalEntityRegistered() | FxRatePublished() | RateCardPublished() if order:
            return agree(state, order, message.at, reference)
        case MilestoneAccepted() if order and message.milestone_id not in state.accepted:
            return [EntryAccepted(agreement_id=order.agreement_id, entry_id=message.milestone_id)]
        case TimeEntryApproved() if order and waits(state, order, message.record):
            return [
                unratable(order.agreement_id, message.record, order.total.currency, "no billing plan is agreed yet")
            ]
        case BillTime():
            return [decline(message, message, "NOT_AGREED", "no billing plan is agreed")]
        case ChangeAdmitted():
            return [refuse(message, Objection("NOT_AGREED", "no billing plan is agreed"))]
        case LegalEntityRegistered() | FxRatePublished() | RateCardPublished() | MilestoneAccepted():
            return []  # nothing was refused for want of it; accepted before
        case TimeEntryApproved() | AgreementActivated() | InvoiceIssued() | RateTime() | Wake():
            return []  # no business of a plan that is not there
        case ChangeOrderApplied() | ChangeOrderRefused():
            return []  # nothing was staged
        case _:
            assert_never(message)


def bill(state: Plan, terms: BillingPlanAgreed, message: Heard, reference: Reference) -> Saying:
    """A plan is agreed: bill what is due, as soon as the agreement is active."""
    entry, change = accepted_entry(terms, message), staged_change(state, message)
    match message:
        case AgreementActivated() if not state.active:
            accepted = [each for each in terms.entries if each.entry_id in state.accepted]
            due = bill_entries(terms, [*accepted, *due_periods(state, terms, message.at)])
            time = bill_time(state, terms, due_time(state, message.at), message.at)
            return [BillingPlanActivated(agreement_id=terms.agreement_id), *due, *time]
        case MilestoneAccepted() if entry and entry.entry_id in (*state.frozen, *state.accepted):
            return []  # accepted twice, billed once
        case MilestoneAccepted() if entry and not state.active:
            return [EntryAccepted(agreement_id=terms.agreement_id, entry_id=entry.entry_id)]
        case MilestoneAccepted() if entry:
            return bill_entries(terms, [entry])
        case MilestoneAccepted():
            return [decline(terms, message, "UNKNOWN_ENTRY", f"no milestone {message.milestone_id} is planned")]
        case TimeEntryApproved() if has_time(state, message.record.entry_id) or not message.record.billable_minutes:
            return []  # approved twice, billed once; or nothing of it is billable
        case TimeEntryApproved() if message.record.line_id not in dict(terms.descriptions):
            return [decline(terms, message, "UNKNOWN_LINE", f"no line {message.record.line_id} is agreed")]
        case TimeEntryApproved() if message.record.line_id not in [cap.line_id for cap in terms.caps]:
            return []  # work on a fixed fee is cost, it is not billed
        case TimeEntryApproved():
            claim = claim_of(message.record, terms.total.currency)
            detail = f"no rate of {claim.role} in {terms.total.currency} covers {claim.work_date}"
            return rate(terms, [claim], message.at, reference) or [
                unratable(terms.agreement_id, message.record, terms.total.currency, detail)
            ]
        case RateCardPublished() | RateTime():
            return rate(terms, state.unratable, message.at, reference)
        case BillTime() if not state.active:
            return [decline(terms, message, "NOT_ACTIVE", "the agreement is not active yet")]
        case BillTime():
            return bill_time(state, terms, (*state.held, *state.rated), message.at)
        case Wake():
            periods = bill_entries(terms, due_periods(state, terms, message.at))
            return [*periods, *bill_time(state, terms, due_time(state, message.at), message.at)]
        case InvoiceIssued() if message.invoice_id in state.proposed:
            return progress(state, terms, message)
        case ChangeAdmitted() if change or message.change.change_order_id == state.settled:
            return []  # staged or settled before
        case ChangeAdmitted() if not state.active:
            return [refuse(message, Objection("NOT_ACTIVE", "the agreement is not active"))]
        case ChangeAdmitted():
            return [stage(state, terms, message)]
        case ChangeOrderApplied() if change:
            return apply(state, terms, change, message.at)
        case ChangeOrderRefused() if change:
            return release(state, terms, change, message.at)
        case ChangeOrderApplied() | ChangeOrderRefused():
            return []  # a change that this plan has not staged
        case AgreementOpened() | AgreementActivated() | InvoiceIssued():
            return []  # agreed, activated, counted before
        case LegalEntityRegistered() | FxRatePublished():
            return []  # the plan does not wait for it
        case _:
            assert_never(message)


def evolve(state: Plan, event: Said) -> Plan:
    match event:
        case BillingPlanRefused():
            return replace(state, refused=event)
        case BillingPlanAgreed():
            return replace(state, refused=None, terms=event)
        case BillingPlanActivated():
            return replace(state, active=True)
        case EntryAccepted():
            return replace(state, accepted=(*state.accepted, event.entry_id))
        case EntryFrozen():
            return with_frozen(state, event)
        case TimeRated() | TimeUnratable():
            return with_time(state, event)
        case TimeClaimed() | TimeHeld():
            return with_claimed(state, event)
        case BillingProgressed():
            proposed = {name: net for name, net in state.proposed.items() if name != event.invoice_id}
            return replace(state, proposed=proposed, billed=event.billed)
        case BillingPlanChangeStaged():
            return replace(state, staged=event)
        case BillingPlanAmended():
            return with_amended(state, event)
        case BillingPlanChangeReleased():
            return with_released(state, event)
        case BillingPlanCompleted() | BillingPlanChangeRefused() | BillingPlanNotChanged():
            return state
        case _:
            assert_never(event)


def wakes(state: Plan) -> datetime | None:
    """The next month-start of a retainer or month-end of time; a plan that is not active bills nothing."""
    if state.terms is None or not state.active:
        return None
    periods = [entry.bill_at for entry in unbilled_periods(state, state.terms)]
    return min((at for at in (*periods, state.bill_time_at) if at), default=None)


def accepted_entry(terms: BillingPlanAgreed, message: Heard) -> ScheduleEntry | None:
    """The entry that a milestone's acceptance makes due."""
    milestone_id = message.milestone_id if isinstance(message, MilestoneAccepted) else ""
    return next((entry for entry in terms.entries if entry.milestone_id == milestone_id), None)


def decline(
    of: BillingPlanAgreed | BillTime,
    message: BillTime | MilestoneAccepted | TimeEntryApproved,
    reason: str,
    detail: str,
) -> BillingPlanNotChanged:
    return BillingPlanNotChanged(
        agreement_id=of.agreement_id, request=name_of(type(message)), reason=reason, detail=detail
    )
