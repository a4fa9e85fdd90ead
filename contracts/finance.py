"""What the finance service says, may be asked to do, and answers: billing, tax, invoices, revenue, cash, journals."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from contracts.message import (
    Broadcast,
    Command,
    Event,
    Identifier,
    Instant,
    Internal,
    Ordinal,
    Period,
    Question,
    ReasonCode,
    Record,
    Refusal,
    Short,
    Text,
)
from contracts.money import CurrencyCode, DecimalText, Money
from contracts.order import LineChange, Minutes, Party, RevenueMethod, ServicesOrder, TaxCategory, Treatment, Version

PeriodCode = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="A calendar month, such as 2026-03.")
]
InvoiceNumber = Annotated[str, Meta(min_length=1, max_length=80)]
PaymentTerms = Annotated[int, Meta(ge=0, le=365, description="Days from the issue date to the due date.")]
UnitCode = Literal["HUR", "MIN", "MON", "LS"]
"""UN/ECE Recommendation 20: hour, minute, month, lump sum."""

# --- tax table: keyed by its code; exchange rate: keyed by the pair ---------------------------------------------------


class TaxRate(Record):
    """A rate in percent for one category; AE, E, G, K, O and Z are 0 and (but for Z) give their reason (BR-x-10)."""

    category: TaxCategory
    percent: DecimalText
    exemption_reason: Short | None = None


class PublishTaxTable(Command, tag="finance.tax_table.publish.v1"):
    """Publish the next version of a legal entity's tax rates; the key is the legal entity."""

    version: Version
    effective_from: date
    rates: Annotated[tuple[TaxRate, ...], Meta(min_length=1, max_length=50)]


class TaxTablePublished(Broadcast, tag="finance.tax_table.published.v1"):
    """From `effective_from` on the tax point date selects this version."""

    legal_entity: Identifier
    version: Version
    effective_from: date
    rates: Annotated[tuple[TaxRate, ...], Meta(min_length=1, max_length=50)]


class TaxTableRefused(Refusal, tag="finance.tax_table.refused.v1"):
    """The table was refused: versions rise by one, dates rise, a category stands once and fits its rate."""

    legal_entity: Identifier
    version: Version


class PublishFxRate(Command, tag="finance.fx_rate.publish.v1"):
    """Publish how much `quote` currency one unit of `base` buys on a day; the key is `BASE-QUOTE`, such as USD-EUR."""

    base: CurrencyCode
    quote: CurrencyCode
    rate: DecimalText
    on: date
    origin: Text


class FxRatePublished(Broadcast, tag="finance.fx_rate.published.v1"):
    """Used for documents dated `on` and later, until the next; the other direction is never derived from it."""

    base: CurrencyCode
    quote: CurrencyCode
    rate: DecimalText
    on: date
    origin: Text


class FxRateRefused(Refusal, tag="finance.fx_rate.refused.v1"):
    """The rate was refused: not positive, a key that is not the pair, or a day that is already published."""

    base: CurrencyCode
    quote: CurrencyCode


# --- accounting period: keyed by the legal entity -------------------------------------------------------------------


class CloseAccountingPeriod(Command, tag="finance.accounting_period.close.v1"):
    """Close a month of a legal entity's books; what comes later posts to the first open day."""

    period: PeriodCode
    closed_by: Text


class AccountingPeriodClosed(Broadcast, tag="finance.accounting_period.closed.v1"):
    """No journal is posted into this month or an earlier one any more."""

    legal_entity: Identifier
    period: PeriodCode
    closed_by: Text


class AccountingPeriodRefused(Refusal, tag="finance.accounting_period.refused.v1"):
    """The close was refused."""

    legal_entity: Identifier
    period: PeriodCode


# --- billing plan: keyed by the customer, one per agreement ---------------------------------------------------------


class ScheduleEntry(Record):
    """What will be billed, when: a milestone on acceptance, a period at its start."""

    entry_id: Identifier
    line_id: Identifier
    kind: Literal["MILESTONE", "PERIOD"]
    description: Text
    amount: Money
    milestone_id: Identifier | None = None
    period: Period | None = None
    bill_at: Instant | None = None
    """For a period: its first instant in the legal entity's zone."""


