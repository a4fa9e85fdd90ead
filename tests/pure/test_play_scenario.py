"""A scenario is checked line by line before anything is started: what cannot be played names its line and field."""

from datetime import UTC, datetime

import pytest

from contracts.commercial import RegisterCustomer
from infra.commands.mesh import HALF_YEAR
from infra.failure import Failure
from infra.scenario import Ask, Expect, ExpectBooks, Note, Quiet, Say, Tick, read

REGISTER = (
    '{"say": "commercial.customer.register.v1", "key": "ACME", "data": {"legal_name": "Acme AG", "country": "DE"}}'
)


def test_every_kind_of_step_is_read() -> None:
    steps = read(
        "\n".join(
            [
                '{"note": "A chapter"}',
                '{"tick": "2026-03-31T22:00:00Z"}',
                "",
                REGISTER,
                '{"expect": "commercial.customer.registered.v1", "where": {"legal_name": "Acme AG"}}',
                '{"ask": "commercial.customer.validate.v1", "key": "ACME", "data": {}, "reply": {"decision": "OK"}}',
                '{"quiet": true}',
                '{"books": "DE01", "as_of": "2026-03-31", "where": {"contracts.SOW-A.value.amount": "1.00"}}',
            ]
        )
    )
    assert [type(step.action) for step in steps] == [Note, Tick, Say, Expect, Ask, Quiet, ExpectBooks]
    assert [step.line for step in steps] == [1, 2, 4, 5, 6, 7, 8]
    assert isinstance(steps[2].message, RegisterCustomer)
    assert steps[1].action == Tick(tick=datetime(2026, 3, 31, 22, tzinfo=UTC))


def test_what_is_wrong_with_a_step_is_told_in_words() -> None:
    with pytest.raises(Failure, match=r"line 1: Expected `str`: 1 to 64 letters, digits, _ or - - at `\$.key`"):
        read(REGISTER.replace("ACME", "A.B"))


def test_the_half_year_can_be_played() -> None:
    assert len(read(HALF_YEAR.read_text(), HALF_YEAR.name)) > 100


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1: Input data was truncated"),
        ("[]", "line 1: Expected `object`, got `array`"),
        ('{"hope": "for the best"}', "line 1: a step is exactly one of say, tick, ask, expect, quiet, books, note"),
        ('{"tick": "2026-03-31T22:00:00Z", "quiet": true}', "line 1: a step is exactly one of"),
        ('{"tick": "2026-03-31T22:00:00"}', "line 1: Expected `datetime` with a timezone component - at `$.tick`"),
        ('{"quiet": false}', "line 1: "),
        ('{"quiet": true, "because": "so"}', "line 1: Object contains unknown field `because`"),
        ('{"expect": "finance.invoice.isued.v1"}', ": is finance.invoice.issued.v1 meant?"),
        ('{"say": "commercial.customer.validate.v1", "key": "ACME"}', "is a question: use ask"),
        ('{"ask": "commercial.customer.register.v1", "key": "ACME"}', "is not a question: use say"),
        ('{"say": "commercial.customer.register.v1", "key": "A.B", "data": {}}', "at `$.key`"),
        (REGISTER.replace('"DE"', '"Germany"'), "at `$.country`"),
        (REGISTER.replace('"Acme AG"', "7"), "Expected `str`, got `int` - at `$.legal_name`"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_names_its_line_and_field(line: str, told: str) -> None:
    with pytest.raises(Failure) as refused:
        read(line)
    assert told in str(refused.value)
    assert "scenario line 1: " in str(refused.value)
    assert refused.value.code == 2


def test_time_moves_on_only() -> None:
    with pytest.raises(Failure, match=r"line 2: time moves on only, it is 2026-03-02T00:00Z already"):
        read('{"tick": "2026-03-02T00:00:00Z"}\n{"tick": "2026-03-01T00:00:00Z"}')
