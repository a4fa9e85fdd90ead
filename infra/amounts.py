"""The amounts in a message, found by their type, and their sums."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from contracts.money import Money, total


def amounts(value: Any, path: str = "") -> Iterator[tuple[str, Money]]:
    """Every amount in a message or a part of one, with the field that it is in; the members of a list share theirs."""
    if isinstance(value, Money):
        yield path, value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from amounts(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from amounts(part, path)
    elif isinstance(value, tuple | list | set | frozenset):
        for part in value:
            yield from amounts(part, path)


class Sums:
    """How many messages of each type there are, and the sum of each of their amounts by currency."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self._amounts: dict[tuple[str, str, str], list[Money]] = defaultdict(list)

    def add(self, name: str, message: Any) -> None:
        self.count[name] += 1
        for path, amount in amounts(message):
            self._amounts[name, path, amount.currency].append(amount)

    def keys(self) -> set[tuple[str, str, str]]:
        """Type, field and currency of every amount."""
        return set(self._amounts)

    def sum(self, key: tuple[str, str, str]) -> Money:
        return total(self._amounts.get(key, ()), key[2])


class Compared(Struct, frozen=True):
    """One amount of one type of message: what was said, what would be said, and the difference."""

    type: str
    field: str
    said: Money
    instead: Money
    more: Money


def compared(said: Sums, instead: Sums) -> Iterable[Compared]:
    """Every amount that either side has, by type, field and currency."""
    for key in sorted(said.keys() | instead.keys()):
        was, would = said.sum(key), instead.sum(key)
        yield Compared(key[0], key[1], was, would, would - was)


__all__ = ["Compared", "Sums", "amounts", "compared"]
