"""A firm with one legal entity on the mesh in memory: an order in a line, so that a test can be about what is odd."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts import wire
from contracts.commercial import QuoteLine
from contracts.message import Event, Message, Period, name_of
from contracts.money import Money
from contracts.observability import BooksCheck, ShowBooks
from contracts.order import Budget, FixedMilestone, ManagedServiceRecurring, MilestoneTerm
from services.observability import books
from tests.pure.memory_mesh import Mesh
from tests.pure.read_model import rows_of

BEGIN = datetime(2026, 1, 8, 10, tzinfo=UTC)


@dataclass
class Firm:
    """`currency` is that of its books and of what it sells."""

    currency: str = "EUR"
    zone: str = "Europe/Berlin"
    mesh: Mesh = field(default_factory=Mesh)
    now: datetime = BEGIN

    def __post_init__(self) -> None:
        entity = {"legal_name": "Firm", "country": "DE", "functional_currency": self.currency, "time_zone": self.zone}
        self.say("commercial.legal_entity.register.v1", "DE01", **entity)
        policy = {"discount_limit_percent": "10", "payment_terms_days": 30, "dunning_days": [7, 21]}
        self.say("commercial.policy.publish.v1", "DE01", version=1, **policy)
        rates = [{"category": "S", "percent": "19"}]
        self.say("finance.tax_table.publish.v1", "DE01", version=1, effective_from="2020-01-01", rates=rates)
        phases = [{"phase": "DELIVERY", "tasks": []}]
        self.say("delivery.project_template.publish.v1", "T1", version=1, phases=phases, roles=["architect"])
        for customer in ("ACME", "BETA"):
            self.say("commercial.customer.register.v1", customer, legal_name=customer, country="DE")

    def say(self, name: str, key: str, **data: Any) -> list[Message]:
        """All that it brings about."""
        before = len(self.mesh.log)
        self.mesh.say(msgspec.convert(msgspec.to_builtins(data), wire.catalogue()[name]), key, self.now)
        assert [each for service in self.mesh.services.values() for each in service.parked] == []
        return self.mesh.log[before + 1 :]

    def sell(self, agreement: str, *lines: QuoteLine, customer: str = "ACME") -> list[Message]:
        """Offer and sign; the quote is named as its agreement."""
        quote = {"quote_id": agreement, "version": 1}
        said = self.say(
            "commercial.quote.submit.v1",
            customer,
            **quote,
            agreement_id=agreement,
            legal_entity="DE01",
            currency=self.currency,
            lines=lines,
            project={"template": "T1", "roles": ["architect"]},
            valid_until="2026-12-31",
        )
        signed = {"accepted_by": "I. Weber", "signed_document_hash": "0" * 64}
        return [*said, *self.say("commercial.quote.accept.v1", customer, **quote, **signed)]

    def accept(self, project: str, milestone: str, customer: str = "ACME") -> list[Message]:
        """The milestone's work is done and accepted."""
        which = {"project_id": project, "milestone_id": milestone}
        done = self.say("delivery.milestone.complete.v1", customer, **which, completed_by="NINA")
        accepted = {"accepted_by": "I. Weber", "evidence": "protocol.pdf"}
        return [*done, *self.say("delivery.milestone.accept.v1", customer, **which, **accepted)]

    def pay(self, payment: str, amount: Money, *numbers: str, customer: str = "ACME") -> list[Message]:
        return self.say(
            "finance.payment.record.v1",
            customer,
            payment_id=payment,
            legal_entity="DE01",
            amount=amount,
            value_date=self.now.date(),
            bank_reference=payment,
            remittance=numbers,
        )

    def money(self, amount: str) -> Money:
        return Money(amount, self.currency)

    def fixed(self, **milestones: str) -> QuoteLine:
        """A fixed fee in these milestones."""
        terms = tuple(
            MilestoneTerm(milestone_id=name.replace("_", "-"), name=name, amount=self.money(amount))
            for name, amount in milestones.items()
        )
        return self.line("L1", FixedMilestone(milestones=terms), "COST_TO_COST")

    def retainer(self, line: str, fee: str, start: str, end: str) -> QuoteLine:
        term = msgspec.convert({"start": start, "end": end}, Period)
        return self.line(line, ManagedServiceRecurring(monthly_fee=self.money(fee), term=term), "ELAPSED")

    def line(self, line: str, billing: Any, revenue_method: Any) -> QuoteLine:
        return QuoteLine(
            line_id=line,
            service_line="ADVISORY",
            description=f"Line {line}",
            billing=billing,
            revenue_method=revenue_method,
            budget=Budget(minutes=6_000, cost=self.money("100")),
        )

    def checks(self, **question: Any) -> list[BooksCheck]:
        """What does not hold in the books."""
        found = books.answer(rows_of(books, self.mesh.log), ShowBooks(**question))
        return [check for entity in found.entities for check in entity.checks if not check.holds]


def names(said: Sequence[Message]) -> list[str]:
    return [name_of(type(item)) for item in said if isinstance(item, Event)]


def reasons(said: Sequence[Message]) -> list[str]:
    """Why something was refused."""
    return [reason for item in said if isinstance(reason := getattr(item, "reason", None), str)]
