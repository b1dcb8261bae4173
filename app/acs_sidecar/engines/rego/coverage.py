"""Which lines of Rego evaluations have reached, as the engine counts them (section 3.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from acs_sidecar.engines.rego.engine import Engine, NativeEngine
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.values import JsonObject

__all__ = ["LineCoverage", "RegoCoverage"]


@dataclass(slots=True)
class LineCoverage:
    """The lines of one module, from 1: those that hold something to evaluate, and those reached."""

    lines: set[int] = field(default_factory=set)
    reached: set[int] = field(default_factory=set)


class RegoCoverage:
    """Collects over all evaluations of the engines that it watches."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], LineCoverage] = {}

    @property
    def modules(self) -> Mapping[tuple[str, str], LineCoverage]:
        """What was found so far, by the member that gives a module and the module's name."""
        return self._found

    def watch(self, engine: NativeEngine, modules: Sequence[Module]) -> Engine:
        """Return an engine that does what `engine` does and reports which lines it reached."""
        engine.set_enable_coverage(True)
        watched = _Watched(engine, self, {module.name: module.at.path for module in modules})
        watched.report()
        return watched

    def add(self, path: str, name: str, reached: Sequence[int], missed: Sequence[int]) -> None:
        """Add what one evaluation reached in a module."""
        found = self._found.setdefault((path, name), LineCoverage())
        found.lines.update(reached, missed)
        found.reached.update(reached)


class _Watched:
    """An engine with its coverage: a clone starts from what the original has seen, which is nothing."""

    def __init__(self, engine: NativeEngine, coverage: RegoCoverage, paths: Mapping[str, str]) -> None:
        self._engine = engine
        self._coverage = coverage
        self._paths = paths

    def clone(self) -> "_Watched":
        return _Watched(self._engine.clone(), self._coverage, self._paths)

    def set_input(self, input: JsonObject) -> None:
        self._engine.set_input(input)

    def set_input_json(self, input: str) -> None:
        self._engine.set_input_json(input)

    def eval_rule(self, rule: str) -> object:
        try:
            return self._engine.eval_rule(rule)
        finally:
            self.report()

    def eval_rule_as_json(self, rule: str) -> str:
        try:
            return self._engine.eval_rule_as_json(rule)
        finally:
            self.report()

    def eval_query_as_json(self, query: str) -> str:
        return self._engine.eval_query_as_json(query)

    def report(self) -> None:
        """Return the engine's report of everything that it evaluated since it was cloned."""
        for file in orjson.loads(self._engine.get_coverage_report_as_json())["files"]:
            if path := self._paths.get(file["path"]):
                self._coverage.add(path, file["path"], file["covered"], file["not_covered"])
