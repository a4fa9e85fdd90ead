"""Master data: a customer's names and numbers, where it is reached, who stands behind it, where it is taxed."""

from collections.abc import Sequence
from datetime import date
from typing import Any, assert_never

import msgspec
from msgspec import field
from msgspec.structs import replace

from contracts.customer import (
    AddressRecorded,
    AddressRole,
    AssignRole,
    CustomerData,
    CustomerRegistered,
    CustomerUpdated,
    EndTaxRegistration,
    Hierarchy,
    PartyRole,
    PostalAddress,
    RecordAddress,
    RecordTaxCheck,
    RecordTaxRegistration,
    RegisterCustomer,
    RoleAssigned,
    TaxRegistration,
    TaxRegistrationChecked,
    TaxRegistrationEnded,
    TaxRegistrationRecorded,
    UpdateCustomer,
)
from contracts.message import Record
from contracts.order import Party
from services.commercial import tax_registration
from services.commercial.check_digits import is_country, is_subdivision, problem_of
from services.commercial.problem import Problem
from services.commercial.system_of_record import Write

Request = UpdateCustomer | RecordAddress | AssignRole | RecordTaxRegistration | EndTaxRegistration | RecordTaxCheck
Changed = (
    CustomerUpdated
    | AddressRecorded
    | RoleAssigned
    | TaxRegistrationRecorded
    | TaxRegistrationEnded
    | TaxRegistrationChecked
)

MOST_ASSIGNMENTS = 200


class Profile(Record):
    """A customer that is registered."""

    data: CustomerData
    addresses: dict[AddressRole, PostalAddress] = field(default_factory=dict)
    roles: tuple[RoleAssigned, ...] = ()
    """By the day from which they hold; of one role and day the latest word only."""
    registrations: tuple[TaxRegistration, ...] = ()


def changed(profile: Profile, message: Request) -> Changed | Problem | None:
    """What the request makes of the customer; None when that is so already."""
    match message:
        case UpdateCustomer():
            return _updated(profile, message)
        case RecordAddress():
            return _address(profile, message)
        case AssignRole():
            return _assigned(profile, message)
        case RecordTaxRegistration():
            return tax_registration.record(profile.registrations, message)
        case EndTaxRegistration():
            return tax_registration.end(profile.registrations, message)
        case RecordTaxCheck():
            return tax_registration.check(profile.registrations, message)
        case _:
            assert_never(message)


def evolve(profile: Profile, event: Changed) -> Profile:
    match event:
        case CustomerUpdated():
            return replace(profile, data=data_of(event))
        case AddressRecorded():
            return replace(profile, addresses=profile.addresses | {event.role: event.postal_address})
        case RoleAssigned():
            others = (one for one in profile.roles if _what(one) != _what(event))
            return replace(profile, roles=tuple(sorted((*others, event), key=_what)))
        case TaxRegistrationRecorded() | TaxRegistrationEnded() | TaxRegistrationChecked():
            registrations = tax_registration.standing(profile.registrations, event.registration)
            return replace(profile, registrations=registrations)
        case _:
            assert_never(event)


def writes_of(profile: Profile, event: Changed) -> Sequence[Write]:
    """The fields that an event changes. What a register says of a number is nobody's field."""
    match event:
        case CustomerUpdated():
            before, after = profile.data, data_of(event)
            return [Write(field=name, kept=_told(before, name), proposed=_told(after, name)) for name in event.changed]
        case AddressRecorded():
            name, known = f"address.{event.role}", profile.addresses.get(event.role)
            return [Write(field=name, kept=_text(known), proposed=_text(event.postal_address))]
        case RoleAssigned():
            known_role = next((one for one in profile.roles if _what(one) == _what(event)), None)
            kept = known_role.party if known_role else None
            return [Write(field=f"role.{event.role}", kept=kept, proposed=event.party)]
        case TaxRegistrationRecorded():
            return [Write(field="tax_registration", proposed=event.registration.tax_id)]
        case TaxRegistrationEnded():
            tax_id = event.registration.tax_id
            return [
                Write(field="tax_registration", kept=tax_id, proposed=f"{tax_id} until {event.registration.valid_to}")
            ]
        case TaxRegistrationChecked():
            return []
        case _:
            assert_never(event)


