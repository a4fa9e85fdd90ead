"""Commands about rejected messages: those that no service could hear, and that wait for somebody to correct them."""

from typing import Annotated

import typer

from contracts import wire
from contracts.wire import Received
from infra import trouble
from infra.client import Answered, Mesh, connected
from infra.commands.messages import checked
from infra.commands.running import OUT, Data, Json, Nats, given, print_json, run
from infra.failure import NO, Failure
from infra.fleet import SERVICES
from infra.reading import Heard, heard
from infra.screen import watched
from infra.telling import instant, title
from infra.trouble import Rejected

app = typer.Typer(no_args_is_help=True)

Sequence = Annotated[int, typer.Argument(metavar="SEQ", help="Its place in the log, as the list names it.")]


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that have been resubmitted.")] = False,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Which messages were rejected, by whom and why."""
    found = [one for one in run(_all(nats)) if all_ or one.resubmitted is None]
    if json:
        for one in found:
            print_json(one._asdict())
        return
    if not found:
        OUT.print("nothing is rejected", style="green")
    for one in found:
        again = "" if one.resubmitted is None else f"  resubmitted at {one.resubmitted}"
        OUT.print(
            f"{one.sequence:>7}  {instant(one.at)}  {', '.join(one.services)}  {one.subject}{again}", markup=False
        )
        OUT.print(f"         {one.reason}", style="red", markup=False)


@app.command()
def show(sequence: Sequence, nats: Nats = None, json: Json = False) -> None:
    """One rejected message as it lies on the log, and why it was rejected."""
    rejected, message = run(_show(sequence, nats))
    if json:
        print_json({**rejected._asdict(), "message": message})
        return
    OUT.print(watched(message))
    OUT.print(f"    {rejected.reason}", style="red", markup=False)
    if rejected.resubmitted is not None:
        OUT.print(f"    resubmitted at {rejected.resubmitted}", markup=False)
    OUT.print_json(wire.encode(message.data).decode())


@app.command()
def resubmit(
    sequence: Sequence,
    data: Data = None,
    name: Annotated[
        str | None, typer.Option("--type", help="Another name, where the rejected one is wrong.", show_default=False)
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", help="Another partition key, where the rejected one is wrong.", show_default=False),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Although a corrected copy is on the log.")] = False,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Put a corrected copy on the log, linked to the original; without data the original's, checked once more."""
    body = None if data is None else given(data)
    run(_resubmit(sequence, body, name, key, again, nats, json))


async def _all(nats: str | None) -> list[Rejected]:
    async with connected(nats) as mesh:
        return await trouble.rejected(mesh, SERVICES)


async def _show(sequence: int, nats: str | None) -> tuple[Rejected, Heard]:
    async with connected(nats) as mesh:
        rejected, received = await _find(mesh, sequence)
        return rejected, heard(received)


async def _find(mesh: Mesh, sequence: int) -> tuple[Rejected, Received]:
    found = [one for one in await trouble.rejected(mesh, SERVICES) if one.sequence == sequence]
    if not found:
        raise Failure(f"no message at {sequence} was rejected: see `q2c rejected list`", NO)
    received = await mesh.log.message(sequence)
    if received is None:
        raise Failure(f"the message at {sequence} is no longer on the log", NO)
    return found[0], received


async def _resubmit(
    sequence: int, body: bytes | None, name: str | None, key: str | None, again: bool, nats: str | None, json: bool
) -> None:
    async with connected(nats) as mesh:
        rejected, received = await _find(mesh, sequence)
        if rejected.resubmitted is not None and not again:
            raise Failure(f"{sequence} was resubmitted at {rejected.resubmitted}: --again does so once more", NO)
        original = heard(received)
        name, key = name or original.type, key or original.key
        message = checked(name, key, wire.encode(original.data) if body is None else body)
        answers = Answered(rejected.journey, trouble.place(sequence))
        said, stored = await mesh.say(message, key, answers=answers)
    if json:
        print_json({"id": said, "sequence": stored.sequence, "type": name, "key": key, "original": sequence})
    else:
        OUT.print(f"[bold]{title(name)}[/] {key}  at log sequence {stored.sequence}, in place of {sequence}")
