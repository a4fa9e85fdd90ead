"""Resolution: whether a customer is one that is known already, by the strongest of what it is known by (domain 2.3)."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from msgspec.structs import replace

from contracts.customer import (
    CustomerData,
    CustomerRegistered,
    CustomerResolved,
    IdentityScheme,
    MatchAnswered,
    MatchDismissed,
    MatchReviewRequested,
    ResolutionRequested,
    ResolveOrCreate,
    Suspect,
    TakeMatch,
    TaxRegistration,
)
from contracts.identity import ClaimIdentity, EnterName
from contracts.message import Record, joined
from services.commercial.check_digits import canonical_tax_id
from services.commercial.master_data import registered
from services.commercial.names import block_of
from services.commercial.reference import Reference, survivor_of

Event = ResolutionRequested | MatchAnswered | MatchReviewRequested | MatchDismissed
Verdict = CustomerRegistered | CustomerResolved | MatchReviewRequested
Claim = ClaimIdentity | EnterName

STRENGTH: tuple[IdentityScheme, ...] = ("LEI", "VAT", "REGISTRATION")
"""What names one company alone. A name does not: it only raises a suspicion."""


class Known(Record):
    """What has been asked and answered about who the customer is."""

    requested: ResolutionRequested | None = None  # None for one that was registered outright
    answers: tuple[MatchAnswered, ...] = ()
    suspects: tuple[Suspect, ...] = ()  # for a person to decide on
    dismissed: tuple[str, ...] = ()


def request(message: ResolveOrCreate) -> Sequence[ResolutionRequested | Claim]:
    claims = list(claims_of(message.key, message.proposed, answer=True))
    schemes = tuple(claim.scheme if isinstance(claim, ClaimIdentity) else "NAME" for claim in claims)
    return [
        ResolutionRequested(customer_id=message.key, proposed=message.proposed, schemes=schemes, system=message.system),
        *claims,
    ]


def claims_of(customer_id: str, data: CustomerData, *, answer: bool) -> Iterator[Claim]:
    """One for each number and the name by which others may find the customer."""
    numbers: list[tuple[IdentityScheme, str | None]] = [
        ("LEI", data.lei),
        ("VAT", canonical_tax_id(data.country, "VAT", data.tax_id) if data.tax_id else None),
        ("REGISTRATION", f"{data.registration.scheme}-{data.registration.value}" if data.registration else None),
    ]
    for scheme, value in numbers:
        if value:
            yield claim(customer_id, scheme, value, answer=answer)
    enter = EnterName(customer_id=customer_id, legal_name=data.legal_name, answer=answer)
    yield enter.to(joined("NAME", data.country, block_of(data.legal_name)))


def claims_after(customer_id: str, before: CustomerData, after: CustomerData) -> list[Claim]:
    """What an update makes the customer known by besides. What it was known by leads to it as before."""
    known = list(claims_of(customer_id, before, answer=False))
    return [one for one in claims_of(customer_id, after, answer=False) if one not in known]


def claim_of(customer_id: str, registration: TaxRegistration) -> list[Claim]:
    """A VAT number names one company, wherever it is registered."""
    if registration.scheme != "VAT":
        return []
    number = canonical_tax_id(registration.country, "VAT", registration.tax_id)
    return [claim(customer_id, "VAT", number, answer=False)]


def claim(customer_id: str, scheme: IdentityScheme, value: str, *, answer: bool) -> ClaimIdentity:
    asked = ClaimIdentity(customer_id=customer_id, scheme=scheme, value=value, answer=answer)
    return asked.to(joined(scheme, value))


def answer(known: Known, message: TakeMatch, reference: Reference) -> Sequence[MatchAnswered | Verdict]:
    """One scheme has answered; the last answer brings the verdict."""
    requested = known.requested
    if requested is None or message.scheme not in awaited(known):
        return []  # nobody waits for it
    said = MatchAnswered(customer_id=message.key, scheme=message.scheme, suspects=message.suspects)
    if awaited(known) != [message.scheme]:
        return [said]
    return [said, verdict(requested, (*known.answers, said), reference)]


def awaited(known: Known) -> list[IdentityScheme]:
    """The schemes that have not answered."""
    answered = [one.scheme for one in known.answers]
    return [one for one in known.requested.schemes if one not in answered] if known.requested else []


def verdict(requested: ResolutionRequested, answers: Sequence[MatchAnswered], reference: Reference) -> Verdict:
    """Found by numbers that agree, or new, or for a person to decide."""
    customer_id = requested.customer_id
    by_scheme = {one.scheme: one.suspects for one in answers}
    numbers = suspected(customer_id, [(one, by_scheme.get(one, ())) for one in STRENGTH], reference)
    names = suspected(customer_id, [("NAME", by_scheme.get("NAME", ()))], reference)
    found = list(dict.fromkeys(one.customer_id for one in numbers))
    if len(found) == 1:
        return CustomerResolved(customer_id=customer_id, same_as=found[0], resolved_by=numbers[0].scheme)
    if numbers or names:
        return MatchReviewRequested(customer_id=customer_id, suspects=(*numbers, *names))
    return registered(customer_id, requested.proposed)


def suspect(known: Known, message: TakeMatch, reference: Reference) -> list[MatchReviewRequested]:
    """A customer that is registered seems to be another one, too: somebody is to look, once."""
    numbers = suspected(message.key, [(message.scheme, message.suspects)], reference)
    heard_of = {one.customer_id for one in known.suspects} | set(known.dismissed)
    new = tuple(one for one in numbers if one.customer_id not in heard_of)
    return [MatchReviewRequested(customer_id=message.key, suspects=(*known.suspects, *new))] if new else []


def suspected(
    customer_id: str, found: Sequence[tuple[IdentityScheme, Sequence[str]]], reference: Reference
) -> list[Suspect]:
    """Whom the codes stand for today, the customer itself left out, each once and by its strongest scheme."""
    suspects: dict[str, Suspect] = {}
    for scheme, codes in found:
        for code in codes:
            survivor = survivor_of(reference, code)
            if customer_id not in (code, survivor):
                suspects.setdefault(survivor, Suspect(customer_id=survivor, scheme=scheme))
    return list(suspects.values())


def evolve(known: Known, event: Event) -> Known:
    match event:
        case ResolutionRequested():
            return replace(known, requested=event)
        case MatchAnswered():
            return replace(known, answers=(*known.answers, event))
        case MatchReviewRequested():
            return replace(known, suspects=event.suspects)
        case MatchDismissed():
            dismissed = (*known.dismissed, *(one.customer_id for one in event.suspects))
            return replace(known, suspects=(), dismissed=dismissed)
        case _:
            assert_never(event)
