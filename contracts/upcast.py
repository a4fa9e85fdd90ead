"""What was said years ago must still be heard: one pure function per retired version of a message."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Data = dict[str, Any]


class Upcast(NamedTuple):
    """How the data of a retired version becomes data of the version that followed it."""

    successor: str
    raise_to: Callable[[Data], Data]


RETIRED: Mapping[str, Upcast] = {}
"""By retired name. Empty until the first release freezes v1 of every message."""


def ancestors(name: str, retired: Mapping[str, Upcast] = RETIRED) -> tuple[str, ...]:
    """`name` and every retired name whose messages are heard as `name`, oldest last."""
    names = [name]
    for known in names:
        names.extend(old for old, upcast in retired.items() if upcast.successor == known and old not in names)
    return tuple(names)


def successor(name: str, retired: Mapping[str, Upcast] = RETIRED) -> str:
    """The name under which today's contracts know what was said as `name`."""
    while name in retired:
        name = retired[name].successor
    return name


def current(name: str, data: Data, retired: Mapping[str, Upcast] = RETIRED) -> tuple[str, Data]:
    """The name and data that today's contracts know for what was said as `name`."""
    while name in retired:
        name, data = retired[name].successor, retired[name].raise_to(data)
    return name, data
