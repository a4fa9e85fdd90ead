"""What the commercial service says of names and numbers: who owns a field, who is known by what, and where else."""

from typing import Annotated

from msgspec import Meta

from contracts.customer import FieldGroup, IdentityScheme, SystemCode
from contracts.message import Broadcast, Command, Event, Identifier, Internal, Record, Refusal, Text
from contracts.order import Version

TENANT = "TENANT"
"""The key of what holds wherever a legal entity has published nothing of its own."""

# --- systems of record: keyed by the legal entity, or TENANT --------------------------------------------------------


class FieldOwner(Record):
    """The one system of record of a group of fields."""

    group: FieldGroup
    system: SystemCode


class PublishOwnership(Command, tag="commercial.ownership.publish.v1"):
    """Say which system owns which fields; the key is a legal entity, or TENANT for all that have said nothing."""

    version: Version
    owners: Annotated[tuple[FieldOwner, ...], Meta(min_length=1, max_length=10)]
    """A group that is not named is owned as by default: IDENTITY, TAX and CREDIT by ERP, CONTACT by CRM."""


class OwnershipPublished(Broadcast, tag="commercial.ownership.published.v1"):
    """Who may write which fields from now on; each refused write is stamped with the version."""

    scope: Identifier
    version: Version
    owners: tuple[FieldOwner, ...]


class OwnershipRefused(Refusal, tag="commercial.ownership.refused.v1"):
    """The publication was refused: versions rise by one, a group has one owner."""

    scope: Identifier
    version: Version


# --- identity: keyed by the number itself ---------------------------------------------------------------------------


class ClaimIdentity(Internal, tag="commercial.identity.claim.v1"):
    """Said by a customer: this number is mine, and if not, whose is it?"""

    customer_id: Identifier
    scheme: IdentityScheme
    value: Text
    answer: bool
    """Whether the customer waits for the answer, even if nobody else has the number."""


class IdentityClaimed(Event, tag="commercial.identity.claimed.v1"):
    """The number leads to this customer for ever: the first one that had it."""

    identity: Identifier
    scheme: IdentityScheme
    value: Text
    customer_id: Identifier


class IdentityRefused(Refusal, tag="commercial.identity.claim_refused.v1"):
    """The number belongs to another customer."""

    identity: Identifier
    customer_id: Identifier
    held_by: Identifier


# --- namesake: keyed by country and first word of a name ------------------------------------------------------------


class EnterName(Internal, tag="commercial.namesake.enter.v1"):
    """Said by a customer: this is my name; who has one like it?"""

    customer_id: Identifier
    legal_name: Text
    answer: bool


class NameEntered(Event, tag="commercial.namesake.entered.v1"):
    """A customer of this name is known."""

    customer_id: Identifier
    legal_name: Text
