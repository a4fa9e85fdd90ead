"""What every actor of this service knows: legal entities, policies, rate cards, tax, exchange rates, closed months."""

from datetime import UTC, date, datetime, time
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import field
from msgspec.structs import replace

from contracts.commercial import LegalEntityRegistered, PolicyPublished, RateCardPublished
from contracts.finance import AccountingPeriodClosed, FxRatePublished, TaxRate, TaxTablePublished
from contracts.message import Record
from contracts.order import TaxCategory


class Reference(Record):
    legal_entities: dict[str, LegalEntityRegistered] = field(default_factory=dict)
    policies: dict[str, PolicyPublished] = field(default_factory=dict)
    rate_cards: dict[str, tuple[RateCardPublished, ...]] = field(default_factory=dict)
    """All versions of each card, oldest first."""
    tax_tables: dict[str, tuple[TaxTablePublished, ...]] = field(default_factory=dict)
    """All versions of each legal entity's table, oldest first."""
    fx_rates: dict[str, tuple[FxRatePublished, ...]] = field(default_factory=dict)
    """By pair, such as USD-EUR, oldest first."""
    closed: dict[str, str] = field(default_factory=dict)
    """The latest closed month of each legal entity, such as 2026-03."""


Versioned = PolicyPublished | RateCardPublished | TaxTablePublished
Heard = (
    LegalEntityRegistered
    | PolicyPublished
    | RateCardPublished
    | TaxTablePublished
    | FxRatePublished
    | AccountingPeriodClosed
)

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
        case TaxTablePublished():
            tables = reference.tax_tables.get(event.legal_entity, ())
            if tables and is_known(tables[-1], event):
                return reference
            return replace(reference, tax_tables=reference.tax_tables | {event.legal_entity: (*tables, event)})
        case FxRatePublished():
            pair = f"{event.base}-{event.quote}"
            rates = reference.fx_rates.get(pair, ())
            if rates and event.on <= rates[-1].on:
                return reference  # days rise: it is a copy
            return replace(reference, fx_rates=reference.fx_rates | {pair: (*rates, event)})
        case AccountingPeriodClosed():
            latest = max(event.period, reference.closed.get(event.legal_entity, ""))
            return replace(reference, closed=reference.closed | {event.legal_entity: latest})
        case _:
            assert_never(event)


def is_known(latest: Versioned | None, event: Versioned) -> bool:
    """Versions rise: what is not above the latest is a copy of what was published."""
    return latest is not None and event.version <= latest.version


def zone_of(reference: Reference, legal_entity: str) -> ZoneInfo:
    """The zone that decides on which day something happens; UTC for an entity that is not known (yet)."""
    known = reference.legal_entities.get(legal_entity)
    return ZoneInfo(known.time_zone if known else "UTC")


def day_of(reference: Reference, legal_entity: str, instant: datetime) -> date:
    """The calendar day of `instant` where the legal entity is."""
    return day_in(zone_of(reference, legal_entity), instant)


def day_in(zone: ZoneInfo, instant: datetime) -> date:
    """The calendar day of `instant` in `zone`."""
    return instant.astimezone(zone).date()


def start_of(zone: ZoneInfo, day: date) -> datetime:
    """The first instant (UTC) of `day` in `zone`."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def functional_currency_of(reference: Reference, legal_entity: str) -> str | None:
    """The currency of the legal entity's books; None for an entity that is not known (yet)."""
    known = reference.legal_entities.get(legal_entity)
    return known.functional_currency if known else None


def tax_table_on(reference: Reference, legal_entity: str, day: date) -> TaxTablePublished | None:
    """The version of the legal entity's table that is in force on the tax point date `day`."""
    in_force = [table for table in reference.tax_tables.get(legal_entity, ()) if table.effective_from <= day]
    return in_force[-1] if in_force else None


def tax_rate_on(reference: Reference, legal_entity: str, category: TaxCategory, day: date) -> TaxRate | None:
    """The rate of `category` on the tax point date `day`; None is never a reason to guess (I21)."""
    table = tax_table_on(reference, legal_entity, day)
    return next((rate for rate in table.rates if rate.category == category), None) if table else None


def fx_rate_on(reference: Reference, base: str, quote: str, day: date) -> str | None:
    """How much `quote` one unit of `base` buys on `day`; 1 when they are the same, None when nobody has said."""
    if base == quote:
        return "1"
    known = [rate for rate in reference.fx_rates.get(f"{base}-{quote}", ()) if rate.on <= day]
    return known[-1].rate if known else None


def rate_card_on(reference: Reference, rate_card: str, day: date) -> RateCardPublished | None:
    """The version of the card that is in force on the work date `day`."""
    in_force = [card for card in reference.rate_cards.get(rate_card, ()) if card.effective_from <= day]
    return in_force[-1] if in_force else None


def rate_on(reference: Reference, rate_card: str, role: str, day: date) -> str | None:
    """What an hour of `role` costs the customer on the work date `day`; None when nobody has said."""
    card = rate_card_on(reference, rate_card, day)
    return next((rate.bill_rate for rate in card.rates if rate.role == role), None) if card else None


def first_open_day(reference: Reference, legal_entity: str, day: date) -> date:
    """`day` itself, or the first day after the legal entity's closed months (I35)."""
    closed = reference.closed.get(legal_entity, "")
    if f"{day:%Y-%m}" > closed:
        return day
    year, month = int(closed[:4]), int(closed[5:])
    return date(year + month // 12, month % 12 + 1, 1)


def next_month(zone: ZoneInfo, instant: datetime) -> datetime:
    """The first instant (UTC) of the month after the one that `instant` lies in, in `zone`."""
    day = day_in(zone, instant)
    return start_of(zone, date(day.year + day.month // 12, day.month % 12 + 1, 1))
