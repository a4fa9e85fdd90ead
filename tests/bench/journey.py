"""The messages of one quote-to-cash flow, and of the firm that it happens in."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from contracts import wire
from contracts.finance import InvoiceIssued, RecordPayment
from contracts.message import Context, Message

NOW = datetime(2026, 1, 7, 9, tzinfo=UTC)
CUSTOMERS = 100
_EUR = {"currency": "EUR"}
_HASH = "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea"

Said = tuple[str, bytes]
"""Subject and body."""


def said(name: str, key: str, identity: str, **data: Any) -> Said:
    """A message from outside, checked against its contract."""
    return enveloped(wire.decode(wire.catalogue()[name], wire.encode(data)), key, identity)


def enveloped(message: Message, key: str, identity: str) -> Said:
    context = Context(id=identity, source="/bench", key=key, at=NOW, correlation=identity)
    return wire.subject(type(message), key), wire.envelope(message, context)


def firm() -> Iterator[Said]:
    """What has to be there before the first quote."""
    yield said("observability.clock.ticked.v1", "clock", "now", instant=NOW)
    yield said(
        "commercial.legal_entity.register.v1",
        "DE01",
        "entity",
        legal_name="Meridian Consulting GmbH",
        country="DE",
        functional_currency="EUR",
        time_zone="Europe/Berlin",
        tax_id="DE811907980",
    )
    yield said(
        "commercial.policy.publish.v1",
        "DE01",
        "policy",
        version=1,
        discount_limit_percent="10",
        payment_terms_days=30,
        dunning_days=[7, 21, 35],
    )
    rates = [{"category": "S", "percent": "19"}]
    yield said("finance.tax_table.publish.v1", "DE01", "tax", version=1, effective_from="2026-01-01", rates=rates)
    phases = [{"phase": "build", "tasks": ["configure", "migrate"]}]
    yield said(
        "delivery.project_template.publish.v1",
        "CONSULTING",
        "template",
        version=1,
        phases=phases,
        roles=["architect", "consultant"],
    )
    for number in range(CUSTOMERS):
        yield said(
            "commercial.customer.register.v1",
            f"C{number}",
            f"customer-{number}",
            legal_name=f"Customer {number} AG",
            country="DE",
            tax_id="DE136695976",
        )


def customer_of(flow: int) -> str:
    return f"C{flow % CUSTOMERS}"


def agreement_of(flow: int) -> str:
    return f"SOW-{flow}"


def flow_of(agreement: str) -> int:
    return int(agreement.removeprefix("SOW-"))


def offered(flow: int) -> Said:
    """A fixed fee in one milestone."""
    amount = {"amount": "12000", **_EUR}
    milestone = {"milestone_id": f"M-{flow}", "name": "Go-live", "amount": amount}
    line: Mapping[str, Any] = {
        "line_id": f"L-{flow}",
        "service_line": "IMPLEMENTATION",
        "description": "ERP implementation",
        "price": amount,
        "billing": {"method": "FIXED_MILESTONE", "milestones": [milestone]},
        "revenue_method": "COST_TO_COST",
        "budget": {"minutes": 4800, "cost": {"amount": "8000", **_EUR}},
    }
    return said(
        "commercial.quote.submit.v1",
        customer_of(flow),
        f"submit-{flow}",
        quote_id=f"Q-{flow}",
        version=1,
        agreement_id=agreement_of(flow),
        legal_entity="DE01",
        currency="EUR",
        valid_until="2026-12-31",
        project={"template": "CONSULTING", "roles": ["architect"]},
        lines=[line],
    )


def accepted(flow: int) -> Said:
    return said(
        "commercial.quote.accept.v1",
        customer_of(flow),
        f"accept-{flow}",
        quote_id=f"Q-{flow}",
        version=1,
        accepted_by="I. Weber, CFO",
        signed_document_hash=_HASH,
    )


def delivered(flow: int) -> Iterator[Said]:
    """The work is done and accepted at once, so that what is measured is the mesh and not the consultants."""
    key, work = customer_of(flow), {"project_id": agreement_of(flow), "milestone_id": f"M-{flow}"}
    yield said("delivery.milestone.complete.v1", key, f"complete-{flow}", **work, completed_by="NINA")
    taken = {"accepted_by": "I. Weber", "evidence": "protocol.pdf"}
    yield said("delivery.milestone.accept.v1", key, f"take-{flow}", **work, **taken)


def paid(flow: int, invoice: InvoiceIssued) -> Said:
    payment = RecordPayment(
        payment_id=f"PAY-{flow}",
        legal_entity="DE01",
        amount=invoice.totals.gross,
        value_date=NOW.date(),
        bank_reference=f"camt-{flow}",
        remittance=(invoice.number,),
    )
    return enveloped(payment, customer_of(flow), f"pay-{flow}")
