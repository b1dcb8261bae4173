"""Diagnostics for the author of a manifest, and the error that carries them (section 1.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from acs_sidecar.spec.reasons import Reason
from acs_sidecar.startup import StartError

__all__ = ["MAX_FINDINGS", "Diagnostic", "FindingSeverity", "ManifestError", "first_findings"]

MAX_FINDINGS = 100
"""How many findings a stranger is told of: a small manifest can be wrong in a great many places."""


FINDINGS_OMITTED = "findings-omitted"

FindingSeverity: TypeAlias = Literal["error", "warning", "note"]
"""How much a finding matters; a note is advice of a command, and no manifest has one."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `path` names the member (`policies.main.query`), `source` the file it is about.

    `line` and `column` count from 1; they, `path` and `source` are absent where they are not known.
    `code` is a stable kebab-case name of the rule.
    """

    code: str
    message: str
    path: str | None = None
    severity: FindingSeverity = "error"
    source: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ManifestError(StartError):
    """A manifest, or a policy in it, is invalid; at least one diagnostic is an error.

    `reason` is `manifest_invalid`, or `resource_limit_exceeded` where a bound was the cause. `digest` is the
    manifest's, where the whole of it could be read.
    """

    digest: str | None = None

    def __init__(self, diagnostics: Sequence[Diagnostic], reason: Reason = Reason.MANIFEST_INVALID) -> None:
        super().__init__("; ".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)
        self.reason = reason

    def __reduce__(self) -> tuple[type["ManifestError"], tuple[tuple[Diagnostic, ...], Reason]]:
        """Go to another process as what it is made of."""
        return ManifestError, (self.diagnostics, self.reason)


def first_findings(diagnostics: Iterable[Diagnostic], most: int | None = MAX_FINDINGS) -> list[Diagnostic]:
    """Return the first `most`, errors first where they are too many, and a warning with how many more.

    What was shortened to as many before stays as it is.
    """
    found = list(diagnostics)
    if most is None or len(found) <= most:
        return found
    if len(found) == most + 1 and found[-1].code == FINDINGS_OMITTED:
        return found
    found.sort(key=lambda finding: finding.severity)
    message = f"{len(found) - most} more findings are not shown"
    return [*found[:most], Diagnostic(FINDINGS_OMITTED, message, severity="warning")]
