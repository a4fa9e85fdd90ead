"""What the commercial service says, may be asked to do, and answers about customers: who they are, what they may owe.

All of it is keyed by the customer. Terms follow domain.md 2.1; who may write which field is the matrix of 2.3.
"""

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
    Question,
    Record,
    Refusal,
    Short,
    Text,
)
from contracts.money import CurrencyCode, Money
from contracts.order import CountryCode, Party, Version

CreditReason = Literal[
    "CREDIT_LIMIT", "CUSTOMER_ON_HOLD", "UNKNOWN_CUSTOMER", "AGREEMENT_EXISTS", "CUSTOMER_MERGED", "MERGE_IN_PROGRESS"
]
SystemCode = Annotated[
    str, Meta(pattern="^[A-Z][A-Z0-9_]{1,31}$", description="A system of the firm: ERP, MDM, CRM, PSA or MW, the mesh.")
]
FieldGroup = Literal["IDENTITY", "TAX", "CREDIT", "CONTACT"]
"""What one system of record owns together: see `commercial.ownership.published.v1`."""
Lei = Annotated[str, Meta(pattern="^[A-Z0-9]{18}[0-9]{2}$", description="Legal entity identifier (ISO 17442).")]
Iban = Annotated[str, Meta(pattern="^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$", description="IBAN without blanks (ISO 13616).")]
Language = Annotated[
    str, Meta(pattern="^[a-z]{2,3}(-[A-Z]{2})?$", description="Language, with or without a country (BCP 47).")
]
Subdivision = Annotated[str, Meta(pattern="^[A-Z]{2}-[A-Z0-9]{1,3}$", description="ISO 3166-2, such as US-CA.")]
TaxScheme = Literal["VAT", "GST", "SALES"]
TaxCheckResult = Literal["VALID", "INVALID", "UNKNOWN"]
AddressRole = Literal["SOLD_TO", "BILL_TO", "SHIP_TO", "SERVICE"]
PartyRole = Literal["PARENT", "ULTIMATE_PARENT", "SOLD_TO", "BILL_TO", "PAYER"]
IdentityScheme = Literal["LEI", "VAT", "REGISTRATION", "NAME"]
"""By what a customer is known again, the strongest first. A name only raises a suspicion."""
Revision = Annotated[int, Meta(ge=0)]


# --- who the customer is --------------------------------------------------------------------------------------------


class Registration(Record):
    """A number in a register of companies (BT-47); the scheme is its ISO 6523 code, such as 0002 or 0060."""

    scheme: Annotated[str, Meta(pattern="^[0-9]{4}$")]
    value: Identifier


class CustomerData(Record):
    """What is known of a customer, and what a proposal knows of one."""

    legal_name: Text
    country: CountryCode
    tax_id: Short | None = None
    """The number under which it is taxed in its country, where no tax registration says otherwise (BT-48)."""
    email: Short | None = None
    trading_name: Short | None = None
    registration: Registration | None = None
    lei: Lei | None = None
    language: Language | None = None
    currency: CurrencyCode | None = None
    """In which it is mostly quoted to; an agreement has its own."""
    iban: Iban | None = None
    buyer_reference: Short | None = None
    """What the customer wants to read on each invoice (BT-10)."""
    legal_entity: Identifier | None = None
    """The selling company whose rules about systems of record hold for it; those of the tenant where absent."""


class RegisterCustomer(Command, tag="commercial.customer.register.v1"):
    """Add a customer; the key is its code, such as ACME."""

    legal_name: Text
    country: CountryCode
    tax_id: Short | None = None
    email: Short | None = None
    trading_name: Short | None = None
    registration: Registration | None = None
    lei: Lei | None = None
    language: Language | None = None
    currency: CurrencyCode | None = None
    iban: Iban | None = None
    buyer_reference: Short | None = None
    legal_entity: Identifier | None = None
    system: SystemCode | None = None
    """Whose word this is; without one it is the word of the system of record, entered by hand."""


class UpdateCustomer(Command, tag="commercial.customer.update.v1"):
    """Change what is given; what is absent stays. Each field may be written by its owner only, or nothing changes."""

    legal_name: Text | None = None
    country: CountryCode | None = None
    tax_id: Short | None = None
    email: Short | None = None
    trading_name: Short | None = None
    registration: Registration | None = None
    lei: Lei | None = None
    language: Language | None = None
    currency: CurrencyCode | None = None
    iban: Iban | None = None
    buyer_reference: Short | None = None
    legal_entity: Identifier | None = None
    system: SystemCode | None = None


