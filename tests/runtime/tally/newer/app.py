"""The tally service after an upgrade, as `faststream run tests.runtime.tally.newer.app:app` starts it."""

from shared.service import service
from tests.runtime.tally import app as older
from tests.runtime.tally import history
from tests.runtime.tally.newer import counter

TYPES = {**older.TYPES, "tally.counter.added.v1": counter.Added}

app = service("tally", counter, projections=(history,), types=TYPES)
