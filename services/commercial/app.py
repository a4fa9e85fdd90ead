"""The commercial service: from master data to the signed agreement and its changes."""

from services.commercial import (
    agreement,
    change_order,
    customer,
    identity,
    legal_entity,
    namesake,
    ownership,
    policy,
    quote,
    rate_card,
    reference,
)
from shared.service import service

app = service(
    "commercial",
    legal_entity,
    policy,
    ownership,
    customer,
    identity,
    namesake,
    rate_card,
    quote,
    agreement,
    change_order,
    reference=reference,
)
