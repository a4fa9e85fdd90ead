"""The wall clock is said by a task: once a minute the log is told that time has passed."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio

from shared import telemetry

MINUTE = timedelta(minutes=1)

Say = Callable[[datetime, str], Awaitable[object]]
"""Says that the instant has come, under a message id that is the same for whoever says it."""


def minute_of(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def id_of(minute: datetime) -> str:
    """The message id of a minute: the log keeps one of several that carry it, so several clocks make one tick."""
    return f"tick-{minute.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


async def wall_clock(
    say: Say,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> None:
    """Say each minute as it begins, the current one at once. A minute that could not be said is made up by the next."""
    log = telemetry.logger("clock")
    while True:
        minute = minute_of(now())
        try:
            await say(minute, id_of(minute))
        except Exception as error:
            log.warning("the minute could not be said, the next one will be", minute=str(minute), error=str(error))
        await sleep((minute + MINUTE - now()).total_seconds())


__all__ = ["id_of", "minute_of", "wall_clock"]
