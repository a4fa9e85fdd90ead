"""What people and scripts do with a running mesh: say, ask, watch, look at journeys and books, mend what is parked."""

import fcntl
import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.fleet import SERVICES
from tests.scenarios.running_mesh import Q2C, UpMesh, ports_in_a_row, run, up

REGISTER = "commercial.customer.register.v1"
ACME = '{"legal_name": "Acme Maschinenbau AG", "country": "DE", "tax_id": "DE136695976"}'


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpMesh]:
    with up(tmp_path_factory.mktemp("mesh")) as running:
        yield running


def test_a_mesh_that_is_up_is_ready(mesh: UpMesh) -> None:
    assert sorted(mesh.services) == sorted(SERVICES)
    for address in mesh.services.values():
        with urllib.request.urlopen(f"{address}/ready", timeout=10) as answer:
            assert json.load(answer)["ready"] is True


def test_what_is_said_is_heard_and_can_be_asked_for(mesh: UpMesh) -> None:
    said = mesh.q2c("say", REGISTER, "ACME", "-", "--json", given=ACME)
    assert said.code == 0
    assert said.json["sequence"] > 0
    assert said.json["duplicate"] is False
    assert mesh.q2c("watch", "--no-follow", "--since", "1", "--json").code == 0
    answer = mesh.q2c("ask", "commercial.customer.validate.v1", "ACME", "--json")
    assert answer.code == 0
    assert answer.json["decision"] == "OK"


def test_what_is_said_twice_under_one_id_is_kept_once(mesh: UpMesh, tmp_path: Path) -> None:
    file = tmp_path / "customer.json"
    file.write_text(ACME)
    first = mesh.q2c("say", REGISTER, "TWICE", str(file), "--id", "crm-1", "--json").json
    second = mesh.q2c("say", REGISTER, "TWICE", str(file), "--id", "crm-1", "--json").json
    assert second == {**first, "duplicate": True}
    assert first["id"] == "crm-1"


def test_a_person_is_told_the_id_and_the_place(mesh: UpMesh) -> None:
    told = mesh.q2c("say", REGISTER, "PERSON", ACME)
    assert told.out.startswith("customer register PERSON  id ")
    assert " at log sequence " in told.out


def test_the_log_is_watched_by_name_key_and_place(mesh: UpMesh) -> None:
    sequence = mesh.q2c("say", REGISTER, "WATCHED", ACME, "--json").json["sequence"]
    mesh.q2c("ask", "commercial.customer.validate.v1", "WATCHED")
    seen = mesh.q2c(
        "watch", "--no-follow", "--since", str(sequence), "--key", "WATCHED", "--type", "*.register.*", "--json"
    )
    assert [(one["sequence"], one["type"], one["key"]) for one in seen.lines] == [(sequence, REGISTER, "WATCHED")]
    assert mesh.q2c("watch", "--no-follow", "--since", "2999-01-01", "--json").lines == []
    told = mesh.q2c("watch", "--no-follow", "--since", str(sequence), "--key", "WATCHED")
    assert "customer register" in told.out