class CustomerRegistered(Event, tag="commercial.customer.registered.v1"):
    """A customer the firm may quote to."""

    customer_id: Identifier
    legal_name: Text
    country: CountryCode
    tax_id: Short | None = None
    email: Short | None = None
    trading_name: Short | None = None
    registration: Registration | None = None
    lei: Lei | None = None
    language: Language | None = None
    currency: CurrencyCode | None = None
    iban: Iban | None = None
    buyer_reference: Short | None = None
    legal_entity: Identifier | None = None


class CustomerUpdated(Event, tag="commercial.customer.updated.v1"):
    """The customer's data as it stands now."""

    customer_id: Identifier
    legal_name: Text
    country: CountryCode
    tax_id: Short | None = None
    email: Short | None = None
    trading_name: Short | None = None
    registration: Registration | None = None
    lei: Lei | None = None
    language: Language | None = None
    currency: CurrencyCode | None = None
    iban: Iban | None = None
    buyer_reference: Short | None = None
    legal_entity: Identifier | None = None
    changed: tuple[Text, ...] = ()
    """The names of the fields that are not what they were."""


class PostalAddress(Record):
    """A postal address (BG-8)."""

    lines: Annotated[tuple[Short, ...], Meta(min_length=1, max_length=4)]
    city: Short
    country: CountryCode
    postal_code: Short | None = None
    subdivision: Subdivision | None = None


class RecordAddress(Command, tag="commercial.customer.record_address.v1"):
    """Say where the customer is reached in a role; it stands in the place of an earlier one."""

    role: AddressRole
    postal_address: PostalAddress
    system: SystemCode | None = None


class AddressRecorded(Event, tag="commercial.customer.address_recorded.v1"):
    """Where the customer is reached in this role from now on."""

    customer_id: Identifier
    role: AddressRole
    postal_address: PostalAddress


class AssignRole(Command, tag="commercial.customer.assign_role.v1"):
    """Say which customer stands in a role to this one from a day on; without a customer, nobody else does."""

    role: PartyRole
    effective_from: date
    decided_by: Text
    party: Identifier | None = None
    system: SystemCode | None = None


class RoleAssigned(Event, tag="commercial.customer.role_assigned.v1"):
    """Who stands in the role from the day on, until another assignment takes effect."""

    customer_id: Identifier
    role: PartyRole
    effective_from: date
    decided_by: Text
    party: Identifier | None = None


class Hierarchy(Record, tag_field="answers", tag="commercial.customer.show_hierarchy.v1"):
    """The answer to `commercial.customer.show_hierarchy.v1`."""

    customer_id: Identifier
    on: date
    sold_to: Identifier
    """The customer itself unless assigned."""
    bill_to: Identifier
    """Who is sold to unless assigned."""
    payer: Identifier
    """Who is billed unless assigned."""
    parent: Identifier | None = None
    ultimate_parent: Identifier | None = None
    """The parent unless assigned."""


class ShowHierarchy(Question, tag="commercial.customer.show_hierarchy.v1"):
    """Who stands in which role to the customer on a day?"""

    on: date


class TaxCheck(Record):
    """What the register of a tax authority said when it was asked."""

    result: TaxCheckResult
    """UNKNOWN when it could not say; that is never taken for VALID."""
    checked_at: Instant
    checked_by: Text
    evidence: Short | None = None
    """Such as the consultation number of VIES."""


class TaxRegistration(Record):
    """Under which number the customer is taxed in a country, on which days."""

    country: CountryCode
    scheme: TaxScheme
    tax_id: Short
    valid_from: date
    valid_to: date | None = None
    """The last day, when there is one."""
    check: TaxCheck | None = None
    """The latest; None while nobody has asked."""


class RecordTaxRegistration(Command, tag="commercial.customer.record_tax_registration.v1"):
    """Record a tax registration; those of one country and scheme do not overlap."""

    country: CountryCode
    scheme: TaxScheme
    tax_id: Short
    valid_from: date
    valid_to: date | None = None
    system: SystemCode | None = None


class EndTaxRegistration(Command, tag="commercial.customer.end_tax_registration.v1"):
    """The registration that began on `valid_from` ends with the day `valid_to`."""

    country: CountryCode
    scheme: TaxScheme
    valid_from: date
    valid_to: date
    system: SystemCode | None = None


