"""An actor that cannot decide is parked: one sees why, mends the cause, and retries or discards, in order."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from infra.fleet import ROOT
from tests.scenarios.running_mesh import UpMesh, up

REGISTER = "commercial.customer.register.v1"
CUSTOMER = '{"legal_name": "Acme Maschinenbau AG", "country": "DE", "tax_id": "DE136695976"}'

LIMIT = '{"limit": {"amount": "1000.00", "currency": "EUR"}, "decided_by": "K. Braun"}'


@pytest.fixture(scope="module")
def bug(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bug in every customer whose key is in this file's lines: `decide` raises for as long as it is there."""
    return tmp_path_factory.mktemp("bug") / "broken"


@pytest.fixture(scope="module")
def mesh(bug: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpMesh]:
    """A mesh whose customers have the bug: Python runs `sitecustomize` before the service."""
    bug.with_name("sitecustomize.py").write_text(
        dedent(f"""
            import sys
            from pathlib import Path

            sys.path.insert(0, {str(ROOT)!r})
            from services.commercial import customer

            sound = customer.decide

            def decide(state, message):
                file = Path({str(bug)!r})
                if file.exists() and message.key in file.read_text().splitlines():
                    raise ZeroDivisionError("a bug in the customer")
                return sound(state, message)

            decide.__annotations__ = sound.__annotations__
            customer.decide = decide
        """)
    )
    with up(tmp_path_factory.mktemp("parked"), PYTHONPATH=str(bug.parent)) as running:
        yield running


def waits_for_quiet(mesh: UpMesh) -> None:
    scenario = mesh.data / "quiet.jsonl"
    scenario.write_text('{"quiet": true}\n')
    assert mesh.q2c("play", str(scenario)).code == 0


def test_a_parked_actor_is_listed_shown_and_retried_once_its_cause_is_mended(mesh: UpMesh, bug: Path) -> None:
    bug.write_text("RETRIED\n")
    first = mesh.q2c("say", REGISTER, "RETRIED", CUSTOMER, "--json").json["sequence"]
    mesh.q2c("say", "commercial.customer.set_credit_limit.v1", "RETRIED", LIMIT)
    waits_for_quiet(mesh)

    listed = mesh.q2c("parked", "list")
    assert "commercial/customer/RETRIED/RETRIED  since" in listed.out
    assert "2 waiting" in listed.out
    assert "a bug in the customer" in listed.out
    shown = mesh.q2c("parked", "show", "RETRIED", "--json").json
    assert shown["parked"]["waiting"][0]["sequence"] == first
    assert shown["messages"][0]["data"]["legal_name"] == "Acme Maschinenbau AG"

    still = mesh.q2c("parked", "retry", "commercial/customer/RETRIED/RETRIED")
    assert still.code == 1
    assert "is still parked, 2 waiting" in still.err

    bug.unlink()
    retried = mesh.q2c("parked", "retry", "commercial/customer/RETRIED/RETRIED")
    assert retried.code == 0
    assert "is not parked any more: 2 settled" in retried.out
    answer = mesh.q2c("ask", "commercial.customer.validate.v1", "RETRIED", "--json").json
    assert answer["decision"] == "OK"


def test_a_message_is_discarded_with_a_reason_and_those_behind_it_are_heard(mesh: UpMesh, bug: Path) -> None:
    bug.write_text("DISCARDED\n")
    mesh.q2c("say", "commercial.customer.set_credit_limit.v1", "DISCARDED", LIMIT)
    mesh.q2c("say", REGISTER, "DISCARDED", CUSTOMER)
    waits_for_quiet(mesh)
    bug.unlink()

    discarded = mesh.q2c("parked", "discard", "DISCARDED/DISCARDED", "--reason", "sent to the wrong system", "--json")
    assert discarded.code == 0, discarded.err
    assert discarded.json == {
        "actor": "commercial/customer/DISCARDED/DISCARDED",
        "settled": 2,
        "waiting": 0,
        "parked": False,
    }
    seen = mesh.q2c("watch", "--no-follow", "--since", "1", "--type", "commercial.actor.discarded.v1", "--json").lines
    assert [one["data"]["reason"] for one in seen] == ["sent to the wrong system"]
    assert mesh.q2c("ask", "commercial.customer.validate.v1", "DISCARDED", "--json").json["decision"] == "OK"
    assert mesh.q2c("verify").code == 0
