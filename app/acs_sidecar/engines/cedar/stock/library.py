"""The stock library of one `cedar` policy: its policies, and what it adds to requests (section 8.1)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from acs_sidecar.engines.cedar import engine
from acs_sidecar.engines.cedar.source import PolicyText
from acs_sidecar.engines.cedar.stock.attributes import Limits, limits_of_config, limits_of_entities
from acs_sidecar.engines.cedar.stock.facts import SectionFacts, at, section_facts
from acs_sidecar.engines.cedar.syntax import EntityUid, quoted
from acs_sidecar.engines.cedar.uids import EngineUid, Given
from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.engines.stock.library import ANNOTATED, StockLibrary, library_texts, stock_library
from acs_sidecar.engines.stock.members import LIBRARY
from acs_sidecar.engines.stock.sections import LABELS, SECTIONS
from acs_sidecar.spec.path import Root
from acs_sidecar.spec.ports import PointBinding, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["CedarLibrary", "PointFacts", "cedar_library", "is_of_library"]


@dataclass(frozen=True, slots=True)
class PointFacts:
    """Makes `context.agt` at one point."""

    sections: Mapping[str, SectionFacts]
    limits: Limits
    by_resource: Mapping[tuple[str, str], Limits]

    def of(self, given: Given, resource: EngineUid) -> dict[str, Json]:
        """Return the member for one request, in the engine's form."""
        limits = self.by_resource.get((resource["type"], resource["id"]), self.limits)
        found = {
            section: facts(given, limits[section])
            for section, facts in self.sections.items()
            if section in limits
        }
        return {section: facts for section, facts in found.items() if facts is not None}

    @staticmethod
    def labelled(output: Json, context: Json) -> Json:
        """Return an output with the most sensitive label of the data, where it lets the data through.

        Labels of which one is not among those of the library are kept, all of them.
        """
        labels = at(context, ("agt", "ifc", "labels"))
        if not isinstance(labels, list) or not isinstance(output, dict) or output["decision"] == "deny":
            return output
        if all(label in LABELS for label in labels):
            return {**output, "result_labels": [max(labels, key=lambda label: LABELS.index(str(label)))]}
        return {**output, "result_labels": sorted(set(labels), key=str)}


@dataclass(frozen=True, slots=True)
class CedarLibrary:
    """The library with its configuration and what entities turn on."""

    stock: StockLibrary
    limits: Limits
    by_resource: Mapping[tuple[str, str], Limits]
    alone: bool

    def texts(self, text_of_target: str) -> tuple[PolicyText, ...]:
        """Return the policies of the sections that are on, in their order.

        Transforms are written as the manifest writes the policy target.
        """
        texts = library_texts("cedar")
        names = [section for section in SECTIONS if section in self.stock.config]
        if self.alone:
            names.append("defaults")
        path = f"{self.stock.path}.library"
        return tuple(
            PolicyText(path, f"{LIBRARY}/{name}.cedar", self._written(name, texts, text_of_target))
            for name in names
        )

    def _written(self, name: str, texts: Mapping[str, str], text_of_target: str) -> str:
        text = texts[f"{name}.cedar"]
        section = self.stock.config.get(name)
        match name:
            case "redact":
                return text.replace(f'\\"{Root.POLICY_TARGET}\\"', f'\\"{text_of_target}\\"')
            case "patterns" if isinstance(section, dict) and "reason" in section:
                return text.replace('"pattern_blocked"', quoted(str(section["reason"])))
            case "approval":
                return "\n".join(self._approvals(text))
        return text

    def _approvals(self, text: str) -> Iterator[str]:
        """Yield the policy that asks, with the approvers of each resource that has some of its own."""
        for (kind, name), limits in self.by_resource.items():
            approvers = limits.get("approval", {}).get("approvers")
            if approvers and approvers != self.limits.get("approval", {}).get("approvers"):
                asked = _with_approvers(text, approvers)
                yield asked.replace("resource)", f"resource == {EntityUid(kind, name)})")
        yield _with_approvers(text, self.limits.get("approval", {}).get("approvers"))

    def at_point(self, binding: PointBinding) -> PointFacts:
        """Return what makes `context.agt` at a point. Raises `ManifestError` for an unbound annotation."""
        self.stock.bind(binding)
        sections = {
            section: section_facts(section, self._configured(section), binding.point)
            for section in self.stock.config
            if self.stock.holds(section, binding.point)
            and (section not in ANNOTATED or ANNOTATED[section] in binding.annotations)
        }
        return PointFacts(sections, self.limits, self.by_resource)

    def reads(self, annotation: str) -> bool:
        """True if a section that is on reads an annotation."""
        return annotation in {ANNOTATED.get(section, f"stock_{section}") for section in self.stock.config}

    def _configured(self, section: str) -> JsonObject:
        declared = self.stock.configured.get(section, {})
        return declared if isinstance(declared, dict) else {}


def cedar_library(
    path: str, definition: JsonObject, sources: SourceReader, entities: engine.Entities, *, alone: bool
) -> CedarLibrary | None:
    """Return the library that a definition uses, `None` if it uses none.

    A section is on that is configured, or that an entity has an attribute of. Raises `ManifestError`.
    """
    place = SourceLocation(f"{path}.{'entities_path' if 'entities_path' in definition else 'entities'}")
    marked: set[str] = set()
    if "library" in definition:
        marked = {section for each in limits_of_entities(entities, {}, place).values() for section in each}
    stock = stock_library(path, definition, sources, alone=not marked, turned_on=sorted(marked))
    if stock is None:
        return None
    limits = limits_of_config(f"{path}.config", stock.configured)
    return CedarLibrary(stock, limits, limits_of_entities(entities, limits, place), alone)


def is_of_library(at: SourceLocation) -> bool:
    """True if something is in a policy of the library."""
    return at.path.endswith(".library") and str(at.source).startswith(f"{LIBRARY}/")


def _with_approvers(text: str, approvers: Json) -> str:
    if not approvers:
        return text
    evidence = json.dumps(json.dumps({"evidence": {"approvers": approvers}}))[2:-2]
    return text.replace('\\"approval_required\\"}', f'\\"approval_required\\", {evidence}}}')
