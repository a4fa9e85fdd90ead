"""Names of companies, as people spell them: like one another when they differ in case, legal form or a letter."""

import unicodedata
from difflib import SequenceMatcher

from cleanco import basename  # type: ignore[import-untyped]  # it has no type hints

LIKE = 0.85
"""From this share of letters in common on, two names may be one company's."""


def plain(name: str) -> str:
    """Without case, accents, signs and legal form: `Größe & Söhne GmbH` is `grosse sohne`."""
    letters = unicodedata.normalize("NFKD", basename(name) or name).casefold()
    kept = "".join(sign if sign.isalnum() else " " for sign in letters if not unicodedata.combining(sign))
    return " ".join(kept.split())


def block_of(name: str) -> str:
    """The first word: only names that share it are compared."""
    return plain(name).partition(" ")[0] or "-"


def are_alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, plain(one), plain(other), autojunk=False).ratio() >= LIKE