class CapTerm(Record):
    """A line billed by time: its hard cap, net of tax."""

    line_id: Identifier
    cap: Money
    rate_card: Identifier


class Claim(Record):
    """The anti-double-billing pair: so many minutes of one time entry, at one rate, on one invoice."""

    entry_id: Identifier
    line_id: Identifier
    role: Identifier
    work_date: date
    minutes: Minutes
    rate: DecimalText
    amount: Money


class BillTime(Command, tag="finance.billing_plan.bill.v1"):
    """Bill all approved time of the agreement now instead of at month-end."""

    agreement_id: Identifier


class RateTime(Internal, tag="finance.billing_plan.rate_time.v1"):
    """Said by a billing plan to itself: more time waits for a rate that is there than one answer can hold."""

    agreement_id: Identifier


class BillingPlanAgreed(Event, tag="finance.billing_plan.agreed.v1"):
    """How the agreement will be billed; the entries and caps sum to its total."""

    agreement_id: Identifier
    legal_entity: Identifier
    entries: tuple[ScheduleEntry, ...]
    caps: tuple[CapTerm, ...]
    total: Money
    customer: Party
    payment_terms_days: PaymentTerms
    tax_categories: tuple[tuple[Identifier, TaxCategory], ...]
    """(line, category)."""
    descriptions: tuple[tuple[Identifier, Text], ...]
    """(line, what is sold)."""
    time_zone: Text
    purchase_order: Short | None = None


class BillingPlanRefused(Event, tag="finance.billing_plan.refused.v1"):
    """The order cannot be billed as it stands; the agreement is held."""

    agreement_id: Identifier
    reason: Literal[
        "UNKNOWN_LEGAL_ENTITY",
        "FX_RATE_MISSING",
        "AMOUNTS_DO_NOT_SUM",
        "DUPLICATE_ID",
        "TERM_NOT_BILLABLE",
        "UNKNOWN_RATE_CARD",
    ]
    detail: Text
    way_out: Text
    order: ServicesOrder
    """Tried again when a legal entity, an exchange rate or a rate card is published."""


class BillingPlanActivated(Event, tag="finance.billing_plan.activated.v1"):
    """The agreement is active: entries may be billed."""

    agreement_id: Identifier


class EntryAccepted(Event, tag="finance.billing_plan.entry_accepted.v1"):
    """A milestone was accepted before the agreement became active: billed on activation."""

    agreement_id: Identifier
    entry_id: Identifier


class EntryFrozen(Event, tag="finance.billing_plan.entry_frozen.v1"):
    """The entry's amount is final and an invoice is proposed for it; no change order touches it any more."""

    agreement_id: Identifier
    entry_id: Identifier
    amount: Money
    invoice_id: Identifier


class TimeRated(Event, tag="finance.billing_plan.time_rated.v1"):
    """Approved time with its price; the work date selected the rate card's version."""

    agreement_id: Identifier
    claim: Claim
    rate_card: Identifier
    rate_card_version: Version
    bill_at: Instant
    """The month-end, in the legal entity's zone, at which it is billed."""


class TimeUnratable(Event, tag="finance.billing_plan.time_unratable.v1"):
    """Approved time without a price: no rate of the role covers the work date; rated when a card is published."""

    agreement_id: Identifier
    claim: Claim
    """With rate 0 and amount 0."""
    reason: Literal["NO_RATE"]
    detail: Text


class TimeClaimed(Event, tag="finance.billing_plan.claimed.v1"):
    """Time billed, first in first out by work date and entry, up to the cap.

    The straddling entry is split by whole minutes; the excess is held.
    """

    agreement_id: Identifier
    line_id: Identifier
    invoice_id: Identifier
    claims: tuple[Claim, ...]
    amount: Money
    held: tuple[Claim, ...]
    """Over the cap: kept, not written down, until the cap is raised."""
    claimed_to_date: Money
    cap: Money
    claimed_on: date


