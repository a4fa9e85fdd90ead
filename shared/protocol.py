"""The NATS protocol as nats-server speaks it: whatever bytes a publisher has put on the log can be read past."""

import re
from collections.abc import Sequence
from typing import Any

from nats.aio.client import Client
from nats.protocol import parser

_NAME = re.compile(rb"[!-9;-~]+")
_STATUS = re.compile(rb"[0-9]{3}")


# nats-server parts the words of a line by blanks and tabs alone. nats-py 2.16 also parts them at the vertical tab and
# the form feed, which a subject may hold: one such message on the log, and no client could ever read past it.
parser.MSG_RE = re.compile(rb"\AMSG[ \t]+([^ \t\r\n]+)[ \t]+([0-9]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?([0-9]+)\r\n")
parser.HMSG_RE = re.compile(
    rb"\AHMSG[ \t]+([^ \t\r\n]+)[ \t]+([0-9]+)[ \t]+(([^ \t\r\n]+)[ \t]+)?([0-9]+)[ \t]+([0-9]+)\r\n"
)


def text(raw: bytes) -> str:
    """What can be read of bytes that should be UTF-8; the rest shows as U+FFFD."""
    return raw.decode(errors="replace")


def headers(block: bytes) -> dict[str, str]:
    """The headers of a message. The status that the server puts into the first line counts as one; garbage is none."""
    first, *lines = block.split(b"\r\n")
    found: dict[str, str] = {}
    _, _, status = first.partition(b" ")
    if _STATUS.match(status):
        found["Status"] = text(status[:3])
        if described := status[3:].strip():
            found["Description"] = text(described)
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and _NAME.fullmatch(name):
            found[text(name)] = text(value.strip())
    return found


class Reader(Client):
    """nats-py's client, which would stop reading for ever at a subject or a header that it cannot decode."""

    async def _process_headers(self, block: bytes | None) -> dict[str, str] | None:
        return headers(block) if block else None

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Any:
        return super()._build_message(sid, text(subject).encode(), reply, data, headers)


async def connect(servers: str | Sequence[str], **options: Any) -> Reader:
    """A connection to nats-server, with the options of nats-py. Raises when the server is not there now."""
    nc = Reader()
    await nc.connect(servers if isinstance(servers, str) else list(servers), **options)
    return nc


__all__ = ["Reader", "connect", "headers", "text"]
