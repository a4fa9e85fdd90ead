"""A journal: one source fact in the books, once, balanced in transaction and in functional currency."""

from collections.abc import Sequence
from typing import assert_never

from contracts.commercial import LegalEntityRegistered
from contracts.finance import (
    CatchUpPosted,
    InvoiceIssued,
    JournalDraft,
    JournalHeld,
    JournalPosted,
    JournalRefused,
    PaymentApplied,
    PaymentReceived,
    PostJournal,
    RevenueRecognised,
)
from contracts.message import Record, is_identifier, name_of
from services.finance.posting import converted, draft, is_fixed
from services.finance.reference import Reference, first_open_day, fx_rate_on

Heard = InvoiceIssued | RevenueRecognised | CatchUpPosted | PaymentReceived | PaymentApplied | PostJournal
Said = JournalPosted | JournalHeld | JournalRefused


class Journal(Record):
    posted: bool = False
    held: JournalDraft | None = None


initial = Journal()


def actor_id(message: Heard) -> str | None:
    if isinstance(message, PostJournal):
        return message.journal_id
    return message.id if is_identifier(message.id) else None  # said by hand under finance's name: not a fact of ours


def decide(state: Journal, message: Heard, reference: Reference) -> Sequence[Said]:
    match message:
        case _ if state.posted:
            return []  # a fact is posted once (I04)
        case PostJournal():
            return [_again(message, state.held, reference)]
        case InvoiceIssued() | RevenueRecognised() | CatchUpPosted() | PaymentReceived() | PaymentApplied():
            asked = draft(message)
            if asked is None or state.held is not None:
                return []  # it moves nothing, or was heard before and waits for what is missing
            return [_post(asked, reference)]
        case _:
            assert_never(message)


def evolve(state: Journal, event: Said) -> Journal:
    match event:
        case JournalPosted():
            return Journal(posted=True)
        case JournalHeld():
            return Journal(held=event.draft)
        case JournalRefused():
            return state
        case _:
            assert_never(event)


def _again(message: PostJournal, held: JournalDraft | None, reference: Reference) -> JournalPosted | JournalRefused:
    if held is None:
        return _refused(message, "UNKNOWN_JOURNAL", f"no held journal {message.journal_id} is known")
    said = _post(held, reference)
    return _refused(message, said.reason, said.detail) if isinstance(said, JournalHeld) else said


def _post(asked: JournalDraft, reference: Reference) -> JournalPosted | JournalHeld:
    entity = reference.legal_entities.get(asked.legal_entity)
    if entity is None:
        return JournalHeld(
            draft=asked,
            reason="UNKNOWN_LEGAL_ENTITY",
            detail=f"no legal entity {asked.legal_entity} is registered",
            way_out="register it, then say finance.journal.post.v1",
        )
    rate = "1" if is_fixed(asked.lines) else _rate(asked, entity, reference)
    if rate is None:
        pair = f"{asked.lines[0].amount.currency}-{entity.functional_currency}"
        return JournalHeld(
            draft=asked,
            reason="FX_RATE_MISSING",
            detail=f"no rate {pair} is published for {asked.document_date}",
            way_out="publish the rate, then say finance.journal.post.v1",
        )
    accounting_date = first_open_day(reference, asked.legal_entity, asked.document_date)
    moved = accounting_date != asked.document_date
    return JournalPosted(
        journal_id=asked.journal_id,
        legal_entity=asked.legal_entity,
        customer=asked.customer,
        accounting_date=accounting_date,
        document_date=asked.document_date,
        prior_period_of=f"{asked.document_date:%Y-%m}" if moved else None,
        source=asked.source,
        description=asked.description,
        lines=converted(asked.lines, rate, entity.functional_currency),
        agreement_id=asked.agreement_id,
        line_id=asked.line_id,
        invoice_number=asked.invoice_number,
    )


def _rate(asked: JournalDraft, entity: LegalEntityRegistered, reference: Reference) -> str | None:
    return fx_rate_on(reference, asked.lines[0].amount.currency, entity.functional_currency, asked.document_date)


def _refused(message: PostJournal, reason: str, detail: str) -> JournalRefused:
    request = name_of(type(message))
    return JournalRefused(journal_id=message.journal_id, request=request, reason=reason, detail=detail)
