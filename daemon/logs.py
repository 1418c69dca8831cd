"""Configures structlog, the one global of the process: JSON unless a terminal, nothing confidential above debug, one way for libraries too."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# A hotline is confidential: what a person wrote, and who, stays in the database. Names of keys, not of values.
_CONFIDENTIAL = frozenset({"subject", "body", "text", "content", "title", "name", "contact", "phone", "uscc", "raw"})
_ADDRESSES = frozenset({"sender", "recipient", "address", "to"})
# Elsewhere an address may stand in words: a relay's reply names the mailbox it refuses.
_MAILBOX = re.compile(r"[^\s<>@,;:\"'()“”，。；：（）【】]{1,256}@")
_LONGEST_CHAIN = 5  # causes of an exception that are told


def redact(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop what is confidential and cut addresses to their domain, except at level debug."""
    if method == "debug":
        return event
    for key, value in event.items():
        if key in _CONFIDENTIAL:
            event[key] = "[保密]"
        elif key in _ADDRESSES:
            event[key] = "@" + str(value).rpartition("@")[2]
        elif key not in {"event", "exception"}:
            event[key] = _without_mailboxes(value)
    return event


def tell_where(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the places an exception passed, and its class, in place of the exception: its text may be a stranger's, as in a KeyError."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given is True else given[1] if given else None
    if error is not None:
        event["exception"] = "\n".join(story(error))
    return event


def configure(level: str, style: Literal["auto", "json", "console"]) -> None:
    """Send events to standard error, as lines for people on a terminal, else one JSON object a line."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    # Its usual traceback shows the values of variables.
    for_people = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            tell_where,
            redact,
            for_people if console else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.lastResort = _Libraries(logging.WARNING)


def listen(listener: Processor) -> None:
    """Let *listener* (a processor of structlog) hear every event before it is written, as it was reported."""
    structlog.configure(processors=[listener, *structlog.get_config()["processors"]])


class _Libraries(logging.Handler):
    """What libraries report by the standard logging, as an event: which one and where, not its words."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one report on."""
        structlog.get_logger().log(record.levelno, "library.reported", library=record.name, exc_info=record.exc_info)


def _without_mailboxes(value: object) -> object:
    match value:
        case str():
            return _MAILBOX.sub("@", value)
        case list() | tuple():
            return [_without_mailboxes(item) for item in value]
        case Mapping():
            return {key: _without_mailboxes(item) for key, item in value.items()}
    return value


def story(error: BaseException) -> list[str]:
    """Return places and class of *error*, of what caused it, and of what a group holds: what happened first stands first."""
    told: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(told) < _LONGEST_CHAIN:
        members = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        parts = [line for member in members[:_LONGEST_CHAIN] for line in story(member)]
        frames = "".join(traceback.format_tb(cause.__traceback__))
        told.append("\n".join([*parts, f"{frames}{type(cause).__module__}.{type(cause).__qualname__}"]))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return told[::-1]
