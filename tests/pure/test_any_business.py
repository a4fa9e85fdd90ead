"""Whatever customers, consultants and clerks do in whatever order: nobody is parked, and all figures agree."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.commercial import QuoteLine
from contracts.delivery import TimeEntryApproved
from contracts.finance import InvoiceIssued, PaymentApplied, TimeClaimed
from contracts.order import TimeMaterialsCapped
from shared.store import ActorRef
from tests.pure.small_firm import Firm

CUSTOMERS, AGREEMENTS, MILESTONES = ("ACME", "BETA"), ("SOW-1", "SOW-2"), ("M1", "M2")
CHANGES = ("CO-1", "CO-2")
LINES = ("L1", "L2", "L3")
"""By milestones, by months, by time."""

numbers = st.lists(st.integers(0, 2**24), min_size=10, max_size=60)
"""One for each thing that somebody does."""


class Business:
    """Two customers with a few names for everything, so that what is done mostly concerns what was done before."""

    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.done = 0
        rates = [{"role": "architect", "bill_rate": "180.5", "cost_rate": "80"}]
        card = {"currency": firm.currency, "effective_from": "2020-01-01", "rates": rates}
        firm.say("commercial.rate_card.publish.v1", "RC", version=1, **card)

    def do(self, number: int) -> None:
        """Once, or twice as people do who are not sure."""
        random = Random(number)
        self.done += 1
        action = random.choice(ACTIONS)
        for _ in range(random.choice((1, 1, 1, 2))):
            action(self, Random(number))

    def say(self, name: str, customer: str, **data: Any) -> None:
        self.firm.say(name, customer, **data)

    def day(self, random: Random) -> str:
        """Some day lately."""
        return (self.firm.now.date() - timedelta(days=random.randrange(40))).isoformat()

    def sell(self, random: Random) -> None:
        firm = self.firm
        lines: list[QuoteLine] = [firm.fixed(M1=str(random.randrange(1, 500)), M2=str(random.randrange(1, 500)))]
        if random.random() < 0.6:
            start = firm.now.date() + timedelta(days=random.randrange(-60, 60))
            end = start + timedelta(days=random.randrange(1, 120))
            fee = str(random.randrange(1, 3000))
            lines.append(firm.retainer("L2", fee, start.isoformat(), end.isoformat()))
        if random.random() < 0.8:
            cap = TimeMaterialsCapped(cap=firm.money(str(random.randrange(1, 3000))), rate_card="RC")
            lines.append(firm.line("L3", cap, random.choice(("RIGHT_TO_INVOICE", "COST_TO_COST"))))
        firm.sell(random.choice(AGREEMENTS), *lines, customer=random.choice(CUSTOMERS))

    def accept(self, random: Random) -> None:
        self.firm.accept(random.choice(AGREEMENTS), random.choice(MILESTONES), customer=random.choice(CUSTOMERS))

    def work(self, random: Random) -> None:
        entry, customer = f"T-{self.done}", random.choice(CUSTOMERS)
        work = {"line_id": random.choice(("L1", "L3", "L3")), "role": "architect", "consultant": "NINA"}
        when = {"work_date": self.day(random), "minutes": random.randrange(1, 700)}
        project = random.choice(AGREEMENTS)
        self.say("delivery.time_entry.submit.v1", customer, entry_id=entry, project_id=project, **work, **when)
        if random.random() < 0.8:
            self.say("delivery.time_entry.approve.v1", customer, entry_id=entry, approved_by="OLE")
        else:
            reason = {"rejected_by": "OLE", "rejection_reason": "not ours"}
            self.say("delivery.time_entry.reject.v1", customer, entry_id=entry, **reason)

    def spend(self, random: Random) -> None:
        cost = {"cost_id": f"C-{self.done}", "amount": self.firm.money(str(random.randrange(-20, 60)))}
        where = {"project_id": random.choice(AGREEMENTS), "line_id": random.choice(LINES)}
        customer = random.choice(CUSTOMERS)
        when = {"incurred_on": self.day(random), "description": "travel"}
        self.say("delivery.cost.record.v1", customer, **cost, **where, **when)

    def estimate(self, random: Random) -> None:
        revised = self.firm.money(str(random.randrange(300)))
        where = {"project_id": random.choice(AGREEMENTS), "line_id": random.choice(LINES)}
        why = {"revised_by": "NINA", "revision_reason": "seen more of it"}
        customer = random.choice(CUSTOMERS)
        self.say("delivery.estimate.revise.v1", customer, estimate_at_completion=revised, **where, **why)

    def change(self, random: Random) -> None:
        change, customer = random.choice(CHANGES), random.choice(CUSTOMERS)
        asked = {"agreement_id": random.choice(AGREEMENTS), "description": "more", "requested_by": "I. Weber"}
        self.say("commercial.change_order.request.v1", customer, change_order_id=change, **asked)
        cost = self.firm.money(str(random.randrange(-20, 40)))
        milestone = {"milestone_id": f"{change}-M", "name": "more", "amount": self.firm.money("50")}
        more = {"line_id": "L1", "price_delta": self.firm.money("50"), "milestones_added": [milestone]}
        cap = {"line_id": "L3", "price_delta": self.firm.money(str(random.randrange(-900, 900)))}
        line = {**random.choice((more, cap)), "cost_delta": cost}
        self.say("commercial.change_order.price.v1", customer, change_order_id=change, lines=[line], priced_by="OLE")
        self.say("commercial.change_order.approve.v1", customer, change_order_id=change, approved_by="OLE")

    def pay(self, random: Random) -> None:
        issued = [item for item in self.firm.mesh.log if isinstance(item, InvoiceIssued)]
        named = random.choice(issued).number if issued and random.random() < 0.6 else "DE01-000003"
        owed = random.choice(issued).totals.payable if issued else self.firm.money("100")
        amount = owed if random.random() < 0.5 else self.firm.money(str(random.randrange(-5, 900)))
        numbers = random.choice(((), (named,)))
        self.firm.pay(f"P-{self.done}", amount, *numbers, customer=random.choice(CUSTOMERS))

    def dispute(self, random: Random) -> None:
        issued = [item for item in self.firm.mesh.log if isinstance(item, InvoiceIssued)]
        if issued:
            invoice, amount = random.choice(issued), self.firm.money(str(random.randrange(1, 400)))
            which = {"legal_entity": "DE01", "number": invoice.number}
            self.say("finance.receivable.dispute.v1", invoice.key, **which, amount=amount, dispute_reason="late")

    def bill(self, random: Random) -> None:
        self.say("finance.billing_plan.bill.v1", random.choice(CUSTOMERS), agreement_id=random.choice(AGREEMENTS))

    def close(self, random: Random) -> None:
        period = f"2026-{random.randrange(1, 7):02d}"
        self.say("finance.accounting_period.close.v1", "DE01", period=period, closed_by="OLE")

    def wait(self, random: Random) -> None:
        until = self.firm.now + timedelta(days=random.randrange(1, 25))
        self.firm.now = self.firm.mesh.pass_time(self.firm.now, until)


Action = Callable[[Business, Random], None]
ACTIONS: tuple[Action, ...] = (
    *(Business.sell, Business.accept, Business.accept, Business.work, Business.work, Business.spend),
    *(Business.estimate, Business.change, Business.change, Business.pay, Business.pay, Business.dispute),
    *(Business.bill, Business.close, Business.wait),
)


@settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # each story takes a while: shrinking one would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(
    numbers=numbers,
    currency=st.sampled_from(("EUR", "JPY", "KWD")),
    zone=st.sampled_from(("Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Cairo")),
)
def test_the_figures_agree_whatever_happens(numbers: list[int], currency: str, zone: str) -> None:
    firm = Firm(currency, zone)
    business = Business(firm)
    for number in (0, 1, 2, *numbers):
        business.do(number)
    assert [parked for service in firm.mesh.services.values() for parked in service.parked] == []
    assert firm.checks() == []
    for month in (1, 2, 3):
        assert firm.checks(as_of=date(2026, month, 28)) == []
    exposure_is_what_is_open_and_what_is_unbilled(firm)
    every_minute_that_was_approved_is_billed_once_or_waits(firm)
    revenue_follows_cost_and_stays_within_the_price(firm)
    dunning_watches_what_is_open(firm)


def states(firm: Firm, service: str, entity: str) -> Mapping[ActorRef, Any]:
    entries = firm.mesh.services[service].entries
    return {ref: entry.state for ref, entry in entries.items() if ref.entity == entity}


def exposure_is_what_is_open_and_what_is_unbilled(firm: Firm) -> None:
    plans = states(firm, "finance", "billing_plan")
    for ref, customer in states(firm, "commercial", "customer").items():
        heard = [item for item in firm.mesh.log if item.key == ref.key]
        owed = sum((item.totals.payable.value for item in heard if isinstance(item, InvoiceIssued)), Decimal())
        paid = sum((item.amount.value for item in heard if isinstance(item, PaymentApplied)), Decimal())
        agreed = [plan for at, plan in plans.items() if at.key == ref.key and plan.terms]
        unbilled = sum((plan.terms.total.value for plan in agreed), Decimal())
        billed = sum((plan.billed.value for plan in agreed if plan.billed), Decimal())
        assert customer.exposure.of(firm.currency).value == owed - paid + unbilled - billed


def every_minute_that_was_approved_is_billed_once_or_waits(firm: Firm) -> None:
    """I37, and no line above its cap (I16)."""
    plans = states(firm, "finance", "billing_plan")
    for ref, plan in ((ref, plan) for ref, plan in plans.items() if plan.terms):
        said = [item for item in firm.mesh.log if item.key == ref.key]
        records = [item.record for item in said if isinstance(item, TimeEntryApproved)]
        work = [one for one in records if (one.project_id, one.line_id) == (ref.id, "L3")]
        billed = [item for item in said if isinstance(item, TimeClaimed) and item.agreement_id == ref.id]
        claims = [*(claim for item in billed for claim in item.claims), *plan.held, *plan.rated, *plan.unratable]
        if any(cap.line_id == "L3" for cap in plan.terms.caps):
            assert sum(claim.minutes for claim in claims) == sum(one.billable_minutes for one in work)
        assert all(plan.claimed[cap.line_id] <= cap.cap for cap in plan.terms.caps if cap.line_id in plan.claimed)


def revenue_follows_cost_and_stays_within_the_price(firm: Firm) -> None:
    """I27, I28: delivery and finance have the same cost, and no more is recognised than the price."""
    estimates = states(firm, "delivery", "estimate")
    for ref, revenue in states(firm, "finance", "revenue").items():
        project = estimates.get(ActorRef("estimate", ref.key, ref.id))
        known = {line.line_id: line for line in project.lines} if project else {}
        for one in revenue.lines:
            assert 0 <= one.recognised.value <= one.price.value
            if one.method == "COST_TO_COST":
                assert (one.cost, one.estimate) == (known[one.line_id].spent, known[one.line_id].at_completion)


def dunning_watches_what_is_open(firm: Firm) -> None:
    """I34: in the account and in its dunning the same is open and disputed."""
    dunned = states(firm, "finance", "dunning")
    for ref, account in states(firm, "finance", "receivable").items():
        watched = dunned[ActorRef("dunning", ref.key, ref.id)].items if account.items else ()
        items = {item.number: (item.open, item.disputed) for item in account.items}
        assert {item.said.number: (item.said.open, item.said.disputed) for item in watched} == items
