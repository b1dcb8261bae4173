"""What the test cases of a manifest reach: points, decisions, lines of Rego, rules (section 3.4)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from acs_sidecar.cli.output import cell
from acs_sidecar.engines.adapters.agt_rules.adapter import AgtRulesAdapter
from acs_sidecar.engines.adapters.agt_rules.coverage import ReachedRules, RuleCoverage
from acs_sidecar.engines.adapters.custom import custom_type, load_adapters
from acs_sidecar.engines.rego.coverage import LineCoverage, RegoCoverage
from acs_sidecar.engines.rego.type import RegoType
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.case_run import CaseResult

__all__ = ["Coverage", "coverage_of", "with_coverage"]


def with_coverage(compiler: ManifestCompiler, lines: RegoCoverage, rules: RuleCoverage) -> ManifestCompiler:
    """Return a compiler whose policies report which lines of Rego, and which rules, they reach."""
    adapters = {**load_adapters(), "agt_rules": AgtRulesAdapter(rules)}
    watched = {"rego": RegoType(lines.watch), "custom": custom_type(adapters)}
    return replace(compiler, types={**compiler.types, **watched})


@dataclass(frozen=True, slots=True)
class PointCoverage:
    """How often each decision was made at a configured point; empty where no case asks there."""

    intervention_point: str
    decisions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModuleCoverage:
    """The lines of one Rego module that hold something to evaluate, and which of them never were."""

    policy: str
    module: str
    lines: int
    missed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DocumentCoverage:
    """The enabled rules of one rule document, and those that never decided or logged."""

    policy: str
    document: str
    rules: int
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the cases of one manifest reach."""

    points: tuple[PointCoverage, ...]
    rego: tuple[ModuleCoverage, ...]
    rules: tuple[DocumentCoverage, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the coverage as a JSON value."""
        return asdict(self)

    def show(self, console: Console, manifest: str) -> None:
        """Print a table of points, and one of what each kind of policy counts."""
        table = Table("point", *Decision, box=None, pad_edge=False, title_justify="left")
        table.title = cell(f"{manifest}: decisions by point")
        for point in self.points:
            cells = [str(point.decisions.get(decision, "[dim]-[/]")) for decision in Decision]
            name = point.intervention_point
            table.add_row(name if point.decisions else f"[red]{name} (no case)[/]", *cells)
        console.print(table)
        if self.rego:
            table = _table("module", "lines", f"{manifest}: lines of Rego")
            for module in self.rego:
                _add_row(table, module.module, module.lines, len(module.missed), _ranges(module.missed))
            console.print(table)
        if self.rules:
            table = _table("document", "rules", f"{manifest}: rules")
            for found in self.rules:
                _add_row(table, found.document, found.rules, len(found.missed), ", ".join(found.missed))
            console.print(table)


def coverage_of(
    manifest: CompiledManifest,
    results: Iterable[CaseResult],
    modules: Mapping[tuple[str, str], LineCoverage],
    documents: Mapping[tuple[str, str], ReachedRules],
) -> Coverage:
    """Gather what was reached."""
    seen: dict[str, Counter[str]] = {point: Counter() for point in manifest.points}
    for result in results:
        if result.decision and result.case.point in seen:
            seen[result.case.point][result.decision] += 1
    return Coverage(
        tuple(PointCoverage(point, dict(sorted(decisions.items()))) for point, decisions in seen.items()),
        tuple(
            ModuleCoverage(path, name, len(found.lines), tuple(sorted(found.lines - found.reached)))
            for (path, name), found in sorted(modules.items())
            if found.lines
        ),
        tuple(
            DocumentCoverage(
                path,
                name,
                len(found.rules),
                tuple(rule for rule in found.rules if rule not in found.reached),
            )
            for (path, name), found in documents.items()
        ),
    )


def _table(what: str, counted: str, title: str) -> Table:
    table = Table(what, counted, "reached", "not reached", box=None, pad_edge=False)
    table.title, table.title_justify = cell(title), "left"
    return table


def _add_row(table: Table, name: str, total: int, missed: int, listed: str) -> None:
    share, style = 100 * (total - missed) // total, "red" if missed else "green"
    table.add_row(cell(name), str(total), f"[{style}]{share} %[/]", cell(listed))


def _ranges(lines: Iterable[int]) -> str:
    """Write lines as `3, 7-9`."""
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda at: at[1] - at[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
