"""The engine as this service uses it: one module to an AST, all modules to something that evaluates.

An engine belongs to the thread that made it; elsewhere it panics.
"""

import json
import re
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import orjson
import regorus

from acs_sidecar.engines.findings import SourceLocation, invalid
from acs_sidecar.engines.in_process import is_engine_fault
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.engines.rego.extensions.registry import added_for
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.values import JsonObject

__all__ = [
    "ANSWER",
    "QUERY_PACKAGE",
    "Engine",
    "NativeEngine",
    "PolicyEngines",
    "ThreadEngine",
    "Watch",
    "build",
    "complete",
    "foundation",
    "parse",
]

QUERY_PACKAGE = "acs_sidecar_query"
"""The package of the one rule that stands for a query. No policy may use it."""

ANSWER = f"data.{QUERY_PACKAGE}.answer"
"""The rule that stands for a query: its value in a list."""

_MARK = re.compile(r"-->\s(?P<source>.*):(?P<line>\d+):(?P<column>\d+)\n")
_BARE_MARK = re.compile(r"(?P<source>.*):(?P<line>\d+):(?P<column>\d+) error: (?P<message>.*)")
_ERROR = re.compile(r"^error: (?P<message>.*)$", re.MULTILINE)
_MAX_MESSAGE = 200
_NAMES_VERSION_1 = re.compile(r"^\s*import\s+rego\.v1\b", re.MULTILINE)
_WANTS_IF = "error: `if` keyword is required before rule body"
_SET_BODY = re.compile(rb"\bif\s*\{[^{}]*\}\s*$")
_SET_FIRST = 'a `{` behind `if` opens the body: put a set in parentheses, as in `if ({"a"} in input.x)`'

_HINTS = {
    "else cannot be used with set rules": "write each body as a rule of its own",
    "incompatible destructuring patterns": "write one statement for each part of the pattern",
    "used before definition below": "write what binds it above, or give one of two variables another name",
}
"""What to write instead, by a part of the engine's message."""


class Engine(Protocol):
    """An engine that is ready: cloned for each evaluation."""

    def clone(self) -> "Engine": ...
    def set_input(self, input: JsonObject) -> None: ...
    def set_input_json(self, input: str) -> None: ...
    def eval_rule(self, rule: str) -> object: ...
    def eval_rule_as_json(self, rule: str) -> str: ...
    def eval_query_as_json(self, query: str) -> str: ...


class NativeEngine(Engine, Protocol):
    """What else of the engine's own interface is used."""

    def set_rego_v0(self, enable: bool) -> None: ...
    def set_gather_prints(self, b: bool) -> None: ...
    def add_extension(self, path: str, nargs: int, extension: Callable[..., object]) -> None: ...
    def add_policy(self, path: str, rego: str) -> None: ...
    def add_data_json(self, data: str) -> None: ...
    def get_ast_as_json(self) -> str: ...
    def clone(self) -> "NativeEngine": ...
    def set_enable_coverage(self, enable: bool) -> None: ...
    def get_coverage_report_as_json(self) -> str: ...


class Watch(Protocol):
    """Stands in for an engine to record the calls it receives."""

    def __call__(self, engine: NativeEngine, modules: Sequence[Module]) -> Engine: ...


def parse(module: Module) -> JsonObject:
    """Return the engine's AST of one module. Raises `ManifestError` where it does not parse."""
    engine = _new_engine()
    _add(engine, module)
    ast: JsonObject = orjson.loads(engine.get_ast_as_json())[0]["ast"]
    return ast


def build(modules: Sequence[Module], data: JsonObject, query: Segments) -> NativeEngine:
    """Make an engine that is ready to be cloned and asked for `query`.

    Raises `ManifestError` for what only shows when all modules are put together.
    """
    return complete(foundation(modules, data), modules, query)


def foundation(modules: Sequence[Module], data: JsonObject) -> NativeEngine:
    """Make an engine with the data, and the functions that modules call; clones of it share the data."""
    engine = _new_engine()
    for extension in added_for(module.text for module in modules):
        engine.add_extension(*extension)
    if data:
        engine.add_data_json(canonical(data).decode())
    engine.set_gather_prints(True)
    return engine


