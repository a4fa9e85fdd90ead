"""What the fleet says about itself: readable lines on a terminal, one JSON object a line elsewhere, never a payload."""

import logging
import sys
from typing import Literal, TextIO
from urllib.parse import urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,  # the trace a line belongs to, where there is one
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_QUIETER = {"uvicorn.access": logging.WARNING, "uvicorn.error": logging.WARNING, "faststream": logging.ERROR}
"""Foreign loggers that would repeat what the runtime says itself."""
_SILENT = {"httpx": logging.WARNING, "httpcore": logging.WARNING}
"""Foreign loggers that would tell addresses and headers of calls to the outside, which may hold secrets."""


def configure(
    service: str,
    *,
    style: Literal["auto", "console", "json"] = "auto",
    level: Literal["debug", "info", "warning", "error"] = "info",
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process, those of nats, uvicorn and FastStream included, to `stream` (stderr)."""
    out = stream or sys.stderr
    shared = [_named(service), *_SHARED]
    readable = style == "console" or (style == "auto" and out.isatty())
    # Tracebacks are printed without local variables: those hold business data.
    tail: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "faststream", "nats"):
        foreign = logging.getLogger(name)
        foreign.handlers, foreign.propagate = [], True
        foreign.setLevel(_QUIETER.get(name, logging.NOTSET))
    for name, least in _SILENT.items():
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _named(service: str) -> Processor:
    """Every line of a fleet's joint log says which service it comes from."""

    def name(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        line["service"] = service
        return line

    return name


def logger(name: str) -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def without_secrets(servers: str) -> str:
    """Server addresses as they may be shown: user and password left out."""
    return ",".join(f"{url.scheme}://{url.netloc.rpartition('@')[2]}" for url in map(urlsplit, servers.split(",")))


__all__ = ["configure", "logger", "without_secrets"]
