"""The firm and the customer that the tests of the commercial service tell of."""

from datetime import UTC, date, datetime

from contracts.commercial import (
    AcceptQuote,
    CreditReserved,
    Effort,
    LegalEntityRegistered,
    PolicyPublished,
    QuoteAccepted,
    QuoteLine,
    RateCardPublished,
    SubmitQuote,
)
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
    RevenueMethod,
    RoleRate,
    ServicesOrder,
    Signature,
    TimeMaterialsCapped,
)

JANUARY = datetime(2026, 1, 7, 9, 0, tzinfo=UTC)
SIGNED = "ab" * 32


def eur(amount: str | int) -> Money:
    return Money(str(amount), "EUR")


def gbp(amount: str | int) -> Money:
    return Money(str(amount), "GBP")


DE01 = LegalEntityRegistered(
    legal_entity="DE01",
    legal_name="Beispiel Beratung GmbH",
    country="DE",
    functional_currency="EUR",
    time_zone="Europe/Berlin",
    tax_id="DE123456789",
)
POLICY = PolicyPublished(
    legal_entity="DE01", version=1, discount_limit_percent="10", payment_terms_days=30, dunning_days=(7, 21)
)
RATES = RateCardPublished(
    rate_card="STANDARD",
    version=1,
    currency="EUR",
    effective_from=date(2026, 1, 1),
    rates=(RoleRate(role="architect", bill_rate="180"), RoleRate(role="engineer", bill_rate="93.3333")),
)
POUNDS = RateCardPublished(
    rate_card="LONDON",
    version=1,
    currency="GBP",
    effective_from=date(2026, 1, 1),
    rates=(RoleRate(role="architect", bill_rate="180"),),
)
FIRM = (DE01, POLICY, RATES, POUNDS)
ACME = Party(customer_id="ACME", legal_name="Acme AG", country="DE", tax_id="DE987654321")


def milestones(*amounts: int | str, prefix: str = "M") -> FixedMilestone:
    terms = (
        MilestoneTerm(milestone_id=f"{prefix}{at}", name=f"Milestone {at}", amount=eur(amount))
        for at, amount in enumerate(amounts, 1)
    )
    return FixedMilestone(milestones=tuple(terms))


RETAINER = ManagedServiceRecurring(monthly_fee=eur(20_000), term=Period(start=date(2026, 4, 16), end=date(2027, 4, 15)))
CAPPED = TimeMaterialsCapped(cap=eur(5_000), rate_card="STANDARD")


def fixed_line(
    *,
    line_id: str = "L1",
    billing: BillingMethod | None = None,
    price: Money | None = None,
    effort: tuple[Effort, ...] = (),
    discount_percent: str = "0",
    budget: Budget | None = None,
) -> QuoteLine:
    return QuoteLine(
        line_id=line_id,
        service_line="CONSULTING",
        description="Introduction of the new platform",
        billing=billing or milestones(180_000, 240_000, 180_000),
        revenue_method="COST_TO_COST",
        budget=budget or Budget(minutes=252_000, cost=eur(420_000)),
        price=price,
        effort=effort,
        discount_percent=discount_percent,
    )


def retainer_line(*, billing: BillingMethod = RETAINER, price: Money | None = None) -> QuoteLine:
    return QuoteLine(
        line_id="R1",
        service_line="OPERATIONS",
        description="Managed operations",
        billing=billing,
        revenue_method="ELAPSED",
        budget=Budget(minutes=0, cost=eur(0)),
        price=price,
    )


def time_line(*, billing: BillingMethod = CAPPED, price: Money | None = None) -> QuoteLine:
    return QuoteLine(
        line_id="T1",
        service_line="CONSULTING",
        description="Advice by the hour",
        billing=billing,
        revenue_method="RIGHT_TO_INVOICE",
        budget=Budget(minutes=1_950, cost=eur(0)),
        price=price,
    )


def offered(
    *lines: QuoteLine,
    version: int = 1,
    legal_entity: str = "DE01",
    currency: str = "EUR",
    valid_until: date = date(2026, 1, 31),
    rate_card: str | None = None,
) -> SubmitQuote:
    return SubmitQuote(
        quote_id="Q-1",
        version=version,
        agreement_id="A-1",
        legal_entity=legal_entity,
        currency=currency,
        lines=lines or (fixed_line(),),
        project=ProjectTerms(template="CONSULTING", roles=("architect",)),
        valid_until=valid_until,
        rate_card=rate_card,
    )


ACCEPT = AcceptQuote(
    quote_id="Q-1", version=1, accepted_by="Ada Lovelace", signed_document_hash=SIGNED, purchase_order="PO-7"
)
RESERVED = CreditReserved(
    customer=ACME, quote_id="Q-1", version=1, agreement_id="A-1", amount=eur(600_000), exposure=eur(600_000)
)


def order_line(
    *,
    line_id: str = "L1",
    billing: BillingMethod | None = None,
    price: Money | None = None,
    revenue_method: RevenueMethod = "COST_TO_COST",
    cost: Money | None = None,
) -> OrderLine:
    listed = price or eur(600_000)
    return OrderLine(
        line_id=line_id,
        service_line="CONSULTING",
        description="Introduction of the new platform",
        list_price=listed,
        discount=eur(0),
        price=listed,
        billing=billing or milestones(180_000, 240_000, 180_000),
        revenue_method=revenue_method,
        tax_category="S",
        budget=Budget(minutes=252_000, cost=cost or eur(420_000)),
    )


def signed_order(*lines: OrderLine) -> ServicesOrder:
    of = lines or (order_line(),)
    return ServicesOrder(
        agreement_id="A-1",
        version=1,
        quote_id="Q-1",
        quote_version=1,
        customer=ACME,
        legal_entity="DE01",
        currency="EUR",
        lines=of,
        total=eur(str(sum(line.price.value for line in of))),
        project=ProjectTerms(template="CONSULTING", roles=("architect",)),
        payment_terms_days=30,
        content_hash="cd" * 32,
        policy_version=1,
        signature=Signature(accepted_by="Ada Lovelace", signed_on=date(2026, 1, 7), document_hash=SIGNED),
    )


def accepted(*lines: OrderLine) -> QuoteAccepted:
    return QuoteAccepted(quote_id="Q-1", version=1, order=signed_order(*lines), accepted_by="Ada Lovelace")


def line_change(
    *,
    line_id: str = "L1",
    price: Money | None = None,
    cost: Money | None = None,
    minutes: int = 0,
    added: tuple[MilestoneTerm, ...] | None = None,
    distinct: bool = False,
) -> LineChange:
    """Without more words: 90,000 of price as a milestone and 70,000 of cost on the fixed line."""
    delta = eur(90_000) if price is None else price
    milestone = MilestoneTerm(milestone_id="CO-1-M1", name="Second site", amount=delta)
    return LineChange(
        line_id=line_id,
        price_delta=delta,
        cost_delta=eur(70_000) if cost is None else cost,
        minutes_delta=minutes,
        milestones_added=(milestone,) if added is None else added,
        distinct=distinct,
    )


def change(*lines: LineChange, change_order_id: str = "CO-1", price_delta: Money | None = None) -> Change:
    return Change(
        change_order_id=change_order_id,
        agreement_id="A-1",
        description="Add the second site",
        lines=lines or (line_change(),),
        price_delta=price_delta or eur(90_000),
    )
