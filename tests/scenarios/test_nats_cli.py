"""The mesh is open: with the standard `nats` command one can say, ask and read, without a line of our code."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.running_mesh import UpMesh, up

Nats = Callable[..., str]
CUSTOMER = '{"legal_name": "Acme Maschinenbau AG", "country": "DE", "tax_id": "DE136695976"}'


@pytest.fixture(scope="module")
def command() -> str:
    """The `nats` command; where CI could have built it, its absence is a failure."""
    found = shutil.which("nats")
    if found is None and os.environ.get("CI") == "true" and shutil.which("go"):
        pytest.fail("the nats command is missing: .ci/run builds it into .tools, which belongs on PATH")
    if found is None:
        pytest.skip("the nats command is not on PATH")
    return found


@pytest.fixture(scope="module")
def mesh(command: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpMesh]:
    assert command, "without it there is nothing to start a mesh for"
    with up(tmp_path_factory.mktemp("nats-cli")) as running:
        yield running


@pytest.fixture
def nats(command: str, mesh: UpMesh, tmp_path: Path) -> Nats:
    def run(*arguments: str) -> str:
        environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        given = [command, "--server", mesh.url, *arguments]
        ended = subprocess.run(given, capture_output=True, text=True, env=environment, timeout=60, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


def test_a_command_is_published_as_bare_json(nats: Nats, mesh: UpMesh) -> None:
    nats("pub", "q2c.cmd.commercial.customer.register.v1.ACME", CUSTOMER)
    mesh.q2c("ask", "commercial.customer.validate.v1", "ACME")
    registered = mesh.q2c("watch", "--no-follow", "--since", "1", "--key", "ACME", "--json").lines
    assert [one["type"] for one in registered][:2] == [
        "commercial.customer.register.v1",
        "commercial.customer.registered.v1",
    ]
    assert registered[1]["cause"] == f"Q2C:{registered[0]['sequence']}"


def test_a_question_is_asked(nats: Nats, mesh: UpMesh) -> None:
    sequence = mesh.q2c("say", "commercial.customer.register.v1", "ASKED", CUSTOMER, "--json").json["sequence"]
    after = ("--header", f"Q2c-After:{sequence}")
    answer = nats("req", "q2c.ask.commercial.customer.validate.v1.ASKED", "{}", "--raw", *after)
    assert json.loads(answer)["decision"] == "OK"


def test_facts_are_read_by_a_consumer_like_any_other(nats: Nats) -> None:
    nats("pub", "q2c.cmd.commercial.customer.register.v1.READ", CUSTOMER)
    nats("consumer", "add", "Q2C", "ledger", "--filter", "q2c.evt.*.*.*.*.*.READ", "--pull", "--defaults")
    fact = json.loads(nats("consumer", "next", "Q2C", "ledger", "--raw", "--timeout", "10s").strip())
    assert fact["specversion"] == "1.0"
    assert fact["type"] == "commercial.customer.registered.v1"
    assert fact["source"] == "/commercial/customer/READ/READ"
    assert fact["data"]["legal_name"] == "Acme Maschinenbau AG"


@pytest.mark.parametrize(
    ("subject", "body", "reason"),
    [
        ("commercial.customer.register.v1.BAD-1", '{"legal_name": 7, "country": "DE"}', "`$.legal_name`"),
        ("commercial.customer.register.v1.BAD-2", "{", "truncated"),
        ("commercial.customer.rename.v1.BAD-3", "{}", "hears no command commercial.customer.rename.v1"),
        ("commercial.customer.register.v1.BAD-4.extra", "{}", "is not a partition"),
        ("commercial.customer.register.v1.BAD.5.extra", "{}", "has 9 tokens"),
        ("commercial.customer.register.v1.BAD$6", CUSTOMER, "must be 1 to 64 letters, digits, _ or -"),
    ],
)
def test_what_cannot_be_understood_is_rejected_with_its_reason_and_place(
    nats: Nats, mesh: UpMesh, subject: str, body: str, reason: str
) -> None:
    before = int(mesh.q2c("say", "commercial.customer.register.v1", "BEFORE", CUSTOMER, "--json").json["sequence"])
    nats("pub", f"q2c.cmd.{subject}", body)
    after = mesh.q2c("say", "commercial.customer.register.v1", "AFTER", CUSTOMER, "--json")
    assert after.code == 0
    rejected = [one for one in _since(mesh, before) if one["type"].endswith(".message.rejected.v1")]
    assert len(rejected) == 1
    assert reason in rejected[0]["data"]["reason"]
    assert before < rejected[0]["data"]["sequence"] < after.json["sequence"]


def _since(mesh: UpMesh, sequence: int) -> list[Any]:
    """Everything said since then, once all that must follow has been said."""
    scenario = mesh.data / "quiet.jsonl"
    scenario.write_text('{"quiet": true}\n')
    assert mesh.q2c("play", str(scenario), "--json").code == 0
    return mesh.q2c("watch", "--no-follow", "--since", str(sequence), "--json").lines
