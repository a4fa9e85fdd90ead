"""Commands about the contracts: every message, its meaning, who says it and who hears it."""

import fnmatch
import inspect
from typing import Annotated, Any

import typer
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from contracts import wire
from infra.commands.running import OUT, Json, Type, known, print_json
from infra.documents import fields, pretty, sample
from infra.failure import NO, Failure
from infra.screen import colour, show_table
from infra.wiring import Role, roles

app = typer.Typer(invoke_without_command=True)


@app.callback()
def contracts(
    context: typer.Context,
    glob: Annotated[str, typer.Option("--type", metavar="GLOB", help="Only these names, such as 'finance.*'.")] = "*",
    json: Json = False,
) -> None:
    """Every message: what it means, who says it, who hears it. `contracts show TYPE` tells its fields."""
    if context.invoked_subcommand is not None:
        return
    found = {name: role for name, role in roles().items() if fnmatch.fnmatchcase(name, glob)}
    if not found:
        raise Failure(f"no message is named {glob}: see `q2c contracts`", NO)
    if json:
        for name, role in found.items():
            print_json(_described(name, role))
        return
    for name, role in found.items():
        OUT.print(Text.assemble((name, f"bold {colour(name.split('.')[0])}"), (f"  {role.kind}", "dim")))
        OUT.print(f"    {_meaning(name)}", markup=False)
        OUT.print(f"    said by {_listed(role.said_by)}; heard by {_listed(role.heard_by)}", style="dim", markup=False)


@app.command()
def show(name: Type, json: Json = False) -> None:
    """One message with its fields and a sample."""
    message_type = known(name)
    role = roles()[name]
    if json:
        print_json({**_described(name, role), "fields": fields(message_type), "sample": sample(name)})
        return
    OUT.print(Text.assemble((name, f"bold {colour(name.split('.')[0])}"), (f"  {role.kind}", "dim")))
    OUT.print(_documentation(name), markup=False)
    OUT.print(f"said by {_listed(role.said_by)}; heard by {_listed(role.heard_by)}", style="dim", markup=False)
    OUT.print(f"published on {wire.subject(message_type, 'KEY')}", style="dim", markup=False)
    table = Table(box=None, header_style="dim", padding=(0, 2))
    for title in ("field", "type", "default", "meaning"):
        table.add_column(title)
    for field in fields(message_type):
        table.add_row(Text(field.name, "cyan"), Text(field.type), Text(field.default), Text(field.meaning, "dim"))
    show_table(OUT, table)
    OUT.print(Syntax(pretty(sample(name)), "json", background_color="default"))


def _described(name: str, role: Role) -> dict[str, Any]:
    told = {"kind": role.kind, "said_by": role.said_by, "heard_by": role.heard_by}
    return {"type": name, "description": _documentation(name), **told}


def _documentation(name: str) -> str:
    return inspect.getdoc(wire.catalogue()[name]) or ""


def _meaning(name: str) -> str:
    return _documentation(name).split("\n\n")[0].replace("\n", " ")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"
