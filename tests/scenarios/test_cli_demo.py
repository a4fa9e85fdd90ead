"""The demo is the first thing a newcomer runs: it plays the half-year, checks it, and leaves nothing behind."""

import os
import subprocess
from pathlib import Path

from infra.fleet import ROOT
from tests.scenarios.running_mesh import Q2C, run


def test_the_demo_meets_every_expectation_in_under_a_minute(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    demo = subprocess.run(
        [*Q2C, "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert demo.returncode == 0, demo.stderr
    assert "Every expectation of" in demo.stdout
    assert "Journey Q-A → SOW-A  ACME  COMPLETED" in demo.stdout
    assert "Books of DE01" in demo.stdout
    assert "CREDIT_LIMIT" in demo.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_demo_for_scripts_is_one_json_object(tmp_path: Path) -> None:
    demo = run("demo", "--json", "--keep", str(tmp_path / "kept")).json
    assert demo["passed"] is True
    assert {journey["status"] for journey in demo["journeys"]} == {"COMPLETED", "OPEN"}
    assert [entity["legal_entity"] for entity in demo["books"]["entities"]] == ["DE01", "UK01"]
    assert (tmp_path / "kept" / "logs" / "finance.log").exists()


def test_a_rehearsal_starts_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    refused = run("demo", "--keep", str(tmp_path))
    assert refused.code == 2
    assert "is not empty" in refused.err


def test_two_rehearsals_say_the_same_to_the_letter(tmp_path: Path) -> None:
    story = tmp_path / "story.jsonl"
    story.write_text(
        '{"tick": "2026-01-05T08:00:00Z"}\n'
        '{"say": "commercial.customer.register.v1", "key": "ACME", "data": {"legal_name": "Acme", "country": "DE"}}\n'
        '{"expect": "commercial.customer.registered.v1"}\n'
    )
    first, second = run("play", str(story), "--json"), run("play", str(story), "--json")
    assert first.code == 0, first.err

    def told(out: str) -> list[object]:
        return [
            {name: value for name, value in line.items() if name != "sequence"}
            for line in first._replace(out=out).lines
        ]

    assert told(first.out) == told(second.out)
    assert len(first.lines) == 3
