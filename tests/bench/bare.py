"""The bare loop: the same pull, the same batches, the same fenced commit, and nothing in between.

It says what the real loop would say to each message, decided and encoded beforehand: `python -m tests.bench.bare
URL CUSTOMERS`.
"""

import asyncio
import sys
import uuid
from itertools import cycle

import msgspec

from contracts import wire
from contracts.message import Context
from infra.client import connect
from services.commercial import customer
from shared import deciding
from shared.decider import wire_actor
from shared.log import Fence, Log, Recorded, Saying
from shared.owner import _TURN
from shared.process import collect_seldom
from shared.store import ActorRef
from tests.bench.ceiling import changes, registrations
from tests.bench.loops import NOON, PARTITIONS

SERVICE = "bare"
FILTERS = ["q2c.cmd.commercial.*.*.*.*.*"]


def prepared(customers: int) -> list[Saying]:
    """What the customer actor says to one turn of commands."""
    actor = wire_actor("commercial", customer)
    entries: dict[ActorRef, deciding.Entry] = {}
    sayings: list[Saying] = []
    for turn, messages in enumerate((registrations(customers), changes(customers, customers, 1))):
        sayings = []
        for number, (key, message) in enumerate(messages):
            name = f"bench-{turn}-{number}"
            ref = ActorRef("customer", key, key)
            entry = entries.get(ref, deciding.fresh(actor))
            heard = message.heard(Context(id=name, source="/bench", key=key, at=NOON, correlation=name))
            decision = deciding.decide(actor, ref, wire.partition(key, PARTITIONS), entry, heard, None)
            entries[ref] = decision.entry
            sayings.extend(decision.sayings)
    return sayings


async def loop(url: str, customers: int) -> None:
    log = Log(await connect(url), PARTITIONS)
    answers = cycle(prepared(customers))
    records = await log.claim(SERVICE, SERVICE, range(PARTITIONS))
    pull = log.pull(FILTERS, 0)
    collect_seldom()  # as in a service
    while True:
        batch = pull.taken(_TURN) or await pull.batch(_TURN)
        if not batch:
            continue
        said = [next(answers) for _ in batch]
        name = uuid.uuid4().hex
        fences = {
            partition: _fence(records[partition], name, batch[-1].sequence)
            for partition in {saying.partition for saying in said}
        }
        committed = await log.commit(SERVICE, said, fences)
        for partition, sequence in committed.fences.items():
            records[partition] = Recorded(fences[partition].cursor, sequence)


def _fence(record: Recorded, batch: str, sequence: int) -> Fence:
    assert record.cursor is not None
    return Fence(msgspec.structs.replace(record.cursor, batch=batch, input=sequence), record.sequence)


if __name__ == "__main__":
    asyncio.run(loop(sys.argv[1], int(sys.argv[2])))
