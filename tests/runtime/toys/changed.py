"""The toys as a later version of their code would have them."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from contracts.message import Message
from shared.decider import Wiring, wire_service
from tests.runtime.toys import alarm, counter, echo, glass, price, rate, reference
from tests.runtime.toys.messages import TYPES

TOYS: Mapping[str, Any] = {one.__name__: one for one in (alarm, counter, echo, glass, price, rate)}


def changed(module: ModuleType, **parts: Any) -> Any:
    """The same module with other functions in it."""
    later = ModuleType(module.__name__, module.__doc__)
    later.__dict__.update({**vars(module), **parts, "__name__": module.__name__})
    return later


def wired(*later: Any, without: tuple[ModuleType, ...] = (), types: Mapping[str, type[Message]] = TYPES) -> Wiring:
    """The toy service with some of its modules changed, or gone."""
    modules = {**TOYS, **{one.__name__: one for one in later}}
    return wire_service("toys", [one for one in modules.values() if one not in without], reference, types)
