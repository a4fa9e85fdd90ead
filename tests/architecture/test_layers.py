"""Who may import whom is a rule, not a habit."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_imports_follow_the_layers() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    told = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "common", "base", "manager", "core", "types", "misc"}
    folders = ("contracts", "infra", "services", "shared", "tests")
    assert [str(file) for folder in folders for file in (ROOT / folder).rglob("*.py") if file.stem in empty] == []
