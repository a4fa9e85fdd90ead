"""A policy: what a legal entity decides by, in versions, so that each decision can name the one it was taken under."""

from collections.abc import Sequence
from itertools import pairwise
from typing import assert_never

from contracts.commercial import PolicyPublished, PolicyRefused, PublishPolicy
from contracts.message import Record, name_of
from contracts.money import exact

Heard = PublishPolicy
Said = PolicyPublished | PolicyRefused


class Policy(Record):
    latest: PolicyPublished | None = None


initial = Policy()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: Policy, message: Heard) -> Sequence[Said]:
    asked = publication(message)
    following = state.latest.version + 1 if state.latest else 1
    match message:
        case PublishPolicy() if asked == state.latest:
            return []  # published twice with the same data
        case PublishPolicy() if message.version != following:
            return [refuse(message, "VERSION", f"the next version is {following}, not {message.version}")]
        case PublishPolicy() if not 0 <= exact(message.discount_limit_percent) <= 100:
            return [refuse(message, "DISCOUNT_LIMIT", "the discount limit is a percentage from 0 to 100")]
        case PublishPolicy() if any(later <= earlier for earlier, later in pairwise(message.dunning_days)):
            return [refuse(message, "DUNNING_DAYS", "each dunning level comes later than the one before")]
        case PublishPolicy():
            return [asked]
        case _:
            assert_never(message)


def evolve(state: Policy, event: Said) -> Policy:
    match event:
        case PolicyPublished():
            return Policy(latest=event)
        case PolicyRefused():
            return state
        case _:
            assert_never(event)


def publication(message: PublishPolicy) -> PolicyPublished:
    return PolicyPublished(
        legal_entity=message.key,
        version=message.version,
        discount_limit_percent=message.discount_limit_percent,
        payment_terms_days=message.payment_terms_days,
        dunning_days=message.dunning_days,
    )


def refuse(message: PublishPolicy, reason: str, detail: str) -> PolicyRefused:
    return PolicyRefused(
        legal_entity=message.key,
        version=message.version,
        request=name_of(PublishPolicy),
        reason=reason,
        detail=detail,
    )
