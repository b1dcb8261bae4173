"""Rule documents as a policy that is drafted and compiled, for the commands."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from acs_sidecar.cli.output import fail, show_findings
from acs_sidecar.cli.policies.finding_files import display_path
from acs_sidecar.engines.adapters.agt_rules.adapter import adapter
from acs_sidecar.engines.adapters.agt_rules.migration.draft import PolicyDraft, draft
from acs_sidecar.engines.adapters.agt_rules.ordering import Strategy
from acs_sidecar.engines.findings import warning
from acs_sidecar.manifests.sources import DirectorySources
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import CompileRequest, ManifestFacts, PointBinding, SourceReader

__all__ = ["Checked", "check_documents"]

_PATH = "policies.agt"


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft, what compiling it found, and a warning for each rule whose names only a manifest can bind.

    Every finding's `source` is relative to the working directory.
    """

    draft: PolicyDraft
    findings: tuple[Diagnostic, ...]
    unbound: tuple[Diagnostic, ...]

    @property
    def valid(self) -> bool:
        """True if no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)


def check_documents(documents: Iterable[Path], folder: Path, strategy: Strategy | None) -> Checked:
    """Draft a policy over documents, with paths relative to `folder`, and compile it.

    Ends the command where a text cannot be read.
    """
    paths = [Path(os.path.relpath(path, folder)).as_posix() for path in documents]
    outside = next((path for path in paths if path.startswith("../")), None)
    if outside is not None:
        fail(f"{outside}: is outside {folder}: write the manifest to a folder above it with --output")
    sources = DirectorySources(folder)
    try:
        drafted = draft(paths, sources, strategy)
    except ManifestError as error:
        show_findings(_placed(error.diagnostics, folder))
        fail("the documents cannot be read")
    return Checked(drafted, _placed(_compiled(drafted, sources), folder), _placed(_unbound(drafted), folder))


def _compiled(drafted: PolicyDraft, sources: SourceReader) -> tuple[Diagnostic, ...]:
    """Return what compiling and binding a draft finds."""
    facts = ManifestFacts(version="0.3.1-beta", can_escalate=True)
    definition = drafted.definition
    try:
        policy = adapter.compile(CompileRequest(_PATH, definition, sources, facts))
        for point in drafted.points:
            path = f"intervention_points.{point}.policy"
            projects_tool = point in drafted.tool_points
            policy.bind(PointBinding(point, path, definition, {}, None, projects_tool))
    except ManifestError as error:
        return error.diagnostics
    return policy.statement.warnings


def _unbound(drafted: PolicyDraft) -> Iterator[Diagnostic]:
    for document in drafted.documents:
        for one in document.rules:
            if one.bound:
                listed = ", ".join(f"`{name}`" for name in one.bound)
                message = f"nothing provides {listed}: bind it in the policy's `context`"
                yield warning("agt-name-unknown", message, one.rule.at.member("condition").at())


def _placed(findings: Iterable[Diagnostic], folder: Path) -> tuple[Diagnostic, ...]:
    """Return findings with files relative to the working directory."""
    return tuple(
        replace(finding, source=display_path(folder / finding.source)) if finding.source else finding
        for finding in findings
    )
