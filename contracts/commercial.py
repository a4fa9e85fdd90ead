"""What the commercial service says, may be asked to do, and answers: the firm's data, quotes, agreements, changes.

Its customers are in `contracts.customer`, and by what they are known in `contracts.identity`.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from contracts.customer import CreditReason
from contracts.message import (
    Broadcast,
    Command,
    Event,
    Identifier,
    Instant,
    Internal,
    Question,
    ReasonCode,
    Record,
    Refusal,
    Short,
    Text,
)
from contracts.money import CurrencyCode, DecimalText, Money
from contracts.order import (
    BillingMethod,
    Budget,
    Change,
    ContentHash,
    CountryCode,
    HoldOwner,
    LineChange,
    Minutes,
    Offer,
    ProjectTerms,
    RevenueMethod,
    RoleRate,
    ServicesOrder,
    Signature,
    TaxCategory,
    Treatment,
    Version,
)

Percent = DecimalText
ChangeReason = Literal["UNKNOWN_AGREEMENT", "NOT_ACTIVE", "CHANGE_IN_PROGRESS", "UNKNOWN_LINE", "INVALID_CHANGE"]
ChangeOrderStatus = Literal["UNKNOWN", "REQUESTED", "PRICED", "APPROVED", "APPLIED", "REFUSED"]
QuoteLifecycle = Literal["UNKNOWN", "IN_REVIEW", "APPROVED", "ACCEPTING", "ACCEPTED", "REJECTED", "EXPIRED"]
DaysList = Annotated[tuple[Annotated[int, Meta(ge=1, le=3650)], ...], Meta(max_length=10)]

# --- legal entity and its policy: keyed by the legal entity ---------------------------------------------------------


class RegisterLegalEntity(Command, tag="commercial.legal_entity.register.v1"):
    """Add a selling company of the group; the key is its code, such as DE01."""

    legal_name: Text
    country: CountryCode
    functional_currency: CurrencyCode
    time_zone: Text
    """IANA name; it decides on which calendar day something happens."""
    tax_id: Short | None = None


class LegalEntityRegistered(Broadcast, tag="commercial.legal_entity.registered.v1"):
    """A legal entity may now sell, deliver and bill."""

    legal_entity: Identifier
    legal_name: Text
    country: CountryCode
    functional_currency: CurrencyCode
    time_zone: Text
    tax_id: Short | None = None


class LegalEntityRefused(Refusal, tag="commercial.legal_entity.refused.v1"):
    """The registration was refused: the code is taken by other data, or the time zone or currency does not exist."""

    legal_entity: Identifier


class PublishPolicy(Command, tag="commercial.policy.publish.v1"):
    """Publish the next version of a legal entity's policy; the key is the legal entity."""

    version: Version
    discount_limit_percent: Percent
    """A line discount above this needs a person's approval."""
    payment_terms_days: Annotated[int, Meta(ge=0, le=365)]
    dunning_days: DaysList
    """Days overdue at which dunning level 1, 2, … is raised; rising."""


class PolicyPublished(Broadcast, tag="commercial.policy.published.v1"):
    """What the legal entity decides by from now on; each decision is stamped with the version."""

    legal_entity: Identifier
    version: Version
    discount_limit_percent: Percent
    payment_terms_days: Annotated[int, Meta(ge=0, le=365)]
    dunning_days: DaysList


class PolicyRefused(Refusal, tag="commercial.policy.refused.v1"):
    """The policy was refused: versions rise by one, dunning days rise."""

    legal_entity: Identifier
    version: Version


# --- rate card: keyed by its code -----------------------------------------------------------------------------------


class PublishRateCard(Command, tag="commercial.rate_card.publish.v1"):
    """Publish the next version of a rate card; rates are per hour in its currency."""

    version: Version
    currency: CurrencyCode
    effective_from: date
    rates: Annotated[tuple[RoleRate, ...], Meta(min_length=1, max_length=1000)]


class RateCardPublished(Broadcast, tag="commercial.rate_card.published.v1"):
    """From `effective_from` on, work is rated with this version; the work date selects it."""

    rate_card: Identifier
    version: Version
    currency: CurrencyCode
    effective_from: date
    rates: Annotated[tuple[RoleRate, ...], Meta(min_length=1, max_length=1000)]


