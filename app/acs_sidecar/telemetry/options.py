"""What the settings say of logs and events, without what writes them (section 5)."""

from enum import StrEnum

__all__ = ["FULL", "EventFilter", "LogFormat"]

FULL = 2
"""The performance level at which the steps of an evaluation are timed, too."""


class EventFilter(StrEnum):
    """Which decisions become events: all, all but plain allows, or none; `off` ends all other events, too."""

    ALL = "all"
    NOTABLE = "notable"
    OFF = "off"


class LogFormat(StrEnum):
    """How a log line looks: one JSON object, or coloured text for a terminal."""

    JSON = "json"
    CONSOLE = "console"
