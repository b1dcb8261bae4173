"""Structured log lines: how they are rendered, and the decision sink that writes them (contract 5)."""

import logging
import sys
import traceback
from enum import StrEnum
from typing import TextIO

import orjson
import structlog

from app.approval.resolution import Resolution
from app.core.decision import Decision
from app.core.errors import Reason
from app.telemetry.events import approval_event, decision_event, is_notable

__all__ = ["EventFilter", "LogFormat", "LogSink", "configure_logging"]


class LogFormat(StrEnum):
    """How a log line looks: one JSON object, or coloured text for a terminal."""

    JSON = "json"
    CONSOLE = "console"


class EventFilter(StrEnum):
    """Which decisions become events: all, all but plain allows, or none."""

    ALL = "all"
    NOTABLE = "notable"
    OFF = "off"


def configure_logging(style: LogFormat, level: str, stream: TextIO = sys.stderr) -> None:
    """Send every log line of the process, its libraries' included, to `stream` in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_json_line)
        if style is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class LogSink:
    """Writes decisions as log lines."""

    def __init__(self, events: EventFilter) -> None:
        self._events = events
        self._log = structlog.stdlib.get_logger("acs")

    def decided(self, decision: Decision) -> None:
        """Write a `decision` event, and `intervention_point.transformed` for an applied transform."""
        if self._events is EventFilter.OFF:
            return
        if self._events is EventFilter.NOTABLE and not is_notable(decision):
            return
        event = decision_event(decision)
        self._log.info("decision", **event)
        if decision.evaluation is not None and decision.evaluation.applied:
            self._log.info("intervention_point.transformed", **event)

    def resolved(self, resolution: Resolution) -> None:
        """Write an `approval` event: what became of an escalation."""
        if self._events is not EventFilter.OFF:
            self._log.info("approval", **approval_event(resolution))

    def refused(self, status: int, cause: str, reason: Reason, detail: str) -> None:
        """Write a `request_refused` event; `detail` is the service's own text."""
        if self._events is not EventFilter.OFF:
            self._log.info(
                "request_refused", status=status, cause=cause, reason_code=reason.value, detail=detail
            )

    def fault(self, error: Exception) -> None:
        """Write where an unforeseen error was raised; its text may hold content and is left out."""
        place = traceback.extract_tb(error.__traceback__)[-1:]
        at = f"{place[0].name}:{place[0].lineno}" if place else None
        self._log.error("evaluation_fault", error_type=type(error).__name__, at=at)


def _json_line(event: dict[str, object], **_: object) -> str:
    return orjson.dumps(event, default=str).decode()
