"""What lies on the log, as it lies there: also what no service could understand."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from contracts import runtime, wire
from contracts.wire import Received

EVERYTHING = ("q2c.cmd.>", "q2c.evt.>")
_RUNTIME = (".message.rejected.", ".actor.", ".runtime.")


class Heard(Struct, frozen=True):
    """One message of the log with its envelope, its data as plain JSON values."""

    sequence: int
    type: str
    kind: str
    key: str
    id: str
    source: str
    time: datetime
    correlation: str
    cause: str | None
    data: Any

    @property
    def service(self) -> str:
        return self.type.split(".", maxsplit=1)[0]

    @property
    def is_fact(self) -> bool:
        """A fact of the business: neither a request, nor the runtime's own, nor time passing."""
        return self.kind == "evt" and self.type != runtime.TICK and not self.is_trouble

    @property
    def is_trouble(self) -> bool:
        """The runtime says that something was rejected, is parked or stands still."""
        return self.kind == "evt" and any(part in self.type for part in _RUNTIME)


def heard(received: Received) -> Heard:
    """A stored message, read without its contract."""
    tokens = received.subject.split(".")
    try:
        body = msgspec.json.decode(received.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = received.body.decode(errors="replace")
    envelope = body if isinstance(body, dict) and "specversion" in body else {}
    return Heard(
        sequence=received.sequence,
        type=".".join(tokens[2:6]),
        kind=tokens[1] if len(tokens) > 1 else "",
        key=tokens[-1],
        id=str(envelope.get("id", received.id)),
        source=str(envelope.get("source", "/outside")),
        time=_instant(envelope.get("time")) or received.at,
        correlation=str(envelope.get("correlationid", envelope.get("id", received.id))),
        cause=None if envelope.get("causationid") is None else str(envelope["causationid"]),
        data=envelope.get("data", body) if envelope else body,
    )


def _instant(told: Any) -> datetime | None:
    """The time that an envelope tells; None when it tells none, or one that nobody can understand."""
    try:
        instant = datetime.fromisoformat(told)
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def as_json(message: Heard) -> str:
    """One JSON line, the same for the same message."""
    return wire.encode(message).decode()