def test_watching_goes_on_until_it_is_ended(mesh: UpMesh) -> None:
    command = [*Q2C, "watch", "--since", "1", "--key", "FOLLOWED", "--json", "--nats", mesh.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        mesh.q2c("say", REGISTER, "FOLLOWED", ACME)
        assert json.loads(watching.stdout.readline())["type"] == REGISTER
        watching.send_signal(signal.SIGINT)
        assert watching.communicate(timeout=30)[1] == ""
        assert watching.returncode == 0


def test_a_question_that_nobody_can_answer_is_no(mesh: UpMesh) -> None:
    ended = mesh.q2c("ask", "commercial.quote.status.v1", "ACME", "{}")
    assert ended.code == 2
    assert "Object missing required field `quote_id`" in ended.err


def test_nothing_is_parked_and_every_working_copy_is_that_of_the_log(mesh: UpMesh) -> None:
    assert mesh.q2c("parked", "list").out.strip() == "nothing is parked"
    assert mesh.q2c("parked", "list", "--json").lines == []
    verified = mesh.q2c("verify", "--json")
    assert verified.code == 0
    assert {service: one["differences"] for service, one in verified.json.items()} == {one: [] for one in SERVICES}
    assert "the same" in mesh.q2c("verify").out


def test_what_is_not_parked_cannot_be_retried(mesh: UpMesh) -> None:
    ended = mesh.q2c("parked", "retry", "commercial/customer/ACME/ACME")
    assert ended.code == 1
    assert "is not parked: see `q2c parked list`" in ended.err


def test_there_is_nothing_to_provision_twice(mesh: UpMesh) -> None:
    assert mesh.q2c("provision", "--json").json == {"changed": []}
    refused = mesh.q2c("provision", "--partitions", "4")
    assert refused.code == 3
    assert "made with 8 partitions, not 4" in refused.err


def test_a_journey_that_nobody_knows_is_no(mesh: UpMesh) -> None:
    ended = mesh.q2c("journey", "Q-NOWHERE")
    assert ended.code == 1
    assert "no journey is known by Q-NOWHERE" in ended.err
    assert mesh.q2c("books", "--entity", "ZZ99").code == 1


def test_a_scenario_is_played_on_a_running_mesh(mesh: UpMesh, tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    file.write_text(
        '{"tick": "2026-01-05T08:00:00Z"}\n'
        f'{{"say": "{REGISTER}", "key": "PLAYED", "twice": true, "data": {ACME}}}\n'
        '{"expect": "commercial.customer.registered.v1", "where": {"legal_name": "Acme Maschinenbau AG"}}\n'
        '{"ask": "commercial.customer.validate.v1", "key": "PLAYED", "reply": {"decision": "OK"}}\n'
        '{"quiet": true}\n'
    )
    played = mesh.q2c("play", str(file), "--json")
    assert played.code == 0, played.err
    types = [one["type"] for one in played.lines]
    assert types.count(REGISTER) == 2
    assert types.count("commercial.customer.registered.v1") == 1


def test_what_follows_from_a_chapter_is_shown_in_it_also_in_the_last(mesh: UpMesh, tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    file.write_text(
        '{"note": "First chapter"}\n'
        f'{{"say": "{REGISTER}", "key": "EARLY", "data": {ACME}}}\n'
        '{"note": "Second chapter"}\n'
        f'{{"say": "{REGISTER}", "key": "LATE", "data": {ACME}}}\n'
    )
    told = mesh.q2c("play", str(file)).out
    places = [told.index(text) for text in ("First chapter", " EARLY ", "Second chapter", " LATE ")]
    assert places == sorted(places)


def test_a_step_that_fails_names_its_line_and_what_came_nearest(mesh: UpMesh, tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    file.write_text(
        f'{{"say": "{REGISTER}", "key": "FAILED", "data": {ACME}}}\n'
        '{"expect": "commercial.customer.registered.v1", "where": {"legal_name": "Acme Ltd"}}\n'
    )
    played = mesh.q2c("play", str(file))
    assert played.code == 1
    assert "line 2: nobody said commercial.customer.registered.v1 where legal_name = 'Acme Ltd'" in played.err
    assert "legal_name is 'Acme Maschinenbau AG', not 'Acme Ltd'" in played.err


def test_a_port_that_is_taken_is_told(mesh: UpMesh, tmp_path: Path) -> None:
    port = mesh.url.rpartition(":")[2]
    ended = run("up", "--data", str(tmp_path), "--port", port, "--http", str(ports_in_a_row(4)))
    assert ended.code == 3
    assert f"port {port} for nats-server is taken" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_a_mesh_runs_is_refused_and_left_alone(mesh: UpMesh) -> None:
    before = {file: file.stat().st_mtime_ns for file in mesh.data.rglob("*.conf")}
    assert before
    first = ports_in_a_row(5)
    ended = run("up", "--data", str(mesh.data), "--port", str(first), "--http", str(first + 1))
    assert ended.code == 2
    assert ended.err == f"a mesh runs in {mesh.data} already: end it, or choose another folder with --data"
    assert {file: file.stat().st_mtime_ns for file in mesh.data.rglob("*.conf")} == before
    assert mesh.q2c("verify").code == 0


def test_watching_and_the_mesh_itself_end_when_nats_server_dies(tmp_path: Path) -> None:
    with up(tmp_path / "died") as mesh:
        command = [*Q2C, "watch", "--since", "1", "--json", "--nats", mesh.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
            assert watching.stdout
            mesh.q2c("say", REGISTER, "SEEN", ACME)
            assert json.loads(watching.stdout.readline())["key"] == "SEEN"
            server = next(pid for pid in _children(mesh.process.pid) if "nats-server" in _command(int(pid)))
            os.kill(int(server), signal.SIGKILL)
            out, err = watching.communicate(timeout=60)
            assert "the connection to nats-server is gone: start the mesh with `q2c up`" in " ".join(err.split())
            assert watching.returncode == 3
            assert all(json.loads(line)["key"] == "SEEN" for line in out.splitlines())
        _, err = mesh.process.communicate(timeout=60)
        assert "nats-server was ended by signal 9" in " ".join(err.split())
        assert mesh.process.returncode == 3


def test_a_scenario_is_not_played_on_a_mesh_that_goes_by_another_time(mesh: UpMesh, tmp_path: Path) -> None:
    story = tmp_path / "story.jsonl"
    story.write_text('{"tick": "2026-01-08T07:00:00Z"}\n')
    early = tmp_path / "early.jsonl"
    early.write_text('{"tick": "2025-01-05T07:00:00Z"}\n')
    assert mesh.q2c("play", str(story)).code == 0
    again = mesh.q2c("play", str(early))
    assert again.code == 2
    assert "time moves on only, and on this mesh it is 08 Jan 2026 07:00Z already" in again.err
    with up(tmp_path / "wall", clock="wall") as wall:
        refused = wall.q2c("play", str(story))
        assert refused.code == 2
        assert "this mesh goes by the wall clock, the scenario by its own: play on one begun with" in refused.err
        story.write_text('{"quiet": true}\n')
        assert wall.q2c("play", str(story)).code == 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    file = tmp_path / "not-a-folder"
    file.write_text("")
    first = ports_in_a_row(5)
    ended = run("up", "--data", str(file), "--port", str(first), "--http", str(first + 1))
    assert ended.code == 2
    assert "cannot be written" in ended.err
    assert "choose another folder with --data" in ended.err


def test_a_service_that_cannot_use_its_disk_ends_the_mesh_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "finance" / "finance.lock"
    lock.parent.mkdir()
    first = ports_in_a_row(5)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = run("up", "--data", str(tmp_path), "--port", str(first), "--http", str(first + 1))
    assert ended.code == 3
    assert "finance cannot run:" in ended.err
    assert "is in use by another process: stop it, or choose another" in ended.err
    assert "started again" not in ended.err


def test_a_mesh_that_is_ended_leaves_nothing_running_and_keeps_what_it_knew(tmp_path: Path) -> None:
    with up(tmp_path / "kept") as mesh:
        mesh.q2c("say", REGISTER, "KEPT", ACME)
    assert mesh.process.returncode == 0
    assert run("journey", "--nats", mesh.url).code == 3
    with up(tmp_path / "kept") as again:
        assert again.q2c("ask", "commercial.customer.validate.v1", "KEPT", "--json").json["decision"] == "OK"


def test_a_mesh_whose_owner_is_killed_ends_by_itself(tmp_path: Path) -> None:
    with up(tmp_path / "killed") as mesh:
        pids = [int(pid) for pid in _children(mesh.process.pid)]
        assert len(pids) >= 5
        mesh.process.kill()
        mesh.process.wait()
        leash = next(pid for pid in pids if "leash" in _command(pid))
        while _command(leash):
            os.sched_yield()
        assert [pid for pid in pids if _command(pid)] == []


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _command(pid: int) -> str:
    """What a process runs; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
