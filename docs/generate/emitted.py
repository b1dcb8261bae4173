"""What the code emits by name, found in its syntax: diagnostic codes and log events."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import acs_sidecar
from acs_sidecar.outbound.fetch_outcome import FetchFault

__all__ = ["decision_events", "decision_fields", "diagnostic_codes", "service_events"]

_PACKAGE = Path(acs_sidecar.__file__).parent
_CODE = re.compile(r"[a-z]+(?:-[a-z0-9]+)+")
_EVENT = re.compile(r"[a-z]+(?:_[a-z]+)*")
_MAKERS = {"Diagnostic", "ManifestError", "finding", "invalid", "remark"}
"""Whoever makes a finding imports one of these, or is in one of the rooms."""
_ROOMS = ("access/", "annotators/", "approval/", "engines/", "manifests/", "resolvers/", "sandbox/", "spec/")
_NOT_CODES = {
    "a-c",
    "accept-encoding",
    "acs-approval-v1",
    "acs-challenge-v1",
    "acs-sidecar",
    "api-key",
    "api-version",
    "content-encoding",
    "content-length",
    "content-type",
    "gordon-to-regorus",
    "keep-alive",
    "multi-agent",
    "omni-moderation-latest",
    "stock-1",
    "tool-using",
    "transfer-encoding",
    "x-goog-api-key",
}
"""Other texts of that form where findings are made: headers, parameters, models, distributions, tiers, token prefixes, character ranges, libraries."""
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def diagnostic_codes() -> set[str]:
    """Return every code that a finding may have: each text of that form where findings are made."""
    codes = {fault.value for fault in FetchFault}
    for path, module in _modules().items():
        if path.startswith(_ROOMS) or _MAKERS & module.imported:
            codes |= {text for text in module.texts if _CODE.fullmatch(text)}
    return codes - _NOT_CODES


def service_events() -> set[str]:
    """Return the name of every event that a module logs by itself."""
    return {
        name
        for module in _modules().values()
        if "structlog" in module.imported
        for name in module.logged
        if _EVENT.fullmatch(name)
    }


def decision_events() -> set[str]:
    """Return the name of every event that follows from a decision, a resolution or a refusal."""
    sink, events = _tree("telemetry/event_sink.py"), _tree("telemetry/events.py")
    put = (
        name
        for call in ast.walk(sink)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "_put"
        for name in _first_text(call.args[1:])
    )
    yielded = (
        name
        for node in ast.walk(events)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple)
        for name in _first_text(node.value.elts)
    )
    return {*put, *yielded}


def decision_fields() -> set[str]:
    """Return the name of every field of a `decision` event."""
    function = next(
        node
        for node in ast.walk(_tree("telemetry/events.py"))
        if isinstance(node, ast.FunctionDef) and node.name == "decision_fields"
    )
    given = next(node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    if not isinstance(given, ast.Dict):
        raise TypeError("`decision_fields` does not return a dictionary as it stands")
    return {key.value for key in given.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


@dataclass
class _Module:
    """What a module imports by name, the strings in it, and those that begin a call to a logger."""

    imported: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    logged: set[str] = field(default_factory=set)


@cache
def _modules() -> dict[str, _Module]:
    """Return what is in each module of the package, in one walk: the trees themselves are large."""
    paths = (path.relative_to(_PACKAGE).as_posix() for path in sorted(_PACKAGE.rglob("*.py")))
    return {path: _read(_tree(path)) for path in paths}


def _read(tree: ast.Module) -> _Module:
    module = _Module()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                module.texts.add(text)
            case ast.Import(names) | ast.ImportFrom(names=names):
                module.imported.update(alias.name for alias in names)
            case ast.Call(ast.Attribute(attr=name), arguments) if name in _LEVELS:
                module.logged.update(_first_text(arguments))
    return module


def _tree(path: str) -> ast.Module:
    return ast.parse((_PACKAGE / path).read_text(encoding="utf-8"))


def _first_text(arguments: list[ast.expr]) -> Iterator[str]:
    if arguments and isinstance(first := arguments[0], ast.Constant) and isinstance(first.value, str):
        yield first.value
