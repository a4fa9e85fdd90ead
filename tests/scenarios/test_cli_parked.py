"""An actor that cannot decide is parked: one sees why, mends the cause, and retries or discards, in order."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from infra.client import connected
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
    assert "2 waiting  at risk 1,000.00 EUR" in listed.out
    assert "a bug in the customer" in listed.out
    shown = mesh.q2c("parked", "show", "RETRIED", "--json").json
    assert shown["waiting"][0]["sequence"] == first
    assert shown["at_risk"] == [{"amount": "1000.00", "currency": "EUR"}]
    assert shown["traceback"].endswith("ZeroDivisionError: a bug in the customer\n")
    assert shown["state"]["party"] is None
    assert shown["messages"][0]["data"]["legal_name"] == "Acme Maschinenbau AG"

    rehearsed = mesh.q2c("parked", "retry", "RETRIED", "--dry-run")
    assert (rehearsed.code, "would still be parked" in rehearsed.err) == (1, True)
    still = mesh.q2c("parked", "retry", "commercial/customer/RETRIED/RETRIED")
    assert still.code == 1
    assert "is still parked, 2 waiting" in still.err

    bug.unlink()
    rehearsed = mesh.q2c("parked", "retry", "RETRIED", "--dry-run")
    assert rehearsed.code == 0
    assert "customer registered" in rehearsed.out
    assert "2 waiting" in mesh.q2c("parked", "list").out
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

    discarded = mesh.q2c("parked", "discard", "DISCARDED/DISCARDED", "--why", "sent to the wrong system", "--json")
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


def test_an_edited_message_is_heard_in_place_of_the_one_at_which_the_actor_is_parked(mesh: UpMesh, bug: Path) -> None:
    bug.write_text("EDITED\n")
    said = mesh.q2c("say", REGISTER, "EDITED", CUSTOMER, "--json").json
    waits_for_quiet(mesh)

    refused = mesh.q2c("parked", "edit-and-retry", "EDITED/EDITED", '{"country": 5}', "--why", "a slip")
    assert refused.code == 2
    assert "missing required field" in refused.err or "Expected `str`, got `int`" in refused.err

    bug.unlink()
    mended = CUSTOMER.replace("Acme Maschinenbau AG", "Acme Mechanical Ltd")
    dry = mesh.q2c("parked", "edit-and-retry", "EDITED/EDITED", mended, "--why", "a slip", "--dry-run", "--json")
    (would,) = dry.json["rehearsal"]["messages"]
    assert '"legal_name":"Acme Mechanical Ltd"' in would["says"][0]
    edited = mesh.q2c("parked", "edit-and-retry", "EDITED/EDITED", mended, "--why", "a slip")
    assert edited.code == 0, edited.err

    seen = mesh.q2c("watch", "--no-follow", "--since", "1", "--key", "EDITED", "--json").lines
    command = next(one for one in seen if one["type"] == "commercial.actor.edit.v1")
    registered = next(one for one in seen if one["type"] == "commercial.customer.registered.v1")
    assert command["cause"] == said["id"]
    assert (registered["cause"], registered["correlation"]) == (command["id"], said["id"])
    assert registered["data"]["legal_name"] == "Acme Mechanical Ltd"
    assert mesh.q2c("verify").code == 0


def test_all_actors_with_one_reason_are_retried_together(mesh: UpMesh, bug: Path) -> None:
    bug.write_text("ONE\nTWO\n")
    for key in ("ONE", "TWO"):
        mesh.q2c("say", REGISTER, key, CUSTOMER)
    waits_for_quiet(mesh)
    assert mesh.q2c("parked", "retry", "--all-with", "another bug").code == 1
    bug.unlink()
    retried = mesh.q2c("parked", "retry", "--all-with", "a bug in the customer", "--json")
    assert {one["actor"] for one in retried.lines} == {f"commercial/customer/{key}/{key}" for key in ("ONE", "TWO")}
    assert mesh.q2c("parked", "list").out.strip() == "nothing is parked"


def test_a_rejected_message_is_listed_shown_and_resubmitted_corrected(mesh: UpMesh) -> None:
    async def publish() -> int:
        async with connected(mesh.url) as client:
            return (
                await client.log.say(f"q2c.cmd.{REGISTER}.WRONG", b'{"legal_name": "Acme", "country": 49}')
            ).sequence

    sequence = asyncio.run(publish())
    waits_for_quiet(mesh)
    (listed,) = mesh.q2c("rejected", "list", "--json").lines
    assert (listed["sequence"], listed["services"]) == (sequence, ["commercial"])
    shown = mesh.q2c("rejected", "show", str(sequence), "--json").json
    assert shown["message"]["data"] == {"legal_name": "Acme", "country": 49}
    refused = mesh.q2c("rejected", "resubmit", str(sequence))
    assert (refused.code, "$.country" in refused.err) == (2, True)

    resubmitted = mesh.q2c("rejected", "resubmit", str(sequence), CUSTOMER, "--json").json
    waits_for_quiet(mesh)
    assert mesh.q2c("rejected", "list").out.strip() == "nothing is rejected"
    (again,) = mesh.q2c("rejected", "list", "--all", "--json").lines
    assert again["resubmitted"] == resubmitted["sequence"]
    assert mesh.q2c("rejected", "resubmit", str(sequence), CUSTOMER).code == 1
    seen = mesh.q2c("watch", "--no-follow", "--since", "1", "--key", "WRONG", "--json").lines
    registered = next(one for one in seen if one["type"] == "commercial.customer.registered.v1")
    assert (registered["cause"], registered["correlation"]) == (resubmitted["id"], f"Q2C:{sequence}")
    assert mesh.q2c("rejected", "show", "1").code == 1


def test_a_service_that_stands_still_says_so_and_goes_on_when_told_to(mesh: UpMesh, bug: Path) -> None:
    keys = [f"STORM{n}" for n in range(60)]
    bug.write_text("\n".join(keys))

    async def publish() -> None:
        async with connected(mesh.url) as client:
            for key in keys:
                await client.log.say(f"q2c.cmd.{REGISTER}.{key}", CUSTOMER.encode())

    asyncio.run(publish())
    until = time.monotonic() + 60
    while "commercial stands still" not in (listed := mesh.q2c("parked", "list")).out:
        assert time.monotonic() < until, listed
    with pytest.raises(HTTPError) as answered:
        urlopen(f"{mesh.services['commercial']}/ready")
    with answered.value as response:
        assert response.code == 503
        (why,) = json.loads(response.read())["waits_for"]
    assert why == "too many messages fail: decide raised ZeroDivisionError: a bug in the customer"

    assert mesh.q2c("parked", "resume", "finance", "--why", "by mistake").code == 1
    assert mesh.q2c("parked", "resume", "commercial", "--why", "they are to be parked").code == 0
    waits_for_quiet(mesh)
    bug.unlink()
    assert mesh.q2c("parked", "retry", "--all-with", "a bug in the customer").code == 0
    assert mesh.q2c("parked", "list").out.strip() == "nothing is parked"
    assert mesh.q2c("verify").code == 0
