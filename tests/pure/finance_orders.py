"""The half-year's orders as billing hears them: A by milestones, B by months, C by time up to a cap."""

from datetime import UTC, date, datetime

from contracts.commercial import (
    AgreementActivated,
    AgreementOpened,
    ChangeAdmitted,
    ChangeOrderApplied,
    ChangeOrderRefused,
    LegalEntityRegistered,
    RateCardPublished,
)
from contracts.delivery import MilestoneAccepted, TimeEntryApproved, TimeRecord
from contracts.finance import TaxRate, TaxTablePublished
from contracts.message import Period
from contracts.money import Money, total
from contracts.order import (
    BillingMethod,
    Budget,
    Change,
    FixedMilestone,
    LineChange,
    ManagedServiceRecurring,
    MilestoneTerm,
    OrderLine,
    Party,
    ProjectTerms,
    RoleRate,
    ServicesOrder,
    Signature,
    TaxCategory,
    TimeMaterialsCapped,
)
from tests.story import at

DE01 = LegalEntityRegistered(
    legal_entity="DE01",
    legal_name="Meridian Beratung GmbH",
    country="DE",
    functional_currency="EUR",
    time_zone="Europe/Berlin",
)
UK01 = LegalEntityRegistered(
    legal_entity="UK01",
    legal_name="Meridian Consulting Ltd",
    country="GB",
    functional_currency="GBP",
    time_zone="Europe/London",
)
VAT_DE = TaxTablePublished(
    legal_entity="DE01",
    version=1,
    effective_from=date(2026, 1, 1),
    rates=(
        TaxRate(category="S", percent="19"),
        TaxRate(category="O", percent="0", exemption_reason="Place of supply outside the EU"),
    ),
)
CARD = RateCardPublished(
    rate_card="UK-2026",
    version=1,
    currency="GBP",
    effective_from=date(2026, 1, 1),
    rates=(RoleRate(role="senior", bill_rate="180"), RoleRate(role="consultant", bill_rate="150")),
)


def eur(amount: int | str) -> Money:
    return Money(str(amount), "EUR")


def gbp(amount: int | str) -> Money:
    return Money(str(amount), "GBP")


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def milestone(milestone_id: str, amount: int) -> MilestoneTerm:
    return MilestoneTerm(milestone_id=milestone_id, name=milestone_id, amount=eur(amount))


def line(line_id: str, price: Money, billing: BillingMethod, category: TaxCategory = "S") -> OrderLine:
    return OrderLine(
        line_id=line_id,
        service_line="ADVISORY",
        description="Advice",
        list_price=price,
        discount=Money.zero(price.currency),
        price=price,
        billing=billing,
        revenue_method="COST_TO_COST",
        tax_category=category,
        budget=Budget(minutes=60_000, cost=price),
    )


def order(agreement_id: str, *lines: OrderLine, legal_entity: str = "DE01", version: int = 1) -> ServicesOrder:
    currency = lines[0].price.currency
    return ServicesOrder(
        agreement_id=agreement_id,
        version=version,
        quote_id="Q-1",
        quote_version=1,
        customer=Party(customer_id="ACME", legal_name="Acme AG", country="DE", tax_id="DE136695976"),
        legal_entity=legal_entity,
        currency=currency,
        lines=lines,
        total=total((each.price for each in lines), currency),
        project=ProjectTerms(template="CONSULTING"),
        payment_terms_days=30,
        content_hash="0" * 64,
        policy_version=1,
        signature=Signature(accepted_by="I. Weber", signed_on=date(2026, 1, 8), document_hash="1" * 64),
        purchase_order="PO-7",
    )


MILESTONES = (milestone("SOW-A-M1", 180_000), milestone("SOW-A-M2", 240_000), milestone("SOW-A-M3", 180_000))
RETAINER = ManagedServiceRecurring(monthly_fee=eur(20_000), term=Period(start=date(2026, 4, 16), end=date(2027, 4, 15)))


def fixed(*milestones: MilestoneTerm) -> OrderLine:
    return line("A1", total((each.amount for each in milestones), "EUR"), FixedMilestone(milestones=milestones))


def capped(cap: int, line_id: str = "C1", category: TaxCategory = "S") -> OrderLine:
    return line(line_id, gbp(cap), TimeMaterialsCapped(cap=gbp(cap), rate_card="UK-2026"), category)


A = order("SOW-A", fixed(*MILESTONES))
B = order("SOW-B", line("B1", eur(240_000), RETAINER))
C = order("SOW-C", capped(5_000), legal_entity="UK01")


def opened(order: ServicesOrder) -> AgreementOpened:
    return AgreementOpened(agreement_id=order.agreement_id, order=order)


def activated(order: ServicesOrder) -> AgreementActivated:
    return AgreementActivated(agreement_id=order.agreement_id, order=order, activated_on=date(2026, 1, 9))


def accepted(milestone_id: str, agreement_id: str = "SOW-A") -> MilestoneAccepted:
    return MilestoneAccepted(
        milestone_id=milestone_id,
        project_id=agreement_id,
        line_id="A1",
        accepted_by="I. Weber",
        evidence="protocol.pdf",
        accepted_on=date(2026, 1, 30),
    )


def approved(
    entry_id: str,
    minutes: int,
    role: str,
    day: date,
    *,
    line_id: str = "C1",
    agreement_id: str = "SOW-C",
    on: datetime | None = None,
) -> TimeEntryApproved:
    """Work approved on the evening of its day, or when it is said to be."""
    record = TimeRecord(
        entry_id=entry_id,
        project_id=agreement_id,
        line_id=line_id,
        consultant="OMAR",
        role=role,
        work_date=day,
        minutes=max(1, minutes),
        billable_minutes=minutes,
    )
    heard = TimeEntryApproved(record=record, approved_by="M. Jones")
    return at(heard, on or datetime(day.year, day.month, day.day, 17, tzinfo=UTC))


def change_of(order: ServicesOrder, change_order_id: str, delta: Money) -> Change:
    zero = Money.zero(delta.currency)
    return Change(
        change_order_id=change_order_id,
        agreement_id=order.agreement_id,
        description="More",
        lines=(LineChange(line_id=order.lines[0].line_id, price_delta=delta, cost_delta=zero),),
        price_delta=delta,
    )


def admitted(before: ServicesOrder, after: ServicesOrder, change_order_id: str = "CO-1") -> ChangeAdmitted:
    return ChangeAdmitted(
        agreement_id=before.agreement_id,
        change=change_of(before, change_order_id, Money.zero(before.currency)),
        order=before,
        proposed=after,
        participants=("finance.billing_plan",),
    )


def applied(after: ServicesOrder, change_order_id: str = "CO-1") -> ChangeOrderApplied:
    return ChangeOrderApplied(
        change=change_of(after, change_order_id, Money.zero(after.currency)),
        proposed=after,
    )


def refused(agreement_id: str | None, change_order_id: str = "CO-1") -> ChangeOrderRefused:
    return ChangeOrderRefused(
        change_order_id=change_order_id,
        agreement_id=agreement_id,
        refused_by="delivery.project",
        request="commercial.change_order.approve.v1",
        reason="BUDGET",
        detail="The budget would be negative.",
    )
