"""Who says what and who hears it, read from the signatures of the actors."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, get_type_hints

from msgspec import Struct

from contracts import runtime, wire
from contracts.message import Broadcast, Command, Event, Internal, Message, Question, name_of
from infra.fleet import ROOT, SERVICES
from shared import decider

KINDS: Mapping[type[Message], str] = {
    Internal: "internal command",
    Command: "command",
    Broadcast: "broadcast",
    Event: "event",
    Question: "question",
}
ANYONE = "anyone"
CLOCK = "the clock"


class Role(Struct, frozen=True):
    """The part a message plays in the mesh. Modules are named `service.module`."""

    kind: str
    said_by: tuple[str, ...]
    heard_by: tuple[str, ...]


def modules(service: str) -> Iterator[ModuleType]:
    """The modules of a service that are actors, its reference, or projections."""
    for found in pkgutil.iter_modules([str(ROOT / "services" / service)]):
        if found.name != "app":
            module = importlib.import_module(f"services.{service}.{found.name}")
            if is_actor(module) or is_reference(module) or is_projection(module):
                yield module


def is_actor(module: ModuleType) -> bool:
    return hasattr(module, "decide") and hasattr(module, "actor_id")


def is_reference(module: ModuleType) -> bool:
    return module.__name__.endswith(".reference") and hasattr(module, "evolve")


def is_projection(module: ModuleType) -> bool:
    return hasattr(module, "project") and hasattr(module, "tables")


def short(module: ModuleType) -> str:
    return module.__name__.removeprefix("services.")


def heard_by(module: ModuleType) -> tuple[type[Message], ...]:
    """What a module hears; empty for a projection of the whole log."""
    if is_actor(module):
        return decider.hears(module)
    function = module.evolve if is_reference(module) else module.project
    parameter = 1 if is_reference(module) else 0
    hints: dict[str, Any] = get_type_hints(function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return tuple(found for found in decider.members(hints[names[parameter]]) if found is not Message)


def roles() -> Mapping[str, Role]:
    """The role of every message of the catalogue, by name."""
    said: dict[str, list[str]] = {}
    heard: dict[str, list[str]] = {}
    for service in SERVICES:
        for module in modules(service):
            for item in decider.says(module) if is_actor(module) else ():
                said.setdefault(name_of(item), []).append(short(module))
            for item in heard_by(module):
                if isinstance(item.__struct_config__.tag, str):
                    heard.setdefault(name_of(item), []).append(short(module))
            for question in decider.asked(module):
                heard.setdefault(name_of(question), []).append(short(module))
    found: dict[str, Role] = {}
    for name, item in sorted(wire.catalogue().items()):
        speakers, hearers = said.get(name, []), heard.get(name, [])
        if item in runtime.of(name.split(".", maxsplit=1)[0]).all:
            of_runtime = [f"the runtime of {name.split('.')[0]}"]
            speakers, hearers = (of_runtime, hearers) if issubclass(item, Event) else ([], of_runtime)
        if name == runtime.TICK:
            speakers, hearers = [CLOCK], ["every actor that has wakes", *hearers]
        if not issubclass(item, Event | Internal):
            speakers = [*speakers, ANYONE]
        found[name] = Role(kind_of(item), tuple(sorted(speakers)), tuple(sorted(hearers)))
    return found


def kind_of(item: type[Message]) -> str:
    return next(kind for base, kind in KINDS.items() if issubclass(item, base))
