"""A customer: whom the firm may sell to, and how much it may come to owe before somebody has to decide."""

from collections.abc import Sequence
from typing import assert_never

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import (
    AgreementAmended,
    CheckCredit,
    CreditCheck,
    CreditHoldPlaced,
    CreditHoldReleased,
    CreditLimitSet,
    CreditRefused,
    CreditReserved,
    CustomerRefused,
    CustomerRegistered,
    CustomerUpdated,
    CustomerValidation,
    ExposureChanged,
    PlaceHold,
    RegisterCustomer,
    ReleaseHold,
    ReserveCredit,
    SetCreditLimit,
    UnbilledAgreement,
    UpdateCustomer,
    ValidateCustomer,
)
from contracts.finance import InvoiceIssued, PaymentApplied
from contracts.message import Record, name_of
from contracts.order import Party
from services.commercial.credit import check, over_limit, refuse_credit, reserve
from services.commercial.exposure import Exposure, amend, issue, settle

Request = RegisterCustomer | UpdateCustomer | SetCreditLimit | PlaceHold | ReleaseHold
Heard = Request | ReserveCredit | InvoiceIssued | PaymentApplied | AgreementAmended
Said = (
    CustomerRegistered
    | CustomerUpdated
    | CustomerRefused
    | CreditLimitSet
    | CreditHoldPlaced
    | CreditHoldReleased
    | CreditReserved
    | CreditRefused
    | ExposureChanged
)


class Customer(Record):
    party: Party | None = None  # None until registered
    email: str | None = None
    hold: str | None = None  # why no new business is accepted
    exposure: Exposure = Exposure()
    openers: dict[str, str] = field(default_factory=dict)  # the quote behind each agreement; a customer has hundreds


initial = Customer()


def actor_id(message: Heard | ValidateCustomer | CheckCredit) -> str:
    return message.key


def decide(state: Customer, message: Heard) -> Sequence[Said]:
    """A customer has many chains: what it says names the one that it heard about."""
    said = decision(state, message)
    return [said.about(message.correlation)] if said else []


def decision(state: Customer, message: Heard) -> Said | None:
    """What to say, if anything: a customer says one thing at a time."""
    match message:
        case RegisterCustomer() if state.party is None:
            return registered(message)
        case RegisterCustomer() if (state.party, state.email) == (party_of(registered(message)), message.email):
            return None  # registered twice with the same data
        case RegisterCustomer():
            return refuse(message, "ALREADY_REGISTERED", "the customer is registered with other data: update it")

        case UpdateCustomer() if state.party:
            return update(state.party, state.email, message)
        case UpdateCustomer():
            return unknown(message)
        case SetCreditLimit() | PlaceHold() | ReleaseHold() if state.party is None:
            return unknown(message)

        case SetCreditLimit() if message.limit.value < 0:
            return refuse(message, "NEGATIVE_LIMIT", "a credit limit is not negative: place a hold instead")
        case SetCreditLimit() if message.limit == state.exposure.limits.get(message.limit.currency):
            return None  # that is the limit
        case SetCreditLimit():
            return CreditLimitSet(customer_id=message.key, limit=message.limit, decided_by=message.decided_by)

        case PlaceHold() if message.hold_reason == state.hold:
            return None  # on hold for that reason
        case PlaceHold():
            return CreditHoldPlaced(
                customer_id=message.key, hold_reason=message.hold_reason, decided_by=message.decided_by
            )
        case ReleaseHold() if state.hold is None:
            return None  # not on hold
        case ReleaseHold():
            return CreditHoldReleased(customer_id=message.key, decided_by=message.decided_by)

        case ReserveCredit() if state.openers.get(message.agreement_id) == message.quote_id:
            return None  # reserved already, and said so
        case ReserveCredit() if message.agreement_id in state.openers:
            detail = f"agreement {message.agreement_id} was opened by quote {state.openers[message.agreement_id]}"
            return refuse_credit(state.exposure, message, "AGREEMENT_EXISTS", detail)
        case ReserveCredit() if state.hold is not None:
            return refuse_credit(state.exposure, message, "CUSTOMER_ON_HOLD", "the customer is on hold")
        case ReserveCredit() if over := over_limit(state.exposure, message.amount):
            return refuse_credit(state.exposure, message, "CREDIT_LIMIT", over)
        case ReserveCredit() if state.party:
            return reserve(state.exposure, state.party, message)
        case ReserveCredit():
            return refuse_credit(
                state.exposure, message, "UNKNOWN_CUSTOMER", "no customer is registered under this code"
            )

        case InvoiceIssued():
            return issue(state.exposure, message)
        case PaymentApplied():
            return settle(state.exposure, message)
        case AgreementAmended():
            return amend(state.exposure, message)
        case _:
            assert_never(message)


