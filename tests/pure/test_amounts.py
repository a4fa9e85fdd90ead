"""Amounts are found by their type, wherever they are, and added up by message, field and currency."""

import msgspec

from contracts.message import Event, Record
from contracts.money import Money
from infra.amounts import Compared, Sums, amounts, compared


class Line(Record):
    net: Money
    text: str = "work"


class Billed(Event, tag="toys.bill.billed.v1"):
    total: Money
    lines: tuple[Line, ...] = ()
    by_project: dict[str, Money] = msgspec.field(default_factory=dict)
    tip: Money | None = None


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


BILL = Billed(total=eur("3"), lines=(Line(net=eur("1")), Line(net=eur("2"))), by_project={"A": Money("5", "GBP")})


def test_amounts_are_found_at_every_depth_with_the_field_they_are_in() -> None:
    found = [("total", eur("3")), ("lines.net", eur("1")), ("lines.net", eur("2")), ("by_project", Money("5", "GBP"))]
    assert list(amounts(BILL)) == found


def test_sums_are_compared_where_either_side_has_an_amount() -> None:
    said, instead = Sums(), Sums()
    said.add("toys.bill.billed.v1", BILL)
    for _ in range(2):
        instead.add("toys.bill.billed.v1", Billed(total=eur("4"), tip=eur("0.50")))
    name = "toys.bill.billed.v1"
    assert list(compared(said, instead)) == [
        Compared(name, "by_project", Money("5", "GBP"), Money("0", "GBP"), Money("-5", "GBP")),
        Compared(name, "lines.net", eur("3"), eur("0"), eur("-3")),
        Compared(name, "tip", eur("0"), eur("1"), eur("1")),
        Compared(name, "total", eur("3"), eur("8"), eur("5")),
    ]
    assert (said.count[name], instead.count[name]) == (1, 2)


def test_a_message_that_cannot_be_read_has_no_amounts() -> None:
    sums = Sums()
    sums.add("toys.bill.billed.v1", None)
    assert (sums.count["toys.bill.billed.v1"], sums.keys()) == (1, set())
