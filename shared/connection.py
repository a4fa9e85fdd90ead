"""The connection of a service to nats-server: FastStream's broker, which waits for as long as the server is away."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from faststream.middlewares import AckPolicy
from faststream.nats import NatsBroker, NatsMessage
from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared import protocol, telemetry

AGAIN = 1
"""Seconds between two attempts to reach nats-server."""
PING = 3
"""Seconds between two signs of life asked of nats-server: a node that falls silent is left after the second."""

_note = telemetry.logger("connection")


async def _whole(message: NatsMessage) -> NatsMessage:
    """What FastStream hands on: the message itself, for its body is decoded once, strictly, by its contract."""
    return message


class Connection(NatsBroker):
    """One connection for everything a service does. An outage is told once when it begins and once when it ends."""

    def __init__(self, servers: Sequence[str], service: str) -> None:
        self._shown = telemetry.without_secrets(",".join(servers))
        self._away = False
        super().__init__(
            servers,
            name=service,
            max_reconnect_attempts=-1,
            reconnect_time_wait=AGAIN,
            ping_interval=PING,
            error_cb=self._failed,
            reconnected_cb=self._back,
            decoder=_whole,
            apply_types=False,
            ack_policy=AckPolicy.MANUAL,
            graceful_timeout=5.0,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )

    @property
    def up(self) -> bool:
        return self._connection is not None and self._connection.is_connected

    async def _connect(self) -> Client:
        connection = await protocol.connect(**self._connection_kwargs)
        self.config.connect(connection)
        return connection

    async def start(self) -> None:
        await super().start()
        _note.info("connected", servers=self._shown)
        self._away = False

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Drain the connection; with the server away there is nothing left to drain."""
        try:
            await super().stop(exc_type, exc_val, exc_tb)
        except (NatsError, OSError):
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(NatsError, OSError):
                    await connection.close()

    async def _failed(self, problem: Exception) -> None:
        text = str(problem) or type(problem).__name__
        if not isinstance(problem, OSError):
            _note.warning("nats-server reports a problem", problem=text)
        elif not self._away:
            self._away = True
            _note.warning("nats-server is not reachable: trying again until it is", servers=self._shown, problem=text)

    async def _back(self) -> None:
        self._away = False
        _note.info("connected again", servers=self._shown)


__all__ = ["Connection"]
