"""The tally service with a loop that breaks: how a bug in the runtime ends a process."""

from shared import running
from shared.owner import Owner
from shared.service import service
from tests.runtime.tally import counter
from tests.runtime.tally.app import TYPES


class Faulty(Owner):
    """Breaks as soon as it runs."""

    async def run(self) -> None:
        raise RuntimeError("the loop broke")


running.__dict__["Owner"] = Faulty  # the one place where the loop is made

app = service("tally", counter, types=TYPES)
