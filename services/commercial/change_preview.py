"""A preview: what a change order would do to value, cost budget and revenue treatment, before anyone has agreed."""

from collections.abc import Sequence

from contracts.commercial import ChangeOrderStatus, ChangePreview
from contracts.money import total
from contracts.order import LineChange, OrderLine, ServicesOrder, Treatment


def preview(
    change_order_id: str, status: ChangeOrderStatus, order: ServicesOrder, changes: Sequence[LineChange]
) -> ChangePreview:
    """Before and after, on the order as it was when the change was asked for."""
    cost = total((line.budget.cost for line in order.lines), order.currency)
    lines = {line.line_id: line for line in order.lines}
    return ChangePreview(
        change_order_id=change_order_id,
        status=status,
        value_before=order.total,
        value_after=order.total + total((change.price_delta for change in changes), order.currency),
        cost_before=cost,
        cost_after=cost + total((change.cost_delta for change in changes), order.currency),
        treatment=tuple((change.line_id, treatment_of(lines[change.line_id], change)) for change in changes),
    )


def treatment_of(line: OrderLine, change: LineChange) -> Treatment:
    """What IFRS 15.20-21 suggests: distinct services, as each month of a retainer, change the future only."""
    if line.revenue_method == "RIGHT_TO_INVOICE":
        return "RIGHT_TO_INVOICE"
    return "PROSPECTIVE" if change.distinct or line.revenue_method == "ELAPSED" else "CATCH_UP"
