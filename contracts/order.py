"""The canonical services order: what was sold, to whom, by which legal entity, how it is delivered, billed and earned.

Each service takes from it what it needs; nobody re-types a quote. Terms follow domain.md 2.1.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from contracts.message import Identifier, Ordinal, Period, Record, Short, Text
from contracts.money import CurrencyCode, DecimalText, Money

CountryCode = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
ContentHash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 in hexadecimal.")]
Minutes = Annotated[int, Meta(ge=0, le=100_000_000, description="Whole minutes.")]
Version = Ordinal
TaxCategory = Literal["S", "Z", "E", "AE", "K", "G", "O"]
"""UNCL5305 codes that EN 16931 allows for services sold here."""
RevenueMethod = Literal["COST_TO_COST", "ELAPSED", "RIGHT_TO_INVOICE"]
"""How progress of a performance obligation is measured (IFRS 15.39-45, B16)."""
Treatment = Literal["SEPARATE_CONTRACT", "PROSPECTIVE", "CATCH_UP", "RIGHT_TO_INVOICE"]
"""How a modification is accounted for (IFRS 15.20-21); RIGHT_TO_INVOICE posts nothing until work is claimed."""
MOST_PARTS = 300
"""An order bills in at most so many milestones and months: all of them can fall due at once, and fit on the log."""
HoldOwner = Literal["commercial", "delivery", "finance"]


class Party(Record):
    """The customer as the agreement names it (BT-44, BT-48, BT-55)."""

    customer_id: Identifier
    legal_name: Text
    country: CountryCode
    tax_id: Short | None = None


class MilestoneTerm(Record):
    """One milestone of a fixed fee: billed with its amount, net of tax, when it is accepted."""

    milestone_id: Identifier
    name: Text
    amount: Money
    due_on: date | None = None


class FixedMilestone(Record, tag_field="method", tag="FIXED_MILESTONE"):
    """A fixed fee billed by accepted milestones, whose amounts sum to the line's price."""

    milestones: Annotated[tuple[MilestoneTerm, ...], Meta(min_length=1, max_length=200)]


class ManagedServiceRecurring(Record, tag_field="method", tag="MANAGED_SERVICE_RECURRING"):
    """A monthly fee billed in advance on the first day of each calendar month of the term.

    A partial month costs fee x active days / days of the whole month (domain 4.6).
    """

    monthly_fee: Money
    term: Period


class TimeMaterialsCapped(Record, tag_field="method", tag="TM_CAPPED"):
    """Approved time at the rates of a rate card, billed monthly up to a hard cap net of tax; the excess is held."""

    cap: Money
    rate_card: Identifier


BillingMethod = FixedMilestone | ManagedServiceRecurring | TimeMaterialsCapped


class Budget(Record):
    """What delivery may spend: minutes of work and cost in the agreement's currency."""

    minutes: Minutes
    cost: Money


class OrderLine(Record):
    """One service sold: one performance obligation, one way of billing."""

    line_id: Identifier
    service_line: Identifier
    description: Text
    list_price: Money
    discount: Money
    price: Money
    """Net of tax and discount, for the whole line: `list_price - discount`."""
    billing: BillingMethod
    revenue_method: RevenueMethod
    tax_category: TaxCategory
    budget: Budget


class ProjectTerms(Record):
    """How delivery sets the project up: a template, and the roles that the work needs."""

    template: Identifier
    roles: Annotated[tuple[Identifier, ...], Meta(max_length=100)] = ()


class Signature(Record):
    """What binds the order: who signed which document, and when (in the legal entity's zone)."""

    accepted_by: Text
    signed_on: date
    document_hash: ContentHash


class Offer(Record):
    """What a version of a quote offers: the document that is priced, approved, hashed and signed."""

    quote_id: Identifier
    quote_version: Version
    agreement_id: Identifier
    """The agreement that acceptance opens."""
    legal_entity: Identifier
    currency: CurrencyCode
    lines: Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=100)]
    total: Money
    project: ProjectTerms
    payment_terms_days: Annotated[int, Meta(ge=0, le=365)]
    valid_until: date
    """The last day, in the legal entity's zone, on which it may be accepted."""
    rate_card_version: Version | None = None
    """The version that priced the lines offered by effort; None when there were none."""


class ServicesOrder(Record):
    """The signed agreement: version 1 is the accepted quote, each applied change order makes the next."""

    agreement_id: Identifier
    version: Version
    quote_id: Identifier
    quote_version: Version
    customer: Party
    legal_entity: Identifier
    currency: CurrencyCode
    lines: Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=100)]
    total: Money
    project: ProjectTerms
    payment_terms_days: Annotated[int, Meta(ge=0, le=365)]
    content_hash: ContentHash
    """SHA-256 over the canonical JSON (RFC 8785) of the `Offer` that was accepted."""
    policy_version: Version
    signature: Signature
    rate_card_version: Version | None = None
    purchase_order: Short | None = None


class LineChange(Record):
    """What a change order does to one existing line; a delta may be negative."""

    line_id: Identifier
    price_delta: Money
    cost_delta: Money
    minutes_delta: Annotated[int, Meta(ge=-100_000_000, le=100_000_000)] = 0
    milestones_added: Annotated[tuple[MilestoneTerm, ...], Meta(max_length=200)] = ()
    """For a fixed fee: new milestones whose positive amounts sum to `price_delta`."""
    distinct: bool = False
    """Are the added services distinct from those already sold (IFRS 15.27)?"""


class Change(Record):
    """A priced change order, as every service stages it."""

    change_order_id: Identifier
    agreement_id: Identifier
    description: Text
    lines: Annotated[tuple[LineChange, ...], Meta(min_length=1, max_length=100)]
    price_delta: Money
    """Sum of the lines' deltas."""


class RoleRate(Record):
    """One role of a rate card, per hour; up to six decimals, not rounded to the minor unit (BT-146)."""

    role: Identifier
    bill_rate: DecimalText
    cost_rate: DecimalText | None = None
    """What an hour costs the firm; restricted, absent when delivery records cost otherwise."""