class RateCardRefused(Refusal, tag="commercial.rate_card.refused.v1"):
    """The rate card was refused: versions rise by one, dates rise, the currency stays, a role stands once."""

    rate_card: Identifier
    version: Version


# --- quote: keyed by the customer -----------------------------------------------------------------------------------


class Effort(Record):
    """Estimated work of one role, to be priced by the rate card."""

    role: Identifier
    minutes: Minutes


class QuoteLine(Record):
    """What is offered, before discount: its price, or the effort that the rate card prices, or (undiscounted) neither.

    Net of the discount it must come to what its billing bills: the milestones' sum, the term's fees, the cap.
    """

    line_id: Annotated[Identifier, Meta(max_length=40)]
    service_line: Identifier
    description: Text
    billing: BillingMethod
    revenue_method: RevenueMethod
    budget: Budget
    price: Money | None = None
    effort: Annotated[tuple[Effort, ...], Meta(max_length=100)] = ()
    discount_percent: Percent = "0"
    tax_category: TaxCategory = "S"


class SubmitQuote(Command, tag="commercial.quote.submit.v1"):
    """Submit a version of a quote; the first mints the journey. The next version supersedes an unaccepted one."""

    quote_id: Identifier
    version: Version
    agreement_id: Identifier
    """The agreement that acceptance opens."""
    legal_entity: Identifier
    currency: CurrencyCode
    lines: Annotated[tuple[QuoteLine, ...], Meta(min_length=1, max_length=100)]
    project: ProjectTerms
    valid_until: date
    rate_card: Identifier | None = None
    """Prices the lines that carry effort instead of a price, as of the day of submission."""


class ApproveQuote(Command, tag="commercial.quote.approve.v1"):
    """A person approves a discount above the policy's limit."""

    quote_id: Identifier
    version: Version
    approved_by: Text


class RejectQuote(Command, tag="commercial.quote.reject.v1"):
    """A person (approver or customer) says no to this version."""

    quote_id: Identifier
    version: Version
    rejected_by: Text
    rejection_reason: Text


class AcceptQuote(Command, tag="commercial.quote.accept.v1"):
    """The customer has signed this version."""

    quote_id: Identifier
    version: Version
    accepted_by: Text
    signed_document_hash: ContentHash
    content_hash: ContentHash | None = None
    """When given it must be the approved version's own hash: what was signed is what was approved."""
    purchase_order: Short | None = None


class QuotePriced(Event, tag="commercial.quote.priced.v1"):
    """A version of the quote with its prices: each line net of its discount."""

    quote_id: Identifier
    version: Version
    offer: Offer
    list_total: Money
    discount_total: Money
    total: Money
    highest_discount_percent: Percent
    valid_until: date
    expires_at: Instant
    """The first instant after `valid_until` in the legal entity's zone."""
    content_hash: ContentHash
    """SHA-256 over the canonical JSON (RFC 8785) of `offer`."""
    policy_version: Version


class QuoteApprovalRequested(Event, tag="commercial.quote.approval_requested.v1"):
    """The discount is above the policy's limit: a person must approve."""

    quote_id: Identifier
    version: Version
    discount_percent: Percent
    limit_percent: Percent


class QuoteApproved(Event, tag="commercial.quote.approved.v1"):
    """This version may be accepted. `approved_by` is `policy` within the limit, a person above it."""

    quote_id: Identifier
    version: Version
    approved_by: Text
    content_hash: ContentHash


class QuoteRejected(Event, tag="commercial.quote.rejected.v1"):
    """This version will not be accepted; a next version may."""

    quote_id: Identifier
    version: Version
    rejected_by: Text
    rejection_reason: Text


class QuoteExpired(Event, tag="commercial.quote.expired.v1"):
    """Its last day, in the legal entity's zone, has passed without acceptance."""

    quote_id: Identifier
    version: Version


class QuoteAcceptanceReceived(Event, tag="commercial.quote.acceptance_received.v1"):
    """Signed by the customer; the credit check decides."""

    quote_id: Identifier
    version: Version
    signature: Signature
    purchase_order: Short | None = None


