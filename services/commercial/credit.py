"""Credit: whether a customer's exposure may grow, and what stands still while somebody has put it on hold."""

from collections.abc import Sequence
from typing import assert_never

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import AgreementAmended, HoldForCredit, LiftCreditHold
from contracts.customer import (
    CheckCredit,
    CreditCheck,
    CreditHoldPlaced,
    CreditHoldReleased,
    CreditLimitSet,
    CreditReason,
    CreditRefused,
    CreditReserved,
    ExposureChanged,
    ExposureInherited,
    PassHoldOn,
    PlaceHold,
    ReleaseHold,
    ReserveCredit,
    SetCreditLimit,
)
from contracts.finance import InvoiceIssued, PaymentApplied
from contracts.message import Record
from contracts.money import Money
from contracts.order import Party
from services.commercial import exposure
from services.commercial.exposure import Exposure
from services.commercial.problem import Problem
from services.commercial.system_of_record import Write

Decision = SetCreditLimit | PlaceHold | ReleaseHold
Decided = CreditLimitSet | CreditHoldPlaced | CreditHoldReleased
Work = InvoiceIssued | PaymentApplied | AgreementAmended
Event = Decided | CreditReserved | CreditRefused | ExposureChanged | ExposureInherited
Word = HoldForCredit | LiftCreditHold | PassHoldOn

ALL = "*"
"""Stands for all legal entities together, which no code can."""
MOST_AT_ONCE = 400
"""Agreements that are told at once how they stand: what is said in one answer is limited."""


class Credit(Record):
    exposure: Exposure = Exposure()
    limits: dict[str, Money] = field(default_factory=dict)
    """By legal entity and currency; without one, exposure is not limited."""
    holds: dict[str, CreditHoldPlaced] = field(default_factory=dict)
    """By legal entity."""
    openers: dict[str, str] = field(default_factory=dict)
    """The quote behind each agreement; a customer has hundreds."""

    def limit(self, currency: str, legal_entity: str | None = None) -> Money | None:
        return self.limits.get(_place(currency, legal_entity))

    def hold(self, legal_entity: str | None) -> CreditHoldPlaced | None:
        """What stops business with a legal entity: the hold for all of them, or its own."""
        return self.holds.get(ALL) or self.holds.get(legal_entity or ALL)


class Excess(Record):
    """Which limit would be exceeded, and how."""

    limit: Money
    exposure: Money
    detail: str


def decide(credit: Credit, message: Decision) -> Decided | Problem | None:
    """What somebody has decided about the customer's credit; None when that is so already."""
    match message:
        case SetCreditLimit() if message.limit.value < 0:
            return Problem(reason="NEGATIVE_LIMIT", detail="limit: it is not negative: place a hold instead")
        case SetCreditLimit() if message.limit == credit.limit(message.limit.currency, message.legal_entity):
            return None  # that is the limit
        case SetCreditLimit():
            return CreditLimitSet(
                customer_id=message.key,
                limit=message.limit,
                decided_by=message.decided_by,
                decided_at=message.at,
                legal_entity=message.legal_entity,
            )
        case PlaceHold() if (known := _own_hold(credit, message)) and known.hold_reason == message.hold_reason:
            return None  # on hold for that reason
        case PlaceHold():
            return CreditHoldPlaced(
                customer_id=message.key,
                hold_reason=message.hold_reason,
                decided_by=message.decided_by,
                decided_at=message.at,
                exposure=credit.exposure.stakes(message.legal_entity),
                legal_entity=message.legal_entity,
            )
        case ReleaseHold() if _own_hold(credit, message) is None:
            return None  # not on hold
        case ReleaseHold():
            return CreditHoldReleased(
                customer_id=message.key,
                decided_by=message.decided_by,
                decided_at=message.at,
                legal_entity=message.legal_entity,
            )
        case _:
            assert_never(message)


def evolve(credit: Credit, event: Event) -> Credit:
    match event:
        case CreditLimitSet():
            place = _place(event.limit.currency, event.legal_entity)
            return replace(credit, limits=credit.limits | {place: event.limit})
        case CreditHoldPlaced():
            return replace(credit, holds=credit.holds | {event.legal_entity or ALL: event})
        case CreditHoldReleased():
            scope = event.legal_entity or ALL
            return replace(credit, holds={known: hold for known, hold in credit.holds.items() if known != scope})
        case CreditReserved():
            openers = credit.openers | {event.agreement_id: event.quote_id}
            return replace(credit, exposure=exposure.evolve(credit.exposure, event), openers=openers)
        case ExposureChanged() | ExposureInherited():
            return replace(credit, exposure=exposure.evolve(credit.exposure, event))
        case CreditRefused():
            return credit
        case _:
            assert_never(event)


