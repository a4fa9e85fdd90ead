"""A parcel asks once to be sent, and counts what it is told came of it: more than once would be a bug."""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from tests.runtime.parcels.messages import (
    AskParcel,
    ConfirmSending,
    NotSent,
    Parcel,
    RefuseSending,
    Send,
    SendingAsked,
    Sent,
)

Heard = Send | ConfirmSending | RefuseSending
Said = SendingAsked | Sent | NotSent

initial = Parcel()


def actor_id(message: Heard | AskParcel) -> str:
    return message.parcel


def decide(state: Parcel, message: Heard) -> Sequence[Said]:
    match message:
        case Send():
            return [] if state.asked else [SendingAsked(parcel=message.parcel, carrier=message.carrier)]
        case ConfirmSending():
            return [Sent(parcel=message.parcel, found=message.found)]
        case RefuseSending():
            return [NotSent(parcel=message.parcel, status=message.status)]
        case _:
            assert_never(message)


def evolve(state: Parcel, event: Said) -> Parcel:
    if isinstance(event, SendingAsked):
        return Parcel(asked=True)
    return replace(state, outcomes=state.outcomes + 1)


def answer(state: Parcel, _question: AskParcel) -> Parcel:
    return state