class TimeHeld(Event, tag="finance.billing_plan.held_over_cap.v1"):
    """All the rated time is over the cap: nothing to bill, everything held."""

    agreement_id: Identifier
    line_id: Identifier
    held: tuple[Claim, ...]
    cap: Money


class BillingProgressed(Event, tag="finance.billing_plan.progressed.v1"):
    """An invoice of this agreement was issued: billed + unbilled = total (I08)."""

    agreement_id: Identifier
    invoice_id: Identifier
    number: InvoiceNumber
    billed: Money
    unbilled: Money
    total: Money


class BillingPlanChangeStaged(Event, tag="finance.billing_plan.change_staged.v1"):
    """Billing can follow the change and waits for the decision.

    Until then time is billed up to the lower of both caps.
    """

    agreement_id: Identifier
    change_order_id: Identifier
    entries: tuple[ScheduleEntry, ...]
    """The plan as it will be."""
    caps: tuple[CapTerm, ...]
    total: Money


class BillingPlanChangeRefused(Event, tag="finance.billing_plan.change_refused.v1"):
    """Billing cannot follow the change, for example because less would remain than is already billed."""

    agreement_id: Identifier
    change_order_id: Identifier
    reason: ReasonCode
    detail: Text


class BillingPlanAmended(Event, tag="finance.billing_plan.amended.v1"):
    """An applied change order: frozen entries as they were, new ones added, caps as they are now."""

    agreement_id: Identifier
    change_order_id: Identifier
    entries: tuple[ScheduleEntry, ...]
    """All of the plan, frozen or not."""
    caps: tuple[CapTerm, ...]
    total: Money


class BillingPlanChangeReleased(Event, tag="finance.billing_plan.change_released.v1"):
    """A staged change was refused elsewhere: the plan stands as it was."""

    agreement_id: Identifier
    change_order_id: Identifier


class BillingPlanCompleted(Event, tag="finance.billing_plan.completed.v1"):
    """Everything agreed has been invoiced."""

    agreement_id: Identifier
    total: Money


class BillingPlanNotChanged(Refusal, tag="finance.billing_plan.request_refused.v1"):
    """A request about a billing plan was refused."""

    agreement_id: Identifier


# --- invoice: keyed by the customer ---------------------------------------------------------------------------------


class InvoiceLine(Record):
    """One line: `net` is quantity x unit price / base quantity, rounded half-up once (BT-131)."""

    line_no: Ordinal
    line_id: Identifier
    """The agreement's line."""
    description: Text
    quantity: DecimalText
    unit: UnitCode
    unit_price: DecimalText
    net: Money
    tax_category: TaxCategory
    base_quantity: DecimalText = "1"
    """How many units the price is for (BT-149): 60 when minutes are billed at the rate of an hour."""
    entry_id: Identifier | None = None
    """The schedule entry it bills."""
    claims: tuple[Claim, ...] = ()
    """The work it bills."""
    period: Period | None = None


class TaxGroup(Record):
    """One group of the tax breakdown (BG-23): tax = taxable x percent / 100, rounded once (BR-CO-17)."""

    category: TaxCategory
    percent: DecimalText
    taxable: Money
    tax: Money
    exemption_reason: Short | None = None


class Totals(Record):
    """EN 16931 document totals, in the order in which they are computed (BR-CO-10 to BR-CO-16)."""

    lines: Money
    """BT-106: sum of line nets."""
    allowances: Money
    """BT-107."""
    charges: Money
    """BT-108."""
    net: Money
    """BT-109 = BT-106 - BT-107 + BT-108."""
    tax: Money
    """BT-110: sum of the groups' tax."""
    gross: Money
    """BT-112 = BT-109 + BT-110."""
    paid: Money
    """BT-113."""
    rounding: Money
    """BT-114."""
    payable: Money
    """BT-115 = BT-112 - BT-113 + BT-114."""


