"""`make bench` still works: a quick run measures every figure, or says that it did not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.fleet import ROOT
from tests.bench.figures import FIGURES, NOT_MEASURED

NEEDS_PEERS = ("peer_ratio", "peer_cpu_ratio")


@pytest.mark.timeout(900)
def test_a_quick_run_measures_every_figure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", "--to", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads((tmp_path / "bench.json").read_text())
    for figure in (figure for figures in FIGURES.values() for figure in figures):
        entry = told[figure.key]
        assert entry == NOT_MEASURED if isinstance(entry, str) else entry["rounds"], figure.key
    assert (tmp_path / "bench.svg").read_text().startswith("<?xml")
    assert told["mesh_steps_per_s"]["median"] > 0