class RecordTaxCheck(Command, tag="commercial.customer.record_tax_check.v1"):
    """Record what the register said of a number; an answer older than the one that is known changes nothing."""

    country: CountryCode
    scheme: TaxScheme
    tax_id: Short
    result: TaxCheckResult
    checked_at: Instant
    checked_by: Text
    evidence: Short | None = None


class TaxRegistrationRecorded(Event, tag="commercial.customer.tax_registration_recorded.v1"):
    """The customer is taxed under this number on these days."""

    customer_id: Identifier
    registration: TaxRegistration


class TaxRegistrationEnded(Event, tag="commercial.customer.tax_registration_ended.v1"):
    """The registration with its last day."""

    customer_id: Identifier
    registration: TaxRegistration


class TaxRegistrationChecked(Event, tag="commercial.customer.tax_registration_checked.v1"):
    """The registration with what the register said of it."""

    customer_id: Identifier
    registration: TaxRegistration


class FieldWrite(Record):
    """What one field was to become, and what it stays."""

    field: Text
    owner: SystemCode
    kept: str | None = None
    proposed: str | None = None


class ForeignWriteRefused(Refusal, tag="commercial.customer.foreign_write_refused.v1"):
    """A system wrote a field that another one owns: nothing changed; the writer's copy is to become `kept` again.

    What it proposed is here for the owner to take up.
    """

    customer_id: Identifier
    system: SystemCode
    fields: tuple[FieldWrite, ...]
    policy: Text
    """Whose rules, and which version of them, such as `DE01 2`; `default` where none are published."""


class CustomerRefused(Refusal, tag="commercial.customer.refused.v1"):
    """A request about a customer was refused."""

    customer_id: Identifier


# --- whether it is known already ------------------------------------------------------------------------------------


class ResolveOrCreate(Command, tag="commercial.customer.resolve_or_create.v1"):
    """Find the customer that this is, or add it; the key is the code that it gets when it is new.

    Found by LEI, VAT id or registration, the key becomes an alias of the one that was found. Like another by name only,
    it waits for `commercial.customer.decide_match.v1`.
    """

    proposed: CustomerData
    system: SystemCode


class DecideMatch(Command, tag="commercial.customer.decide_match.v1"):
    """A person has looked: the customer is the same as one that is known, or, without one, another."""

    decided_by: Text
    same_as: Identifier | None = None


class Suspect(Record):
    """A customer that this one may be the same as, and by what it is suspected."""

    customer_id: Identifier
    scheme: IdentityScheme


class TakeMatch(Internal, tag="commercial.customer.take_match.v1"):
    """Said by an identity or a list of namesakes: who is known by what the customer is to be known by."""

    scheme: IdentityScheme
    value: Text
    suspects: Annotated[tuple[Identifier, ...], Meta(max_length=20)]


class ResolutionRequested(Event, tag="commercial.customer.resolution_requested.v1"):
    """It is looked up whether the customer is known; until all schemes have answered it is nobody's yet."""

    customer_id: Identifier
    proposed: CustomerData
    schemes: tuple[IdentityScheme, ...]
    system: SystemCode


class MatchAnswered(Event, tag="commercial.customer.match_answered.v1"):
    """One scheme has answered."""

    customer_id: Identifier
    scheme: IdentityScheme
    suspects: tuple[Identifier, ...]


class MatchReviewRequested(Event, tag="commercial.customer.match_review_requested.v1"):
    """A person is to decide whether the customer is one of these: by name only, or by numbers that disagree."""

    customer_id: Identifier
    suspects: tuple[Suspect, ...]


class MatchDismissed(Event, tag="commercial.customer.match_dismissed.v1"):
    """A person has decided that the customer is none of those that it was suspected to be."""

    customer_id: Identifier
    suspects: tuple[Suspect, ...]
    decided_by: Text


class CustomerResolved(Broadcast, tag="commercial.customer.resolved.v1"):
    """The code stands for a customer that was known already."""

    customer_id: Identifier
    same_as: Identifier
    resolved_by: Text
    """The scheme that was decisive, or the person."""


class Resolution(Record, tag_field="answers", tag="commercial.customer.resolve.v1"):
    """The answer to `commercial.customer.resolve.v1`."""

    customer_id: Identifier
    status: Literal["UNKNOWN", "PENDING", "AMBIGUOUS", "LINKED", "MERGED_INTO"]
    survivor: Identifier | None = None
    """The customer that the code stands for; None while nobody can say."""
    suspects: tuple[Suspect, ...] = ()


class ResolveCustomer(Question, tag="commercial.customer.resolve.v1"):
    """Which customer does the code stand for? An alias leads to its survivor for ever."""


