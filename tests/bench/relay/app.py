"""The relay service, as `faststream run tests.bench.relay.app:app` starts it."""

from shared.service import service
from tests.bench.relay import notebook, runner
from tests.bench.relay.messages import TYPES

app = service("relay", notebook, runner, types=TYPES)
