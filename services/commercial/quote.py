"""A quote: an offer in versions; what was approved is what is signed, and signing it reserves the customer's credit."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from contracts.commercial import (
    AcceptQuote,
    ApproveQuote,
    QuoteAcceptanceReceived,
    QuoteAcceptanceRefused,
    QuoteAccepted,
    QuoteApprovalRequested,
    QuoteApproved,
    QuoteExpired,
    QuoteLifecycle,
    QuotePriced,
    QuoteRefused,
    QuoteRejected,
    QuoteState,
    QuoteStatus,
    RejectQuote,
    SubmitQuote,
)
from contracts.customer import CreditRefused, CreditReserved, ReserveCredit
from contracts.message import Record, Wake, name_of
from contracts.money import exact
from contracts.order import ServicesOrder, Signature
from services.commercial.offer import order_of, price
from services.commercial.problem import Problem
from services.commercial.reference import Reference, day_of

Request = SubmitQuote | ApproveQuote | RejectQuote | AcceptQuote
Heard = Request | CreditReserved | CreditRefused | Wake
Said = (
    QuotePriced
    | QuoteApprovalRequested
    | QuoteApproved
    | QuoteRejected
    | QuoteExpired
    | QuoteAcceptanceReceived
    | QuoteAccepted
    | QuoteAcceptanceRefused
    | QuoteRefused
)


class Quote(Record):
    status: QuoteLifecycle = "UNKNOWN"
    priced: QuotePriced | None = None  # the latest version
    signature: Signature | None = None  # from acceptance on
    purchase_order: str | None = None

    @property
    def version(self) -> int:
        return self.priced.version if self.priced else 0


initial = Quote()


def actor_id(message: Request | CreditReserved | CreditRefused | QuoteStatus) -> str:
    return message.quote_id


def decide(state: Quote, message: Heard, reference: Reference) -> Sequence[Said | ReserveCredit]:
    match message:
        case SubmitQuote() if message.version <= state.version and price(message, reference) == state.priced:
            return []  # submitted twice with the same data
        case SubmitQuote() if state.status in ("ACCEPTING", "ACCEPTED"):
            return [
                refuse(message, "ALREADY_ACCEPTED", f"version {state.version} is signed: change it by change order")
            ]
        case SubmitQuote() if message.version != state.version + 1:
            return [refuse(message, "VERSION", f"the next version is {state.version + 1}, not {message.version}")]
        case SubmitQuote():
            return submit(message, reference)

        case ApproveQuote() | RejectQuote() | AcceptQuote() if state.version == 0:
            return [refuse(message, "UNKNOWN_QUOTE", f"quote {message.quote_id} was never submitted")]
        case ApproveQuote() | RejectQuote() | AcceptQuote() if message.version != state.version:
            return [refuse(message, "VERSION", f"the current version is {state.version}, not {message.version}")]

        case ApproveQuote() if state.priced and state.status == "IN_REVIEW":
            return [approve(state.priced, message.approved_by)]
        case ApproveQuote() if state.status == "APPROVED":
            return []  # approved already
        case ApproveQuote():
            return [refuse(message, "NOT_IN_REVIEW", f"the version is {state.status}: it cannot be approved")]

        case RejectQuote() if state.status in ("IN_REVIEW", "APPROVED"):
            return [reject(message)]
        case RejectQuote() if state.status == "REJECTED":
            return []  # rejected already
        case RejectQuote():
            return [refuse(message, "NOT_OPEN", f"the version is {state.status}: it cannot be rejected")]

        case AcceptQuote() if is_signed_so(state, message):
            return []  # signed twice, accepted once
        case AcceptQuote() if state.status == "APPROVED" and is_over(state, message.at):
            return [refuse(message, "EXPIRED", "the last day on which the quote could be accepted is over")]
        case AcceptQuote() if state.status == "APPROVED" and not is_approved_content(state, message):
            return [refuse(message, "CONTENT_HASH", "what was signed is not what was approved")]
        case AcceptQuote() if state.priced and state.status == "APPROVED":
            return accept(state.priced, message, reference)
        case AcceptQuote():
            return [refuse(message, "NOT_APPROVED", f"the version is {state.status}: it cannot be accepted")]

        case CreditReserved() if state.priced and state.signature and is_awaited(state, message):
            order = order_of(state.priced, message.customer, state.signature, state.purchase_order)
            return [conclude(state.priced, order)]
        case CreditRefused() if is_awaited(state, message):
            return [decline(message)]
        case CreditReserved() | CreditRefused():
            return []  # an answer that nobody waits for

        case Wake() if state.priced and wakes(state):
            return [QuoteExpired(quote_id=state.priced.quote_id, version=state.version)]
        case Wake():
            return []  # decided before its last day was over
        case _:
            assert_never(message)


def evolve(state: Quote, event: Said) -> Quote:
    match event:
        case QuotePriced():
            return Quote(status="IN_REVIEW", priced=event)
        case QuoteApproved():
            return replace(state, status="APPROVED")
        case QuoteRejected():
            return replace(state, status="REJECTED")
        case QuoteExpired():
            return replace(state, status="EXPIRED")
        case QuoteAcceptanceReceived():
            return replace(state, status="ACCEPTING", signature=event.signature, purchase_order=event.purchase_order)
        case QuoteAcceptanceRefused():
            return replace(state, status="APPROVED", signature=None, purchase_order=None)
        case QuoteAccepted():
            return replace(state, status="ACCEPTED")
        case QuoteApprovalRequested() | QuoteRefused():
            return state
        case _:
            assert_never(event)


def wakes(state: Quote) -> datetime | None:
    """The end of its last day; an acceptance in flight wins."""
    return state.priced.expires_at if state.priced and state.status in ("IN_REVIEW", "APPROVED") else None


def answer(state: Quote, question: QuoteStatus) -> QuoteState:
    if state.priced is None:
        return QuoteState(quote_id=question.quote_id, version=0, status="UNKNOWN")
    return QuoteState(
        quote_id=question.quote_id,
        version=state.version,
        status=state.status,
        total=state.priced.total,
        content_hash=state.priced.content_hash,
        agreement_id=state.priced.offer.agreement_id,
    )


def is_signed_so(state: Quote, message: AcceptQuote) -> bool:
    """Whether this acceptance was heard before."""
    signature = state.signature
    return signature is not None and (signature.accepted_by, signature.document_hash, state.purchase_order) == (
        message.accepted_by,
        message.signed_document_hash,
        message.purchase_order,
    )


def is_over(state: Quote, instant: datetime) -> bool:
    return state.priced is not None and instant >= state.priced.expires_at


def is_approved_content(state: Quote, message: AcceptQuote) -> bool:
    return message.content_hash is None or (
        state.priced is not None and message.content_hash == state.priced.content_hash
    )


def is_awaited(state: Quote, message: CreditReserved | CreditRefused) -> bool:
    return state.status == "ACCEPTING" and message.version == state.version


def submit(message: SubmitQuote, reference: Reference) -> Sequence[Said]:
    """Priced, and approved at once unless its discount is for a person to approve."""
    priced = price(message, reference)
    if isinstance(priced, Problem):
        return [refuse(message, priced.reason, priced.detail)]
    limit = reference.policies[message.legal_entity].discount_limit_percent
    if exact(priced.highest_discount_percent) <= exact(limit):
        return [priced, approve(priced, "policy")]
    return [
        priced,
        QuoteApprovalRequested(
            quote_id=message.quote_id,
            version=message.version,
            discount_percent=priced.highest_discount_percent,
            limit_percent=limit,
        ),
    ]


def approve(priced: QuotePriced, approved_by: str) -> QuoteApproved:
    return QuoteApproved(
        quote_id=priced.quote_id, version=priced.version, approved_by=approved_by, content_hash=priced.content_hash
    )


def reject(message: RejectQuote) -> QuoteRejected:
    return QuoteRejected(
        quote_id=message.quote_id,
        version=message.version,
        rejected_by=message.rejected_by,
        rejection_reason=message.rejection_reason,
    )


def accept(priced: QuotePriced, message: AcceptQuote, reference: Reference) -> Sequence[Said | ReserveCredit]:
    """Signed on the day it is where the legal entity is; whether it is accepted, the customer's credit decides."""
    signature = Signature(
        accepted_by=message.accepted_by,
        signed_on=day_of(reference, priced.offer.legal_entity, message.at),
        document_hash=message.signed_document_hash,
    )
    return [
        QuoteAcceptanceReceived(
            quote_id=message.quote_id,
            version=message.version,
            signature=signature,
            purchase_order=message.purchase_order,
        ),
        ReserveCredit(
            quote_id=message.quote_id,
            version=message.version,
            agreement_id=priced.offer.agreement_id,
            legal_entity=priced.offer.legal_entity,
            amount=priced.total,
        ),
    ]


def conclude(priced: QuotePriced, order: ServicesOrder) -> QuoteAccepted:
    return QuoteAccepted(
        quote_id=priced.quote_id, version=priced.version, order=order, accepted_by=order.signature.accepted_by
    )


def decline(message: CreditRefused) -> QuoteAcceptanceRefused:
    return QuoteAcceptanceRefused(
        quote_id=message.quote_id,
        version=message.version,
        reason=message.reason,
        detail=message.detail,
        exposure=message.exposure,
        would_be=message.would_be,
        limit=message.limit,
    )


def refuse(message: Request, reason: str, detail: str) -> QuoteRefused:
    return QuoteRefused(
        quote_id=message.quote_id,
        version=message.version,
        request=name_of(type(message)),
        reason=reason,
        detail=detail,
    )