class ProposeInvoice(Internal, tag="finance.invoice.propose.v1"):
    """Said by a billing plan: bill this."""

    invoice_id: Identifier
    agreement_id: Identifier
    legal_entity: Identifier
    customer: Party
    currency: CurrencyCode
    lines: Annotated[tuple[InvoiceLine, ...], Meta(min_length=1, max_length=900)]
    payment_terms_days: PaymentTerms
    purchase_order: Short | None = None


class InvoiceProposed(Event, tag="finance.invoice.proposed.v1"):
    """Tax is determined for the tax point date; the invoice waits for its number."""

    invoice_id: Identifier
    agreement_id: Identifier
    legal_entity: Identifier
    customer: Party
    currency: CurrencyCode
    lines: tuple[InvoiceLine, ...]
    breakdown: tuple[TaxGroup, ...]
    totals: Totals
    tax_point_date: date
    """The legal entity's day on which it was proposed; the rates are those of this day."""
    tax_table_version: Version
    functional_currency: CurrencyCode
    fx_rate: DecimalText
    """Functional currency per unit of the invoice's currency on the tax point date; 1 when they are the same."""
    payment_terms_days: PaymentTerms
    purchase_order: Short | None = None


class InvoiceHeld(Event, tag="finance.invoice.held.v1"):
    """No tax rate is known (PENDING_TAX): nothing is issued on a guess; retried when a tax table is published."""

    invoice_id: Identifier
    agreement_id: Identifier
    reason: Literal["TAX_RATE_UNKNOWN", "FX_RATE_MISSING", "TAX_CATEGORY_MIX"]
    detail: Text
    owner: Literal["finance"]
    way_out: Text
    proposal: ProposeInvoice


class TakeNumber(Internal, tag="finance.invoice.take_number.v1"):
    """Said by the number series: this is the invoice's number."""

    invoice_id: Identifier
    number: InvoiceNumber


class InvoiceIssued(Event, tag="finance.invoice.issued.v1"):
    """The customer now owes `totals.payable`. Immutable: corrected by a credit note, never by a second issue."""

    invoice_id: Identifier
    number: InvoiceNumber
    document_type: Literal["380"]
    """UNTDID 1001: commercial invoice."""
    agreement_id: Identifier
    legal_entity: Identifier
    customer: Party
    issue_date: date
    tax_point_date: date
    due_date: date
    currency: CurrencyCode
    lines: tuple[InvoiceLine, ...]
    breakdown: tuple[TaxGroup, ...]
    totals: Totals
    functional_currency: CurrencyCode
    fx_rate: DecimalText
    """Functional currency per unit of the invoice's currency on the tax point date; 1 when they are the same."""
    functional_gross: Money
    functional_tax: Money
    """BT-111: tax in the accounting currency, converted once from BT-110."""
    content_hash: str = ""
    """SHA-256 over the canonical JSON (RFC 8785) of this document with an empty `content_hash`."""
    purchase_order: Short | None = None


class InvoicePartPaid(Event, tag="finance.invoice.part_paid.v1"):
    """A payment covered part of it."""

    invoice_id: Identifier
    number: InvoiceNumber
    agreement_id: Identifier
    paid: Money
    open: Money


class InvoicePaid(Event, tag="finance.invoice.paid.v1"):
    """Nothing is open any more."""

    invoice_id: Identifier
    number: InvoiceNumber
    agreement_id: Identifier
    paid: Money


class InvoiceRefused(Refusal, tag="finance.invoice.refused.v1"):
    """A request about an invoice was refused."""

    invoice_id: Identifier


# --- number series: keyed by the legal entity -----------------------------------------------------------------------


class AllotNumber(Internal, tag="finance.number_series.allot.v1"):
    """Said by an invoice: give me the next number of the legal entity's series."""

    invoice_id: Identifier
    customer: Identifier


class NumberAllotted(Event, tag="finance.number_series.allotted.v1"):
    """Numbers are gapless per legal entity, in the order of allotment."""

    legal_entity: Identifier
    invoice_id: Identifier
    customer: Identifier
    number: InvoiceNumber
    ordinal: Ordinal


# --- payment, receivable, dunning: keyed by the customer ------------------------------------------------------------


