"""What every actor of this service knows: project templates, legal entities and their zones, the cost of an hour."""

from datetime import date, datetime
from decimal import Decimal
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import LegalEntityRegistered, RateCardPublished
from contracts.delivery import ProjectTemplatePublished
from contracts.message import Record
from contracts.money import exact

Versioned = ProjectTemplatePublished | RateCardPublished


class Reference(Record):
    templates: dict[str, ProjectTemplatePublished] = field(default_factory=dict)
    """The latest version of each template."""
    legal_entities: dict[str, LegalEntityRegistered] = field(default_factory=dict)
    rate_cards: dict[str, tuple[RateCardPublished, ...]] = field(default_factory=dict)
    """All versions of each card, oldest first."""


initial = Reference()


def evolve(
    reference: Reference, event: ProjectTemplatePublished | LegalEntityRegistered | RateCardPublished
) -> Reference:
    match event:
        case ProjectTemplatePublished() if is_known(reference.templates.get(event.template), event):
            return reference
        case ProjectTemplatePublished():
            return replace(reference, templates=reference.templates | {event.template: event})
        case LegalEntityRegistered():
            return replace(reference, legal_entities=reference.legal_entities | {event.legal_entity: event})
        case RateCardPublished():
            cards = reference.rate_cards.get(event.rate_card, ())
            if cards and is_known(cards[-1], event):
                return reference
            return replace(reference, rate_cards=reference.rate_cards | {event.rate_card: (*cards, event)})
        case _:
            assert_never(event)


def is_known(latest: Versioned | None, event: Versioned) -> bool:
    """Versions rise: what is not above the latest is a copy of what was published."""
    return latest is not None and event.version <= latest.version


def day_of(reference: Reference, legal_entity: str, instant: datetime) -> date:
    """The calendar day of `instant` where the legal entity is; in UTC for an entity that is not known (yet)."""
    known = reference.legal_entities.get(legal_entity)
    return instant.astimezone(ZoneInfo(known.time_zone if known else "UTC")).date()


def rate_card_on(reference: Reference, rate_card: str, day: date) -> RateCardPublished | None:
    """The version of the card that is in force on the work date `day`."""
    in_force = [card for card in reference.rate_cards.get(rate_card, ()) if card.effective_from <= day]
    return in_force[-1] if in_force else None


def cost_rate_of(card: RateCardPublished, role: str) -> Decimal | None:
    """What an hour of `role` costs the firm; None when the card does not say."""
    rates = [rate.cost_rate for rate in card.rates if rate.role == role]
    return exact(rates[0]) if rates and rates[0] is not None else None
