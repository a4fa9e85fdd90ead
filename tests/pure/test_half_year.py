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


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("commercial.quote.priced.v1", {"quote_id": "Q-F"}),
        ("commercial.agreement.opened.v1", {"agreement_id": "SOW-F"}),
        ("delivery.project.provisioned.v1", {"project_id": "SOW-D"}),
        ("delivery.cost.recorded.v1", {"cost_id": "COST-A-02"}),
        ("delivery.milestone.accepted.v1", {"milestone_id": "SOW-F-M1"}),
        ("finance.payment.received.v1", {"payment_id": "PAY-F-1"}),
        ("finance.invoice.issued.v1", {"agreement_id": "SOW-F"}),
    ],
)
def test_what_is_said_twice_has_one_effect(name: str, where: dict[str, str]) -> None:
    told = (msgspec.json.decode(wire.encode(one)) for one in half_year().mesh.log if name_of(type(one)) == name)
    assert [differences(where, data) for data in told].count([]) == 1


def test_no_actor_is_parked() -> None:
    assert [parked for service in half_year().mesh.services.values() for parked in service.parked] == []
