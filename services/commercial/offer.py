"""An offer: what a version of a quote promises, priced on the day it is submitted, and the order that signing makes."""

from datetime import timedelta

from msgspec.json import encode

from contracts.canonical import content_hash
from contracts.commercial import QuotePriced, SubmitQuote
from contracts.money import exact, total
from contracts.order import Offer, Party, ServicesOrder, Signature
from services.commercial.pricing import Rates, price_line, problem_of
from services.commercial.problem import Problem
from services.commercial.reference import Reference, day_of, end_of, rate_card_on, survivor_of

LONGEST_VALIDITY = timedelta(days=3653)
LONGEST_OFFER = 150_000
"""Bytes: an admitted change carries the order twice, and a message on the log has its limit."""


def price(message: SubmitQuote, reference: Reference) -> QuotePriced | Problem:
    """The offer with its prices, as of the day on which it is submitted, or why there can be none."""
    policy = reference.policies.get(message.legal_entity)
    today = day_of(reference, message.legal_entity, message.at)
    rates = Rates(
        currency=message.currency,
        effort=rate_card_on(reference, message.rate_card or "", today),
        time={code: versions[-1] for code, versions in reference.rate_cards.items()},
    )
    if (survivor := survivor_of(reference, message.key)) != message.key:
        return Problem(
            reason="CUSTOMER_MERGED", detail=f"{message.key} is an alias of {survivor}: offer it to {survivor}"
        )
    if message.legal_entity not in reference.legal_entities:
        return Problem(reason="UNKNOWN_LEGAL_ENTITY", detail=f"no legal entity is registered as {message.legal_entity}")
    if policy is None:
        return Problem(reason="NO_POLICY", detail=f"{message.legal_entity} has published no policy")
    if not today <= message.valid_until <= today + LONGEST_VALIDITY:
        return Problem(reason="VALID_UNTIL", detail="the last day to accept is neither past nor ten years ahead")
    if problem := problem_of(message.lines, rates):
        return problem
    lines = tuple(price_line(line, rates) for line in message.lines)
    offer = Offer(
        quote_id=message.quote_id,
        quote_version=message.version,
        agreement_id=message.agreement_id,
        legal_entity=message.legal_entity,
        currency=message.currency,
        lines=lines,
        total=total((line.price for line in lines), message.currency),
        project=message.project,
        payment_terms_days=policy.payment_terms_days,
        valid_until=message.valid_until,
        rate_card_version=rates.effort.version if rates.effort and any(line.effort for line in message.lines) else None,
    )
    if len(encode(offer)) > LONGEST_OFFER:
        return Problem(reason="TOO_LONG", detail=f"the offer has more than {LONGEST_OFFER} bytes: offer it in parts")
    return QuotePriced(
        quote_id=message.quote_id,
        version=message.version,
        offer=offer,
        list_total=total((line.list_price for line in lines), message.currency),
        discount_total=total((line.discount for line in lines), message.currency),
        total=offer.total,
        highest_discount_percent=max((line.discount_percent for line in message.lines), key=exact),
        valid_until=message.valid_until,
        expires_at=end_of(reference, message.legal_entity, message.valid_until),
        content_hash=content_hash(offer),
        policy_version=policy.version,
    )


def order_of(priced: QuotePriced, customer: Party, signature: Signature, purchase_order: str | None) -> ServicesOrder:
    """The first version of the agreement: the offer, and who signed it."""
    offer = priced.offer
    return ServicesOrder(
        agreement_id=offer.agreement_id,
        version=1,
        quote_id=offer.quote_id,
        quote_version=offer.quote_version,
        customer=customer,
        legal_entity=offer.legal_entity,
        currency=offer.currency,
        lines=offer.lines,
        total=offer.total,
        project=offer.project,
        payment_terms_days=offer.payment_terms_days,
        content_hash=priced.content_hash,
        policy_version=priced.policy_version,
        signature=signature,
        rate_card_version=offer.rate_card_version,
        purchase_order=purchase_order,
    )
