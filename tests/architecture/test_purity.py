"""Business logic is a pure module: what an actor decides depends on its state and the message alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = sorted(file for file in (ROOT / "services").glob("*/*.py") if file.name != "app.py")

PURE = {
    "bisect",
    "calendar",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "json",
    "math",
    "msgspec",
    "operator",
    "re",
    "string",
    "types",
    "typing",
    "zoneinfo",
}
READ_MODELS = {"sqlite3"}
"""What the projections of observability, which are made of rows, may know besides."""
EFFECTS = {"shared", "standardwebhooks"}
"""What the effect workers, which call the outside, may know besides. How they call is the runtime's."""
NAMES = {"open", "print", "input", "eval", "exec", "id", "hash", "globals", "__import__"}
"""Built-ins that reach outside, or that differ from one process to the next."""
CLOCKS = {"now", "today", "utcnow", "fromtimestamp", "uuid1", "uuid4", "random", "token_hex"}


def impurities(source: str, service: str) -> Iterator[str]:
    """What in a module is not pure, each with its line."""
    tree = ast.parse(source)
    decides = any(isinstance(node, ast.FunctionDef) and node.name in ("decide", "evolve") for node in tree.body)
    calls = any(isinstance(node, ast.AsyncFunctionDef) and node.name == "perform" for node in tree.body) and not decides
    allowed = PURE | READ_MODELS if service == "observability" and not decides else PURE
    allowed = PURE | EFFECTS if calls else allowed
    for node in ast.walk(tree):
        for name in _imported(node):
            top = name.split(".")[0]
            if top != "contracts" and not name.startswith(f"services.{service}") and top not in allowed:
                yield f"{node.lineno}: imports {name}"  # type: ignore[attr-defined]  # only statements are imports
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith() if not calls:
                yield f"{node.lineno}: is asynchronous"
            case ast.Call(func=ast.Name(id=name)) if name in NAMES:
                yield f"{node.lineno}: calls {name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS and not calls:
                yield f"{node.lineno}: calls {ast.unparse(node.func)}"
            case ast.For(iter=over) | ast.comprehension(iter=over) if _is_set(over):
                yield f"{over.lineno}: iterates a set"
            case ast.Global() | ast.Nonlocal():
                yield f"{node.lineno}: changes what is around it"
            case _:
                pass


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names) if module == "services":
            return [f"services.{alias.name}" for alias in names]
        case ast.ImportFrom(module=module):
            return [module or "."]
        case _:
            return []


def _is_set(over: ast.expr) -> bool:
    """A set, as far as one can see where it is written. `sorted({…})` is none."""
    match over:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.BinOp(left=left, right=right, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return _is_set(left) or _is_set(right)
        case _:
            return False


@pytest.mark.parametrize("file", DOMAIN, ids=lambda file: f"{file.parent.name}.{file.stem}")
def test_a_domain_module_is_pure(file: Path) -> None:
    assert list(impurities(file.read_text(), file.parent.name)) == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import os", "imports os"),
        ("import random", "imports random"),
        ("from time import time", "imports time"),
        ("from services.finance import tax", "imports services.finance"),
        ("from services import finance", "imports services.finance"),
        ("import nats.aio", "imports nats.aio"),
        ("import sqlite3\ndef decide(): ...", "imports sqlite3"),
        ("from datetime import datetime\nat = datetime.now()", "calls datetime.now"),
        ("from datetime import date\nday = date.today()", "calls date.today"),
        ("async def decide(): ...", "is asynchronous"),
        ("lines = open('rates')", "calls open"),
        ("for one in {1, 2}: ...", "iterates a set"),
        ("out = [one for one in set(found)]", "iterates a set"),
        ("out = [one for one in {1} | found]", "iterates a set"),
    ],
)
def test_what_is_not_pure_is_noticed(source: str, told: str) -> None:
    assert [found.split(": ")[1] for found in impurities(source, "commercial")] == [told]


@pytest.mark.parametrize(
    "source",
    [
        "from services.commercial import pricing",
        "from contracts.money import Money",
        "out = [one for one in sorted({1, 2})]",
        "held = 1 in {1, 2}",
    ],
)
def test_what_is_pure_is_left_alone(source: str) -> None:
    assert list(impurities(source, "commercial")) == []


def test_a_read_model_knows_rows_and_an_actor_does_not() -> None:
    assert list(impurities("import sqlite3\ndef project(): ...", "observability")) == []
    assert list(impurities("import sqlite3\ndef decide(): ...", "observability")) == ["1: imports sqlite3"]
    assert list(impurities("import sqlite3\ndef project(): ...", "finance")) == ["1: imports sqlite3"]


def test_an_effect_worker_waits_and_an_actor_does_not() -> None:
    worker = "from shared.effects import Call\nasync def perform(): ..."
    assert list(impurities(worker, "finance")) == []
    assert list(impurities(f"{worker}\ndef decide(): ...", "finance")) == [
        "1: imports shared.effects",
        "2: is asynchronous",
    ]
    assert list(impurities("import httpx\nasync def perform(): ...", "finance")) == ["1: imports httpx"]
