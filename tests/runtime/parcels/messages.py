"""A toy service that asks the outside for something: what it says and is told."""

from contracts.message import Command, Event, Identifier, Question, Record, Text


class Send(Command, tag="parcels.parcel.send.v1"):
    parcel: Identifier
    carrier: Text


class SendingAsked(Event, tag="parcels.parcel.sending_asked.v1"):
    parcel: Identifier
    carrier: Text


class ConfirmSending(Command, tag="parcels.parcel.confirm_sending.v1"):
    parcel: Identifier
    found: bool


class RefuseSending(Command, tag="parcels.parcel.refuse_sending.v1"):
    parcel: Identifier
    status: int


class Sent(Event, tag="parcels.parcel.sent.v1"):
    parcel: Identifier
    found: bool
    """It was looked up, not sent by this call."""


class NotSent(Event, tag="parcels.parcel.not_sent.v1"):
    parcel: Identifier
    status: int


class AskParcel(Question, tag="parcels.parcel.show.v1"):
    parcel: Identifier


class Parcel(Record):
    asked: bool = False
    outcomes: int = 0


TYPES = {
    str(item.__struct_config__.tag): item
    for item in (Send, SendingAsked, ConfirmSending, RefuseSending, Sent, NotSent, AskParcel)
}
