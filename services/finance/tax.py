"""Tax on a document: rounded once per category and rate, then added up in the order that EN 16931 prescribes."""

from collections.abc import Sequence

from contracts.finance import InvoiceLine, TaxGroup, TaxRate, Totals
from contracts.money import Money, exact, ratio, total
from contracts.order import TaxCategory


def net_of(line: InvoiceLine, currency: str) -> Money:
    """BT-131: quantity x price / base quantity, rounded once."""
    amount = ratio(exact(line.quantity), exact(line.unit_price), exact(line.base_quantity))
    return Money.rounded(amount, currency)


def categories_of(lines: Sequence[InvoiceLine]) -> list[TaxCategory]:
    """The categories on the document, each once, in alphabetical order."""
    return sorted({line.tax_category for line in lines})


def mixes(categories: Sequence[TaxCategory]) -> bool:
    """What is outside the scope of tax stands on a document of its own (BR-O-11 to BR-O-14)."""
    return "O" in categories and len(categories) > 1


def breakdown(lines: Sequence[InvoiceLine], rates: Sequence[TaxRate], currency: str) -> tuple[TaxGroup, ...]:
    """BG-23: one group per category and rate; its tax is rounded once, whatever the lines (BR-S-08, BR-CO-17)."""
    return tuple(
        group_of(rate, total((line.net for line in lines if line.tax_category == rate.category), currency))
        for rate in sorted(rates, key=lambda rate: rate.category)
    )


def group_of(rate: TaxRate, taxable: Money) -> TaxGroup:
    return TaxGroup(
        category=rate.category,
        percent=rate.percent,
        taxable=taxable,
        tax=taxable.times(exact(rate.percent), 100),
        exemption_reason=rate.exemption_reason,
    )


def totals(lines: Sequence[InvoiceLine], groups: Sequence[TaxGroup], currency: str) -> Totals:
    """BT-106 to BT-115; allowances, charges, prepayments and rounding of the document are not offered: they are 0."""
    none = Money.zero(currency)
    lines_total = total((line.net for line in lines), currency)  # BR-CO-10
    net = lines_total - none + none  # BR-CO-13
    tax = total((group.tax for group in groups), currency)  # BR-CO-14
    gross = net + tax  # BR-CO-15
    return Totals(
        lines=lines_total,
        allowances=none,
        charges=none,
        net=net,
        tax=tax,
        gross=gross,
        paid=none,
        rounding=none,
        payable=gross - none + none,  # BR-CO-16
    )
