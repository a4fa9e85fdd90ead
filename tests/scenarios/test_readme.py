"""What the README tells is what happens: its commands run, and its actor can be added from it alone."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.fleet import ROOT
from tests.scenarios.running_mesh import up

README = (ROOT / "README.md").read_text()
CUSTOMER = '{"legal_name": "Acme AG", "country": "DE"}'


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def commands(word: str) -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith(f"{word} ")]
    return [re.sub(r"\s+#.*", "", line) for line in lines]


def test_the_two_commands_are_targets_of_make() -> None:
    wanted = [line.split()[1] for line in commands("make")]
    assert wanted == ["demo", "test"]
    for target in wanted:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_the_commands_of_the_readme_run(tmp_path: Path) -> None:
    """Those that follow the log are told not to; those that look at a journey look at the half-year's."""
    with up(tmp_path / "mesh") as mesh:
        assert mesh.q2c("play", "infra/scenarios/half_year.jsonl", "--json").code == 0
        lines = [line for line in commands("q2c") if not line.startswith("q2c play")]
        assert len(lines) >= 9
        for line in lines:
            arguments = shlex.split(line)[1:]
            quiet = ["--no-follow"] if arguments[0] == "watch" else []
            if arguments[0] == "contracts":
                command = [sys.executable, "-m", "infra.cli", *arguments]
                ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
                assert ended.returncode == 0, f"{line}\n{ended.stderr}"
                continue
            ran = mesh.q2c(*arguments, *quiet)
            assert ran.code == 0, f"{line}\n{ran.err}"


def test_the_commands_of_the_nats_cli_in_the_readme_run(tmp_path: Path) -> None:
    command = shutil.which("nats")
    if command is None:
        pytest.skip("the nats command is not on PATH")
    lines = commands("nats")
    assert [line.split()[1] for line in lines] == ["pub", "req", "sub"]
    with up(tmp_path / "mesh") as mesh:
        for number in range(3):  # so that there are three facts to hear
            said = mesh.q2c("say", "commercial.customer.register.v1", f"C-{number}", "-", given=CUSTOMER)
            assert said.code == 0, said.err
        environment = {**os.environ, "HOME": str(tmp_path), "NATS_URL": mesh.url}
        heard = [
            subprocess.run(
                line, shell=True, env=environment, capture_output=True, text=True, timeout=60, check=True
            ).stdout
            for line in lines
        ]
    assert '"decision"' in heard[1]
    assert heard[2].count('"specversion":"1.0"') >= 3


def test_an_actor_can_be_added_from_the_readme_alone(tmp_path: Path) -> None:
    """In a copy of the tree, exactly as it is told there: contract, actor, test, application, documents, laws."""
    contract, actor, test = blocks("python")
    for part in ("contracts", "shared", "services", "infra", "tests", "pyproject.toml", "CATALOGUE.md"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / part)
    with (tmp_path / "contracts" / "delivery.py").open("a") as contracts:
        contracts.write(f"\n\n{contract}")
    (tmp_path / "services" / "delivery" / "equipment.py").write_text(actor)
    (tmp_path / "tests" / "pure" / "test_equipment.py").write_text(test)
    app = tmp_path / "services" / "delivery" / "app.py"
    app.write_text(re.sub(r"(\n    cost,\n)", r"\1    equipment,\n", app.read_text()))

    def python(*arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-m", *arguments]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr

    python("infra.documents")
    python("infra.documents", "--check")
    assert "delivery.equipment.lent.v1" in (tmp_path / "CATALOGUE.md").read_text()
    python("mypy", "services/delivery", "tests/pure/test_equipment.py")
    python("pytest", "-q", "tests/pure/test_equipment.py", "tests/architecture/test_wiring.py")
    python("pytest", "-q", "tests/pure/test_laws.py", "-k", "equipment")
