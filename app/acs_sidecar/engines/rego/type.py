"""The `rego` policy type: OPA's language, evaluated in this process by regorus (section 1.7.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from acs_sidecar.engines.findings import SourceLocation, invalid, warning
from acs_sidecar.engines.in_process import is_engine_fault
from acs_sidecar.engines.rego.analysis.bounds import check_bounds
from acs_sidecar.engines.rego.analysis.checks import Program, analyse
from acs_sidecar.engines.rego.analysis.decisions import unknown_decisions
from acs_sidecar.engines.rego.analysis.digits import long_numbers
from acs_sidecar.engines.rego.analysis.facts import read_module
from acs_sidecar.engines.rego.analysis.inputs import unknown_inputs
from acs_sidecar.engines.rego.dialect.meaning import Parsed, as_opa_means
from acs_sidecar.engines.rego.documents import DataBounds, Segments, dotted, holds
from acs_sidecar.engines.rego.engine import ANSWER, Engine, PolicyEngines, ThreadEngine, Watch, parse
from acs_sidecar.engines.rego.explanation import RegoExplainer
from acs_sidecar.engines.rego.extensions import exact
from acs_sidecar.engines.rego.index.demand_index import DemandIndex, Indexing, index_rules
from acs_sidecar.engines.rego.index.engines import EnginePool, IndexedEngines
from acs_sidecar.engines.rego.input import SetInput, input_setter
from acs_sidecar.engines.rego.library import is_of_library, refuse_library_packages
from acs_sidecar.engines.rego.members import with_default_query
from acs_sidecar.engines.rego.names import read_answer
from acs_sidecar.engines.rego.parser_forms import in_parser_forms, with_single_bodies
from acs_sidecar.engines.rego.query import parse_query
from acs_sidecar.engines.rego.sources import RegoSources, is_blank, read_sources
from acs_sidecar.engines.stock.members import DEFAULT_QUERY
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.manifest.lints import unread_annotation
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import (
    CompileRequest,
    Evaluator,
    PointBinding,
    PolicyInput,
    PolicyOutput,
    PolicyType,
)
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["INLINE_REGO", "MAX_INLINE_PART_CHARACTERS", "MAX_PART_CHARACTERS", "REGO", "RegoType"]

MAX_PART_CHARACTERS = 1024 * 1024
MAX_INLINE_PART_CHARACTERS = 128 * 1024
"""Text in the engines of parts of operators' policies, and of callers': about 70 and 9 MB in a thread."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNDEFINED = '"<undefined>"'
"""What the engine writes for undefined, and for a string of that text."""


@dataclass(frozen=True, slots=True)
class RegoType:
    """The policy type; `watch` sees every evaluation, where one is given, with all rules.

    `pool` keeps the engines of parts of policies.
    """

    watch: Watch | None = None
    data_bounds: DataBounds = field(default_factory=DataBounds)
    indexing: Indexing = field(default_factory=Indexing)
    pool: EnginePool = field(default_factory=lambda: EnginePool(MAX_PART_CHARACTERS))

    @property
    def bind_members(self) -> frozenset[str]:
        """The query alone."""
        return frozenset({"query"})

    def compile(self, request: CompileRequest) -> "_RegoPolicy":
        """Read, bound, parse and check the sources; the query waits for its binding."""
        target = request.manifest.dialect.paths.target_root
        definition = with_default_query(request.definition)
        given = read_sources(request.path, definition, request.sources, self.data_bounds, target)
        check_bounds(given.modules)
        given = replace(given, modules=tuple(in_parser_forms(module) for module in given.modules))
        parsed: list[Parsed] = []
        for written in given.modules:
            ast = parse(written)
            module = with_single_bodies(written, ast)
            ast = ast if module is written else parse(module)
            parsed.append((module, ast, read_module(module, ast)))
        if given.library is not None:
            refuse_library_packages((facts.package, module.at) for module, _, facts in parsed)
        program = analyse([(facts, module.roots) for module, _, facts in parsed], given.data)
        remarks = (
            *long_numbers(given.modules),
            *unknown_decisions(parsed),
            *unknown_inputs(facts for _, _, facts in parsed),
        )
        given = replace(given, warnings=(*given.warnings, *remarks))
        rewritten = as_opa_means(parsed, program)
        given = replace(given, modules=tuple(module.module for module in rewritten))
        index = None if self.watch else index_rules(parsed, rewritten, self.indexing)
        engines = _Engines(PolicyEngines(given.modules, given.data), index, self.pool, self.watch)
        return _RegoPolicy(request, definition, given, program, engines)


@dataclass(frozen=True, slots=True)
class _Engines:
    """Makes the engines of a policy for one query."""

    policy: PolicyEngines
    index: DemandIndex | None
    pool: EnginePool
    watch: Watch | None

    def for_query(self, query: Segments) -> ThreadEngine:
        if self.index is None:
            return ThreadEngine(self.policy, query, self.watch)
        return IndexedEngines(self.policy, query, self.index, self.pool)


