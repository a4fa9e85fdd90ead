"""A currency code may look right and name no money: XXX, or one that ISO 4217 does not know."""

from contracts.money import minor_units


def is_currency(code: str) -> bool:
    """Whether an amount can be owed in `code`."""
    try:
        minor_units(code)
    except ValueError:
        return False
    return True