# --- merging --------------------------------------------------------------------------------------------------------


class Stake(Record):
    """What is at stake with a customer for one legal entity in one currency."""

    legal_entity: Identifier
    exposure: Money


class MergeCustomer(Command, tag="commercial.customer.merge.v1"):
    """Two codes are one customer: the key survives, `merged` becomes its alias."""

    merged: Identifier
    decided_by: Text
    system: SystemCode | None = None


class MergeRequested(Event, tag="commercial.customer.merge_requested.v1"):
    """The other customer is asked to give way."""

    customer_id: Identifier
    merged: Identifier
    decided_by: Text


class GiveWay(Internal, tag="commercial.customer.give_way.v1"):
    """Said by the survivor to the customer that becomes its alias."""

    survivor: Identifier
    decided_by: Text


class CustomerGaveWay(Event, tag="commercial.customer.gave_way.v1"):
    """From here on this code is an alias: work under it goes on, new business goes to the survivor."""

    customer_id: Identifier
    survivor: Identifier
    decided_by: Text


class TakeOver(Internal, tag="commercial.customer.take_over.v1"):
    """Said by the customer that has given way: what is at stake with it."""

    merged: Identifier
    stakes: tuple[Stake, ...]
    revision: Revision


class DeclineMerge(Internal, tag="commercial.customer.decline_merge.v1"):
    """Said by a customer that cannot give way."""

    merged: Identifier
    reason: Literal["UNKNOWN_CUSTOMER", "CUSTOMER_MERGED", "MERGE_IN_PROGRESS"]
    detail: Text


class CustomerMerged(Broadcast, tag="commercial.customer.merged.v1"):
    """The codes in `merged` lead to the survivor for ever. Open invoices keep their legal buyer."""

    survivor: Identifier
    merged: tuple[Identifier, ...]
    decided_by: Text


class MergeRefused(Refusal, tag="commercial.customer.merge_refused.v1"):
    """The two stay two customers."""

    customer_id: Identifier
    merged: Identifier


class TakeExposure(Internal, tag="commercial.customer.take_exposure.v1"):
    """Said by an alias whenever its open work changes what is at stake with it."""

    merged: Identifier
    stakes: tuple[Stake, ...]
    revision: Revision


class ExposureInherited(Event, tag="commercial.customer.exposure_inherited.v1"):
    """What is at stake under an alias counts with its survivor."""

    customer_id: Identifier
    merged: Identifier
    stakes: tuple[Stake, ...]
    revision: Revision
    """Rises with each change: an older one that comes late changes nothing."""


# --- credit ---------------------------------------------------------------------------------------------------------


class SetCreditLimit(Command, tag="commercial.customer.set_credit_limit.v1"):
    """Agree a credit limit in one currency; without one, exposure in that currency is not limited."""

    limit: Money
    decided_by: Text
    legal_entity: Identifier | None = None
    """Whose exposure it limits; that of all legal entities together where absent. Both are kept to."""
    system: SystemCode | None = None


class PlaceHold(Command, tag="commercial.customer.place_hold.v1"):
    """Stop accepting new business from the customer, and hold its agreements."""

    hold_reason: Text
    decided_by: Text
    legal_entity: Identifier | None = None
    """Only business with this one; with all of them where absent."""
    system: SystemCode | None = None


class ReleaseHold(Command, tag="commercial.customer.release_hold.v1"):
    """Accept business from the customer again, and let what was stopped go on."""

    decided_by: Text
    legal_entity: Identifier | None = None
    system: SystemCode | None = None


class ReserveCredit(Internal, tag="commercial.customer.reserve_credit.v1"):
    """Said by a quote on acceptance: may this amount be added to the customer's exposure?"""

    quote_id: Identifier
    version: Version
    agreement_id: Identifier
    legal_entity: Identifier
    amount: Money


class PassHoldOn(Internal, tag="commercial.customer.pass_hold_on.v1"):
    """Said by a customer to itself: tell the agreements after this one too how they stand."""

    after: Identifier
    legal_entity: Identifier | None = None


class CreditLimitSet(Event, tag="commercial.customer.credit_limit_set.v1"):
    """The limit that acceptance is checked against from now on."""

    customer_id: Identifier
    limit: Money
    decided_by: Text
    decided_at: Instant
    legal_entity: Identifier | None = None