def data_of(message: RegisterCustomer | CustomerRegistered | CustomerUpdated) -> CustomerData:
    return CustomerData(**{name: getattr(message, name) for name in CustomerData.__struct_fields__})


def registered(customer_id: str, data: CustomerData) -> CustomerRegistered:
    return CustomerRegistered(customer_id=customer_id, **_fields(data))


def party_on(profile: Profile, customer_id: str, day: date) -> Party:
    """The customer as an agreement names it that is made on `day`."""
    data = profile.data
    return Party(
        customer_id=customer_id, legal_name=data.legal_name, country=data.country, tax_id=tax_id_on(profile, day)
    )


def tax_id_on(profile: Profile, day: date) -> str | None:
    """The number under which it is taxed in its country on a day, unless the register says that it is not."""
    known = tax_registration.on(profile.registrations, profile.data.country, day)
    if known is None:
        return profile.data.tax_id
    return None if known.check and known.check.result == "INVALID" else known.tax_id


def hierarchy_on(profile: Profile | None, customer_id: str, day: date) -> Hierarchy:
    def assigned(role: PartyRole) -> str | None:
        known = [one for one in profile.roles if one.role == role and one.effective_from <= day] if profile else []
        return known[-1].party if known else None

    parent, sold_to = assigned("PARENT"), assigned("SOLD_TO") or customer_id
    bill_to = assigned("BILL_TO") or sold_to
    return Hierarchy(
        customer_id=customer_id,
        on=day,
        sold_to=sold_to,
        bill_to=bill_to,
        payer=assigned("PAYER") or bill_to,
        parent=parent,
        ultimate_parent=assigned("ULTIMATE_PARENT") or parent,
    )


def _updated(profile: Profile, message: UpdateCustomer) -> CustomerUpdated | Problem | None:
    before = _fields(profile.data)
    given = {name: getattr(message, name) for name in before if getattr(message, name) is not None}
    names = tuple(name for name in before if name in given and given[name] != before[name])
    after = CustomerData(**{**before, **given})
    if not names:
        return None  # that is what is known
    return problem_of(after) or CustomerUpdated(customer_id=message.key, changed=names, **_fields(after))


def _address(profile: Profile, message: RecordAddress) -> AddressRecorded | Problem | None:
    address = message.postal_address
    if address == profile.addresses.get(message.role):
        return None  # that is the address
    if not is_country(address.country):
        return Problem(
            reason="COUNTRY", detail=f"postal_address.country: {address.country} is not a country of ISO 3166-1"
        )
    if address.subdivision and not is_subdivision(address.subdivision, address.country):
        detail = f"postal_address.subdivision: {address.subdivision} is no part of {address.country} by ISO 3166-2"
        return Problem(reason="SUBDIVISION", detail=detail)
    return AddressRecorded(customer_id=message.key, role=message.role, postal_address=address)


def _assigned(profile: Profile, message: AssignRole) -> RoleAssigned | Problem | None:
    asked = RoleAssigned(
        customer_id=message.key,
        role=message.role,
        effective_from=message.effective_from,
        decided_by=message.decided_by,
        party=message.party,
    )
    if any(_what(one) == _what(asked) and one.party == asked.party for one in profile.roles):
        return None  # assigned so
    if message.role in ("PARENT", "ULTIMATE_PARENT") and message.party == message.key:
        return Problem(reason="OWN_PARENT", detail="party: a customer is not its own parent")
    if len(profile.roles) >= MOST_ASSIGNMENTS:
        return Problem(reason="TOO_MANY", detail=f"role: at most {MOST_ASSIGNMENTS} assignments are kept")
    return asked


def _what(assigned: RoleAssigned) -> tuple[date, str]:
    return assigned.effective_from, assigned.role


def _fields(data: CustomerData) -> dict[str, Any]:
    return {name: getattr(data, name) for name in CustomerData.__struct_fields__}


def _told(data: CustomerData, name: str) -> str | None:
    return _text(getattr(data, name))


def _text(value: Any) -> str | None:
    """A field as one reads it: text as it is, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
