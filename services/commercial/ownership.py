"""Ownership: which system of the firm is the system of record of which fields, in versions."""

from collections.abc import Sequence
from typing import assert_never

from contracts.identity import OwnershipPublished, OwnershipRefused, PublishOwnership
from contracts.message import Record, name_of

Heard = PublishOwnership
Said = OwnershipPublished | OwnershipRefused


class Ownership(Record):
    latest: OwnershipPublished | None = None


initial = Ownership()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: Ownership, message: Heard) -> Sequence[Said]:
    asked = OwnershipPublished(scope=message.key, version=message.version, owners=message.owners)
    following = state.latest.version + 1 if state.latest else 1
    groups = [owner.group for owner in message.owners]
    match message:
        case PublishOwnership() if asked == state.latest:
            return []  # published twice with the same data
        case PublishOwnership() if message.version != following:
            return [refuse(message, "VERSION", f"version: the next one is {following}, not {message.version}")]
        case PublishOwnership() if len(set(groups)) < len(groups):
            return [refuse(message, "TWO_OWNERS", "owners: a group of fields has exactly one system of record")]
        case PublishOwnership():
            return [asked]
        case _:
            assert_never(message)


def evolve(state: Ownership, event: Said) -> Ownership:
    match event:
        case OwnershipPublished():
            return Ownership(latest=event)
        case OwnershipRefused():
            return state
        case _:
            assert_never(event)


def refuse(message: PublishOwnership, reason: str, detail: str) -> OwnershipRefused:
    return OwnershipRefused(
        scope=message.key, version=message.version, request=name_of(PublishOwnership), reason=reason, detail=detail
    )