class CreditHoldPlaced(Event, tag="commercial.customer.credit_hold_placed.v1"):
    """No new business until released; agreements are held."""

    customer_id: Identifier
    hold_reason: Text
    decided_by: Text
    decided_at: Instant
    exposure: tuple[Stake, ...]
    """What is at stake under the hold."""
    legal_entity: Identifier | None = None


class CreditHoldReleased(Event, tag="commercial.customer.credit_hold_released.v1"):
    """The hold is over; what it stopped goes on."""

    customer_id: Identifier
    decided_by: Text
    decided_at: Instant
    legal_entity: Identifier | None = None


class CreditReserved(Event, tag="commercial.customer.credit_reserved.v1"):
    """The accepted amount counts as exposure from now on; `exposure` is after it."""

    customer: Party
    """The customer as the agreement will name it."""
    quote_id: Identifier
    version: Version
    agreement_id: Identifier
    legal_entity: Identifier
    amount: Money
    exposure: Money
    """Of all legal entities together."""


class CreditRefused(Event, tag="commercial.customer.credit_refused.v1"):
    """Acceptance would exceed a limit, the customer is unknown, merged or on hold, or the agreement's id is taken."""

    customer_id: Identifier
    quote_id: Identifier
    version: Version
    reason: CreditReason
    detail: Text
    exposure: Money
    would_be: Money
    limit: Money | None = None


class UnbilledAgreement(Record):
    """What of an agreement's price is not billed yet, net of tax."""

    agreement_id: Identifier
    order_version: Version
    legal_entity: Identifier
    amount: Money


class OpenInvoice(Record):
    """What the customer still owes on an issued invoice, with tax."""

    invoice_id: Identifier
    legal_entity: Identifier
    open: Money


class ExposureChanged(Event, tag="commercial.customer.exposure_changed.v1"):
    """Exposure in one currency = open receivables (gross) + accepted and not yet billed (net)."""

    customer_id: Identifier
    legal_entity: Identifier
    receivables: Money
    """With the legal entity, as `unbilled` and `exposure`."""
    unbilled: Money
    exposure: Money
    overall: Money
    """With all legal entities, and under all aliases."""
    agreement: UnbilledAgreement | None = None
    """The agreement that changed it, as it stands now."""
    invoice: OpenInvoice | None = None
    """The invoice that changed it, as it stands now."""


class CreditCheck(Record, tag_field="answers", tag="commercial.customer.check_credit.v1"):
    """The answer to `commercial.customer.check_credit.v1`."""

    customer_id: Identifier
    decision: Literal["OK", "HOLD"]
    exposure: Money
    would_be: Money
    limit: Money | None
    """The one that would be exceeded, else the one over all legal entities, as `exposure` is."""


class CheckCredit(Question, tag="commercial.customer.check_credit.v1"):
    """Would this amount, on top of the present exposure, stay within the limits?"""

    amount: Money
    legal_entity: Identifier | None = None
    """With which it is to be agreed; without one, only the limit over all of them is looked at."""


class CustomerValidation(Record, tag_field="answers", tag="commercial.customer.validate.v1"):
    """The answer to `commercial.customer.validate.v1`."""

    customer_id: Identifier
    decision: Literal["OK", "REVIEW", "BLOCK"]
    reasons: tuple[Text, ...]
    """Empty when OK."""
    suspects: tuple[Suspect, ...] = ()
    """Customers that it may be the same as."""
    evidence: tuple[Text, ...] = ()
    """What the tax registers said, each with the day."""


class ValidateCustomer(Question, tag="commercial.customer.validate.v1"):
    """May this customer be sold to? BLOCK: unknown, merged or on hold. REVIEW: its tax id is missing or invalid."""


# --- dunning --------------------------------------------------------------------------------------------------------


class BlockDunning(Command, tag="commercial.customer.block_dunning.v1"):
    """Send the customer no reminders, until and including a day where one is given."""

    block_reason: Text
    decided_by: Text
    until: date | None = None


class UnblockDunning(Command, tag="commercial.customer.unblock_dunning.v1"):
    """Send reminders again."""

    decided_by: Text


class DunningBlocked(Event, tag="commercial.customer.dunning_blocked.v1"):
    """No reminder is to be sent while the block stands."""

    customer_id: Identifier
    block_reason: Text
    decided_by: Text
    decided_at: Instant
    lifts_at: Instant | None = None
    """The first instant after its last day, where the customer's legal entity is."""


class DunningUnblocked(Event, tag="commercial.customer.dunning_unblocked.v1"):
    """Reminders may be sent again."""

    customer_id: Identifier
    decided_by: Text | None = None
    """None when its last day is over."""