class QuoteAccepted(Event, tag="commercial.quote.accepted.v1"):
    """The order that every service works from."""

    quote_id: Identifier
    version: Version
    order: ServicesOrder
    accepted_by: Text


class QuoteAcceptanceRefused(Event, tag="commercial.quote.acceptance_refused.v1"):
    """The quote was not accepted; it stays approved and may be accepted when the cause is gone."""

    quote_id: Identifier
    version: Version
    reason: CreditReason
    detail: Text
    exposure: Money
    would_be: Money
    limit: Money | None = None


class QuoteRefused(Refusal, tag="commercial.quote.refused.v1"):
    """A request about a quote was refused; nothing changed."""

    quote_id: Identifier
    version: Version


class QuoteState(Record):
    """The answer to `commercial.quote.status.v1`."""

    quote_id: Identifier
    version: int
    """0 when there is no such quote."""
    status: QuoteLifecycle
    total: Money | None = None
    content_hash: str | None = None
    agreement_id: str | None = None


class QuoteStatus(Question, tag="commercial.quote.status.v1"):
    """Where does the quote stand?"""

    quote_id: Identifier


# --- agreement: keyed by the customer -------------------------------------------------------------------------------


class AgreementOpened(Event, tag="commercial.agreement.opened.v1"):
    """A quote was accepted: delivery is to provision, finance to agree a billing plan."""

    agreement_id: Identifier
    order: ServicesOrder


class AgreementConfirmed(Event, tag="commercial.agreement.confirmed.v1"):
    """One side has done its part: delivery has provisioned, or finance has agreed a billing plan."""

    agreement_id: Identifier
    side: Literal["delivery", "finance"]


class AgreementActivated(Event, tag="commercial.agreement.activated.v1"):
    """Delivery has provisioned and finance has agreed a billing plan: work and billing may begin."""

    agreement_id: Identifier
    order: ServicesOrder
    activated_on: date


class AgreementHeld(Event, tag="commercial.agreement.held.v1"):
    """A step was refused: nothing is billed until its owner has mended it."""

    agreement_id: Identifier
    reason: ReasonCode
    detail: Text
    owner: HoldOwner
    way_out: Text


class AgreementResumed(Event, tag="commercial.agreement.resumed.v1"):
    """What was held has been mended by its owner."""

    agreement_id: Identifier
    reason: ReasonCode
    owner: HoldOwner


class AgreementAmended(Event, tag="commercial.agreement.amended.v1"):
    """An applied change order made the next version of the order."""

    agreement_id: Identifier
    change_order_id: Identifier
    price_delta: Money
    order: ServicesOrder


class AgreementCompleted(Event, tag="commercial.agreement.completed.v1"):
    """Everything agreed has been billed."""

    agreement_id: Identifier
    total: Money


class HoldForCredit(Internal, tag="commercial.agreement.hold_for_credit.v1"):
    """Said by a customer that is on a credit hold: nothing new begins under its agreement."""

    agreement_id: Identifier
    hold_reason: Text


class LiftCreditHold(Internal, tag="commercial.agreement.lift_credit_hold.v1"):
    """Said by a customer whose credit hold is over: what was stopped goes on."""

    agreement_id: Identifier


class ChangeDeferred(Event, tag="commercial.agreement.change_deferred.v1"):
    """An approved change waits for the end of the customer's credit hold."""

    agreement_id: Identifier
    change: Change


class ExamineChange(Internal, tag="commercial.agreement.examine_change.v1"):
    """Said by a change order that was requested: does the agreement exist, and may it be changed?"""

    change_order_id: Identifier
    agreement_id: Identifier
    description: Text
    requested_by: Text


class ChangeExamined(Event, tag="commercial.agreement.change_examined.v1"):
    """The agreement's word on a requested change: `problem` is empty when it may be priced."""

    change_order_id: Identifier
    agreement_id: Identifier
    description: Text
    requested_by: Text
    order: ServicesOrder | None
    """The agreement as it stands; None when there is a problem."""
    problem: Literal["UNKNOWN_AGREEMENT", "NOT_ACTIVE"] | None = None


