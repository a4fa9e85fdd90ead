"""The tally service, as `faststream run tests.runtime.tally.app:app` starts it."""

from contracts.message import name_of
from contracts.observability import ClockTicked
from shared.service import service
from tests.runtime.tally import counter, history
from tests.runtime.tally.messages import Add, Added, AskHistory, AskTotal

TYPES = {name_of(item): item for item in (Add, Added, AskHistory, AskTotal, ClockTicked)}

app = service("tally", counter, projections=(history,), types=TYPES)
