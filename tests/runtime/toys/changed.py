"""A toy as a later version of its code would have it."""

from types import ModuleType
from typing import Any


def changed(module: ModuleType, **parts: Any) -> Any:
    """The same module with other functions in it."""
    later = ModuleType(module.__name__, module.__doc__)
    later.__dict__.update({**vars(module), **parts, "__name__": module.__name__})
    return later
