"""Money is exact: a decimal text and an ISO 4217 currency, added without float and rounded by one policy."""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import Annotated, Self

import iso4217
from msgspec import Meta, Struct
from msgspec.structs import force_setattr

DECIMAL_PATTERN = r"^-?[0-9]{1,18}(\.[0-9]{1,10})?$"
_DECIMAL = re.compile(DECIMAL_PATTERN)
_EXACT = Context(prec=50)
"""Wide enough for every product and quotient of the domain; a result is rounded once, at a declared point."""

DecimalText = Annotated[
    str,
    Meta(pattern=DECIMAL_PATTERN, description="A decimal number as text, such as 19 or 93.3333; never a JSON number."),
]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code.")]

LARGEST = 10**13
"""Nobody agrees, spends or pays more at once: so every sum and product of amounts can be written as money."""


@cache
def minor_units(currency: str) -> int:
    """Decimal places of `currency` by ISO 4217. Raises ValueError for a code that is not money."""
    try:
        exponent = iso4217.Currency(currency).exponent
    except ValueError:
        raise ValueError(f"unknown currency {currency!r}: use an ISO 4217 code such as EUR") from None
    if exponent is None:
        raise ValueError(f"{currency} has no minor unit and cannot be owed: use a national currency")
    return exponent


def exact(text: str) -> Decimal:
    """The number that `text` spells. Raises ValueError for exponents, NaN, underscores and blanks."""
    if _DECIMAL.match(text) is None or text[-1] == "\n":
        raise ValueError(f"{text!r} is not a plain decimal number")
    return Decimal(text)


class Money(Struct, frozen=True):
    """An amount in the minor unit of its currency: `{"amount": "180000.00", "currency": "EUR"}`."""

    amount: DecimalText
    currency: CurrencyCode

    def __post_init__(self) -> None:
        places = minor_units(self.currency)
        value = exact(self.amount)
        canonical = value.quantize(Decimal(1).scaleb(-places), context=_EXACT)
        if canonical != value:
            raise ValueError(f"{self.amount} has more decimals than the {places} of {self.currency}")
        force_setattr(self, "amount", str(canonical if canonical else abs(canonical)))

    @classmethod
    def rounded(cls, value: Decimal, currency: str) -> Self:
        """`value` half-up (away from zero) at the minor unit: the one rounding policy (domain 4.1)."""
        return cls(str(value.quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP, _EXACT)), currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls("0", currency)

    @property
    def value(self) -> Decimal:
        return Decimal(self.amount)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(str(self.value + other.value), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(str(self.value - other.value), self.currency)

    def __neg__(self) -> "Money":
        return Money(str(-self.value), self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.value < other.value

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.value <= other.value

    def __gt__(self, other: "Money") -> bool:
        return other < self

    def __ge__(self, other: "Money") -> bool:
        return other <= self

    def __bool__(self) -> bool:
        return self.value != 0

    def __str__(self) -> str:
        return f"{self.value:,} {self.currency}"

    def times(self, numerator: Decimal | int, denominator: Decimal | int = 1) -> "Money":
        """`self * numerator / denominator`, rounded once at the end."""
        return Money.rounded(ratio(self.value, numerator, denominator), self.currency)


def ratio(value: Decimal, numerator: Decimal | int, denominator: Decimal | int = 1) -> Decimal:
    """`value * numerator / denominator` with 50 digits, so that one final rounding is the only one."""
    return _EXACT.divide(_EXACT.multiply(value, Decimal(numerator)), Decimal(denominator))


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of `amounts`, zero of `currency` when there are none."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result


def allocate(whole: Money, weights: Sequence[Decimal | int]) -> tuple[Money, ...]:
    """Split `whole` by `weights` so that the parts sum to it: largest remainder, ties by position (domain 4.1, I06)."""
    if not weights or any(weight < 0 for weight in weights) or not any(weights):
        raise ValueError("weights must be non-negative and not all zero")
    scale = minor_units(whole.currency)
    units = int(abs(whole.value).scaleb(scale))
    base = sum(Decimal(weight) for weight in weights)
    shares = [_EXACT.divide(_EXACT.multiply(Decimal(units), Decimal(weight)), base) for weight in weights]
    floors = [int(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda at: (floors[at] - shares[at], at))
    for at in by_remainder[: units - sum(floors)]:
        floors[at] += 1
    sign = -1 if whole.value < 0 else 1
    return tuple(Money(str(Decimal(sign * part).scaleb(-scale)), whole.currency) for part in floors)


__all__ = [
    "LARGEST",
    "CurrencyCode",
    "DecimalText",
    "Money",
    "allocate",
    "exact",
    "minor_units",
    "ratio",
    "total",
]
