"""The finance service: billing plans, tax, invoices, revenue, cash and the sub-ledger."""

from services.finance import (
    accounting_period,
    billing_plan,
    dunning,
    fx_rate,
    invoice,
    journal,
    number_series,
    payment,
    receivable,
    reference,
    revenue,
    tax_table,
)
from shared.service import service

app = service(
    "finance",
    tax_table,
    fx_rate,
    accounting_period,
    billing_plan,
    invoice,
    number_series,
    payment,
    receivable,
    dunning,
    revenue,
    journal,
    reference=reference,
)
