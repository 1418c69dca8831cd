"""Configures structlog, the one global of the process: JSON unless a terminal, confidential fields dropped above debug."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

# A hotline is confidential: what a person wrote, and who, stays in the database. Names of keys, not of values.
_CONFIDENTIAL = frozenset({"subject", "body", "text", "content", "title", "name", "contact", "phone", "uscc", "raw"})
_ADDRESSES = frozenset({"sender", "recipient", "address", "to"})


def redact(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop what is confidential and cut addresses to their domain, except at level debug."""
    if method == "debug":
        return event
    for key in _CONFIDENTIAL & event.keys():
        event[key] = "[保密]"
    for key in _ADDRESSES & event.keys():
        event[key] = "@" + str(event[key]).rpartition("@")[2]
    return event


def configure(level: str, style: Literal["auto", "json", "console"]) -> None:
    """Send events to standard error, as lines for people on a terminal, else one JSON object a line."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(ensure_ascii=False)
    shaping = [] if console else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            *shaping,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
