"""What a policy compiler has to say to the author of a manifest (section 1.3)."""

from typing import NamedTuple

from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.reasons import Reason

__all__ = ["SourceLocation", "finding", "invalid", "too_large", "warning"]


class SourceLocation(NamedTuple):
    """What a finding is about: the member `path`, and where in the text that it gives or names."""

    path: str
    source: str | None = None
    line: int | None = None
    column: int | None = None


def finding(code: str, message: str, at: SourceLocation) -> Diagnostic:
    """Return an error about a location."""
    return Diagnostic(code, message, at.path, "error", at.source, at.line, at.column)


def warning(code: str, message: str, at: SourceLocation) -> Diagnostic:
    """Return a warning about a location."""
    return Diagnostic(code, message, at.path, "warning", at.source, at.line, at.column)


def invalid(code: str, message: str, at: SourceLocation | str) -> ManifestError:
    """Return the failure of a member (a path) or a place that is wrong."""
    return ManifestError(
        [finding(code, message, at if isinstance(at, SourceLocation) else SourceLocation(at))]
    )


def too_large(message: str, at: SourceLocation | str) -> ManifestError:
    """Return the failure of a source that is refused before the engine sees it."""
    place = at if isinstance(at, SourceLocation) else SourceLocation(at)
    return ManifestError([finding("policy-bound-exceeded", message, place)], Reason.RESOURCE_LIMIT_EXCEEDED)
