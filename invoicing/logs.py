"""Structured logs: one line an event, text or JSON, with case id and step where there are any.

Events carry codes and ids. What could hold personal data or a secret (bodies, headers, exception texts) is not logged.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str, form: str) -> None:
    """Set up logging of this process, the libraries' included, on standard error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_trace, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for noisy in ("aiosqlite", "asyncio", "uvicorn.access", "aiohttp.access", "mail.log"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _without_trace(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace a stack trace by the error's class: texts of foreign exceptions may quote data."""
    trace = event.pop("exc_info", None)
    if trace:
        kind = trace[0] if isinstance(trace, tuple) else type(trace)
        event["error"] = getattr(kind, "__name__", "error")
    return event
