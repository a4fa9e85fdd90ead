"""What every toy knows: the rate."""

from datetime import datetime

import msgspec

from contracts.message import Record
from tests.runtime.toys.messages import RateTold


class Reference(Record):
    percent: int = 0
    since: datetime | None = None
    told: dict[str, int] = msgspec.field(default_factory=dict)


initial = Reference()


def evolve(reference: Reference, event: RateTold) -> Reference:
    told = {str(event.percent): len(reference.told), **reference.told}
    return Reference(percent=event.percent, since=event.at, told=told)
