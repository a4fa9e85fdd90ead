"""What is measured: each figure by its key in `build/bench.json`, with its unit and, where there is one, its goal."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from msgspec import Struct

NOT_MEASURED = "not measured"


class Figure(Struct, frozen=True):
    """One line of the table. `goal` is met when the median is on the right side of it."""

    key: str
    what: str
    unit: str = ""
    goal: float | None = None
    better: Literal["higher", "lower"] = "higher"
    digits: int = 1

    def met(self, value: float) -> bool | None:
        """None where there is no goal."""
        if self.goal is None:
            return None
        return value >= self.goal if self.better == "higher" else value <= self.goal

    def told(self, value: float) -> str:
        return f"{value:,.{self.digits}f} {self.unit}".strip()

    @property
    def told_goal(self) -> str:
        return "" if self.goal is None else f"{'≥' if self.better == 'higher' else '≤'} {self.told(self.goal)}"


FIGURES: Mapping[str, Sequence[Figure]] = {
    "Ceiling: one service's loop with a real actor beside a bare one": (
        Figure("ceiling_ratio", "real loop / bare loop, messages a second", "", 0.6, digits=2),
        Figure("loop_messages_per_s", "the real loop", "messages/s", digits=0),
        Figure("bare_messages_per_s", "the bare loop", "messages/s", digits=0),
        Figure("loop_cpu_us", "CPU of the service a message, real loop", "µs", digits=0),
        Figure("bare_cpu_us", "CPU of the service a message, bare loop", "µs", digits=0),
    ),
    "Whole flows: quote to cash through all four services": (
        Figure("flows_per_s", "flows a second", "flows/s"),
        Figure("events_per_s", "commands and events on the log a second", "messages/s", digits=0),
        Figure("cpu_s_per_flow", "CPU of services and server a flow", "s", digits=4),
        Figure("flow_p50_ms", "quote accepted → invoice issued, half load: p50", "ms"),
        Figure("flow_p99_ms", "… p99", "ms"),
        Figure("flow_p999_ms", "… p99.9", "ms"),
        Figure("flow_p99_over_p50", "p99 / p50 at half load", "times", 10, "lower"),
        Figure("hop_p50_ms", "one hop on an idle mesh, with its fsyncs: p50", "ms", 5, "lower", 2),
        Figure("hop_p99_ms", "… p99", "ms", digits=2),
    ),
    "Peers: chains of 20 durable steps": (
        Figure("peer_ratio", "this mesh / the best peer, steps a second", "times", 20),
        Figure("peer_cpu_ratio", "CPU a step: the thriftiest peer / this mesh", "times", 1),
    ),
    "Growth": (
        Figure("growth_100k", "CPU a message with 100,000 actors / with 1,000", "times", 1.3, "lower", 2),
        Figure("growth_1m", "CPU a message with 1,000,000 actors / with 1,000", "times", 1.3, "lower", 2),
        Figure(
            "growth_1k_events", "CPU a message with 1,000 events behind an actor / with 10", "times", 1.3, "lower", 2
        ),
        Figure(
            "growth_10k_events", "CPU a message with 10,000 events behind an actor / with 10", "times", 1.3, "lower", 2
        ),
        Figure("restore_events_per_s", "restored from the log alone", "events/s", 40_000, digits=0),
        Figure("snapshot_restore_s", "restored from a snapshot at 1,000,000 events", "s", 2, "lower"),
        Figure("rss_mb_1m_actors", "memory of a service with 1,000,000 actors", "MB", 200, "lower", 0),
    ),
}


class Rounds(Struct, frozen=True):
    """What the rounds gave for one figure."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def low(self) -> float:
        return min(self.rounds)

    @property
    def high(self) -> float:
        return max(self.rounds)


Found = Mapping[str, Rounds | str]
"""By key: what was measured, or why it was not."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)]
