"""The figures as a picture: bars beside their goals, curves over growth; one look should do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from tests.bench.contest import PEERS
from tests.bench.figures import Found, Rounds
from tests.bench.replicas import key_of
from tests.bench.rounds import Sizes

INK, PALE, GOAL = "#1f5f8b", "#9db8c9", "#c0392b"
mpl.use("svg")


def draw(found: Found, sizes: Sizes, path: Path) -> None:
    """Eight panels in one SVG file."""
    with mpl.rc_context(
        {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none"}
    ):
        canvas = Canvas(figsize=(15, 16), layout="constrained")
        canvas.suptitle("Q2C Mesh: make bench (medians; thin lines from the lowest to the highest round)", fontsize=15)
        panels: Any = canvas.subplots(4, 2)
        _peers(panels[0, 0], found, "peers", "mesh_steps_per_s", "Durable steps a second, chains of 20")
        _peers(panels[0, 1], found, "peer_cpu_us", "mesh_step_cpu_us", "CPU a step in µs, client to server")
        _loops(panels[1, 0], found)
        _latency(panels[1, 1], found)
        _growth(panels[2, 0], found, sizes)
        _restore(panels[2, 1], found, sizes)
        _replicas(panels[3, 0], found, sizes)
        _flows(panels[3, 1], found)
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas.savefig(path)


def _bars(axes: Any, bars: Mapping[str, Rounds | str], title: str, digits: int = 0, *, log: bool = False) -> None:
    """Horizontal bars, the first on top, each with its median and spread written out."""
    axes.set_title(title, loc="left", fontweight="bold")
    for place, value in enumerate(bars.values()):
        if isinstance(value, str):
            axes.text(0.02, place, f" {value}", va="center", style="italic", transform=axes.get_yaxis_transform())
            continue
        axes.barh(place, value.median, color=INK if place == 0 else PALE)
        axes.plot([value.low, value.high], [place, place], color="black", linewidth=1)
        axes.text(value.high, place, f"  {value.median:,.{digits}f}", va="center")
    axes.set_yticks(range(len(bars)), list(bars))
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.margins(x=0.18)
    if log and any(isinstance(value, Rounds) for value in bars.values()):
        axes.set_xscale("log")


def _some(found: Found, key: str) -> Rounds | str:
    return found.get(key, "not measured")


def _peers(axes: Any, found: Found, group: str, mine: str, title: str) -> None:
    bars = {"this mesh": _some(found, mine)} | {peer.name: _some(found, f"{group}.{peer.name}") for peer in PEERS}
    _bars(axes, bars, title)


def _loops(axes: Any, found: Found) -> None:
    bars = {"real loop": _some(found, "loop_messages_per_s"), "bare loop": _some(found, "bare_messages_per_s")}
    ratio = _some(found, "ceiling_ratio")
    told = f"{ratio.median:.2f}, goal 0.6" if isinstance(ratio, Rounds) else ratio
    _bars(axes, bars, f"Messages a second of one service (ratio {told})")


def _latency(axes: Any, found: Found) -> None:
    bars = {
        "one hop, idle, p50": _some(found, "hop_p50_ms"),
        "one hop, idle, p99": _some(found, "hop_p99_ms"),
        "quote → invoice, half load, p50": _some(found, "flow_p50_ms"),
        "… p99": _some(found, "flow_p99_ms"),
        "… p99.9": _some(found, "flow_p999_ms"),
    }
    _bars(axes, bars, "Latency in ms, logarithmic", 1, log=True)


def _growth(axes: Any, found: Found, sizes: Sizes) -> None:
    """Cost a message over the number of actors and of events behind each, as multiples of the smallest."""
    axes.set_title("CPU a message as it grows, in multiples of the smallest", loc="left", fontweight="bold")
    _curve(axes, sizes.actors, [None, _some(found, "growth_100k"), _some(found, "growth_1m")], "actors", INK)
    behind = [None, _some(found, "growth_1k_events"), _some(found, "growth_10k_events")]
    _curve(axes, sizes.events_behind, behind, "events behind an actor", PALE)
    axes.axhline(1.3, color=GOAL, linestyle="--", linewidth=1, label="goal: at most 1.3")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right", frameon=False)


def _curve(axes: Any, sizes: Sequence[int], values: Sequence[Rounds | str | None], name: str, color: str) -> None:
    points = [
        (size, 1.0, 1.0, 1.0) if value is None else (size, value.median, value.low, value.high)
        for size, value in zip(sizes, values, strict=True)
        if not isinstance(value, str)
    ]
    xs, ys, lows, highs = zip(*points, strict=True)
    axes.plot(xs, ys, marker="o", color=color, label=name)
    axes.vlines(xs, lows, highs, color=color, linewidth=1)
    for x, y in zip(xs, ys, strict=True):
        axes.annotate(f"{y:.2f}", (x, y), textcoords="offset points", xytext=(0, 8), ha="center")


def _restore(axes: Any, found: Found, sizes: Sizes) -> None:
    bars = {
        f"{sizes.actors_with_events * sizes.events_behind[1]:,} events and more": "restore_events_per_s_short",
        f"{sizes.actors[1]:,} events and more": "restore_events_per_s",
        f"{sizes.actors[2]:,} events, once": "restore_events_per_s_1m",
    }
    told = "Events a second restored from the log alone (goal 40,000)"
    _bars(axes, {name: _some(found, key) for name, key in bars.items()}, told)


def _flows(axes: Any, found: Found) -> None:
    bars = {"quote to cash": _some(found, "flows_per_s")}
    events = _some(found, "events_per_s")
    told = f"{events.median:,.0f} messages" if isinstance(events, Rounds) else events
    _bars(axes, bars, f"Whole flows a second through four services ({told})", 1)


def _replicas(axes: Any, found: Found, sizes: Sizes) -> None:
    bars = {
        f"{partitions} partition{'s' * (partitions > 1)}, {replicas} replica{'s' * (replicas > 1)}": _some(
            found, key_of(partitions, replicas)
        )
        for partitions, replicas in sizes.partitions
    }
    _bars(axes, bars, "Messages a second over partitions and replicas")
