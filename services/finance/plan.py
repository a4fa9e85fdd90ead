"""What a billing plan knows: its terms, what of them is frozen, the time that waits, and what is invoiced."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import field
from msgspec.structs import replace

from contracts.delivery import TimeRecord
from contracts.finance import (
    BillingPlanAgreed,
    BillingPlanAmended,
    BillingPlanChangeReleased,
    BillingPlanChangeStaged,
    BillingPlanRefused,
    CapTerm,
    Claim,
    EntryFrozen,
    ScheduleEntry,
    TimeClaimed,
    TimeHeld,
    TimeRated,
    TimeUnratable,
)
from contracts.message import Record
from contracts.money import Money, total
from contracts.order import ServicesOrder
from services.finance.schedule import caps_of

REMEMBERED = 500
"""A time entry is approved once; heard again within so many claimed entries, it is not billed again."""


class Plan(Record):
    refused: BillingPlanRefused | None = None
    terms: BillingPlanAgreed | None = None
    """As amended; None until agreed."""
    active: bool = False
    accepted: tuple[str, ...] = ()
    """Milestones accepted before the agreement was active."""
    frozen: tuple[str, ...] = ()
    """Entries that are billed."""
    unratable: tuple[Claim, ...] = ()
    rated: tuple[Claim, ...] = ()
    """Time to be billed at `bill_time_at`."""
    bill_time_at: datetime | None = None
    held: tuple[Claim, ...] = ()
    """Time over the cap."""
    claimed: dict[str, Money] = field(default_factory=dict)
    """Time billed to date, by line."""
    recent: tuple[str, ...] = ()
    """Time entries claimed lately."""
    time_invoices: int = 0
    proposed: dict[str, Money] = field(default_factory=dict)
    """Net of the invoices that are not issued yet."""
    billed: Money | None = None
    """Net of the issued invoices."""
    staged: BillingPlanChangeStaged | None = None
    settled: str | None = None
    """The last change order that was applied or released."""


def has_time(plan: Plan, entry_id: str) -> bool:
    """Whether the time entry is known, waiting or claimed."""
    waiting = (*plan.unratable, *plan.rated, *plan.held)
    return entry_id in plan.recent or any(claim.entry_id == entry_id for claim in waiting)


def waits(state: Plan, order: ServicesOrder, record: TimeRecord) -> bool:
    """Whether the work is billable time of the order that is not remembered yet."""
    lines = [cap.line_id for cap in caps_of(order)]
    return bool(record.billable_minutes) and record.line_id in lines and not has_time(state, record.entry_id)


def billed_of(plan: Plan, terms: BillingPlanAgreed, line_id: str) -> Money:
    """What of a line is frozen or claimed: no change order goes below it (I09)."""
    frozen = (entry for entry in terms.entries if entry.line_id == line_id and entry.entry_id in plan.frozen)
    currency = terms.total.currency
    return total((entry.amount for entry in frozen), currency) + plan.claimed.get(line_id, Money.zero(currency))


def room_of(plan: Plan, cap: CapTerm) -> Money:
    """What may still be claimed; while a change is staged, up to the lower of both caps."""
    staged = plan.staged.caps if plan.staged else ()
    caps = [cap.cap, *(other.cap for other in staged if other.line_id == cap.line_id)]
    return min(caps) - plan.claimed.get(cap.line_id, Money.zero(cap.cap.currency))


def due_periods(plan: Plan, terms: BillingPlanAgreed, at: datetime) -> list[ScheduleEntry]:
    """Months whose first instant has come and that are not billed."""
    return [entry for entry in unbilled_periods(plan, terms) if entry.bill_at is not None and entry.bill_at <= at]


def unbilled_periods(plan: Plan, terms: BillingPlanAgreed) -> list[ScheduleEntry]:
    return [entry for entry in terms.entries if entry.kind == "PERIOD" and entry.entry_id not in plan.frozen]


def due_time(plan: Plan, at: datetime) -> Sequence[Claim]:
    """All time that waits, when its month-end has come."""
    return (*plan.held, *plan.rated) if plan.bill_time_at is not None and plan.bill_time_at <= at else ()


def with_frozen(plan: Plan, event: EntryFrozen) -> Plan:
    return replace(
        plan,
        frozen=(*plan.frozen, event.entry_id),
        accepted=tuple(entry for entry in plan.accepted if entry != event.entry_id),
        proposed=plan.proposed | {event.invoice_id: event.amount},
    )


def with_time(plan: Plan, event: TimeRated | TimeUnratable) -> Plan:
    """One more time entry waits: for its month-end, or for a rate."""
    unratable = tuple(claim for claim in plan.unratable if claim.entry_id != event.claim.entry_id)
    if isinstance(event, TimeUnratable):
        return replace(plan, unratable=(*unratable, event.claim))
    bill_at = min(event.bill_at, plan.bill_time_at) if plan.bill_time_at else event.bill_at
    return replace(plan, unratable=unratable, rated=(*plan.rated, event.claim), bill_time_at=bill_at)


def with_claimed(plan: Plan, event: TimeClaimed | TimeHeld) -> Plan:
    """Time was billed up to the cap, what is over it is held; other time waits as before."""
    claims = event.claims if isinstance(event, TimeClaimed) else ()
    done = [claim.entry_id for claim in (*claims, *event.held)]
    rated = tuple(claim for claim in plan.rated if claim.entry_id not in done)
    plan = replace(
        plan,
        rated=rated,
        bill_time_at=plan.bill_time_at if rated else None,
        held=(*(claim for claim in plan.held if claim.entry_id not in done), *event.held),
    )
    if isinstance(event, TimeHeld):
        return plan
    before = plan.proposed.get(event.invoice_id)
    return replace(
        plan,
        claimed=plan.claimed | {event.line_id: event.claimed_to_date},
        recent=(*plan.recent, *(claim.entry_id for claim in claims))[-REMEMBERED:],
        time_invoices=plan.time_invoices + (before is None),
        proposed=plan.proposed | {event.invoice_id: event.amount if before is None else before + event.amount},
    )


def with_amended(plan: Plan, event: BillingPlanAmended) -> Plan:
    """The entries, caps and total as a change order leaves them."""
    terms = plan.terms and amended_terms(plan.terms, event)
    return replace(plan, terms=terms, staged=None, settled=event.change_order_id)


def amended_terms(terms: BillingPlanAgreed, event: BillingPlanAmended) -> BillingPlanAgreed:
    return replace(terms, entries=event.entries, caps=event.caps, total=event.total)


def with_released(plan: Plan, event: BillingPlanChangeReleased) -> Plan:
    return replace(plan, staged=None, settled=event.change_order_id)
