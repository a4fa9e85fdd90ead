"""What every actor of this service knows: legal entities, policies, rate cards, who owns which field, and aliases."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import LegalEntityRegistered, PolicyPublished, RateCardPublished
from contracts.customer import CustomerMerged, CustomerResolved
from contracts.identity import OwnershipPublished
from contracts.message import Record

Heard = (
    LegalEntityRegistered | PolicyPublished | RateCardPublished | OwnershipPublished | CustomerMerged | CustomerResolved
)


class Reference(Record):
    legal_entities: dict[str, LegalEntityRegistered] = field(default_factory=dict)
    policies: dict[str, PolicyPublished] = field(default_factory=dict)
    rate_cards: dict[str, tuple[RateCardPublished, ...]] = field(default_factory=dict)
    """All versions of each card, oldest first."""
    ownerships: dict[str, OwnershipPublished] = field(default_factory=dict)
    """By legal entity, or TENANT."""
    aliases: dict[str, str] = field(default_factory=dict)
    """The customer that each merged code gave way to; no alias leads back to itself."""


initial = Reference()


def evolve(reference: Reference, event: Heard) -> Reference:
    match event:
        case LegalEntityRegistered():
            return replace(reference, legal_entities=reference.legal_entities | {event.legal_entity: event})
        case PolicyPublished() if is_known(reference.policies.get(event.legal_entity), event):
            return reference
        case PolicyPublished():
            return replace(reference, policies=reference.policies | {event.legal_entity: event})
        case RateCardPublished():
            cards = reference.rate_cards.get(event.rate_card, ())
            if cards and is_known(cards[-1], event):
                return reference
            return replace(reference, rate_cards=reference.rate_cards | {event.rate_card: (*cards, event)})
        case OwnershipPublished() if is_known(reference.ownerships.get(event.scope), event):
            return reference
        case OwnershipPublished():
            return replace(reference, ownerships=reference.ownerships | {event.scope: event})
        case CustomerMerged():
            return with_aliases(reference, event.survivor, event.merged)
        case CustomerResolved():
            return with_aliases(reference, event.same_as, (event.customer_id,))
        case _:
            assert_never(event)


Versioned = PolicyPublished | RateCardPublished | OwnershipPublished


def is_known(latest: Versioned | None, event: Versioned) -> bool:
    """Versions rise: what is not above the latest is a copy of what was published."""
    return latest is not None and event.version <= latest.version


def with_aliases(reference: Reference, survivor: str, merged: Sequence[str]) -> Reference:
    """An alias stays what it became first."""
    aliases = dict(reference.aliases)
    for alias in merged:
        if followed(aliases, survivor) != alias:
            aliases.setdefault(alias, survivor)
    return replace(reference, aliases=aliases)


def survivor_of(reference: Reference, customer_id: str) -> str:
    """The customer that a code stands for today: itself, unless it was merged."""
    return followed(reference.aliases, customer_id)


def followed(aliases: Mapping[str, str], customer_id: str) -> str:
    while customer_id in aliases:
        customer_id = aliases[customer_id]
    return customer_id


def zone_of(reference: Reference, legal_entity: str) -> ZoneInfo:
    """The zone that decides on which day something happens; UTC for an entity that is not known (yet)."""
    known = reference.legal_entities.get(legal_entity)
    return ZoneInfo(known.time_zone if known else "UTC")


def day_of(reference: Reference, legal_entity: str, instant: datetime) -> date:
    """The calendar day of `instant` where the legal entity is."""
    return instant.astimezone(zone_of(reference, legal_entity)).date()


def end_of(reference: Reference, legal_entity: str, day: date) -> datetime:
    """The first instant (UTC) after `day` where the legal entity is."""
    midnight = datetime.combine(day + timedelta(days=1), time.min, zone_of(reference, legal_entity))
    return midnight.astimezone(UTC)


def rate_card_on(reference: Reference, rate_card: str, day: date) -> RateCardPublished | None:
    """The version of the card that is in force on `day`."""
    in_force = [card for card in reference.rate_cards.get(rate_card, ()) if card.effective_from <= day]
    return in_force[-1] if in_force else None
