"""What the tally service of the runtime's tests says and is asked."""

from contracts.message import Command, Event, Question, Record


class Add(Command, tag="tally.counter.add.v1"):
    """Count `amount` more."""

    amount: int


class Added(Event, tag="tally.counter.added.v1"):
    """Counted: `total` so far."""

    amount: int
    total: int


class AskTotal(Question, tag="tally.counter.total.v1"):
    """How much has been counted? Asking for less than 0 is a bug of the asker's making."""

    at_least: int = 0


class Total(Record):
    """The answer to `tally.counter.total.v1`."""

    total: int


class AskHistory(Question, tag="tally.history.list.v1"):
    """Everything that was counted, as the projection keeps it."""

    after: int = 0
    """Log sequence after which to begin."""


class History(Record):
    """The answer to `tally.history.list.v1`, as of log sequence `position`."""

    position: int
    amounts: tuple[int, ...]
