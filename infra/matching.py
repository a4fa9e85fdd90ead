"""What a scenario expects of a message: some values at some paths, all the rest may be as it likes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

ABSENT = object()


class Difference(NamedTuple):
    """A path at which something else was found than was expected."""

    path: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        found = "nothing" if self.found is ABSENT else repr(self.found)
        return f"{self.path} is {found}, not {self.wanted!r}"


def differences(where: Mapping[str, Any], data: Any) -> list[Difference]:
    """What keeps `data` from matching `where`: dotted paths and the values, or parts of values, at their ends."""
    found: list[Difference] = []
    for path, wanted in where.items():
        value = at(data, path)
        found.extend(_unlike(wanted, value, path))
    return found


def at(data: Any, path: str) -> Any:
    """The value at a dotted path, ABSENT when there is none.

    Inside a list a part of the path is an index, or a value by which an item is known: `contracts.SOW-A.value` is the
    value of the contract that has SOW-A in one of its fields.
    """
    return _at(data, path.split("."))


def _at(data: Any, parts: Sequence[str]) -> Any:
    if not parts:
        return data
    # A name may have dots of its own, such as `billed.EUR`: the longest one that is there is meant.
    for taken in range(len(parts), 0, -1):
        inner = _step(data, ".".join(parts[:taken]))
        if inner is not ABSENT:
            value = _at(inner, parts[taken:])
            if value is not ABSENT:
                return value
    return ABSENT


def _step(data: Any, part: str) -> Any:
    if isinstance(data, Mapping):
        return data.get(part, ABSENT)
    if not isinstance(data, list):
        return ABSENT
    if part.isdigit() and int(part) < len(data):
        return data[int(part)]
    for item in data:
        if isinstance(item, Mapping) and part in item.values():
            return item
        if isinstance(item, list) and len(item) == 2 and item[0] == part:
            return item[1]
    return ABSENT


def _unlike(wanted: Any, found: Any, path: str) -> Iterator[Difference]:
    """Where `found` lacks something of `wanted`; it may have more."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            yield from _unlike(value, found.get(name, ABSENT), f"{path}.{name}" if path else name)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _unlike(one, other, f"{path}.{index}" if path else str(index))
    elif wanted != found or isinstance(wanted, bool) is not isinstance(found, bool):
        yield Difference(path or "it", wanted, found)


def unlike(wanted: Any, found: Any) -> list[Difference]:
    """The same for a whole value, such as a reply."""
    return list(_unlike(wanted, found, ""))
