"""A random story for the toys: it ends in the same states whatever order chance gives to what different keys say."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

import msgspec

from contracts import runtime
from contracts.message import Context, Message
from contracts.observability import ClockTicked
from shared.decider import Wiring
from tests.runtime.toys import glass, playground
from tests.runtime.toys.messages import Add, SetAlarm, SetPrice, SetRate, Touch
from tests.runtime.toys.playground import NOON
from tests.simulation.telling import Act, Story, Told
from tests.simulation.world import Line

KEYS = ("ACME", "BETA", "GAMMA", "DELTA", "OMEGA")
BREAKING = ("rough", "nowhere")
TEXTS = ("softly", "again", *BREAKING, "twice")


@cache
def toys() -> Wiring:
    return playground.wiring()


def story(random: Random) -> Story:
    """Glasses break until all is quiet; then they are mended, and whatever waits is heard."""
    glass.rough.clear()
    glass.rough.update(BREAKING)
    keys = random.sample(KEYS, 3)
    acts = [Act(_beginning(random, keys), glass.rough.clear), Act(_ending(random, keys))]
    return Story((toys(),), 4, acts, _settled)


def _beginning(random: Random, keys: Sequence[str]) -> list[Line]:
    """What is said while glasses break."""
    story = _Story(random)
    for _ in range(random.randint(4, 30)):
        story.tell(random.choice(keys))
    for percent in range(random.choice((0, 2, 5))):
        story.say(SetRate(percent=percent + 5), "world")
    for days in range(random.choice((0, 1, 3))):
        story.tick(days)
    return story.lines


def _ending(random: Random, keys: Sequence[str]) -> list[Line]:
    """What is said when they no longer do: whatever waits is heard, and every alarm has rung."""
    story = _Story(random, "end")
    for key in keys:
        for actor in ("g", "h"):
            story.say(Touch(glass=actor, text="at last"), key)
        for actor in (runtime.NO_ACTOR, "g", "h"):
            story.say(runtime.of("toys").retry(entity="glass", actor=actor), key)
    story.tick(400)
    return story.lines


class _Story:
    def __init__(self, random: Random, prefix: str = "m") -> None:
        self.lines: list[Line] = []
        self._random = random
        self._prefix = prefix
        self._alarms: dict[str, int] = {}

    def say(self, message: Message, key: str) -> None:
        identity = f"{self._prefix}{len(self.lines)}"
        context = Context(id=identity, source="/tests", key=key, at=NOON, correlation=f"j-{identity}")
        self.lines.append(Line(message, key, context))

    def tick(self, days: int) -> None:
        self.say(ClockTicked(instant=NOON + timedelta(days=days)), "world")

    def tell(self, key: str) -> None:
        random = self._random
        counter = random.choice(("c", "d", "loud"))
        match random.randrange(11):
            case 0 | 1 | 2:
                other = random.choice((None, *KEYS))
                times = random.choice((1, 1, 1, 1, 2, 5, 30))
                self.say(Add(counter=counter, amount=random.randint(1, 9), pass_on_to=other, times=times), key)
            case 3:
                self._alarms[key] = number = self._alarms.get(key, 0) + 1
                due = NOON + timedelta(hours=random.randint(0, 60))
                hours, rings = random.choice((1, 12, 30)), random.choice((1, 2, 9))
                self.say(SetAlarm(alarm=f"a{number}", at=due, again_after_hours=hours, rings=rings), key)
            case 4 | 5:
                self.say(Touch(glass=random.choice(("g", "h")), text=random.choice(TEXTS)), key)
            case 6 | 7 | 8:
                self.say(SetPrice(price=random.choice("pqrs"), amount=len(key)), key)
            case 9:
                self.say(runtime.of("toys").retry(entity="glass", actor="g"), key)
            case _:
                self.say(runtime.of("toys").discard(entity="glass", actor="g", reason="not worth mending"), key)


def _settled(told: Told) -> dict[str, Any]:
    """The states; not where on the log they are from, nor who was first to ask what many share."""
    found: dict[str, Any] = {}
    for name, text in (item for one in told.rows.values() for item in one["actor"].items()):
        state, wake, opener, _ = msgspec.json.decode(text)
        state = msgspec.json.decode(state)
        if name.startswith("rate/"):
            state, opener = state["percent"], None
        found[name] = (state, wake, None if name.startswith("echo/") else opener)
    return found


__all__ = ["story", "toys"]
