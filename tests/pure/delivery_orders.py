"""The orders, templates and changes that the delivery tests speak of: domain.md E01 and E02 in small."""

from datetime import date

from contracts.commercial import AgreementOpened, ChangeAdmitted, LegalEntityRegistered, RateCardPublished
from contracts.delivery import Phase, ProjectProvisioned, ProjectTemplatePublished
from contracts.message import Period
from contracts.money import Money
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
    TimeMaterialsCapped,
)
from services.delivery import project
from tests.story import given


def eur(amount: int | str) -> Money:
    return Money(str(amount), "EUR")


def term(milestone_id: str, amount: int = 180_000) -> MilestoneTerm:
    return MilestoneTerm(milestone_id=milestone_id, name=f"Milestone {milestone_id}", amount=eur(amount))


FIXED = FixedMilestone(milestones=(term("M1"), term("M2", 240_000), term("M3")))
RETAINER = ManagedServiceRecurring(monthly_fee=eur(20_000), term=Period(start=date(2026, 4, 16), end=date(2027, 4, 15)))
CAPPED = TimeMaterialsCapped(cap=eur(5_000), rate_card="RC-EU")


def line(line_id: str, billing: BillingMethod, cost: int) -> OrderLine:
    return OrderLine(
        line_id=line_id,
        service_line="advisory",
        description="Advice",
        list_price=eur(600_000),
        discount=eur(0),
        price=eur(600_000),
        billing=billing,
        revenue_method="COST_TO_COST",
        tax_category="S",
        budget=Budget(minutes=60_000, cost=eur(cost)),
    )


def order(*roles: str, template: str = "CONSULTING") -> ServicesOrder:
    return ServicesOrder(
        agreement_id="SOW-A",
        version=1,
        quote_id="Q-A",
        quote_version=1,
        customer=Party(customer_id="ACME", legal_name="Acme AG", country="DE"),
        legal_entity="DE01",
        currency="EUR",
        lines=(line("L1", FIXED, 420_000), line("L2", RETAINER, 100_000), line("L3", CAPPED, 3_000)),
        total=eur(1_800_000),
        project=ProjectTerms(template=template, roles=roles),
        payment_terms_days=30,
        content_hash="0" * 64,
        policy_version=1,
        signature=Signature(accepted_by="I. Weber", signed_on=date(2026, 1, 8), document_hash="1" * 64),
    )


def agreement(*roles: str, template: str = "CONSULTING") -> AgreementOpened:
    return AgreementOpened(agreement_id="SOW-A", order=order(*roles, template=template))


def template(*roles: str, version: int = 1) -> ProjectTemplatePublished:
    return ProjectTemplatePublished(
        template="CONSULTING",
        version=version,
        phases=(Phase(phase="discover", tasks=("interviews", "blueprint")), Phase(phase="build", tasks=("configure",))),
        roles=roles,
    )


CONSULTING = template("architect", "senior")
DE01 = LegalEntityRegistered(
    legal_entity="DE01",
    legal_name="Firm GmbH",
    country="DE",
    functional_currency="EUR",
    time_zone="Europe/Berlin",
)
RATES = RateCardPublished(
    rate_card="RC-EU",
    version=1,
    currency="EUR",
    effective_from=date(2026, 1, 1),
    rates=(
        RoleRate(role="architect", bill_rate="180"),
        RoleRate(role="senior", bill_rate="150", cost_rate="80"),
    ),
)
RATES_FROM_MARCH = RateCardPublished(
    rate_card="RC-EU",
    version=2,
    currency="EUR",
    effective_from=date(2026, 3, 1),
    rates=(RoleRate(role="senior", bill_rate="150", cost_rate="90.10"),),
)


def provisioned() -> ProjectProvisioned:
    """What the project says to the agreement once its template has the roles."""
    story = given(project).knowing(CONSULTING).when(agreement("architect", "senior"))
    return story.the(ProjectProvisioned)


def changed(line_id: str = "L1", *, cost: Money | None = None, minutes: int = 0, milestones: str = "") -> LineChange:
    return LineChange(
        line_id=line_id,
        price_delta=eur(90_000),
        cost_delta=eur(70_000) if cost is None else cost,
        minutes_delta=minutes,
        milestones_added=tuple(term(milestone, 90_000) for milestone in milestones.split()),
    )


def change(*lines: LineChange, id: str = "CO-1") -> Change:
    return Change(
        change_order_id=id,
        agreement_id="SOW-A",
        description="More scope",
        lines=lines or (changed(milestones="M4"),),
        price_delta=eur(90_000),
    )


def admitted(*lines: LineChange, id: str = "CO-1") -> ChangeAdmitted:
    return ChangeAdmitted(
        agreement_id="SOW-A",
        change=change(*lines, id=id),
        order=order("architect"),
        proposed=order("architect"),
        participants=("delivery.project", "finance.billing_plan", "finance.revenue"),
    )