class RecordPayment(Command, tag="finance.payment.record.v1"):
    """Money arrived in a legal entity's bank account."""

    payment_id: Identifier
    legal_entity: Identifier
    amount: Money
    value_date: date
    bank_reference: Text
    remittance: Annotated[tuple[InvoiceNumber, ...], Meta(max_length=100)] = ()
    """Invoice numbers that the payer names; they are settled first, and waited for when not yet issued."""


class PaymentReceived(Event, tag="finance.payment.received.v1"):
    """Cash of the customer, not yet applied."""

    payment_id: Identifier
    legal_entity: Identifier
    amount: Money
    value_date: date
    bank_reference: Text
    remittance: tuple[InvoiceNumber, ...]
    fx_rate: DecimalText
    functional_amount: Money


class PaymentApplied(Event, tag="finance.payment.applied.v1"):
    """Part or all of the payment settles an invoice."""

    payment_id: Identifier
    invoice_id: Identifier
    number: InvoiceNumber
    agreement_id: Identifier
    legal_entity: Identifier
    amount: Money
    open: Money
    """What the invoice still owes."""
    unapplied: Money
    """What is left of the payment."""
    fx_difference: Money
    """Realised, in functional currency: settled at the payment's rate less carrying amount; a gain is positive."""
    applied_on: date


class PaymentRefused(Refusal, tag="finance.payment.refused.v1"):
    """The payment was refused.

    Its id is taken by other data, the legal entity or the exchange rate is unknown, or the amount is none to be paid.
    """

    payment_id: Identifier


class DisputeReceivable(Command, tag="finance.receivable.dispute.v1"):
    """The customer disputes part of an invoice: that part is not dunned."""

    legal_entity: Identifier
    number: InvoiceNumber
    amount: Money
    dispute_reason: Text


class ResolveDispute(Command, tag="finance.receivable.resolve_dispute.v1"):
    """The dispute is settled in the firm's favour: the whole open amount is due again."""

    legal_entity: Identifier
    number: InvoiceNumber
    amount: Money
    """The disputed amount, to say the currency and to be sure."""


class ReceivableOpened(Event, tag="finance.receivable.opened.v1"):
    """An issued invoice is an open item of the account (customer, legal entity, currency)."""

    account: Identifier
    """Legal entity and currency, such as DE01-EUR."""
    invoice_id: Identifier
    number: InvoiceNumber
    agreement_id: Identifier
    legal_entity: Identifier
    amount: Money
    functional_amount: Money
    issue_date: date
    due_date: date
    journey: Text


class CashBooked(Event, tag="finance.receivable.cash_booked.v1"):
    """A payment stands on the account, to be allocated."""

    account: Identifier
    legal_entity: Identifier
    payment_id: Identifier
    amount: Money
    functional_amount: Money
    value_date: date
    remittance: tuple[InvoiceNumber, ...]


class CashAllocated(Event, tag="finance.receivable.allocated.v1"):
    """Cash meets an open item: named invoices first, then an exact open amount, then the oldest due (domain 4.9)."""

    account: Identifier
    legal_entity: Identifier
    payment_id: Identifier
    invoice_id: Identifier
    number: InvoiceNumber
    agreement_id: Identifier
    amount: Money
    open: Money
    unapplied: Money
    relieved: Money
    """Carrying amount taken off the item, in functional currency; the last payment takes the rest."""
    fx_difference: Money
    """The payment's own carrying amount less `relieved`: realised, a gain is positive."""
    allocated_on: date
    """The value date, or the issue date for cash that was there before its invoice."""


class ReceivableDisputed(Event, tag="finance.receivable.disputed.v1"):
    """So much of the item is disputed."""

    account: Identifier
    number: InvoiceNumber
    disputed: Money
    dispute_reason: Text


class DisputeResolved(Event, tag="finance.receivable.dispute_resolved.v1"):
    """Nothing of the item is disputed any more."""

    account: Identifier
    number: InvoiceNumber


class ReceivableRefused(Refusal, tag="finance.receivable.refused.v1"):
    """A request about an open item was refused."""

    account: Identifier
    number: InvoiceNumber


