"""The modules of the stock library, and what may not stand beside them (section 8.1)."""

import re
from collections.abc import Collection, Iterable, Iterator

import orjson

from acs_sidecar.engines.findings import SourceLocation, finding, invalid
from acs_sidecar.engines.rego.documents import Placed, Segments, dotted
from acs_sidecar.engines.rego.module import Module
from acs_sidecar.engines.stock.library import StockLibrary, library_texts
from acs_sidecar.engines.stock.members import LIBRARY
from acs_sidecar.engines.stock.sections import LABEL_PATHS, SECTIONS, destination_paths, is_of_call
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.path import Root
from acs_sidecar.spec.values import Json, JsonObject

__all__ = [
    "is_of_library",
    "library_modules",
    "refuse_library_data",
    "refuse_library_packages",
    "verdict_text",
]

_ROOTS: tuple[Segments, ...] = (("agt",), ("agent_control_specification", "lib", "ifc"))
_CONFLICT = "library-conflict"
_PLAIN = re.compile(r"[a-z][a-z_]{2,}")
_KEYWORDS = frozenset(
    {
        "contains",
        "default",
        "else",
        "every",
        "false",
        "import",
        "not",
        "null",
        "package",
        "some",
        "true",
        "with",
    }
)
_OPENING = """# The verdict of the sections that are on.
package agt.defaults

import rego.v1

verdict := {"decision": "deny", "reason": "input_invalid"} if {
	not input.intervention_point
}"""
_WITH_APPROVAL = (
    '{"decision": "deny", "reason": "redaction_with_approval", '
    '"message": "an approval would let the unredacted text through"}'
)
_BOTH = "_ := redact_verdict\n\t_ := approval_verdict"
_ORDER: tuple[tuple[frozenset[str], str, str, bool], ...] = (
    (frozenset({"ifc"}), "ifc_verdict", "_ := ifc_verdict.reason", False),
    (frozenset({"confidence"}), "confidence_verdict", "_ := confidence_verdict", False),
    (frozenset({"budgets"}), "budgets_verdict", "_ := budgets_verdict", False),
    (frozenset({"content_hash"}), "content_hash_verdict", "_ := content_hash_verdict", False),
    (frozenset({"mcp"}), "mcp_verdict", "_ := mcp_verdict", False),
    (frozenset({"egress"}), "egress_verdict", "_ := egress_verdict", False),
    (frozenset({"patterns"}), "pattern_verdict", "_ := pattern_verdict", False),
    (
        frozenset({"redact", "approval"}),
        _WITH_APPROVAL,
        _BOTH,
        False,
    ),
    (frozenset({"approval"}), "approval_verdict", "_ := approval_verdict", True),
    (frozenset({"redact"}), "redact_verdict", "_ := redact_verdict", True),
    (frozenset({"drift"}), "drift_verdict", "_ := drift_verdict", True),
)
"""Sections that a step needs, what it says, when, and whether that lets data through with its label."""


def library_modules(
    path: str, library: StockLibrary, text_of_target: str, *, alone: bool
) -> Iterator[Module]:
    """Yield the modules: where the library stands alone, those of the sections that are on.

    Transforms are written as the manifest writes the policy target.
    """
    texts = _texts_of(library.config) if alone else {**library_texts("rego")}
    texts["verdict.rego"] = verdict_text(library.config if alone else SECTIONS)
    for name, text in texts.items():
        written = text.replace(f'"{Root.POLICY_TARGET}"', f'"{text_of_target}"')
        yield Module(SourceLocation(f"{path}.library", f"{LIBRARY}/{name}"), written, 1)


def _texts_of(config: JsonObject) -> dict[str, str]:
    """Return the modules that a configuration needs, with its paths written out."""
    needed = {f"{prefix}{name}.rego" for name in config for prefix in ("", "defaults_")} | {"defaults.rego"}
    if "redact" in config:
        needed.add("patterns.rego")
    if "egress" in config:
        needed = {*needed - {"egress.rego"}, "egress_gate.rego"}
    texts = {name: text for name, text in library_texts("rego").items() if name in needed}
    if isinstance(ifc := config.get("ifc"), dict):
        texts["ifc_paths.rego"] = _label_rules(ifc)
    if isinstance(egress := config.get("egress"), dict):
        texts["egress_paths.rego"] = _destination_rules(egress)
    return texts


def _label_rules(section: JsonObject) -> str:
    paths: dict[str, Json] = {point.value: [*path] for point, path in LABEL_PATHS}
    if isinstance(given := section.get("label_paths"), dict):
        paths = given
    rules = [f"label_points := {_written([*paths])}"]
    for point, path in paths.items():
        rules.append(f"labels_here := {_reference(path)} if input.intervention_point == {_written(point)}")
    return _module("agt.defaults", rules)


def _destination_rules(section: JsonObject) -> str:
    rules = [
        f"expected_destination if {{ {_reference(path)} != null{'; before_the_result' * is_of_call(path)} }}"
        for path in destination_paths(section)
    ]
    return _module("agt.egress", rules or ["expected_destination if input.intervention_point == null"])


def _module(package: str, rules: Iterable[str]) -> str:
    return "\n\n".join((f"package {package}", "import rego.v1", *rules)) + "\n"


def _reference(path: Json) -> str:
    return (
        "input" + "".join(f"[{_written(segment)}]" for segment in path) if isinstance(path, list) else "input"
    )


def _is_plain(segment: Json) -> bool:
    return isinstance(segment, str) and _PLAIN.fullmatch(segment) is not None and segment not in _KEYWORDS


def _written(value: Json) -> str:
    return orjson.dumps(value).decode()


def verdict_text(sections: Collection[str]) -> str:
    """Return the module that asks some of the sections, in their order: the first that speaks decides."""
    told = "object.union({}, labels_kept)" if "ifc" in sections else "{}"
    asked = [
        f"else := {told.format(value) if labelled else value} if {{\n\t{condition}\n}}"
        for needed, value, condition, labelled in _ORDER
        if needed <= frozenset(sections)
    ]
    last = "else := " + told.format('{"decision": "allow"}')
    return "\n\n".join((_OPENING, *asked, last)) + "\n"


def is_of_library(at: SourceLocation) -> bool:
    """True if something is in a module of the library."""
    return at.path.endswith(".library") and str(at.source).startswith(f"{LIBRARY}/")


def refuse_library_packages(packages: Iterable[tuple[Segments, SourceLocation]]) -> None:
    """Raise `ManifestError` where a module of the author's own is in a package of the library."""
    faults = [
        finding(
            _CONFLICT, f"`{dotted(package)}` belongs to the library beside it: choose another package", at
        )
        for package, at in packages
        if not is_of_library(at) and any(package[: len(root)] == root[: len(package)] for root in _ROOTS)
    ]
    if faults:
        raise ManifestError(faults)


def refuse_library_data(path: str, documents: Iterable[Placed]) -> None:
    """Raise `ManifestError` where data of the author's own lies at a package of the library."""
    for document in documents:
        for root in _ROOTS:
            if _reaches(document, root):
                message = (
                    f"`{dotted(root)}` belongs to the library beside it: configure it in `{path}.config`"
                )
                raise invalid(_CONFLICT, message, document.at)


def _reaches(document: Placed, root: Segments) -> bool:
    """True if a document gives anything at or below a path."""
    if document.path[: len(root)] == root:
        return True
    if root[: len(document.path)] != document.path:
        return False
    value = document.value
    for name in root[len(document.path) :]:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True
