"""Commands about messages: say, ask, watch."""

import fnmatch
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import msgspec
import typer

from contracts import runtime, wire
from contracts.message import Event, Internal, Message, Question, is_identifier
from infra.client import Mesh, connected
from infra.commands.running import OUT, Data, Json, Key, Nats, Type, given, known, print_json, run
from infra.failure import WRONG, Failure
from infra.place import place
from infra.reading import EVERYTHING, Heard, heard
from infra.screen import show_line, watched
from infra.telling import title

app = typer.Typer()
_AT_ONCE = 1000


@app.command()
def say(
    name: Type,
    key: Key,
    data: Data = None,
    message_id: Annotated[
        str | None,
        typer.Option("--id", help="Its id: said again under the same id it is kept once.", show_default=False),
    ] = None,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Check a message against its contract and put it on the log."""
    message = checked(name, key, given(data))
    run(_say(message, name, key, message_id, nats, json))


async def _say(message: Message, name: str, key: str, message_id: str | None, nats: str | None, json: bool) -> None:
    async with connected(nats) as mesh:
        said, stored = await mesh.say(message, key, message_id=message_id)
    if json:
        print_json({"id": said, "sequence": stored.sequence, "duplicate": stored.duplicate, "type": name, "key": key})
        return
    known_already = "  it was there already under this id" if stored.duplicate else ""
    OUT.print(f"[bold]{title(name)}[/] {key}  id {said}  at log sequence {stored.sequence}{known_already}")


def checked(name: str, key: str, body: bytes) -> Message:
    """The message, if its contract allows it to be said. Failure names the field that is wrong."""
    message_type = known(name)
    if issubclass(message_type, Question):
        raise Failure(f"{name} is a question: use `q2c ask {name} {key}`", WRONG)
    if issubclass(message_type, Event) and name != runtime.TICK:
        raise Failure(f"{name} is a fact that only {name.split('.')[0]} says: say a command instead", WRONG)
    if issubclass(message_type, Internal):
        raise Failure(f"{name} is internal: only actors of {name.split('.')[0]} say it, to each other", WRONG)
    return _decoded(message_type, name, key, body)


def _decoded(message_type: type[Message], name: str, key: str, body: bytes) -> Message:
    if not is_identifier(key):
        raise Failure(f"key {key!r} must be 1 to 64 letters, digits, _ or -", WRONG)
    try:
        message = wire.decode(message_type, body)
        wire.check_names(body)
    except wire.Refused as refused:
        raise Failure(f"{name} is refused: {refused.reason} (see `q2c contracts show {name}`)", WRONG) from None
    return message


@app.command()
def ask(name: Type, key: Key, data: Data = None, nats: Nats = None, json: Json = False) -> None:
    """Ask a question and print the answer: of everything that was said before."""
    question = known(name)
    if not issubclass(question, Question):
        raise Failure(f"{name} is not a question: use `q2c say {name} {key}`", WRONG)
    asked = _decoded(question, name, key, given(data))
    assert isinstance(asked, Question)
    answer = run(_ask(asked, key, nats))
    if json:
        print(answer.decode())
    else:
        OUT.print_json(answer.decode(), indent=2)


async def _ask(question: Question, key: str, nats: str | None) -> bytes:
    async with connected(nats) as mesh:
        return await mesh.ask_raw(question, key, after=await mesh.log.last())


@app.command()
def watch(
    glob: Annotated[
        str, typer.Option("--type", metavar="GLOB", help="Only messages of these names, such as 'finance.*'.")
    ] = "*",
    key: Annotated[
        str | None, typer.Option("--key", help="Only messages of this partition key.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ|TIME", help="From this log sequence, day or instant on; else from now on.", show_default=False
        ),
    ] = None,
    follow: Annotated[bool, typer.Option(help="Go on with what will be said.")] = True,
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Follow the log: everything that is asked for and everything that happens."""
    if key is not None and not is_identifier(key):
        raise Failure(f"key {key!r} must be 1 to 64 letters, digits, _ or -", WRONG)
    start = None if since is None else place(since, "--since")
    first, instant = (1, start) if isinstance(start, datetime) else (start, None)
    try:
        run(_watch(glob, key, first, instant, follow, nats, json))
    except KeyboardInterrupt:
        return


async def _watch(
    glob: str, key: str | None, first: int | None, instant: datetime | None, follow: bool, nats: str | None, json: bool
) -> None:
    async with connected(nats) as mesh:
        async for message in _messages(mesh, key, first, follow):
            if (instant is None or message.time >= instant) and fnmatch.fnmatchcase(message.type, glob):
                if json:
                    print(msgspec.json.encode(message).decode(), flush=True)
                else:
                    show_line(OUT, watched(message))


async def _messages(mesh: Mesh, key: str | None, first: int | None, follow: bool) -> AsyncIterator[Heard]:
    filters = EVERYTHING if key is None else tuple(f"q2c.{kind}.*.*.*.*.*.{key}" for kind in ("cmd", "evt"))
    last = await mesh.log.last()
    after = last if first is None else max(first - 1, 0)
    if not follow:
        async for received in mesh.read(filters, after, last):
            yield heard(received)
        return
    pull = mesh.log.pull(filters, after)
    try:
        while True:
            for received in await pull.batch(_AT_ONCE):
                yield heard(received)
    finally:
        await pull.close()
