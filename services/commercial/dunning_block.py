"""A dunning block: no reminders are sent to a customer, until somebody lifts it or its last day is over."""

from typing import assert_never

from contracts.customer import BlockDunning, DunningBlocked, DunningUnblocked, UnblockDunning
from services.commercial.problem import Problem
from services.commercial.reference import Reference, end_of

Request = BlockDunning | UnblockDunning
Event = DunningBlocked | DunningUnblocked


def decide(
    block: DunningBlocked | None, message: Request, legal_entity: str | None, reference: Reference
) -> Event | Problem | None:
    """What becomes of the block; None when that is so already. Its last day is one where the legal entity is."""
    match message:
        case BlockDunning():
            lifts_at = end_of(reference, legal_entity or "", message.until) if message.until else None
            if block and (block.block_reason, block.lifts_at) == (message.block_reason, lifts_at):
                return None  # blocked so
            if lifts_at is not None and lifts_at <= message.at:
                return Problem(reason="UNTIL", detail="until: the last day of the block is over already")
            return DunningBlocked(
                customer_id=message.key,
                block_reason=message.block_reason,
                decided_by=message.decided_by,
                decided_at=message.at,
                lifts_at=lifts_at,
            )
        case UnblockDunning():
            return DunningUnblocked(customer_id=message.key, decided_by=message.decided_by) if block else None
        case _:
            assert_never(message)
