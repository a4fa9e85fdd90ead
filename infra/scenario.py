"""A scenario is a story in JSON lines: what is said, how time passes, and what must come of it."""

import difflib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from contracts import wire
from contracts.message import Identifier, Instant, Message, Question, utc
from infra.failure import WRONG, Failure


class _Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all steps have in common."""


class Say(_Line, frozen=True, kw_only=True):
    """A message is said at the scenario's instant; `twice`: once more under the same id, at a place of its own."""

    say: str
    key: Identifier
    data: Raw = Raw(b"{}")
    twice: bool = False
    id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class Tick(_Line, frozen=True, kw_only=True):
    """Time moves, day by day, to this instant."""

    tick: Instant


class Ask(_Line, frozen=True, kw_only=True):
    """A question is answered with at least what `reply` says."""

    ask: str
    key: Identifier
    data: Raw = Raw(b"{}")
    reply: Any = None


class Expect(_Line, frozen=True, kw_only=True):
    """A message has been said since the last thing said or the last tick."""

    expect: str
    where: Mapping[str, Any] = {}


class Quiet(_Line, frozen=True, kw_only=True):
    """Nothing further is said."""

    quiet: Literal[True]


class ExpectBooks(_Line, frozen=True, kw_only=True):
    """The books of a legal entity hold these figures."""

    books: Identifier
    as_of: date | None = None
    where: Mapping[str, Any] = {}


class Note(_Line, frozen=True, kw_only=True):
    """A heading for those who watch."""

    note: str


Action = Say | Tick | Ask | Expect | Quiet | ExpectBooks | Note
_ACTIONS: Mapping[str, type[Action]] = {
    "say": Say,
    "tick": Tick,
    "ask": Ask,
    "expect": Expect,
    "quiet": Quiet,
    "books": ExpectBooks,
    "note": Note,
}


class Step(Struct, frozen=True):
    """One line of a scenario, checked against the contracts."""

    line: int
    action: Action
    message: Message | None = None
    """What is said or asked."""


def read(text: str, name: str = "scenario") -> list[Step]:
    """All steps of a scenario, one at least. Failure names the first line that cannot be played, and the field."""
    steps = [_step(line, number, name) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not steps:
        raise Failure(f"{name} has no steps: see `infra/scenarios/half_year.jsonl` for some", WRONG)
    now: datetime | None = None
    for step in steps:
        if isinstance(step.action, Tick):
            if now is not None and step.action.tick <= now:
                raise Failure(
                    f"{name} line {step.line}: time moves on only, it is {now:%Y-%m-%dT%H:%MZ} already", WRONG
                )
            now = utc(step.action.tick)
    return steps


def _step(line: str, number: int, name: str) -> Step:
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
        verbs = [verb for verb in _ACTIONS if verb in fields]
        if len(verbs) != 1:
            wanted = ", ".join(_ACTIONS)
            raise Failure(f"{name} line {number}: a step is exactly one of {wanted}", WRONG)
        action = msgspec.json.decode(line, type=_ACTIONS[verbs[0]])
        return Step(number, action, _message(action))
    except (msgspec.MsgspecError, LookupError, wire.Refused) as problem:
        told = problem.args[0] if isinstance(problem, LookupError) else wire.told(problem)
        raise Failure(f"{name} line {number}: {told}", WRONG) from None


def _message(action: Action) -> Message | None:
    if isinstance(action, Expect):
        _known(action.expect)
    if isinstance(action, Say):
        said = _known(action.say)
        if issubclass(said, Question):
            raise LookupError(f"{action.say} is a question: use ask")
        return wire.decode(said, bytes(action.data))
    if isinstance(action, Ask):
        asked = _known(action.ask)
        if not issubclass(asked, Question):
            raise LookupError(f"{action.ask} is not a question: use say")
        return wire.decode(asked, bytes(action.data))
    return None


def _known(name: str) -> type[Message]:
    found = wire.catalogue().get(name)
    if found is None:
        raise LookupError(f"there is no message named {name}{suggestion(name)}")
    return found


def suggestion(name: str) -> str:
    """A name that may have been meant."""
    near = difflib.get_close_matches(name, wire.catalogue(), n=1)
    return f": is {near[0]} meant?" if near else ""
