"""Systems of record: each field has one owner, and what another system writes is refused and reported (domain 2.3)."""

from collections.abc import Mapping, Sequence

from contracts.customer import FieldGroup, FieldWrite, ForeignWriteRefused
from contracts.identity import TENANT, OwnershipPublished
from contracts.message import Command, Record, name_of
from services.commercial.reference import Reference

MESH = "MW"
DEFAULT_OWNERS: Mapping[FieldGroup, str] = {"IDENTITY": "ERP", "TAX": "ERP", "CREDIT": "ERP", "CONTACT": "CRM"}
GROUPS: Mapping[str, FieldGroup] = {
    "tax_id": "TAX",
    "lei": "TAX",
    "tax_registration": "TAX",
    "credit_limit": "CREDIT",
    "credit_hold": "CREDIT",
    "email": "CONTACT",
    "language": "CONTACT",
    "currency": "CONTACT",
    "buyer_reference": "CONTACT",
}
"""What is not named here is IDENTITY: names, addresses, bank account, hierarchy, merges."""


class Write(Record):
    """A field that a request changes."""

    field: str
    kept: str | None = None
    proposed: str | None = None

    @property
    def group(self) -> FieldGroup:
        return GROUPS.get(self.field, "IDENTITY")


class Rules(Record):
    """Who owns what, and who has said so."""

    owners: Mapping[FieldGroup, str]
    policy: str


def rules_for(reference: Reference, legal_entity: str | None) -> Rules:
    """Those of the legal entity, else of the tenant, else the matrix of the domain."""
    published = _published(reference, legal_entity)
    if published is None:
        return Rules(owners=DEFAULT_OWNERS, policy="default")
    own = {owner.group: owner.system for owner in published.owners}
    return Rules(owners={**DEFAULT_OWNERS, **own}, policy=f"{published.scope} {published.version}")


def _published(reference: Reference, legal_entity: str | None) -> OwnershipPublished | None:
    own = reference.ownerships.get(legal_entity) if legal_entity else None
    return own or reference.ownerships.get(TENANT)


def refuse_foreign(
    customer_id: str, request: type[Command], system: str | None, writes: Sequence[Write], rules: Rules
) -> ForeignWriteRefused | None:
    """The refusal of a request that writes any field of somebody else's; None when it may be written as asked."""
    foreign = [write for write in writes if not _may_write(system, write, rules)]
    if system is None or not foreign:
        return None
    named = ", ".join(f"{write.field} is written by {rules.owners[write.group]}" for write in foreign)
    return ForeignWriteRefused(
        customer_id=customer_id,
        request=name_of(request),
        reason="NOT_OWNER",
        detail=f"{named}, not by {system}",
        system=system,
        fields=tuple(
            FieldWrite(field=write.field, owner=rules.owners[write.group], kept=write.kept, proposed=write.proposed)
            for write in foreign
        ),
        policy=rules.policy,
    )


def _may_write(system: str | None, write: Write, rules: Rules) -> bool:
    """The owner may, and whoever speaks for it by hand; the mesh fills in tax ids and LEIs that are missing."""
    is_enriching = system == MESH and write.group == "TAX" and write.kept is None
    return system is None or is_enriching or rules.owners[write.group] == system
