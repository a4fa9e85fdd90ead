"""Merging: two codes turn out to be one customer; the one that gives way is an alias of the other for ever."""

from collections.abc import Sequence
from typing import Literal, assert_never

from msgspec.structs import replace

from contracts.customer import (
    CustomerGaveWay,
    CustomerMerged,
    CustomerResolved,
    DeclineMerge,
    ExposureInherited,
    GiveWay,
    MergeCustomer,
    MergeRefused,
    MergeRequested,
    TakeExposure,
    TakeOver,
)
from contracts.message import Record, name_of
from services.commercial.exposure import Exposure

Event = MergeRequested | MergeRefused | CustomerGaveWay | CustomerMerged | CustomerResolved
Reason = Literal["UNKNOWN_CUSTOMER", "CUSTOMER_MERGED", "MERGE_IN_PROGRESS"]


class Kinship(Record):
    absorbing: MergeRequested | None = None  # the one merge that is on its way
    survivor: str | None = None  # whom this code gave way to
    aliases: tuple[str, ...] = ()  # that gave way to this code


def merge(kinship: Kinship, message: MergeCustomer) -> MergeRequested | MergeRefused | None:
    """Ask the other customer to give way; None when it has, or is asked to."""
    absorbing = kinship.absorbing
    if message.merged in kinship.aliases or (absorbing and absorbing.merged == message.merged):
        return None  # merged so, or on its way
    if message.merged == message.key:
        return refuse(message, "SAME_CUSTOMER", "merged: a customer is not merged with itself")
    if absorbing:
        detail = f"merged: the merge with {absorbing.merged} is on its way, ask again when it is done"
        return refuse(message, "MERGE_IN_PROGRESS", detail)
    return MergeRequested(customer_id=message.key, merged=message.merged, decided_by=message.decided_by)


def give_way(
    kinship: Kinship, exposure: Exposure, message: GiveWay, *, is_registered: bool
) -> Sequence[CustomerGaveWay | TakeOver | DeclineMerge]:
    """Become an alias, unless this is nobody's code, an alias already, or about to take another one over."""
    if message.survivor in (kinship.survivor, message.key):
        return []  # gave way already
    if kinship.survivor is not None:
        return [decline(message, "CUSTOMER_MERGED", f"merged: {message.key} is an alias of {kinship.survivor}")]
    if not is_registered:
        return [decline(message, "UNKNOWN_CUSTOMER", f"merged: no customer is registered as {message.key}")]
    if kinship.absorbing:
        detail = f"merged: {message.key} is about to take {kinship.absorbing.merged} over"
        return [decline(message, "MERGE_IN_PROGRESS", detail)]
    over = TakeOver(merged=message.key, stakes=exposure.stakes(), revision=exposure.revision)
    return [
        CustomerGaveWay(customer_id=message.key, survivor=message.survivor, decided_by=message.decided_by),
        over.to(message.survivor),
    ]


def take_over(kinship: Kinship, message: TakeOver) -> Sequence[CustomerMerged | ExposureInherited]:
    asked = kinship.absorbing
    if asked is None or asked.merged != message.merged:
        return []  # not asked for, or taken over already
    merged = CustomerMerged(survivor=message.key, merged=(message.merged,), decided_by=asked.decided_by)
    return [merged, inherit(message)]


def take_exposure(kinship: Kinship, exposure: Exposure, message: TakeExposure) -> ExposureInherited | None:
    """What is at stake under an alias has changed; None when that is known, or it is no alias."""
    known = exposure.inherited.get(message.merged)
    if message.merged not in kinship.aliases or (known and known.revision >= message.revision):
        return None
    return inherit(message)


def inherit(message: TakeOver | TakeExposure) -> ExposureInherited:
    return ExposureInherited(
        customer_id=message.key, merged=message.merged, stakes=message.stakes, revision=message.revision
    )


def declined(kinship: Kinship, message: DeclineMerge) -> MergeRefused | None:
    if kinship.absorbing is None or kinship.absorbing.merged != message.merged:
        return None  # nobody waits for it
    return MergeRefused(
        customer_id=message.key,
        merged=message.merged,
        request=name_of(MergeCustomer),
        reason=message.reason,
        detail=message.detail,
    )


def evolve(kinship: Kinship, event: Event) -> Kinship:
    match event:
        case MergeRequested():
            return replace(kinship, absorbing=event)
        case MergeRefused() if kinship.absorbing and kinship.absorbing.merged == event.merged:
            return replace(kinship, absorbing=None)
        case MergeRefused():
            return kinship
        case CustomerGaveWay():
            return replace(kinship, survivor=event.survivor)
        case CustomerResolved():
            return replace(kinship, survivor=event.same_as)
        case CustomerMerged():
            return replace(kinship, absorbing=None, aliases=(*kinship.aliases, *event.merged))
        case _:
            assert_never(event)


def refuse(message: MergeCustomer, reason: str, detail: str) -> MergeRefused:
    return MergeRefused(
        customer_id=message.key, merged=message.merged, request=name_of(MergeCustomer), reason=reason, detail=detail
    )


def decline(message: GiveWay, reason: Reason, detail: str) -> DeclineMerge:
    return DeclineMerge(merged=message.key, reason=reason, detail=detail).to(message.survivor)
