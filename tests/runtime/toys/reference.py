"""What every toy knows: the rate."""

import msgspec

from contracts.message import Record
from tests.runtime.toys.messages import RateTold


class Reference(Record):
    percent: int = 0
    told: dict[str, int] = msgspec.field(default_factory=dict)


initial = Reference()


def evolve(reference: Reference, event: RateTold) -> Reference:
    return Reference(percent=event.percent, told={str(event.percent): len(reference.told), **reference.told})
