"""Which rules a query came to, what they are for an input, and which lines were reached (section 2.7)."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import cast

import orjson

from acs_sidecar.engines.in_process import is_engine_fault
from acs_sidecar.engines.rego.analysis.checks import Program
from acs_sidecar.engines.rego.analysis.facts import Rule
from acs_sidecar.engines.rego.documents import Segments, dotted
from acs_sidecar.engines.rego.engine import ANSWER, Engine, NativeEngine, PolicyEngines, ThreadEngine
from acs_sidecar.engines.rego.extensions import exact
from acs_sidecar.engines.rego.input import SetInput
from acs_sidecar.engines.rego.sources import Module, RegoSources
from acs_sidecar.spec.explanation import listed, shortened
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.values import Json

__all__ = ["RegoExplainer"]

_MAX_VALUE = 200
_UNDEFINED = '"<undefined>"'
"""What the engine writes for undefined, and for a string of that text."""


class RegoExplainer:
    """Explains one query of a policy, on engines of its own that note which lines they reach."""

    def __init__(self, sources: RegoSources, program: Program, query: Segments, set_input: SetInput) -> None:
        self._sources = sources
        self._program = program
        self._query = query
        self._set_input = set_input

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return the rules on which the query depends: its own first, then those that it reached."""
        exact.begin()
        engine = cast(NativeEngine, self._engines.prepared.clone())
        self._set_input(engine, policy_input)
        answer = _shown(engine, ANSWER)
        lines = _Lines(engine.get_coverage_report_as_json(), self._starts)
        rules = [(path, same, [lines.of(rule) for rule in same]) for path, same in self._rules.items()]
        rules.sort(key=lambda one: (one[0] != self._query, not any(body["reached"] for body in one[2])))

        def told(one: tuple[Segments, Sequence[Rule], Sequence[Json]]) -> dict[str, Json]:
            path, same, bodies = one
            return {"rule": dotted(path), **_value(engine, path, same), "bodies": [*bodies]}

        return {
            "kind": "rego",
            "query": dotted(self._query),
            "defined": answer is not None,
            **listed("rules", rules, told),
        }

    @cached_property
    def _rules(self) -> dict[Segments, Sequence[Rule]]:
        return {path: self._program.rules[path] for path in sorted(self._program.needs(self._query))}

    @cached_property
    def _starts(self) -> dict[str, list[int]]:
        """The lines at which the rules of each module begin."""
        starts: dict[str, list[int]] = {}
        for rule in (rule for same in self._program.rules.values() for rule in same):
            starts.setdefault(str(rule.at.source), []).append(rule.at.line or 0)
        return {source: sorted(lines) for source, lines in starts.items()}

    @cached_property
    def _engines(self) -> ThreadEngine:
        engines = PolicyEngines(self._sources.modules, self._sources.data)
        return ThreadEngine(engines, self._query, _noting)


class _Lines:
    """The lines that an evaluation reached and did not reach, by module."""

    def __init__(self, report: str, starts: Mapping[str, Sequence[int]]) -> None:
        self._files: dict[str, dict[str, list[int]]] = {
            file["path"]: file for file in orjson.loads(report)["files"]
        }
        self._starts = starts

    def of(self, rule: Rule) -> dict[str, Json]:
        """Return the lines of a rule, up to the next one, as written: `3`, `5-7`."""
        source, first = str(rule.at.source), rule.at.line or 0
        starts = self._starts[source]
        last = next(iter(starts[bisect_right(starts, first) :]), math.inf)
        file = self._files.get(source, {})
        told: dict[str, Json] = {"at": f"{source}:{first}"}
        for name, member in (("reached", "covered"), ("not_reached", "not_covered")):
            told[name] = _ranges(line for line in file.get(member, ()) if first <= line < last)
        return told


def _noting(engine: NativeEngine, modules: Sequence[Module]) -> Engine:  # noqa: ARG001  # the port's signature
    engine.set_enable_coverage(True)
    return engine


def _value(engine: Engine, path: Segments, same: Sequence[Rule]) -> dict[str, Json]:
    """Return what a rule is for the input; a function has no value."""
    if any(rule.function for rule in same):
        return {"function": True}
    return {"value": _shown(engine, dotted(path))}


def _shown(engine: Engine, rule: str) -> str | None:
    """Return a rule's value as JSON text; `None` where it is undefined or fails."""
    try:
        text = engine.eval_rule_as_json(rule)
        if text == _UNDEFINED and engine.eval_rule(rule) is None:
            return None
    except BaseException as error:
        if not is_engine_fault(error):
            raise
        return None
    return shortened(orjson.dumps(orjson.loads(text)).decode(), _MAX_VALUE)


def _ranges(lines: Iterable[int]) -> list[Json]:
    """Return lines as `3` and `5-7`."""
    runs: list[list[int]] = []
    for line in sorted(lines):
        if runs and runs[-1][1] == line - 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]
