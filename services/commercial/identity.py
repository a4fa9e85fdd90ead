"""An identity: an LEI, a VAT id or a registration, which leads to the first customer that had it, for ever."""

from collections.abc import Sequence
from typing import assert_never

from contracts.customer import TakeMatch
from contracts.identity import ClaimIdentity, IdentityClaimed, IdentityRefused
from contracts.message import Record, name_of

Heard = ClaimIdentity
Said = IdentityClaimed | IdentityRefused


class Identity(Record):
    customer_id: str | None = None


initial = Identity()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: Identity, message: Heard) -> Sequence[Said | TakeMatch]:
    held_by = state.customer_id
    match message:
        case ClaimIdentity() if held_by is None:
            return [claimed(message).about(message.correlation), *(answer(message, ()) if message.answer else ())]
        case ClaimIdentity() if held_by == message.customer_id:
            return answer(message, ()) if message.answer else []
        case ClaimIdentity():
            return [refuse(message, held_by).about(message.correlation), *answer(message, (held_by,))]
        case _:
            assert_never(message)


def evolve(state: Identity, event: Said) -> Identity:
    match event:
        case IdentityClaimed():
            return Identity(customer_id=event.customer_id)
        case IdentityRefused():
            return state
        case _:
            assert_never(event)


def claimed(message: ClaimIdentity) -> IdentityClaimed:
    return IdentityClaimed(
        identity=message.key, scheme=message.scheme, value=message.value, customer_id=message.customer_id
    )


def answer(message: ClaimIdentity, suspects: tuple[str, ...]) -> list[TakeMatch]:
    said = TakeMatch(scheme=message.scheme, value=message.value, suspects=suspects)
    return [said.to(message.customer_id).about(message.correlation)]


def refuse(message: ClaimIdentity, held_by: str) -> IdentityRefused:
    return IdentityRefused(
        identity=message.key,
        customer_id=message.customer_id,
        held_by=held_by,
        request=name_of(ClaimIdentity),
        reason="HELD",
        detail=f"value: {message.scheme} {message.value} belongs to {held_by}",
    )
