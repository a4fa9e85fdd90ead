"""What is expected of a message is some values at some paths; all the rest may be as it likes."""

from typing import Any

import pytest

from infra.matching import ABSENT, at, differences, unlike

BOOKS = {
    "contracts": [
        {"agreement_id": "SOW-A", "value": {"amount": "690000.00", "currency": "EUR"}},
        {"agreement_id": "SOW-B", "value": {"amount": "240000.00", "currency": "EUR"}},
    ],
    "totals": [
        ["billed", {"amount": "1.00", "currency": "EUR"}],
        ["billed.GBP", {"amount": "2.00", "currency": "GBP"}],
    ],
    "numbers": ["DE01-000001", "DE01-000002"],
    "holds": True,
    "note": None,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("contracts.0.agreement_id", "SOW-A"),
        ("contracts.SOW-B.value.amount", "240000.00"),
        ("totals.billed.amount", "1.00"),
        ("totals.billed.GBP.amount", "2.00"),
        ("numbers.1", "DE01-000002"),
        ("holds", True),
        ("note", None),
        ("contracts.SOW-C.value", ABSENT),
        ("contracts.9", ABSENT),
        ("holds.deeper", ABSENT),
    ],
)
def test_a_path_leads_by_name_by_index_or_by_what_an_item_is_known_by(path: str, value: Any) -> None:
    assert at(BOOKS, path) == value


def test_what_matches_has_no_differences() -> None:
    assert differences({"contracts.SOW-A.value.amount": "690000.00", "holds": True}, BOOKS) == []


def test_a_difference_tells_the_path_what_was_found_and_what_was_wanted() -> None:
    found = differences({"contracts.SOW-A.value.amount": "600000.00", "missing": 1}, BOOKS)
    assert [str(one) for one in found] == [
        "contracts.SOW-A.value.amount is '690000.00', not '600000.00'",
        "missing is nothing, not 1",
    ]


def test_a_part_of_a_value_is_enough() -> None:
    assert unlike({"contracts": [{"agreement_id": "SOW-A"}, {}]}, BOOKS) == []
    assert [str(one) for one in unlike({"contracts": [{"agreement_id": "SOW-X"}, {}]}, BOOKS)] == [
        "contracts.0.agreement_id is 'SOW-A', not 'SOW-X'"
    ]


def test_a_list_is_expected_whole() -> None:
    assert len(unlike({"numbers": ["DE01-000001"]}, BOOKS)) == 1


def test_yes_is_not_one() -> None:
    assert len(unlike({"holds": 1}, BOOKS)) == 1
