"""A lint for verdicts with a decision that there is not."""

import difflib
from collections.abc import Iterable, Iterator

from acs_sidecar.engines.findings import warning
from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object, as_position, constant_names, variant
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.spec.verdict import Decision

__all__ = ["unknown_decisions"]

_MEMBER = "decision"
_DECISIONS = (*(decision.value for decision in Decision), "not_applicable")
"""Those of a verdict, and the one with which a combined policy leaves the decision to the others."""

_COMPARED = frozenset({"BoolExpr", "Membership"})
"""Kinds of expressions in which an object is compared and becomes no verdict."""


def unknown_decisions(parsed: Iterable[tuple[Module, JsonObject, object]]) -> Iterator[Diagnostic]:
    """Find literals of the member `decision`, in objects and in heads of rules, that no verdict may have."""
    for module, ast, _ in parsed:
        if _MEMBER not in module.text:
            continue
        for literal in _literals(as_list(ast["rules"])):
            text = str(literal["value"])
            if text in _DECISIONS:
                continue
            line, column = as_position(literal["span"])
            message = f"`{text}` is no decision, so that the verdict is a deny by error: {_instead(text)}"
            yield warning("rego-decision-unknown", message, module.at._replace(line=line, column=column))


def _literals(rules: list[Json]) -> Iterator[JsonObject]:
    """Yield the string literals that become the member `decision`, in the order of the text."""
    pending = rules[::-1]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node[::-1]
        elif isinstance(node, dict):
            yield from _decisions(node)
            pending += [part for kind, part in node.items() if kind not in _COMPARED][::-1]


def _decisions(node: JsonObject) -> Iterator[JsonObject]:
    match node:
        case {"Object": {"fields": [*fields]}}:
            for field in fields:
                _, key, value = as_list(field)
                if _string(key).get("value") == _MEMBER:
                    yield from _given(value)
        case {"Default": {"refr": reference, "value": value}} if _is_member(reference):
            yield from _given(value)
        case {"Spec": {"head": {"Compr": {"refr": reference, "assign": assign}}, "bodies": [*bodies]}}:
            if _is_member(reference):
                for one in (assign, *(as_object(body)["assign"] for body in bodies)):
                    yield from _given(as_object(one)["value"] if one else None)


def _is_member(reference: Json) -> bool:
    """True for the head `verdict.decision`, or one that ends so."""
    names, whole = constant_names(reference)
    return whole and names[-1:] == (_MEMBER,)


def _given(value: Json) -> Iterator[JsonObject]:
    if string := _string(value):
        yield string


def _string(node: Json) -> JsonObject:
    if node is None:
        return {}
    kind, literal = variant(node)
    return literal if kind in {"String", "RawString"} else {}


def _instead(text: str) -> str:
    near = difflib.get_close_matches(text.lower()[:64], _DECISIONS, 1)
    return f"did you mean `{near[0]}`?" if near else "write " + ", ".join(f"`{one}`" for one in Decision)
