"""A stock library as one policy uses it: texts, configuration, and the classifiers that it binds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from acs_sidecar.detectors.registry import build_detector
from acs_sidecar.engines.findings import SourceLocation, finding, invalid, warning
from acs_sidecar.engines.stock.config import CONFIG_FAULT, read_config
from acs_sidecar.engines.stock.members import LIBRARY
from acs_sidecar.engines.stock.sections import SECTIONS
from acs_sidecar.spec.canonical import digest
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.suggestions import one_of
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint
from acs_sidecar.spec.policy_statement import OwnAnnotator
from acs_sidecar.spec.ports import PointBinding, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ANNOTATED", "StockLibrary", "library_digest", "library_texts", "stock_library"]

ANNOTATED: Mapping[str, str] = {"confidence": "confidence", "drift": "drift_score"}
"""Sections that read an annotation of the host's, and its name."""

_DEFAULT_REPLACEMENT = "[REDACTED]"
_LISTS = ("patterns", "presets")
_LEAST: Mapping[str, JsonObject] = {"egress": {"allowlist": []}}
"""What a classifier needs of a section that is not configured."""


@dataclass(frozen=True, slots=True)
class StockLibrary:
    """The library with a valid configuration; `path` names the policy.

    `config` has the sections that are on: those `configured`, and those that something else turns on.
    """

    path: str
    configured: JsonObject
    config: JsonObject
    classifiers: Mapping[str, JsonObject]
    own: list[OwnAnnotator] = field(default_factory=list)
    annotated: set[str] = field(default_factory=set)
    bound: set[InterventionPoint] = field(default_factory=set)

    def bind(self, binding: PointBinding) -> None:
        """Note what the library needs at a point. Raises `ManifestError` for an unbound annotation."""
        faults = []
        self.bound.add(binding.point)
        for section, annotation in ANNOTATED.items():
            if annotation in binding.annotations:
                self.annotated.add(section)
            elif section in self.config and self._is_named(section, binding.point):
                message = f"section `{section}` holds here: bind the annotation `{annotation}`"
                faults.append(finding("stock-annotation-unbound", message, SourceLocation(binding.path)))
        if faults:
            raise ManifestError(faults)
        for section, invocation in self.classifiers.items():
            if self.holds(section, binding.point):
                self.own.append(OwnAnnotator(binding.point, f"stock_{section}", dict(invocation), self.path))

    def holds(self, section: str, point: InterventionPoint) -> bool:
        """True if a section holds at a point."""
        named = self._points(section)
        return point in SECTIONS[section].points if named is None else point.value in named

    def unbound(self) -> Iterator[Diagnostic]:
        """Yield an error for each section that no point of this policy can ask."""
        for section, annotation in ANNOTATED.items():
            if section in self.config and section not in self.annotated and self._points(section) is None:
                message = f"the annotation `{annotation}` is bound at no point of this policy: bind it"
                yield finding(
                    "stock-annotation-unbound", message, SourceLocation(f"{self.path}.config.{section}")
                )
        egress = self.config.get("egress")
        read = {
            point
            for point in self.bound & TOOL_POINTS
            if "egress" in self.config and self.holds("egress", point)
        }
        if (
            isinstance(egress, dict)
            and egress.get("required_for")
            and read == {InterventionPoint.POST_TOOL_CALL}
        ):
            message = "is asked of calls, and this policy reads results alone: bind it at `pre_tool_call` too"
            yield finding(CONFIG_FAULT, message, SourceLocation(f"{self.path}.config.egress.required_for"))

    def lints(self, tools: Mapping[str, JsonObject]) -> Iterator[Diagnostic]:
        """Yield a warning for each tool that section `mcp` says nothing about."""
        for name in sorted(tools) if "mcp" in self.config else ():
            if "mcp_origin" not in tools[name]:
                message = f"the tool `{name}` has no `mcp_origin`, and section `mcp` lets it pass: declare it"
                yield warning("mcp-origin-missing", message, SourceLocation(member_path(("tools", name))))

    def _is_named(self, section: str, point: InterventionPoint) -> bool:
        return point.value in (self._points(section) or ())

    def _points(self, section: str) -> Sequence[Json] | None:
        declared = self.config[section]
        points = declared.get("points") if isinstance(declared, dict) else None
        return points if isinstance(points, list) else None


def stock_library(
    path: str,
    definition: JsonObject,
    sources: SourceReader,
    *,
    alone: bool,
    turned_on: Iterable[str] = (),
) -> StockLibrary | None:
    """Return the library that a definition uses, `None` if it uses none.

    Where it stands `alone`, a section must be configured. `turned_on` are sections that are on all the same.
    Raises `ManifestError`.
    """
    if "library" not in definition:
        if "config" in definition:
            raise invalid("member-not-allowed", "is that of a `library`, and there is none", f"{path}.config")
        return None
    if definition["library"] != LIBRARY:
        raise invalid("value-not-allowed", one_of((LIBRARY,)), f"{path}.library")
    given: JsonObject = {}
    if "config" in definition or alone:
        given = read_config(f"{path}.config", definition.get("config", {}), sources)
    config = {**{section: dict(_LEAST.get(section, {})) for section in turned_on}, **given}
    return StockLibrary(path, given, config, _classifiers(f"{path}.config", config))


@cache
def library_texts(language: str) -> Mapping[str, str]:
    """Return the texts of the library in `rego` or `cedar`, by name, in the order in which they speak."""
    folder = files(__package__) / "texts" / language
    return {file.name: file.read_text() for file in sorted(folder.iterdir(), key=lambda file: file.name)}


@cache
def library_digest(language: str) -> str:
    """Return the digest of the texts in a language: what is under one name never changes."""
    return digest(dict(library_texts(language)))


def _classifiers(path: str, config: JsonObject) -> dict[str, JsonObject]:
    """Return the classifiers of the sections that have one. Raises `ManifestError` for wrong expressions."""
    chosen: dict[str, JsonObject] = {}
    for section in ("patterns", "redact", "egress"):
        declared = config.get(section)
        if not isinstance(declared, dict):
            continue
        options: dict[str, Json] = {"type": "classifier", "provider": "patterns"}
        if section == "egress":
            options = {"type": "classifier", "provider": "egress", "allow": declared["allowlist"]}
        else:
            options |= {name: declared[name] for name in _LISTS if name in declared}
            options |= {"redact": section == "redact"}
        if section == "redact":
            options["replacement"] = declared.get("replacement", _DEFAULT_REPLACEMENT)
        chosen[section] = options
        try:
            build_detector(str(options["provider"]), f"{path}.{section}", options)
        except ManifestError as error:
            raise ManifestError([_of_config(found) for found in error.diagnostics]) from None
    return chosen


def _of_config(found: Diagnostic) -> Diagnostic:
    path = (found.path or "").replace(".egress.allow", ".egress.allowlist")
    return replace(found, code=CONFIG_FAULT, path=path)
