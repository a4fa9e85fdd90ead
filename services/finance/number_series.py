"""A number series: the invoice numbers of one legal entity, gapless in the order in which they are allotted."""

from collections.abc import Sequence
from typing import assert_never

from contracts.finance import AllotNumber, NumberAllotted, TakeNumber
from contracts.message import Record

Heard = AllotNumber
Said = NumberAllotted

REMEMBERED = 200
"""An invoice asks once; asked again within so many allotments, it does not get a second number."""


class NumberSeries(Record):
    last: int = 0
    recent: tuple[str, ...] = ()
    """Who got the latest numbers, as customer/invoice."""


initial = NumberSeries()


def actor_id(message: Heard) -> str:  # noqa: ARG001 - a legal entity, the key, has one series
    return "invoice"


def decide(state: NumberSeries, message: Heard) -> Sequence[Said | TakeNumber]:
    match message:
        case AllotNumber() if holder(message) in state.recent:
            return []  # an invoice has one number
        case AllotNumber():
            ordinal = state.last + 1
            number = f"{message.key}-{ordinal:06d}"
            allotted = NumberAllotted(
                legal_entity=message.key,
                invoice_id=message.invoice_id,
                customer=message.customer,
                number=number,
                ordinal=ordinal,
            )
            taken = TakeNumber(invoice_id=message.invoice_id, number=number)
            return [allotted.about(message.correlation), taken.to(message.customer).about(message.correlation)]
        case _:
            assert_never(message)


def evolve(state: NumberSeries, event: Said) -> NumberSeries:
    match event:
        case NumberAllotted():
            return NumberSeries(last=event.ordinal, recent=(*state.recent, holder(event))[-REMEMBERED:])
        case _:
            assert_never(event)


def holder(message: AllotNumber | NumberAllotted) -> str:
    """Invoice ids are unique for a customer only."""
    return f"{message.customer}/{message.invoice_id}"
