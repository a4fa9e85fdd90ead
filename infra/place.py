"""A place in the log as a person names it: a sequence, a day or an instant."""

from datetime import UTC, datetime, timedelta

from contracts.message import utc
from infra.failure import WRONG, Failure

_DAY = len("2026-03-31")


def place(text: str, option: str, *, whole_day: bool = False) -> int | datetime:
    """`4711`, `2026-03-31` or `2026-03-31T22:00:00Z`; a day is its beginning in UTC, or its end if it counts whole.

    Failure names the `option` that cannot be read.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            f"{option} {text} is neither a log sequence nor a time: say 4711, 2026-03-31 or 2026-03-31T22:00:00Z", WRONG
        ) from None
    if whole_day and len(text) == _DAY:
        instant += timedelta(days=1, microseconds=-1)
    return utc(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
