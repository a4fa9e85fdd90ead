"""A tax table: a legal entity's rates, in versions that the tax point date chooses from; nobody taxes on a guess."""

from collections.abc import Sequence
from typing import assert_never

from contracts.finance import PublishTaxTable, TaxRate, TaxTablePublished, TaxTableRefused
from contracts.message import Record, name_of
from contracts.money import exact

Heard = PublishTaxTable
Said = TaxTablePublished | TaxTableRefused


class TaxTable(Record):
    latest: TaxTablePublished | None = None


initial = TaxTable()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: TaxTable, message: Heard) -> Sequence[Said]:
    asked, latest = publication(message), state.latest
    following = latest.version + 1 if latest else 1
    categories = [rate.category for rate in message.rates]
    match message:
        case PublishTaxTable() if asked == latest:
            return []  # published twice with the same data
        case PublishTaxTable() if message.version != following:
            return [refuse(message, "VERSION", f"the next version is {following}, not {message.version}")]
        case PublishTaxTable() if latest and message.effective_from <= latest.effective_from:
            return [refuse(message, "EFFECTIVE_FROM", f"version {latest.version} holds from {latest.effective_from}")]
        case PublishTaxTable() if len(set(categories)) < len(categories):
            return [refuse(message, "DUPLICATE_CATEGORY", "a category stands once in a table")]
        case PublishTaxTable() if not all(fits(rate) for rate in message.rates):
            return [
                refuse(message, "RATE", "S is above 0 up to 100 and Z is 0, without a reason; others are 0, with one")
            ]
        case PublishTaxTable():
            return [asked.about(message.correlation)]
        case _:
            assert_never(message)


def evolve(state: TaxTable, event: Said) -> TaxTable:
    match event:
        case TaxTablePublished():
            return TaxTable(latest=event)
        case TaxTableRefused():
            return state
        case _:
            assert_never(event)


def fits(rate: TaxRate) -> bool:
    """Whether the rate fits its category and is justified when nothing is charged (EN 16931 BR-S-05, BR-x-10)."""
    if rate.category == "S":
        return 0 < exact(rate.percent) <= 100 and rate.exemption_reason is None
    return exact(rate.percent) == 0 and bool(rate.exemption_reason) == (rate.category != "Z")


def publication(message: PublishTaxTable) -> TaxTablePublished:
    return TaxTablePublished(
        legal_entity=message.key,
        version=message.version,
        effective_from=message.effective_from,
        rates=message.rates,
    )


def refuse(message: PublishTaxTable, reason: str, detail: str) -> TaxTableRefused:
    return TaxTableRefused(
        legal_entity=message.key,
        version=message.version,
        request=name_of(PublishTaxTable),
        reason=reason,
        detail=detail,
    ).about(message.correlation)
