"""A service is its actors on the log: an application that `faststream run` starts, and a process that ends cleanly."""

import logging
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get

from contracts import wire
from shared import settings, telemetry
from shared.decider import Decider, Folds, Wiring, wire_service
from shared.process import ending, listen
from shared.projections import Projects
from shared.running import Running

_note = telemetry.logger("service")


def service(
    name: str,
    *actors: Decider,
    reference: Folds | None = None,
    projections: Sequence[Projects] = (),
    types: wire.Catalogue | None = None,
) -> "Service":
    """The service made of these modules, as an application that `faststream run` starts. WiringError when they clash.

    `types` are the messages there are: by default those of the contracts.
    """
    return Service(wire_service(name, actors, reference, types), projections)


class Service(AsgiFastStream):
    """The frame: settings, routes, signals and the exit code. Nothing is read or opened before it is run."""

    def __init__(self, wiring: Wiring, projections: Sequence[Projects]) -> None:
        self.wiring, self.projections = wiring, tuple(projections)
        self._running: Running | None = None
        super().__init__(
            asgi_routes=[("/live", get(self._live)), ("/ready", get(self._ready))],
            lifespan=self._living,
            after_startup=[self._begin],
            on_shutdown=[self._drain],
            logger=None,
        )

    @property
    def name(self) -> str:
        return self.wiring.service

    async def run(self, log_level: int = logging.INFO, run_extra_options: dict[str, Any] | None = None) -> None:
        """Serve until told to stop or stopped by a problem, then end the process with a code that scripts can use."""
        telemetry.configure(self.name, level="info" if log_level >= logging.INFO else "debug")
        server = uvicorn.Server(uvicorn.Config(self, lifespan="off", log_config=None))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.handle_exit)
        try:
            with listen(run_extra_options or {}) as listener:
                async with self.start_lifespan_context(run_extra_options):
                    await server.serve(sockets=[listener])
        except Exception as problem:
            code, sentence, bug = ending(problem)
            _note.critical(sentence, exit_code=code, exc_info=problem if bug else None)
            raise SystemExit(code) from None
        _note.info("drained")

    @asynccontextmanager
    async def _living(self) -> AsyncIterator[None]:
        given = settings.read(os.environ)
        telemetry.configure(self.name, style=given.log, level=given.log_level)
        async with anyio.create_task_group() as tasks:
            self._running = Running(self.wiring, self.projections, given, tasks)
            self.add_broker(self._running.connection)
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    await self._running.connection.stop()

    async def until_ready(self) -> None:
        """Until the service has caught up once. LookupError when it is not run at all."""
        if self._running is None:
            raise LookupError(f"{self.name} is not running")
        await self._running.ready.wait()

    async def _begin(self) -> None:
        if self._running is not None:
            self._running.begin()

    async def _drain(self) -> None:
        if self._running is not None:
            await self._running.drain()

    async def _live(self, _scope: Mapping[str, Any]) -> AsgiResponse:
        """The process runs."""
        return _json(200, {"service": self.name, "live": True})

    async def _ready(self, _scope: Mapping[str, Any]) -> AsgiResponse:
        """Claimed (or standing by), caught up, log lately heard, projections running; else what is waited for."""
        waits = ["it is starting"] if self._running is None else await self._running.waits()
        holds = () if self._running is None else self._running.holds
        stand_by = not waits and not holds
        body = {"service": self.name, "ready": not waits, "waits_for": waits, "holds": holds, "stand_by": stand_by}
        return _json(503 if waits else 200, body)


def _json(status: int, body: object) -> AsgiResponse:
    return AsgiResponse(wire.encode(body), status, {"content-type": "application/json"})


__all__ = ["Service", "service"]
