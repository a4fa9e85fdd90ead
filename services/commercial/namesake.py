"""Namesakes: customers of one country whose names begin with the same word, so that the like of a name is found."""

from collections.abc import Sequence
from typing import assert_never

from msgspec import field

from contracts.customer import TakeMatch
from contracts.identity import EnterName, NameEntered
from contracts.message import Record
from services.commercial.names import are_alike

Heard = EnterName
Said = NameEntered

MOST_SUSPECTS = 20


class Namesake(Record):
    names: dict[str, str] = field(default_factory=dict)
    """By customer, as it was entered last; as many as share a country and a first word, which is few."""


initial = Namesake()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: Namesake, message: Heard) -> Sequence[Said | TakeMatch]:
    said: list[Said | TakeMatch] = []
    if state.names.get(message.customer_id) != message.legal_name:
        entered = NameEntered(customer_id=message.customer_id, legal_name=message.legal_name)
        said.append(entered.about(message.correlation))
    suspects = tuple(alike(state, message))[:MOST_SUSPECTS]
    if suspects or message.answer:
        answer = TakeMatch(scheme="NAME", value=message.legal_name, suspects=suspects)
        said.append(answer.to(message.customer_id).about(message.correlation))
    return said


def evolve(state: Namesake, event: Said) -> Namesake:
    match event:
        case NameEntered():
            return Namesake(names=state.names | {event.customer_id: event.legal_name})
        case _:
            assert_never(event)


def alike(state: Namesake, message: EnterName) -> Sequence[str]:
    others = sorted(one for one in state.names if one != message.customer_id)
    return [one for one in others if are_alike(state.names[one], message.legal_name)]