def evolve(state: Customer, event: Said) -> Customer:
    match event:
        case CustomerRegistered() | CustomerUpdated():
            return replace(state, party=party_of(event), email=event.email)
        case CreditLimitSet():
            return replace(state, exposure=state.exposure.limited(event.limit))
        case CreditHoldPlaced():
            return replace(state, hold=event.hold_reason)
        case CreditHoldReleased():
            return replace(state, hold=None)
        case CreditReserved():
            unbilled = UnbilledAgreement(agreement_id=event.agreement_id, order_version=1, amount=event.amount)
            return replace(
                state,
                exposure=state.exposure.changed(unbilled, None),
                openers=state.openers | {event.agreement_id: event.quote_id},
            )
        case ExposureChanged():
            return replace(state, exposure=state.exposure.changed(event.agreement, event.invoice))
        case CustomerRefused() | CreditRefused():
            return state
        case _:
            assert_never(event)


def answer(state: Customer, question: ValidateCustomer | CheckCredit) -> CustomerValidation | CreditCheck:
    match question:
        case ValidateCustomer():
            return validation(state, question.key)
        case CheckCredit():
            return check(state.exposure, question, blocked=state.party is None or state.hold is not None)
        case _:
            assert_never(question)


def validation(state: Customer, customer_id: str) -> CustomerValidation:
    if state.party is None:
        return CustomerValidation(customer_id=customer_id, decision="BLOCK", reasons=("the customer is unknown",))
    if state.hold is not None:
        return CustomerValidation(customer_id=customer_id, decision="BLOCK", reasons=("on hold", state.hold))
    if not state.party.tax_id:
        return CustomerValidation(customer_id=customer_id, decision="REVIEW", reasons=("the tax id is missing",))
    return CustomerValidation(customer_id=customer_id, decision="OK", reasons=())


def registered(message: RegisterCustomer) -> CustomerRegistered:
    return CustomerRegistered(
        customer_id=message.key,
        legal_name=message.legal_name,
        country=message.country,
        tax_id=message.tax_id,
        email=message.email,
    )


def update(party: Party, email: str | None, message: UpdateCustomer) -> CustomerUpdated | None:
    """The customer's data with what is given; None when nothing changes."""
    after = CustomerUpdated(
        customer_id=message.key,
        legal_name=message.legal_name or party.legal_name,
        country=message.country or party.country,
        tax_id=party.tax_id if message.tax_id is None else message.tax_id,
        email=email if message.email is None else message.email,
    )
    return None if (party_of(after), after.email) == (party, email) else after


def party_of(event: CustomerRegistered | CustomerUpdated) -> Party:
    return Party(customer_id=event.customer_id, legal_name=event.legal_name, country=event.country, tax_id=event.tax_id)


def refuse(message: Request, reason: str, detail: str) -> CustomerRefused:
    return CustomerRefused(customer_id=message.key, request=name_of(type(message)), reason=reason, detail=detail)


def unknown(message: Request) -> CustomerRefused:
    return refuse(message, "UNKNOWN_CUSTOMER", "no customer is registered under this code")
