"""Writes what is generated from the contracts: schemas, samples that are missing, the catalogue, the wiring."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from contracts import wire
from contracts.message import Message, name_of
from infra import samples
from infra.fleet import ROOT, SERVICES
from infra.wiring import Role, heard_by, is_actor, modules, roles
from shared import decider

SCHEMAS = ROOT / "contracts" / "schemas"
SAMPLES = ROOT / "contracts" / "samples"
CATALOGUE = ROOT / "CATALOGUE.md"
_BEGIN, _END = "<!-- wiring: written by make docs -->", "<!-- end of wiring -->"


class Field(Struct, frozen=True):
    """One field of a message as its contract declares it."""

    name: str
    type: str
    default: str
    meaning: str


def fields(message_type: type[Message]) -> list[Field]:
    """The fields in their order, with the words that the contract has for them."""
    declared: dict[str, Field] = {}
    for one in reversed(message_type.__mro__):
        if issubclass(one, Message) and one is not Message:
            declared.update({field.name: field for field in _declared(one)})
    return [declared[name] for name in message_type.__struct_fields__]


@cache
def _declared(message_type: type[Message]) -> tuple[Field, ...]:
    try:
        source = textwrap.dedent(inspect.getsource(message_type))
    except (OSError, TypeError):
        return ()  # made for a service from a base that is read instead
    body = ast.parse(source).body[0]
    return tuple(_read(body)) if isinstance(body, ast.ClassDef) else ()


def _read(declaration: ast.ClassDef) -> Iterator[Field]:
    following = [*declaration.body[1:], None]
    for statement, after in zip(declaration.body, following, strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            words = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            default = "" if statement.value is None else ast.unparse(statement.value)
            meaning = " ".join(str(words).split())
            yield Field(statement.target.id, _type(statement.annotation), default, meaning)


def _type(annotation: ast.expr) -> str:
    """A type as it is written, without its constraints."""
    text = ast.unparse(annotation)
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        inner = annotation.slice
        text = ast.unparse(inner.elts[0]) if isinstance(inner, ast.Tuple) else text
    return text


def sample(name: str) -> Any:
    """The golden sample of a message, or one made from its contract when none is kept yet."""
    file = SAMPLES / f"{name}.json"
    return msgspec.json.decode(file.read_bytes()) if file.exists() else samples.data(wire.catalogue()[name])


def generated() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    found = {CATALOGUE: _catalogue(roles())}
    for name, message_type in sorted(wire.catalogue().items()):
        found[SCHEMAS / f"{name}.json"] = pretty(_schema(message_type))
    for service in SERVICES:
        canvas = ROOT / "services" / service / "README.md"
        if canvas.exists():
            found[canvas] = _with_wiring(canvas.read_text(), service)
    return found


def missing_samples() -> dict[Path, str]:
    """A sample for every message that has none. Samples are made once and then kept as they are."""
    return {
        SAMPLES / f"{name}.json": pretty(samples.data(message_type))
        for name, message_type in sorted(wire.catalogue().items())
        if not (SAMPLES / f"{name}.json").exists()
    }


def left_over() -> list[Path]:
    """Schemas and samples of messages that are not in the catalogue."""
    known = wire.catalogue()
    return [file for folder in (SCHEMAS, SAMPLES) for file in sorted(folder.glob("*.json")) if file.stem not in known]


def stale() -> list[str]:
    """What `make docs` would change, in words; nothing when all is current."""
    different = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    told = [f"{path.relative_to(ROOT)} is not current" for path in different]
    told += [f"{path.relative_to(ROOT)} is missing" for path in missing_samples()]
    return told + [f"{path.relative_to(ROOT)} is of no message that there is" for path in left_over()]


def write() -> list[Path]:
    """Bring everything up to date; what was changed."""
    changed = []
    for path, text in {**generated(), **missing_samples()}.items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            changed.append(path)
    for path in left_over():
        path.unlink()
        changed.append(path)
    return changed


def _schema(message_type: type[Message]) -> Any:
    """The JSON schema, in an order that never changes, whichever Python has read the docstrings."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: clean(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [clean(inner) for inner in value]
        return inspect.cleandoc(value) if isinstance(value, str) else value

    return clean(msgspec.json.decode(wire.encode(msgspec.json.schema(message_type))))


def pretty(value: Any) -> str:
    """JSON for people, ending with a line's end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _catalogue(parts: Mapping[str, Role]) -> str:
    lines = [
        "# Catalogue",
        "",
        "Every message of the mesh, written by `make docs` from `contracts/` and the signatures of the actors.",
        "A schema and a sample of each are in `contracts/schemas` and `contracts/samples`.",
        "`q2c contracts show TYPE` tells the same on a terminal.",
    ]
    for service, names in groupby(parts, key=_service):
        lines += ["", f"## {service}", ""]
        own = list(names)
        lines += ["| message | kind | meaning |", "|---|---|---|"]
        lines += [f"| [`{name}`](#{_anchor(name)}) | {parts[name].kind} | {_cell(_meaning(name))} |" for name in own]
        for name in own:
            lines += ["", *_entry(name, parts[name])]
    return "\n".join(lines) + "\n"


def _entry(name: str, role: Role) -> list[str]:
    message_type = wire.catalogue()[name]
    lines = [f"### {name}", "", inspect.getdoc(message_type) or "", ""]
    article = "An" if role.kind[0] in "aeiou" else "A"
    lines.append(f"{article} {role.kind}, said by {_listed(role.said_by)}, heard by {_listed(role.heard_by)}.")
    rows = fields(message_type)
    if rows:
        lines += ["", "| field | type | default | meaning |", "|---|---|---|---|"]
        lines += [f"| {row.name} | `{_cell(row.type)}` | {_code(row.default)} | {_cell(row.meaning)} |" for row in rows]
    return lines


def _with_wiring(text: str, service: str) -> str:
    """A service's page with what its actors hear and say between the two marks; unchanged where it has no marks."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        return text
    lines = ["", "| actor | hears | says |", "|---|---|---|"]
    for module in modules(service):
        if is_actor(module):
            entity = decider.entity_of(module)
            lines.append(f"| {entity} | {_names(heard_by(module))} | {_names(decider.says(module))} |")
    return "\n".join([before + begin, *lines, "", end + after])


def _names(items: Sequence[type[Message]]) -> str:
    named = [item for item in items if isinstance(item.__struct_config__.tag, str)]
    told = [f"`{name_of(item)}`" for item in named]
    return "<br>".join(sorted(told) + ["wakes" for item in items if item not in named])


def _service(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _meaning(name: str) -> str:
    return (inspect.getdoc(wire.catalogue()[name]) or "").split("\n\n")[0]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def main(arguments: Sequence[str]) -> int:
    """Write everything, or with --check say what is not current."""
    if "--check" in arguments:
        told = stale()
        for line in told:
            print(line)
        if told:
            print("run `make docs` and look at what it changed")
        return 1 if told else 0
    for path in write():
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


__all__ = ["Field", "fields", "generated", "main", "pretty", "sample", "stale", "write"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
