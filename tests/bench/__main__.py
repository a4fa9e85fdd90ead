"""`make bench`: everything is measured in interleaved rounds, written to build/, and told in a table with its goals."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from infra.fleet import ROOT
from tests.bench import picture, report
from tests.bench.ceiling import CEILING
from tests.bench.contest import CONTEST
from tests.bench.flows import FLOWS
from tests.bench.growth import GROWTH
from tests.bench.hop import HOP
from tests.bench.replicas import REPLICAS
from tests.bench.rounds import QUICK, Sizes, measured

ALL = (HOP, CEILING, FLOWS, CONTEST, GROWTH, REPLICAS)
"""In the order of a round."""


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Only see that everything still works.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Measure only these: {', '.join(one.name for one in ALL)}.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="How often everything is measured; 5 unless told.", min=1)] = None,
    to: Annotated[Path, typer.Option(help="Where bench.json and bench.svg are written.")] = ROOT / "build",
) -> None:
    """Measure the speed of the mesh, beside its peers."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    sizes = QUICK if quick else Sizes()
    if rounds is not None:
        sizes = msgspec.structs.replace(sizes, rounds=rounds)
    chosen = [one for one in ALL if not only or one.name in only]
    with tempfile.TemporaryDirectory(prefix="q2c-bench-") as folder:
        found = asyncio.run(measured(chosen, sizes, Path(folder), lambda told: console.print(f"[dim]{told}")))
    title = "make bench --quick: it works; its figures mean nothing" if quick else "make bench"
    report.show(found, console, title)
    report.write(report.document(found, sizes), to / "bench.json")
    picture.draw(found, sizes, to / "bench.svg")
    console.print(f"written: {to / 'bench.json'}, {to / 'bench.svg'}")


if __name__ == "__main__":
    typer.run(bench)
