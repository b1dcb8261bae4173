"""The forms in which both commands report."""

from enum import StrEnum

__all__ = ["RedTeamFormat"]


class RedTeamFormat(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
