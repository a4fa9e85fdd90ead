"""A legal entity: a company of the group that sells, delivers and bills; its time zone decides what day it is."""

from collections.abc import Sequence
from typing import assert_never
from zoneinfo import available_timezones

from contracts.commercial import LegalEntityRefused, LegalEntityRegistered, RegisterLegalEntity
from contracts.message import Record, name_of
from services.commercial.currency import is_currency

Heard = RegisterLegalEntity
Said = LegalEntityRegistered | LegalEntityRefused


class LegalEntity(Record):
    registered: LegalEntityRegistered | None = None


initial = LegalEntity()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: LegalEntity, message: Heard) -> Sequence[Said]:
    asked = registration(message)
    match message:
        case RegisterLegalEntity() if asked == state.registered:
            return []  # registered twice with the same data
        case RegisterLegalEntity() if state.registered:
            return [refuse(message, "ALREADY_REGISTERED", f"{message.key} is registered with other data")]
        case RegisterLegalEntity() if not is_currency(message.functional_currency):
            return [refuse(message, "CURRENCY", f"{message.functional_currency} is not a currency of ISO 4217")]
        case RegisterLegalEntity() if message.time_zone not in available_timezones():
            return [refuse(message, "TIME_ZONE", "the time zone is not an IANA name such as Europe/Berlin")]
        case RegisterLegalEntity():
            return [asked]
        case _:
            assert_never(message)


def evolve(state: LegalEntity, event: Said) -> LegalEntity:
    match event:
        case LegalEntityRegistered():
            return LegalEntity(registered=event)
        case LegalEntityRefused():
            return state
        case _:
            assert_never(event)


def registration(message: RegisterLegalEntity) -> LegalEntityRegistered:
    return LegalEntityRegistered(
        legal_entity=message.key,
        legal_name=message.legal_name,
        country=message.country,
        functional_currency=message.functional_currency,
        time_zone=message.time_zone,
        tax_id=message.tax_id,
    )


def refuse(message: RegisterLegalEntity, reason: str, detail: str) -> LegalEntityRefused:
    return LegalEntityRefused(
        legal_entity=message.key, request=name_of(RegisterLegalEntity), reason=reason, detail=detail
    )
