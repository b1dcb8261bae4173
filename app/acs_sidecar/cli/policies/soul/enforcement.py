"""What a governance file declares against what a manifest and the settings enforce (section 11.8)."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import orjson

from acs_sidecar.audit.log.open_log import Durability
from acs_sidecar.engines.adapters.soul.detection.document import TextStatement
from acs_sidecar.engines.adapters.soul.detection.words import normalised, words_of
from acs_sidecar.engines.adapters.soul.scan import Scan, statements_by_control
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, FindingSeverity
from acs_sidecar.spec.manifest.model import Manifest
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import SourceError, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Enforcement", "enforcement_findings"]

_BUDGETS = re.compile(rb"\bbudgets?\b")


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What a manifest and the settings of a service enforce."""

    tools: tuple[str, ...]
    has_approval: bool
    checks_calls: bool
    keeps_log: bool
    reads_budgets: bool

    @classmethod
    def of(cls, manifest: Manifest, sources: SourceReader, settings: Settings) -> "Enforcement":
        """Read it from a manifest, the files of it that its policies name, and settings."""
        return cls(
            tuple(manifest.tools),
            bool(manifest.approval),
            InterventionPoint.PRE_TOOL_CALL in manifest.points,
            settings.audit_durability is not Durability.NONE,
            any(_BUDGETS.search(text) for text in _policy_texts(manifest, sources)),
        )


def enforcement_findings(
    text: str, scanned: Scan, enforced: Enforcement, source: str
) -> Iterator[Diagnostic]:
    """Yield what is declared and not enforced, or the other way round; never an error."""
    statements = statements_by_control(text)
    allowed = statements.get("SOUL-CB-001", ())
    denied = statements.get("SOUL-CB-002", ())
    for tool in enforced.tools:
        if not any(_names(statement, tool) for statement in allowed):
            message = f"no statement about allowed actions names the tool `{tool}`: declare it, or remove it"
            yield Diagnostic("soul-tool-undeclared", message, f"tools.{tool}", "note", source)
        for statement in denied:
            if _names(statement, tool):
                message = f"the statement denies the tool `{tool}`, and the manifest has it: remove one"
                at = (source, statement.line)
                yield Diagnostic("soul-tool-contradiction", message, f"tools.{tool}", "warning", *at)
                break
    for controls, holds, code, severity, message in _promises(enforced):
        line = min(
            (scanned.detected[each].line for each in controls if each in scanned.detected), default=None
        )
        if line is not None and not holds:
            yield Diagnostic(code, message, None, severity, source, line)


def _promises(
    enforced: Enforcement,
) -> tuple[tuple[tuple[str, ...], bool, str, FindingSeverity, str], ...]:
    """Return controls, whether they are enforced, and the finding where they are not."""
    return (
        (
            ("SOUL-HO-001",),
            enforced.has_approval,
            "soul-approval-unenforced",
            "warning",
            "approval is declared, and the manifest has no `approval`: add it, and a policy that escalates",
        ),
        (
            ("SOUL-CB-003",),
            enforced.checks_calls,
            "soul-scope-unenforced",
            "note",
            "a scope is declared, and nothing is bound at `pre_tool_call`: bind a policy there",
        ),
        (
            ("SOUL-HO-003",),
            enforced.keeps_log,
            "soul-logging-unenforced",
            "note",
            "logging is declared, and the service keeps no log: set ACS_AUDIT_DURABILITY to `write`",
        ),
        (
            ("SOUL-AS-001", "SOUL-AS-002"),
            enforced.reads_budgets,
            "soul-limits-unenforced",
            "note",
            "limits are declared, and no policy reads `envelope.budgets`: write a rule that does",
        ),
    )


def _names(statement: TextStatement, tool: str) -> bool:
    """True if the words of a tool's name stand in a statement, in order and side by side."""
    wanted, words = words_of(normalised(tool)), words_of(statement.text)
    return bool(wanted) and any(
        words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1)
    )


def _policy_texts(manifest: Manifest, sources: SourceReader) -> Iterator[bytes]:
    """Yield the definitions of the policies that points bind, and the files that they name."""
    for name, definition in manifest.policies.items():
        yield orjson.dumps({name: definition})
        for text in dict.fromkeys(_texts(definition)):
            with suppress(SourceError):
                yield from (file.content for file in sources.read_tree(text))


def _texts(value: Json | JsonObject) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