class _RegoPolicy:
    """Binds queries; points with the same query share an evaluator, and so its engines."""

    def __init__(
        self,
        request: CompileRequest,
        definition: JsonObject,
        sources: RegoSources,
        program: Program,
        engines: _Engines,
    ) -> None:
        self._path = path = request.path
        self._engines = engines
        self._tools = request.manifest.tools
        self._sources = sources
        self._program = program
        self._set_input = input_setter(program.input_paths)
        self._evaluators: dict[str, Evaluator] = {}
        self._warnings: dict[Segments | str, Diagnostic] = {}
        if not is_blank(definition.get("query")):
            self._lint(parse_query(definition["query"], f"{path}.query"))

    @property
    def statement(self) -> PolicyStatement:
        library = self._sources.library
        own = (
            found for found in (*self._sources.warnings, *self._warnings.values()) if not _of_library(found)
        )
        if library is None:
            return PolicyStatement((*own,))
        added = (*library.unbound(), *library.lints(self._tools))
        return PolicyStatement((*own, *added), annotators=(*library.own,))

    def bind(self, binding: PointBinding) -> Evaluator:
        """Fix the query: the binding's own, else the definition's."""
        own = not is_blank(binding.members.get("query"))
        given = binding.members if own else with_default_query(binding.definition)
        path = f"{binding.path if own else self._path}.query"
        query = parse_query(given.get("query"), path)
        text = str(given.get("query"))
        if not self._program.tree.holds(query) and not holds(self._sources.data, query):
            message = f"`{text}` is not a rule or data of this policy: write `data.<package>.<rule>`"
            raise invalid("rego-query-unknown", message, path)
        if (library := self._sources.library) is not None:
            if not library.config and dotted(query) == DEFAULT_QUERY:
                raise invalid(
                    "stock-empty", "the verdict of a library without `config` allows everything", path
                )
            library.bind(binding)
        self._lint(query)
        self._lint_annotations(binding, query)
        if text not in self._evaluators:
            self._evaluators[text] = self._evaluator(query, text)
        return self._evaluators[text]

    def _evaluator(self, query: Segments, text: str) -> Evaluator:
        engines = self._engines.for_query(query)
        explainer = RegoExplainer(self._sources, self._program, query, self._set_input)
        if self._program.tree.is_rule_alone(query) and all(_PLAIN.fullmatch(name) for name in query):
            return _RuleEvaluator(text, engines, self._set_input, explainer, dotted(query))
        return _QueryEvaluator(text, engines, self._set_input, explainer)

    def _lint(self, query: Segments) -> None:
        """Remark on a complete rule that may be undefined."""
        rules = self._program.rules.get(query, ())
        if not rules or any(rule.partial or rule.total or rule.function for rule in rules):
            return
        message = (
            f"`{dotted(query)}` has no default: where none of its bodies holds it is undefined, and the "
            "verdict a deny by error; add a `default` with a reason of your own"
        )
        at = rules[0].at
        self._warnings[query] = warning("rego-no-default", message, at)

    def _lint_annotations(self, binding: PointBinding, query: Segments) -> None:
        """Remark on annotations of the point that no rule reads; one that reads the whole reads each."""
        read = self._program.reads(query) if binding.annotations else frozenset()
        for name in binding.annotations:
            place = ("annotations", name)
            if not any(path[:2] == place or place[: len(path)] == path for path in read):
                found = unread_annotation(binding.path, name)
                self._warnings[str(found.path)] = found


def _of_library(found: Diagnostic) -> bool:
    return is_of_library(SourceLocation(found.path or "", found.source))


class _QueryEvaluator:
    """Evaluates any query, through the rule that stands for it."""

    def __init__(
        self, query: str, engines: ThreadEngine, set_input: SetInput, explainer: RegoExplainer
    ) -> None:
        self._query = query
        self._engines = engines
        self._set_input = set_input
        self._explainer = explainer
        self._trace: Mapping[str, Json] = {"query": query}

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        """Evaluate on a copy of an engine that has never seen an input."""
        engine = self._engines.engine_for(policy_input.value).clone()
        exact.begin()
        try:
            self._set_input(engine, policy_input)
            value = self._value(engine)
        except EvaluationError:
            raise
        except BaseException as error:
            if not is_engine_fault(error):
                raise
            raise self._failed("could not be evaluated: a function failed or rules disagree") from None
        return PolicyOutput(exact.answered(value), self._trace)

    def explain(self, policy_input: PolicyInput) -> dict[str, Json]:
        """Return the rules that the query came to, with their values and the lines that were reached."""
        return self._explainer.explain(policy_input)

    def _value(self, engine: Engine) -> Json:
        answer = read_answer(engine.eval_rule_as_json(ANSWER), engine)
        if not isinstance(answer, list):
            raise self._failed("is undefined for this input")
        return answer[0]

    def _failed(self, what: str) -> EvaluationError:
        return EvaluationError(Reason.POLICY_INVOCATION_FAILED, f"`{self._query}` {what}")


class _RuleEvaluator(_QueryEvaluator):
    """Evaluates a query that is exactly one rule, without the way round."""

    def __init__(
        self,
        query: str,
        engines: ThreadEngine,
        set_input: SetInput,
        explainer: RegoExplainer,
        rule: str,
    ) -> None:
        super().__init__(query, engines, set_input, explainer)
        self._rule = rule

    def _value(self, engine: Engine) -> Json:
        answer = engine.eval_rule_as_json(self._rule)
        if answer == _UNDEFINED and engine.eval_rule(self._rule) is None:
            raise self._failed("is undefined for this input")
        return read_answer(answer, engine)


REGO: PolicyType = RegoType()
INLINE_REGO: PolicyType = RegoType(pool=EnginePool(MAX_INLINE_PART_CHARACTERS))
