"""How commands print findings: text for people, JSON, or SARIF."""

from enum import StrEnum

from acs_sidecar.cli.output import stdout_is_terminal

__all__ = ["FindingsFormat", "prints_text"]


class FindingsFormat(StrEnum):
    """How findings are printed: `auto` is text on a terminal and JSON in a pipe."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def prints_text(chosen: FindingsFormat) -> bool:
    """True if to print for a person."""
    return chosen is FindingsFormat.TEXT or (chosen is FindingsFormat.AUTO and stdout_is_terminal())