def complete(engine: NativeEngine, modules: Sequence[Module], query: Segments) -> NativeEngine:
    """Add modules to a foundation, and return it ready to be cloned and asked for `query`.

    The query becomes a rule of its own, so that only what it depends on is evaluated; its value in
    a list tells undefined from every value. Raises `ManifestError` as `build` does.
    """
    for module in modules:
        _add(engine, module)
    return asked(engine, query, modules[0].at)


def asked(engine: NativeEngine, query: Segments, at: SourceLocation) -> NativeEngine:
    """Add the rule of a query to an engine that has all modules, the first of them `at`, and return it."""
    reference = "data" + "".join(f"[{json.dumps(name, ensure_ascii=False)}]" for name in query)
    engine.set_rego_v0(False)
    engine.add_policy("query", f"package {QUERY_PACKAGE}\nready := true\nanswer := [{reference}]\n")
    try:
        engine.eval_rule_as_json(f"data.{QUERY_PACKAGE}.ready")
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        raise _failure("rego-compile", error, at) from None
    return engine


class PolicyEngines(threading.local):
    """For each thread the foundation of a policy, and one with all of its modules: clones share both."""

    def __init__(self, modules: Sequence[Module], data: JsonObject) -> None:
        self.modules = modules
        self.foundation = foundation(modules, data)
        self._whole = self.foundation.clone()
        for module in modules:
            _add(self._whole, module)

    def asked(self, query: Segments) -> NativeEngine:
        """Return an engine that is ready to be cloned and asked for `query`. Raises as `build` does."""
        return asked(self._whole.clone(), query, self.modules[0].at)


class ThreadEngine(threading.local):
    """An engine for each thread that asks, built when it first does; `watch` may take its place."""

    def __init__(self, engines: PolicyEngines, query: Segments, watch: Watch | None = None) -> None:
        engine = engines.asked(query)
        self.prepared = watch(engine, engines.modules) if watch else engine

    def engine_for(self, given: JsonObject) -> Engine:  # noqa: ARG002  # all rules, for every input
        """Return the engine to clone for an input."""
        return self.prepared


def _new_engine() -> NativeEngine:
    return cast(NativeEngine, regorus.Engine())


def _add(engine: NativeEngine, module: Module) -> None:
    engine.set_rego_v0(module.version == 0)
    try:
        engine.add_policy(module.name, module.text)
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        wants_if = module.version == 1 and _WANTS_IF in str(error)
        hint = ""
        if wants_if and _NAMES_VERSION_1.search(module.text):
            hint = ": write it, as a module that imports `rego.v1` is of the syntax of OPA 1.0"
        elif wants_if:
            hint = ": set `rego_version: 0` for the syntax before OPA 1.0"
        elif (mark := _MARK.search(str(error))) and _ends_at_set(module.text, mark):
            hint = f": {_SET_FIRST}"
        raise _failure("rego-syntax", error, module.at, hint) from None


def _ends_at_set(text: str, mark: re.Match[str]) -> bool:
    """Whether a place follows a set that a body begins with, which the parser takes for all of the body."""
    *_, line = text.encode().split(b"\n", int(mark["line"]))[: int(mark["line"])]
    return _SET_BODY.search(line[: int(mark["column"]) - 1]) is not None


def _failure(code: str, error: BaseException, at: SourceLocation, hint: str = "") -> ManifestError:
    """Make a finding of the engine's message: its first error line and place, no backtrace."""
    text = str(error).partition("\n\nStack backtrace:")[0].strip()
    message = _ERROR.search(text) or _BARE_MARK.match(text)
    mark = _MARK.search(text + "\n") or _BARE_MARK.match(text)
    if mark:
        at = at._replace(source=mark["source"], line=int(mark["line"]), column=int(mark["column"]))
    summary = message["message"] if message else text.partition("\n")[0]
    hint = hint or "".join(f": {instead}" for part, instead in _HINTS.items() if part in summary)
    said = summary.strip()[:_MAX_MESSAGE] or "the engine refuses this"
    return invalid(code, said.removesuffix(".") + hint if hint else said, at)
