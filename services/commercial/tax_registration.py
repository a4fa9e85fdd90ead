"""Tax registrations: under which number a customer is taxed where and when, and what the register says of it."""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from contracts.customer import (
    EndTaxRegistration,
    RecordTaxCheck,
    RecordTaxRegistration,
    TaxCheck,
    TaxRegistration,
    TaxRegistrationChecked,
    TaxRegistrationEnded,
    TaxRegistrationRecorded,
)
from services.commercial.check_digits import canonical_tax_id, is_country, is_tax_id
from services.commercial.problem import Problem

MOST = 100
"""Registrations that are kept of one customer."""


def record(
    known: Sequence[TaxRegistration], message: RecordTaxRegistration
) -> TaxRegistrationRecorded | Problem | None:
    """A registration that overlaps none of its country and scheme; None when it is recorded."""
    asked = TaxRegistration(
        country=message.country,
        scheme=message.scheme,
        tax_id=message.tax_id,
        valid_from=message.valid_from,
        valid_to=message.valid_to,
    )
    if any(replace(one, check=None) == asked for one in known):
        return None  # recorded already
    if not is_country(message.country):
        return Problem(reason="COUNTRY", detail=f"country: {message.country} is not a country of ISO 3166-1")
    if not is_tax_id(message.country, message.scheme, message.tax_id):
        detail = f"tax_id: the check digits are not those of a {message.scheme} number of {message.country}"
        return Problem(reason="TAX_ID", detail=detail)
    if message.valid_to is not None and message.valid_to < message.valid_from:
        return Problem(reason="PERIOD", detail="valid_to: the last day is not before the first")
    if other := next((one for one in known if _overlap(one, asked)), None):
        detail = f"valid_from: {other.tax_id} is recorded from {other.valid_from} to {other.valid_to or 'now'}: end it"
        return Problem(reason="OVERLAP", detail=detail)
    if len(known) >= MOST:
        return Problem(reason="TOO_MANY", detail=f"tax_id: at most {MOST} registrations are kept")
    return TaxRegistrationRecorded(customer_id=message.key, registration=asked)


def end(known: Sequence[TaxRegistration], message: EndTaxRegistration) -> TaxRegistrationEnded | Problem | None:
    """The registration with its last day, which may only come nearer; None when that is its last day."""
    wanted = (message.country, message.scheme, message.valid_from)
    found = next((one for one in known if _which(one) == wanted), None)
    if found is None:
        detail = f"valid_from: no {message.scheme} registration of {message.country} begins on {message.valid_from}"
        return Problem(reason="UNKNOWN_REGISTRATION", detail=detail)
    if found.valid_to == message.valid_to:
        return None  # ended so
    if message.valid_to < found.valid_from:
        return Problem(reason="PERIOD", detail="valid_to: the last day is not before the first")
    if found.valid_to is not None and message.valid_to > found.valid_to:
        return Problem(reason="ENDED", detail=f"valid_to: it has ended with {found.valid_to}: record another one")
    return TaxRegistrationEnded(customer_id=message.key, registration=replace(found, valid_to=message.valid_to))


def check(known: Sequence[TaxRegistration], message: RecordTaxCheck) -> TaxRegistrationChecked | Problem | None:
    """The latest registration of that number with the answer; None for an answer no newer than the one that is known."""
    number = canonical_tax_id(message.country, message.scheme, message.tax_id)
    found = [one for one in known if _number(one) == (message.scheme, number)]
    if not found:
        detail = f"tax_id: {message.tax_id} is not recorded as a {message.scheme} number of {message.country}"
        return Problem(reason="UNKNOWN_REGISTRATION", detail=detail)
    latest = found[-1]
    if latest.check and message.checked_at <= latest.check.checked_at:
        return None  # known, or overtaken
    answer = TaxCheck(
        result=message.result,
        checked_at=message.checked_at,
        checked_by=message.checked_by,
        evidence=message.evidence,
    )
    return TaxRegistrationChecked(customer_id=message.key, registration=replace(latest, check=answer))


def standing(known: Sequence[TaxRegistration], registration: TaxRegistration) -> tuple[TaxRegistration, ...]:
    """All registrations once this one stands as given, in the order in which they begin."""
    others = (one for one in known if _which(one) != _which(registration))
    return tuple(sorted((*others, registration), key=lambda one: (one.valid_from, one.country, one.scheme)))


def on(known: Sequence[TaxRegistration], country: str, day: date) -> TaxRegistration | None:
    """Under what the customer is taxed in a country on a day: for VAT before anything else."""
    found = [one for one in known if one.country == country and _covers(one, day)]
    return next((one for one in found if one.scheme == "VAT"), found[0] if found else None)


def _covers(one: TaxRegistration, day: date) -> bool:
    return one.valid_from <= day <= (one.valid_to or date.max)


def _overlap(one: TaxRegistration, other: TaxRegistration) -> bool:
    return (one.country, one.scheme) == (other.country, other.scheme) and (
        one.valid_from <= (other.valid_to or date.max) and other.valid_from <= (one.valid_to or date.max)
    )


def _which(one: TaxRegistration) -> tuple[str, str, date]:
    return one.country, one.scheme, one.valid_from


def _number(one: TaxRegistration) -> tuple[str, str]:
    return one.scheme, canonical_tax_id(one.country, one.scheme, one.tax_id)
