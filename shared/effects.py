"""An effect worker does what no decision may: it calls the outside, and tells the actor that asked what came of it.

It is a plain module whose signatures are its wiring, as an actor's are:

    async def perform(request: Asked, call: Call[None]) -> Confirm | Refuse          makes the call
    async def lookup(request: Asked, call: Call[None]) -> Confirm | Refuse | None    finds what came of it

`request` is an event of the service; what is returned is a command to the actor that said it. `call.id` is the
idempotency key. `perform` raises Unavailable when the call has certainly had no effect, InDoubt when it may have had
one; a no for good is an outcome like any other. After InDoubt, or when the process died meanwhile, `lookup` asks the
other side by the natural key: None says that the call never reached it. What else a module may have:

    at_once: int                 calls in progress at most (4)
    patience: float              seconds that one call may take (20)
    retries: Sequence[float]     seconds between attempts; the last is repeated
    destination(request) -> str  what a breaker watches; without it all calls of the worker are one destination
    failed(request, call, failure, again_at) -> Command     told to the actor after each attempt without an outcome
    feed(before, fact) -> Feed | None, concerns(request)    see Feed
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Generic, Protocol, TypeVar, get_type_hints, runtime_checkable

from contracts.message import Command, Event, Message, Record, name_of
from shared.breaker import RETRIES
from shared.decider import Wiring, WiringError, entity_of, members, message_types
from shared.hearing import matching
from shared.outside import Answer, Failure, InDoubt, Outside, Unavailable


@runtime_checkable
class Calls(Protocol):
    """What a module must have to be an effect worker."""

    @property
    def perform(self) -> Callable[[Any, Any], Awaitable[Message]]: ...

    @property
    def lookup(self) -> Callable[[Any, Any], Awaitable[Message | None]]: ...


class Feed(Record):
    """What an actor wants to be called about that others say: the events that match, one at a time, in the log's order.

    A module with `feed` keeps one for each actor of an entity: folded from that actor's facts, None when there is none
    any more. A new `run` begins anew after `after`; in the same run only `active` and the module's own fields change.
    `concerns(request)`: whether an event that matches is wanted.
    """

    key: str
    """The actor's, and its id."""
    journey: str
    run: int
    after: int
    events: tuple[str, ...]
    """Names of events; * stands for any one of the four parts."""
    keys: tuple[str, ...]
    """All when empty."""
    active: bool

    @property
    def filters(self) -> list[str]:
        """Where the events are kept that match."""
        return matching(self.events, self.keys)


F = TypeVar("F", bound=Feed | None)


@dataclass(frozen=True)
class Call(Generic[F]):
    """One attempt: its number from 1, what identifies the call to the other side, and the way there."""

    id: str
    attempt: int
    feed: F
    outside: Outside


@dataclass(frozen=True)
class Effect:
    """One effect module, checked, with what its signatures say."""

    service: str
    entity: str
    module: Any
    requested: tuple[type[Message], ...]
    """Empty for one that is fed."""
    says: tuple[type[Message], ...]
    follows: tuple[type[Message], ...]
    """The facts that feeds are folded from."""
    types: Mapping[str, type[Message]]

    @property
    def at_once(self) -> int:
        return 1 if self.follows else int(getattr(self.module, "at_once", 4))

    @property
    def patience(self) -> float:
        return float(getattr(self.module, "patience", 20.0))

    @property
    def retries(self) -> Sequence[float]:
        return tuple(getattr(self.module, "retries", RETRIES))

    @property
    def source(self) -> str:
        return f"/{self.service}/{self.entity}"


def outcomes(module: Calls) -> tuple[type[Message], ...]:
    """The commands by which a module says what came of a call, or of an attempt."""
    functions = [getattr(module, name) for name in ("perform", "failed") if hasattr(module, name)]
    returned = [get_type_hints(function).get("return") for function in functions]
    where = f"{module.__name__ if inspect.ismodule(module) else module} says"
    return tuple(dict.fromkeys(item for one in returned for item in message_types(one, where)))


def requests(module: Calls) -> tuple[type[Message], ...]:
    """The events that a module answers; Event itself for one that is fed."""
    return message_types(_parameter(module, "perform", 0), f"{entity_of(module)}.perform answers")


def follows(module: Calls) -> tuple[type[Message], ...]:
    """The facts that a module's feeds are folded from; none without `feed`."""
    if not hasattr(module, "feed"):
        return ()
    return message_types(_parameter(module, "feed", 1), f"{entity_of(module)}.feed folds")


def wire_effect(wiring: Wiring, module: Calls) -> Effect:
    """`module` as an effect worker of the service. WiringError says what contradicts what."""
    entity = entity_of(module)
    for needed in ("perform", "lookup"):
        if not inspect.iscoroutinefunction(getattr(module, needed, None)):
            raise WiringError(f"{entity} has no async {needed}: an effect worker needs perform and lookup")
    said, fed = outcomes(module), follows(module)
    requested = () if fed else requests(module)
    found = get_type_hints(module.lookup).get("return")
    if {item for item in members(found) if item is not NoneType} != set(message_types(_performed(module), entity)):
        raise WiringError(f"{entity}.lookup must find what perform returns, or None")
    if _parameter(module, "lookup", 0) != _parameter(module, "perform", 0):
        raise WiringError(f"{entity}.lookup and perform answer different requests")
    heard = {item for actor in wiring.actors.values() for item in actor.hears}
    spoken = {item for actor in wiring.actors.values() for item in actor.says}
    for item in said:
        if not issubclass(item, Command) or item not in heard:
            raise WiringError(f"{entity} says {name_of(item)}, which is no command to an actor of {wiring.service}")
    for item in (*requested, *fed):
        if not issubclass(item, Event) or item not in spoken:
            raise WiringError(f"{entity} hears {name_of(item)}, which no actor of {wiring.service} says")
    if entity in wiring.actors:
        raise WiringError(f"{wiring.service} has an actor and an effect worker that are both named {entity}")
    return Effect(wiring.service, entity, module, requested, said, fed, wiring.types)


def _performed(module: Calls) -> Any:
    return get_type_hints(module.perform).get("return")


def _parameter(module: Calls, function: str, at: int) -> Any:
    known: Any = getattr(module, function)
    hints = get_type_hints(known, include_extras=True)
    names = known.__code__.co_varnames[: known.__code__.co_argcount]
    if len(names) != 2 or names[at] not in hints:
        raise WiringError(f"{entity_of(module)}.{function} must take two parameters and annotate them")
    return hints[names[at]]


__all__ = [
    "Answer",
    "Call",
    "Calls",
    "Effect",
    "Failure",
    "Feed",
    "InDoubt",
    "Outside",
    "Unavailable",
    "follows",
    "outcomes",
    "requests",
    "wire_effect",
]
