"""A place in the log as a person names it."""

from datetime import UTC, datetime

import pytest

from infra.failure import Failure
from infra.place import place


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("4711", 4711),
        ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026-03-31T22:00:00Z", datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("2026-04-01T00:00:00+02:00", datetime(2026, 3, 31, 22, tzinfo=UTC)),
    ],
)
def test_a_sequence_a_day_or_an_instant_is_a_place(text: str, meant: int | datetime) -> None:
    assert place(text, "--since") == meant


def test_a_day_that_counts_whole_is_its_last_moment() -> None:
    assert place("2026-03-31", "--at", whole_day=True) == datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert place("2026-03-31T22:00:00Z", "--at", whole_day=True) == datetime(2026, 3, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["March", "-1", "²", "2026-13-01"])
def test_anything_else_is_told_with_the_option_it_was_given_to(text: str) -> None:
    with pytest.raises(Failure, match=r"--since .* is neither a log sequence nor a time: say 4711"):
        place(text, "--since")
