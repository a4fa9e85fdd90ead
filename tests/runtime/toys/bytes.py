"""What a toy says and is, as bytes: to be the same in every process."""

from contracts.message import Context
from shared import deciding
from shared.decider import wire_actor
from shared.store import ActorRef
from tests.runtime.toys import counter
from tests.runtime.toys.messages import Add
from tests.runtime.toys.playground import NOON


def said() -> str:
    actor, ref = wire_actor("toys", counter), ActorRef("counter", "ACME", "c")
    entry = deciding.fresh(actor)
    for n in range(5):
        message = Add(counter="c", amount=5 - n, pass_on_to="OMEGA").heard(
            Context(id=str(n), source="/tests", key="ACME", at=NOON, correlation="j")
        )
        decision = deciding.decide(actor, ref, 0, entry, message, None)
        entry = decision.entry
    return repr((decision.sayings, entry.row(decision.state)))
