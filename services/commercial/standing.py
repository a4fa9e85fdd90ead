"""Standing: what a customer's code stands for today, and whether business may be done with it."""

from typing import Literal

from msgspec.structs import replace

from contracts.customer import CustomerValidation, Resolution, ValidateCustomer
from services.commercial.credit import Credit
from services.commercial.master_data import Profile, tax_id_on
from services.commercial.merging import Kinship
from services.commercial.reference import Reference, day_of, survivor_of
from services.commercial.resolution import Known


def validation(
    question: ValidateCustomer,
    profile: Profile | None,
    known: Known,
    kinship: Kinship,
    credit: Credit,
    reference: Reference,
) -> CustomerValidation:
    """BLOCK before REVIEW; the tax id is that of the day it is asked on, where the customer's legal entity is."""
    answer = CustomerValidation(customer_id=question.key, decision="BLOCK", reasons=(), suspects=known.suspects)
    if kinship.survivor is not None:
        survivor = survivor_of(reference, question.key)
        return _because(answer, "BLOCK", f"the code is an alias: the customer is {survivor}")
    if profile is None:
        return _because(answer, "BLOCK", "the customer is unknown")
    if hold := credit.hold(None):
        return _because(answer, "BLOCK", "on hold", hold.hold_reason)
    checked = _checked(answer, profile)
    if not tax_id_on(profile, day_of(reference, profile.data.legal_entity or "", question.at)):
        return _because(checked, "REVIEW", "the tax id is missing or not valid")
    return _because(checked, "OK")


def resolved(
    customer_id: str, profile: Profile | None, known: Known, kinship: Kinship, reference: Reference
) -> Resolution:
    """Aliases are followed to the end."""
    if kinship.survivor is not None:
        return Resolution(
            customer_id=customer_id, status="MERGED_INTO", survivor=survivor_of(reference, kinship.survivor)
        )
    if profile:
        return Resolution(customer_id=customer_id, status="LINKED", survivor=customer_id, suspects=known.suspects)
    if known.suspects:
        return Resolution(customer_id=customer_id, status="AMBIGUOUS", suspects=known.suspects)
    return Resolution(customer_id=customer_id, status="PENDING" if known.requested else "UNKNOWN")


def _because(
    answer: CustomerValidation, decision: Literal["OK", "REVIEW", "BLOCK"], *reasons: str
) -> CustomerValidation:
    return replace(answer, decision=decision, reasons=reasons)


def _checked(answer: CustomerValidation, profile: Profile) -> CustomerValidation:
    """With what the registers said."""
    checks = ((one, one.check) for one in profile.registrations if one.check)
    evidence = tuple(
        f"{one.scheme} {one.tax_id} {check.result} on {check.checked_at.date()} by {check.checked_by}"
        for one, check in checks
    )
    return replace(answer, evidence=evidence)