class DunnedItem(Record):
    """An overdue item: what is open, undisputed and past due."""

    number: InvoiceNumber
    amount: Money
    due_date: date


class DunningTracked(Event, tag="finance.dunning.tracked.v1"):
    """An open item is watched until it is settled; `levels` are the instants at which each level is reached."""

    account: Identifier
    legal_entity: Identifier
    number: InvoiceNumber
    open: Money
    disputed: Money
    due_date: date
    levels: tuple[Instant, ...]
    policy_version: Version
    journey: Text


class DunningLevelRaised(Event, tag="finance.dunning.level_raised.v1"):
    """A reminder is due for exactly the open, undisputed, past-due amount (domain 4.10)."""

    account: Identifier
    legal_entity: Identifier
    number: InvoiceNumber
    level: Ordinal
    amount: Money
    """The account's open, undisputed, past-due amount: the sum of `items`."""
    items: tuple[DunnedItem, ...]
    raised_at: Instant
    """Every level of the account that was due by then is done with: one reminder, not one for each item."""
    policy_version: Version


class DunningSuspended(Event, tag="finance.dunning.suspended.v1"):
    """A level came due for an item that is wholly disputed: nothing is asked for until the dispute is resolved."""

    account: Identifier
    number: InvoiceNumber
    level: Ordinal
    suspended_at: Instant


class DunningSettled(Event, tag="finance.dunning.settled.v1"):
    """The item is paid; it is not watched any more."""

    account: Identifier
    number: InvoiceNumber


# --- revenue: keyed by the customer, one per agreement --------------------------------------------------------------


class ObligationTerm(Record):
    """A performance obligation: what of the transaction price is allocated to it and how progress is measured."""

    line_id: Identifier
    method: RevenueMethod
    allocated_price: Money
    estimated_cost: Money
    term: Period | None = None
    """For ELAPSED: the days over which it is satisfied."""


class ObligationsOpened(Event, tag="finance.revenue.opened.v1"):
    """The agreement's performance obligations; their allocated prices sum to the transaction price (I26)."""

    agreement_id: Identifier
    legal_entity: Identifier
    obligations: tuple[ObligationTerm, ...]
    transaction_price: Money
    time_zone: Text
    opened_on: date
    """No revenue is dated before it: there was no contract (IFRS 15.9)."""


class ObligationsActivated(Event, tag="finance.revenue.activated.v1"):
    """The agreement is active: time-based obligations begin to be satisfied."""

    agreement_id: Identifier
    activated_on: date
    """Months that were over by then are caught up at the next month-end."""


class RevenueRecognised(Event, tag="finance.revenue.recognised.v1"):
    """Revenue earned since the last time: target (cumulative, rounded once) less what was posted (domain 4.12)."""

    agreement_id: Identifier
    legal_entity: Identifier
    line_id: Identifier
    amount: Money
    """May be negative when an estimate rises."""
    recognised_to_date: Money
    contract_balance_basis: Money
    """Recognised to date over all obligations of the agreement."""
    progress: tuple[DecimalText, DecimalText]
    """Exact, as (part, whole): cost to date and estimate, days and days, billed and price."""
    cause: Literal["PROGRESS", "PERIOD_END", "CLAIM"]
    recognised_on: date


class ProgressNoted(Event, tag="finance.revenue.progress_noted.v1"):
    """Progress changed and the cumulative target did not, or the obligations are not open yet."""

    agreement_id: Identifier
    line_id: Identifier
    cost_to_date: Money
    estimate_at_completion: Money


class RevenueChangeStaged(Event, tag="finance.revenue.change_staged.v1"):
    """The treatment that will apply, per line; the catch-up is computed when the change is applied."""

    agreement_id: Identifier
    change_order_id: Identifier
    treatments: tuple[tuple[Identifier, Treatment], ...]


class RevenueChangeRefused(Event, tag="finance.revenue.change_refused.v1"):
    """No treatment can be given, or another change is staged."""

    agreement_id: Identifier
    change_order_id: Identifier
    reason: ReasonCode
    detail: Text