class ChangeAdmitted(Event, tag="commercial.agreement.change_admitted.v1"):
    """An approved change may be staged; the agreement admits one at a time."""

    agreement_id: Identifier
    change: Change
    order: ServicesOrder
    """The version that the change starts from."""
    proposed: ServicesOrder
    """The version that it leads to."""
    participants: tuple[Text, ...]
    """Who must say *staged*: `delivery.project`, `finance.billing_plan`, `finance.revenue`."""


class ChangeNotAdmitted(Event, tag="commercial.agreement.change_not_admitted.v1"):
    """Another change is being staged, a line is unknown, or the figures do not fit."""

    agreement_id: Identifier
    change_order_id: Identifier
    reason: ChangeReason
    detail: Text


class ChangeReleased(Event, tag="commercial.agreement.change_released.v1"):
    """The staged change was refused; the agreement stands as it was and admits the next."""

    agreement_id: Identifier
    change_order_id: Identifier


# --- change order: keyed by the customer ----------------------------------------------------------------------------


class RequestChangeOrder(Command, tag="commercial.change_order.request.v1"):
    """Ask for a change of an active agreement."""

    change_order_id: Identifier
    agreement_id: Identifier
    description: Text
    requested_by: Text


class PriceChangeOrder(Command, tag="commercial.change_order.price.v1"):
    """Say what the change costs, per line; may be repeated until it is approved."""

    change_order_id: Identifier
    lines: Annotated[tuple[LineChange, ...], Meta(min_length=1, max_length=100)]
    priced_by: Text


class ApproveChangeOrder(Command, tag="commercial.change_order.approve.v1"):
    """The customer and the firm agree: every service is to stage it."""

    change_order_id: Identifier
    approved_by: Text


class ChangeOrderRequested(Event, tag="commercial.change_order.requested.v1"):
    """A change of the agreement has been asked for."""

    change_order_id: Identifier
    agreement_id: Identifier
    description: Text
    requested_by: Text
    order: ServicesOrder


class ChangeOrderPriced(Event, tag="commercial.change_order.priced.v1"):
    """The change with its figures."""

    change: Change
    priced_by: Text


class ChangeOrderApproved(Event, tag="commercial.change_order.approved.v1"):
    """Agreed; now the agreement admits it and every service stages it."""

    change: Change
    approved_by: Text


class ChangeOrderAdmitted(Event, tag="commercial.change_order.admitted.v1"):
    """The agreement has admitted it; in force once every participant has staged it."""

    change_order_id: Identifier
    proposed: ServicesOrder
    participants: tuple[Text, ...]


class ChangeOrderStaged(Event, tag="commercial.change_order.staged.v1"):
    """One participant can do the change and waits for the decision."""

    change_order_id: Identifier
    participant: Text


class ChangeOrderApplied(Event, tag="commercial.change_order.applied.v1"):
    """All have staged: it is in force. This is the decision; from here on only another change order undoes it."""

    change: Change
    proposed: ServicesOrder
    """The agreement's order from now on."""


class ChangeOrderRefused(Refusal, tag="commercial.change_order.refused.v1"):
    """A request about a change order was refused, or a participant refused to stage: nothing has changed anywhere."""

    change_order_id: Identifier
    agreement_id: Identifier | None = None
    """Only when a participant refused: whoever staged the change for this agreement releases it."""
    refused_by: Text | None = None
    """The participant that refused, when one did; the change order is then closed."""


class ChangePreview(Record):
    """The answer to `commercial.change_order.preview.v1`."""

    change_order_id: Identifier
    status: ChangeOrderStatus
    value_before: Money | None = None
    value_after: Money | None = None
    cost_before: Money | None = None
    cost_after: Money | None = None
    treatment: tuple[tuple[Identifier, Treatment], ...] = ()
    """Proposed accounting treatment per line."""


class PreviewChangeOrder(Question, tag="commercial.change_order.preview.v1"):
    """What would change: contract value, cost budget, proposed revenue treatment; the catch-up is finance's to say."""

    change_order_id: Identifier
