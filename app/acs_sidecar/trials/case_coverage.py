"""What the test cases of a manifest reach: points, decisions, lines of Rego, rules (section 3.4)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from acs_sidecar.engines.adapters.agt_rules.adapter import AgtRulesAdapter
from acs_sidecar.engines.adapters.agt_rules.coverage import ReachedRules, RuleCoverage
from acs_sidecar.engines.adapters.custom import custom_type, load_adapters
from acs_sidecar.engines.rego.coverage import LineCoverage, RegoCoverage
from acs_sidecar.engines.rego.type import RegoType
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.spec.manifest.compiled import CompiledManifest
from acs_sidecar.trials.case_run import CaseResult

__all__ = ["Coverage", "coverage_of", "line_ranges", "with_coverage"]


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


def line_ranges(lines: Iterable[int]) -> str:
    """Write the numbers of lines as `3, 7-9`."""
    runs = [[line for _, line in run] for _, run in groupby(enumerate(lines), lambda at: at[1] - at[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