class RevenueChangeReleased(Event, tag="finance.revenue.change_released.v1"):
    """A staged change was refused elsewhere: the obligations stand as they were."""

    agreement_id: Identifier
    change_order_id: Identifier


class ObligationsAmended(Event, tag="finance.revenue.amended.v1"):
    """An applied change order: the obligations as they stand now."""

    agreement_id: Identifier
    change_order_id: Identifier
    obligations: tuple[ObligationTerm, ...]
    transaction_price: Money


class CatchUpPosted(Event, tag="finance.revenue.catch_up_posted.v1"):
    """Catch-up of one obligation: target under the new terms less what was recognised (IFRS 15.21(b), I25)."""

    agreement_id: Identifier
    legal_entity: Identifier
    change_order_id: Identifier
    line_id: Identifier
    before: Money
    amount: Money
    """Catch-up; may be negative."""
    recognised_to_date: Money
    contract_balance_basis: Money
    progress: tuple[DecimalText, DecimalText]
    recognised_on: date


class CatchUpPreview(Record):
    """The answer to `finance.revenue.preview_change.v1`."""

    agreement_id: Identifier
    treatments: tuple[tuple[Identifier, Treatment], ...]
    catch_up: tuple[tuple[Identifier, Money], ...]
    """(line, amount that applying the change today would post)."""
    problem: str | None = None


class PreviewCatchUp(Question, tag="finance.revenue.preview_change.v1"):
    """What would revenue post if this change were applied now?"""

    agreement_id: Identifier
    lines: Annotated[tuple[LineChange, ...], Meta(min_length=1, max_length=100)]


# --- journal: keyed by the customer, one actor per source fact ------------------------------------------------------

AccountRole = Literal["CASH", "AR_CONTROL", "CONTRACT_BALANCE", "REVENUE", "TAX_PAYABLE", "FX_REALISED"]


class PostJournal(Command, tag="finance.journal.post.v1"):
    """Try again to post a held journal, once what was missing is known."""

    journal_id: Identifier


class DraftLine(Record):
    """A line before it has its functional amount."""

    account: AccountRole
    amount: Money
    functional_amount: Money | None = None
    """Given when the source fact has fixed it; else it follows from the rate of the document date."""


class JournalDraft(Record):
    """What a source fact asks to be posted."""

    journal_id: Identifier
    legal_entity: Identifier
    customer: Identifier
    document_date: date
    source: Text
    description: Text
    lines: Annotated[tuple[DraftLine, ...], Meta(min_length=2, max_length=50)]
    agreement_id: Identifier | None = None
    line_id: Identifier | None = None
    invoice_number: InvoiceNumber | None = None


class JournalHeld(Event, tag="finance.journal.held.v1"):
    """The fact has no functional amount yet: nothing is posted on a guess, and the books say that it is missing."""

    draft: JournalDraft
    reason: Literal["UNKNOWN_LEGAL_ENTITY", "FX_RATE_MISSING"]
    detail: Text
    way_out: Text


class JournalRefused(Refusal, tag="finance.journal.refused.v1"):
    """A request about a journal was refused."""

    journal_id: Identifier


class JournalLine(Record):
    """A debit is positive, a credit negative, in transaction and in functional currency."""

    account: AccountRole
    amount: Money
    functional_amount: Money


class JournalPosted(Event, tag="finance.journal.posted.v1"):
    """Append-only, sums to zero in both currencies (I01), one per source fact (I04)."""

    journal_id: Identifier
    """The id of the source fact's message."""
    legal_entity: Identifier
    customer: Identifier
    accounting_date: date
    document_date: date
    prior_period_of: PeriodCode | None
    """The month the fact belongs to when that month was closed already."""
    source: Text
    """Name of the source fact, for example `finance.invoice.issued.v1`."""
    description: Text
    lines: Annotated[tuple[JournalLine, ...], Meta(min_length=2, max_length=50)]
    agreement_id: Identifier | None = None
    line_id: Identifier | None = None
    invoice_number: InvoiceNumber | None = None
