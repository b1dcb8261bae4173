"""Structured log lines: how they look, and who writes them (section 5)."""

import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import structlog

from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.telemetry.options import LogFormat
from acs_sidecar.telemetry.writer import Event, LineWriter

__all__ = ["configure_logging", "event_writer"]

_DRAIN_SECONDS = 2.0
_FRAMES = 8


class _LineHandler(logging.Handler):
    """Hands log lines to a writer; a flush waits for them, a little."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self.writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; one that cannot be rendered counts as dropped."""
        try:
            self.writer.put(self.format(record))
        except Exception:  # noqa: BLE001  # whatever a library logs must not fail where it is logged
            self.writer.dropped += 1

    def flush(self) -> None:
        """Wait for what was taken, at most two seconds: called when the process ends."""
        self.writer.drain(_DRAIN_SECONDS)


def configure_logging(style: LogFormat, level: str) -> None:
    """Send every log line of the process, its libraries' included, to standard error in one form.

    Lines are written by a thread: a reader that is slow or stopped holds nobody up.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_json_line)
        if style is LogFormat.JSON
        else _console_renderer(colors=sys.stderr.isatty())
    )
    handler = _LineHandler(LineWriter(sys.stderr.fileno(), lambda event: _rendered(event, renderer)))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _located_error,
                renderer,
            ],
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


def event_writer() -> LineWriter | None:
    """Return the writer of events; `None` if logging is not configured or its level is above `info`.

    An event is a mapping with `event` and `timestamp`, in Unix nanoseconds, and its fields.
    """
    root = logging.getLogger()
    if not root.isEnabledFor(logging.INFO):
        return None
    return next((handler.writer for handler in root.handlers if isinstance(handler, _LineHandler)), None)


def _located_error(
    _logger: structlog.typing.WrappedLogger, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Put the type and the places of an error in its stead: its text and its variables may hold content."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error and not isinstance(error, BaseException):
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        event["at"] = [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames]
    return event


def _rendered(event: Event, renderer: Callable[..., object]) -> str:
    nanoseconds = event["timestamp"]
    assert isinstance(nanoseconds, int)  # noqa: S101  # as `event_writer` asks
    moment = datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat().replace("+00:00", "Z")
    return str(renderer(None, "info", {**event, "level": "info", "timestamp": moment}))


def _json_line(event: dict[str, object], **_: object) -> str:
    return printable_json(orjson.dumps(event, default=str).decode())


def _console_renderer(*, colors: bool) -> structlog.typing.Processor:
    """Return a renderer of coloured text, in which no value can move the cursor."""
    render = structlog.dev.ConsoleRenderer(colors=colors)

    def safely(logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict) -> str:
        plain = {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}
        return render(logger, name, plain)

    return safely
