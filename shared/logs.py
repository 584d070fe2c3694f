"""JSON logs on standard error. What is logged names positions, codes and counts, never a person or a body."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger


def configure(service: str, level: str = "INFO") -> None:
    """Send structlog and the standard library's loggers through one JSON formatter, one object a line."""

    def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    common = (
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        _exception_without_values,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(_NoRepetition())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in (*_LIBRARIES, "uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(library)
        logger.handlers, logger.propagate = [], True
        logger.setLevel("WARNING")
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


_LIBRARIES = ("aiokafka", "faststream", "subscription", "uvicorn")
"""The first words of the names of their loggers."""


class _NoRepetition(logging.Filter):
    """A library that tries again and again says each time the same: once a minute is enough.

    It belongs to the handler, since a logger's filter sees nothing of what the loggers below it pass on.
    """

    _SILENT_S = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        said = record.getMessage()
        self._said_at = {text: at for text, at in self._said_at.items() if record.created - at < self._SILENT_S}
        return self._said_at.setdefault(said, record.created) == record.created


def _exception_without_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and the places it passed: its message may quote what somebody sent."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if not isinstance(error, BaseException):
        return event
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    event["exception"] = type(error).__name__
    event["at"] = places[-8:]
    return event
