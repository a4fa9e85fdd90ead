"""A service as a process: the port it listens on, and the exit code and sentence it ends with."""

import os
import socket
from collections.abc import Mapping
from typing import NamedTuple

from nats.errors import Error as NatsError

from shared.restore import RestoreFailed
from shared.settings import WrongSetting
from shared.store import StoreUnfit
from shared.stream import LogUnfit


class PortTaken(Exception):
    """The address of the live and ready routes cannot be had; the text says which and why."""


class Undrained(Exception):
    """A drain took too long. What it left is read again at the next start."""


class Ending(NamedTuple):
    """How a process ends: `code` for scripts, `sentence` for people; `bug` when the traceback is worth reading."""

    code: int
    sentence: str
    bug: bool = False


def ending(problem: BaseException) -> Ending:
    """What to say of the problem that stops a service, and with which code of sysexits.h; 0 is a clean drain."""
    match problem:
        case BaseExceptionGroup():
            return ending(problem.exceptions[0])
        case WrongSetting():
            return Ending(os.EX_CONFIG, str(problem))
        case LogUnfit():
            return Ending(os.EX_PROTOCOL, str(problem))
        case PortTaken():
            return Ending(os.EX_UNAVAILABLE, str(problem))
        case NatsError():
            return Ending(os.EX_NOPERM, f"nats-server refuses this service: {problem}")
        case StoreUnfit():
            return Ending(os.EX_IOERR, str(problem))
        case RestoreFailed():
            return Ending(os.EX_DATAERR, str(problem))
        case Undrained():
            return Ending(os.EX_TEMPFAIL, str(problem))
        case _:
            return Ending(os.EX_SOFTWARE, f"stopped by a bug: {problem!r}", bug=True)


def listen(options: Mapping[str, object]) -> socket.socket:
    """The socket for the live and ready routes, listening already: who comes second on a port learns it here."""
    host, port = str(options.get("host", "127.0.0.1")), int(str(options.get("port", 8000)))
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as problem:
        raise PortTaken(
            f"port {port} on {host} is not to be had ({_reason(problem)}): choose another --port"
        ) from problem


def _reason(problem: OSError) -> str:
    return os.strerror(problem.errno).lower() if problem.errno and problem.errno > 0 else str(problem)


__all__ = ["Ending", "PortTaken", "Undrained", "ending", "listen"]
