"""A claim: minutes of one time entry at one rate; first in, first out up to the cap, none billed twice (I10, I16)."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from msgspec.structs import replace

from contracts.delivery import TimeRecord
from contracts.finance import CapTerm, Claim, InvoiceLine, TimeUnratable
from contracts.money import Money, allocate, exact, ratio, total
from contracts.order import TaxCategory
from services.finance.reference import Reference, rate_card_on, rate_on
from services.finance.schedule import TEXT
from services.finance.tax import net_of


class Rated(NamedTuple):
    claim: Claim
    rate_card_version: int


class Claimed(NamedTuple):
    """What of some time is billed now and what is held over the cap."""

    claims: tuple[Claim, ...]
    held: tuple[Claim, ...]
    amount: Money


class Work(NamedTuple):
    """What stands on one invoice line: the work of one role at one rate in one month."""

    month: str
    role: str
    rate: str


def claim_of(record: TimeRecord, currency: str) -> Claim:
    """The billable minutes of approved work, not yet rated."""
    return Claim(
        entry_id=record.entry_id,
        line_id=record.line_id,
        role=record.role,
        work_date=record.work_date,
        minutes=record.billable_minutes,
        rate="0",
        amount=Money.zero(currency),
    )


def unratable(agreement_id: str, record: TimeRecord, currency: str, detail: str) -> TimeUnratable:
    claim = claim_of(record, currency)
    return TimeUnratable(agreement_id=agreement_id, claim=claim, reason="NO_RATE", detail=detail)


def rated(claim: Claim, cap: CapTerm, reference: Reference) -> Rated | None:
    """The claim at the rate of its work date; None while no version of the card has one in the line's currency."""
    card = rate_card_on(reference, cap.rate_card, claim.work_date)
    rate = rate_on(reference, cap.rate_card, claim.role, claim.work_date)
    if card is None or rate is None or exact(rate) < 0 or card.currency != cap.cap.currency:
        return None
    return Rated(replace(claim, rate=rate, amount=price(rate, claim.minutes, card.currency)), card.version)


def price(rate: str, minutes: int, currency: str) -> Money:
    """`minutes` at a rate per hour, rounded once."""
    return Money.rounded(ratio(exact(rate), minutes, 60), currency)


def claim_up_to(time: Sequence[Claim], room: Money) -> Claimed:
    """Bill `time` by work date and entry until `room` is used up; the straddling entry is split by whole minutes.

    What is billed is what the invoice lines come to, so that the cap holds to the cent; the excess is held.
    """
    currency = room.currency
    minutes: dict[Work, int] = {}
    taken: list[Claim] = []
    held: list[Claim] = []
    for claim in sorted(time, key=first_in):
        work = work_of(claim)
        before = minutes.get(work, 0)
        own = price(work.rate, before, currency)
        fits = 0 if held else most_minutes(claim, before, room + own)
        if fits:
            minutes[work] = before + fits
            room -= price(work.rate, before + fits, currency) - own
            taken.append(replace(claim, minutes=fits))
        if fits < claim.minutes:
            rest = claim.minutes - fits
            held.append(replace(claim, minutes=rest, amount=price(claim.rate, rest, currency)))
    amount = total((price(work.rate, minutes[work], currency) for work in minutes), currency)
    return Claimed(shared(taken, currency), tuple(held), amount)


def first_in(claim: Claim) -> tuple[date, str]:
    """The order in which time is billed."""
    return claim.work_date, claim.entry_id


def most_minutes(claim: Claim, before: int, room: Money) -> int:
    """How many of the claim's minutes fit into `room` together with the `before` minutes of the same work."""

    def cost(minutes: int) -> Decimal:
        return price(claim.rate, before + minutes, room.currency).value

    return max(0, bisect_right(range(claim.minutes + 1), room.value, key=cost) - 1)


def shared(claims: Sequence[Claim], currency: str) -> tuple[Claim, ...]:
    """Each claim with its part of its invoice line's net, by largest remainder: no cent is lost or made."""
    amounts: dict[str, Money] = {}
    for work, own in by_work(claims):
        net = price(work.rate, sum(claim.minutes for claim in own), currency)
        parts = allocate(net, [claim.minutes for claim in own])
        amounts |= {claim.entry_id: part for claim, part in zip(own, parts, strict=True)}
    return tuple(replace(claim, amount=amounts[claim.entry_id]) for claim in claims)


def lines_of(claims: Sequence[Claim], description: str, category: TaxCategory, currency: str) -> list[InvoiceLine]:
    """One invoice line for each role, rate and month of work, unnumbered; its claims list the entries (domain 4.3)."""
    return [line_of(work, tuple(own), description, category, currency) for work, own in by_work(claims)]


def line_of(
    work: Work, claims: tuple[Claim, ...], description: str, category: TaxCategory, currency: str
) -> InvoiceLine:
    """In hours to four places; in minutes when those hours would not come to the same net."""
    minutes = sum(claim.minutes for claim in claims)
    hours = ratio(Decimal(minutes), 1, 60).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    line = InvoiceLine(
        line_no=1,
        line_id=claims[0].line_id,
        description=f"{description}: {work.role}, {work.month}"[:TEXT],
        quantity=f"{hours.normalize():f}",
        unit="HUR",
        unit_price=work.rate,
        net=price(work.rate, minutes, currency),
        tax_category=category,
        claims=claims,
    )
    if net_of(line, currency) == line.net:
        return line
    return replace(line, quantity=str(minutes), unit="MIN", base_quantity="60")


def work_of(claim: Claim) -> Work:
    return Work(f"{claim.work_date:%Y-%m}", claim.role, claim.rate)


def by_work(claims: Sequence[Claim]) -> list[tuple[Work, list[Claim]]]:
    """The claims of each invoice line, in the order of the lines."""
    found: dict[Work, list[Claim]] = {}
    for claim in claims:
        found.setdefault(work_of(claim), []).append(claim)
    return sorted(found.items())
