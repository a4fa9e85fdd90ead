"""The half-year that the demo plays, without a broker: what is expected of it is a matter of the actors alone."""

import msgspec
import pytest

from contracts import wire
from contracts.message import name_of
from infra.matching import differences
from tests.pure.memory_mesh import Expected, half_year


@pytest.mark.parametrize("expected", half_year().expected, ids=lambda expected: f"line {expected.line} {expected.name}")
def test_what_the_scenario_expects_is_said(expected: Expected) -> None:
    said = [message for message in expected.said if name_of(type(message)) == expected.name]
    assert [] in [differences(expected.where, msgspec.json.decode(wire.encode(message))) for message in said]


def test_no_actor_is_parked() -> None:
    assert [parked for service in half_year().mesh.services.values() for parked in service.parked] == []
