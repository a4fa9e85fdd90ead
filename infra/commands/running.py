"""What all commands share: their options, how they run, and how they end."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError

from contracts import wire
from contracts.message import Message
from infra.client import DEFAULT
from infra.failure import ABSENT, WRONG, Failure
from infra.scenario import suggestion
from infra.screen import ERR, OUT

Nats = Annotated[
    str | None,
    typer.Option(
        "--nats", metavar="URL", help=f"Address of nats-server; else Q2C_NATS, else {DEFAULT}.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Type = Annotated[str, typer.Argument(metavar="TYPE", help="Name of a message, such as finance.payment.record.v1.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="Its partition key: mostly the customer.")]
Data = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE|-",
        help="The data as JSON: a file, - for what is piped in, or the JSON itself.",
        show_default=False,
    ),
]

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do the work; a request to end the process lets it clean up first. Failure when the mesh goes away meanwhile."""

    async def ending() -> T:
        task = asyncio.current_task()
        if task is not None:
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(ending())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None
    except ConnectionClosedError:
        raise Failure("the connection to nats-server is gone: start the mesh with `q2c up`", ABSENT) from None
    except NatsError as problem:
        raise Failure(f"nats-server does not answer ({problem}): is the mesh well?", ABSENT) from None


def known(name: str) -> type[Message]:
    """The message type of that name. Failure suggests what may have been meant."""
    found = wire.catalogue().get(name)
    if found is None:
        more = suggestion(name) or ": see `q2c contracts`"
        raise Failure(f"there is no message named {name}{more}", WRONG)
    return found


def given(data: str | None) -> bytes:
    """The JSON that a command is given; an empty object when it is given none."""
    if data is None:
        return b"{}"
    if data == "-":
        return sys.stdin.buffer.read()
    if data.lstrip()[:1] in ("", "{", "["):
        return data.encode(errors="surrogateescape")
    try:
        return Path(data).read_bytes()
    except OSError as problem:
        raise Failure(
            f"{data} cannot be read ({problem.strerror}): name a JSON file, or - to pipe it in", WRONG
        ) from None


def print_json(value: Any) -> None:
    """One JSON line on stdout, as it is, for scripts."""
    print(wire.encode(value).decode(), flush=True)


def report(sentence: str) -> None:
    """Something worth knowing that is not the result."""
    ERR.print(sentence, style="yellow", markup=False)


__all__ = ["ERR", "OUT", "Data", "Json", "Key", "Nats", "Type", "given", "known", "print_json", "report", "run"]
