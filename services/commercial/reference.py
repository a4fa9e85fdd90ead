"""What every actor of this service knows: the legal entities, their policies, the rate cards with their versions."""

from datetime import UTC, date, datetime, time, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import LegalEntityRegistered, PolicyPublished, RateCardPublished
from contracts.message import Record

Heard = LegalEntityRegistered | PolicyPublished | RateCardPublished


class Reference(Record):
    legal_entities: dict[str, LegalEntityRegistered] = field(default_factory=dict)
    policies: dict[str, PolicyPublished] = field(default_factory=dict)
    rate_cards: dict[str, tuple[RateCardPublished, ...]] = field(default_factory=dict)
    """All versions of each card, oldest first."""


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
        case _:
            assert_never(event)


def is_known(latest: PolicyPublished | RateCardPublished | None, event: PolicyPublished | RateCardPublished) -> bool:
    """Versions rise: what is not above the latest is a copy of what was published."""
    return latest is not None and event.version <= latest.version


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