def write_of(credit: Credit, event: Decided) -> Write:
    """The field that a decision changes."""
    match event:
        case CreditLimitSet():
            known = credit.limit(event.limit.currency, event.legal_entity)
            return Write(field="credit_limit", kept=str(known) if known else None, proposed=str(event.limit))
        case CreditHoldPlaced() | CreditHoldReleased():
            hold = credit.holds.get(event.legal_entity or ALL)
            proposed = event.hold_reason if isinstance(event, CreditHoldPlaced) else None
            return Write(field="credit_hold", kept=hold.hold_reason if hold else None, proposed=proposed)
        case _:
            assert_never(event)


def work(credit: Credit, message: Work) -> ExposureChanged | None:
    """How what was agreed, billed or paid changes the exposure; None when that is known."""
    match message:
        case InvoiceIssued():
            return exposure.issue(credit.exposure, message)
        case PaymentApplied():
            return exposure.settle(credit.exposure, message)
        case AgreementAmended():
            return exposure.amend(credit.exposure, message)
        case _:
            assert_never(message)


def reserve(credit: Credit, party: Party, message: ReserveCredit) -> CreditReserved | CreditRefused | None:
    """The customer's word on an acceptance; None when it was given."""
    opener = credit.openers.get(message.agreement_id)
    if opener == message.quote_id:
        return None  # reserved already, and said so
    if opener is not None:
        detail = f"agreement {message.agreement_id} was opened by quote {opener}"
        return refuse_credit(credit, message, "AGREEMENT_EXISTS", detail)
    if hold := credit.hold(message.legal_entity):
        return refuse_credit(credit, message, "CUSTOMER_ON_HOLD", f"the customer is on hold: {hold.hold_reason}")
    if excess := over_limit(credit, message.amount, message.legal_entity):
        return refuse_credit(credit, message, "CREDIT_LIMIT", excess.detail, excess)
    return CreditReserved(
        customer=party,
        quote_id=message.quote_id,
        version=message.version,
        agreement_id=message.agreement_id,
        legal_entity=message.legal_entity,
        amount=message.amount,
        exposure=credit.exposure.of(message.amount.currency) + message.amount,
    )


def over_limit(credit: Credit, amount: Money, legal_entity: str | None) -> Excess | None:
    """How the amount would exceed the limit over all legal entities or that of its own; None when it would not."""
    for scope in dict.fromkeys((None, legal_entity)):
        limit, before = credit.limit(amount.currency, scope), credit.exposure.of(amount.currency, scope)
        if limit is not None and before + amount > limit:
            whose = f" for {scope}" if scope else ""
            detail = f"exposure {before} and this {amount} come to {before + amount}, the limit{whose} is {limit}"
            return Excess(limit=limit, exposure=before, detail=detail)
    return None


def refuse_credit(
    credit: Credit, message: ReserveCredit, reason: CreditReason, detail: str, excess: Excess | None = None
) -> CreditRefused:
    currency = message.amount.currency
    before = excess.exposure if excess else credit.exposure.of(currency)
    return CreditRefused(
        customer_id=message.key,
        quote_id=message.quote_id,
        version=message.version,
        reason=reason,
        detail=detail,
        exposure=before,
        would_be=before + message.amount,
        limit=excess.limit if excess else credit.limit(currency),
    )


def check(credit: Credit, question: CheckCredit, *, blocked: bool) -> CreditCheck:
    """Whether a reservation would be made, with the figures of the limit that it fails at, or of all together."""
    excess = over_limit(credit, question.amount, question.legal_entity)
    before = excess.exposure if excess else credit.exposure.of(question.amount.currency)
    held = blocked or excess is not None or credit.hold(question.legal_entity) is not None
    return CreditCheck(
        customer_id=question.key,
        decision="HOLD" if held else "OK",
        exposure=before,
        would_be=before + question.amount,
        limit=excess.limit if excess else credit.limit(question.amount.currency),
    )


def words(credit: Credit, legal_entity: str | None, after: str = "") -> Sequence[Word]:
    """What the agreements under a hold are told: whether they are held or may go on, some hundreds at a time."""
    known = credit.exposure.agreements
    concerned = sorted(one for one in known if one > after and legal_entity in (None, known[one].legal_entity))
    said: list[Word] = [
        word(credit, agreement, known[agreement].legal_entity) for agreement in concerned[:MOST_AT_ONCE]
    ]
    if concerned[MOST_AT_ONCE:]:
        said.append(PassHoldOn(after=concerned[MOST_AT_ONCE - 1], legal_entity=legal_entity))
    return said


def word(credit: Credit, agreement_id: str, legal_entity: str) -> HoldForCredit | LiftCreditHold:
    hold = credit.hold(legal_entity)
    if hold is None:
        return LiftCreditHold(agreement_id=agreement_id)
    return HoldForCredit(agreement_id=agreement_id, hold_reason=hold.hold_reason)


def _own_hold(credit: Credit, message: PlaceHold | ReleaseHold) -> CreditHoldPlaced | None:
    return credit.holds.get(message.legal_entity or ALL)


def _place(currency: str, legal_entity: str | None) -> str:
    return f"{legal_entity or ALL} {currency}"
