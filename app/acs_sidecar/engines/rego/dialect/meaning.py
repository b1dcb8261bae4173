"""Makes the modules of a policy mean in this engine what they mean in OPA, or finds where they cannot."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from acs_sidecar.engines.findings import SourceLocation, finding
from acs_sidecar.engines.rego.analysis.checks import Program
from acs_sidecar.engines.rego.analysis.facts import ModuleFacts
from acs_sidecar.engines.rego.analysis.graph import Node
from acs_sidecar.engines.rego.analysis.syntax import (
    REFERENCES,
    as_list,
    as_object,
    as_offsets,
    as_position,
    called_name,
    constant_names,
    first_link,
    variant,
)
from acs_sidecar.engines.rego.dialect.arithmetic import compute_in_digits
from acs_sidecar.engines.rego.dialect.arity import ARITY
from acs_sidecar.engines.rego.dialect.bodies.reader import BodyReader
from acs_sidecar.engines.rego.dialect.body_rewriting import BodyRewriting, rewrite_body
from acs_sidecar.engines.rego.dialect.conflicts import (
    ambiguous_keys,
    conflicting_rules,
    rule_heads,
    set_rules,
)
from acs_sidecar.engines.rego.dialect.counting import (
    COUNTING,
    IsCollection,
    count_characters,
    describe_identifiers,
)
from acs_sidecar.engines.rego.dialect.folders import define_folders
from acs_sidecar.engines.rego.dialect.imports import referred, shadowed, tell_apart
from acs_sidecar.engines.rego.dialect.lookups import look_up_values
from acs_sidecar.engines.rego.dialect.memberships import evaluate_operands
from acs_sidecar.engines.rego.dialect.multiple import conflicting_nodes
from acs_sidecar.engines.rego.dialect.numerals import numerals_as_text
from acs_sidecar.engines.rego.dialect.packages import evaluate_other_modules
from acs_sidecar.engines.rego.dialect.problems import Problem
from acs_sidecar.engines.rego.dialect.rewriting import Rewriter, new_prefixes
from acs_sidecar.engines.rego.dialect.safety import rule_bodies
from acs_sidecar.engines.rego.dialect.scopes import VariableScope
from acs_sidecar.engines.rego.dialect.sets.flow import SetFlow
from acs_sidecar.engines.rego.dialect.split_functions import join_functions
from acs_sidecar.engines.rego.dialect.statements.alternatives import values_before_else
from acs_sidecar.engines.rego.dialect.statements.iterations import iterate_collections
from acs_sidecar.engines.rego.dialect.statements.patterns import refuse_in_head
from acs_sidecar.engines.rego.dialect.statements.walks import unbound_walks
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Parsed", "Rewritten", "as_opa_means"]

Parsed = tuple[Module, JsonObject, ModuleFacts]
"""A module, its AST, and what was read off that."""


_NEGATING = frozenset({("future", "keywords"), ("future", "keywords", "not")})
"""Imports with which `not` holds where an argument of what it negates is undefined."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A module in this engine's meaning, and its text in parts: each rule up to the next, and the rest."""

    module: Module
    above: str
    rules: tuple[str, ...]
    below: str


def as_opa_means(modules: Sequence[Parsed], program: Program) -> tuple[Rewritten, ...]:
    """Return the modules of a program, rewritten where this engine would decide differently from OPA.

    Raises `ManifestError` with every place that has no such form.
    """
    names: dict[Segments, set[str]] = {}
    for _, _, facts in modules:
        names.setdefault(facts.package, set()).update(rule.path[len(facts.package)] for rule in facts.rules)
    arities = {path: arity for _, ast, facts in modules for path, arity in _functions(ast, facts)}
    parsed = [(ast, facts) for _, ast, facts in modules]
    heads = rule_heads(parsed)
    findings = list(conflicting_rules(heads))
    rules = {rule.path for _, _, facts in modules for rule in facts.rules}
    texts = [module.text.encode() for module, _, _ in modules]
    read = [(ast, facts, text) for (ast, facts), text in zip(parsed, texts, strict=True)]
    conflicting = conflicting_nodes(read, program)
    findings += numerals_as_text(read, program)
    replaced = frozenset(path for _, _, facts in modules for path in _replaced(facts))
    documents = {path[:end] for path in rules for end in range(len(path) + 1)}
    policy = _PolicyFacts(names, arities, rules, documents, program, conflicting, replaced)
    flow = SetFlow(set_rules(heads), documents, rules)
    rewriters = [Rewriter(text, prefix) for text, prefix in zip(texts, new_prefixes(texts), strict=True)]
    join_functions(parsed, rewriters)
    rewritten = []
    for position, ((module, ast, facts), rewriter) in enumerate(zip(modules, rewriters, strict=True)):
        findings += [_finding(module.at, found) for found in _module(ast, facts, policy, flow, rewriter)]
        define_folders(ast, rewriter)
        others = [facts for _, facts in parsed]
        evaluate_other_modules(others, position, rewriter, keywords=bool(ast["rego_v1"]))
        starts = [as_offsets(variant(node)[1]["span"])[0] for node in as_list(ast["rules"])]
        above, *own, below = parts = rewriter.rewritten(starts)
        rewritten.append(Rewritten(replace(module, text="".join(parts)), above, tuple(own), below))
    findings += [_finding(at, found) for at, found in dict.fromkeys(flow.problems())]
    if findings:
        raise ManifestError(findings)
    return tuple(rewritten)


def _finding(at: SourceLocation, found: Problem) -> Diagnostic:
    return finding(found.code, found.message, at._replace(line=found.line, column=found.column))


@dataclass(frozen=True, slots=True)
class _PolicyFacts:
    """The names of each package's rules, how many arguments functions take, rules, and their values.

    `documents` are the rules and what holds them; `replaced` are what each `with` may mean, from `data` on
    and as the names of built-in functions.
    """

    names: Mapping[Segments, Set[str]]
    arities: Mapping[Segments, int]
    rules: Set[Segments]
    documents: Set[Segments]
    program: Program
    conflicting: Set[Node]
    replaced: Set[Segments]


def _module(
    ast: JsonObject, facts: ModuleFacts, policy: _PolicyFacts, flow: SetFlow, rewriter: Rewriter
) -> Iterator[Problem]:
    def arity(call: JsonObject) -> int | None:
        name = called_name(call["fcn"])
        return None if name is None else _arity(name, facts, policy.arities)

    def is_function(value: Json) -> bool:
        name = called_name(value) if not REFERENCES.isdisjoint(as_object(value)) else None
        return name is not None and _arity(name, facts, policy.arities) is not None

    def is_collection(reference: Json) -> bool:
        name = called_name(reference) if reader.is_document(reference) else None
        path = _meant(name, facts, policy.rules)
        return path is not None and any(rule.partial for rule in policy.program.rules[path])

    def may_conflict(reference: Json, scope: VariableScope) -> bool:
        kind, first = variant(first_link(reference))
        if kind != "Var" or scope.variable(first) is not None:
            return False
        names, _ = constant_names(reference)
        paths = facts.paths((str(first["value"]), *names))
        return any(_is_conflicting(path, policy) for path in paths if path or first["value"] == "data")

    documents = {"input", "data", *facts.imports, *policy.names[facts.package]}

    reader = BodyReader(rewriter.text, arity)
    walks = b"walk" in rewriter.text
    rewriting = BodyRewriting(
        rewriter,
        is_function,
        may_conflict if policy.conflicting else None,
        walks,
        not _NEGATING.isdisjoint(facts.imports.values()),
    )
    yield from shadowed(ast, facts.imports)
    for node in as_list(ast["rules"]):
        kind, rule = variant(node)
        if kind == "Default":
            reader.values.append((rule["refr"], rule["value"], VariableScope(documents, {})))
        else:
            yield from refuse_in_head(*variant(rule["head"]), documents)
            values = values_before_else(rule, documents)
            for number, body in enumerate(rule_bodies(rule, reader, documents)):
                ending = rewriter.move(rewriter.span(values[number])) if number in values else []
                yield from rewrite_body(body, rewriting, ending)
    if walks:
        yield from unbound_walks((call for call, _ in reader.calls), rewriting.walked)
    yield from _terms(reader)
    shadows = reader.shadows.values()
    yield from tell_apart(ast, facts.imports, policy.names[facts.package], shadows, rewriter)
    flow.add(reader, lambda name: _meant(name, facts, policy.documents), facts.at)
    compute_in_digits(reader, rewriter, policy.replaced, keywords=bool(ast["rego_v1"]))
    _stand_in(reader, rewriter, is_collection, policy.replaced, keywords=bool(ast["rego_v1"]))
    own = {name for path in policy.replaced for name in _names_in(path, facts)} & policy.names[facts.package]

    def is_rule(name: Segments) -> bool | None:
        return _is_rule(facts.paths(name) if name[0] in {"data", *facts.imports, *own} else [], policy)

    look_up_values(reader, is_rule, rewriter)
    for document in reader.documents.values():
        name = str(document["value"])
        path = ("data", *facts.package, name) if name in own else facts.imports.get(name)
        if path:
            rewriter.replace(rewriter.offsets(document), [referred(path)])
    for miscall in reader.miscalled:
        name = ".".join(called_name(miscall.node["fcn"]) or ())
        message = f"`{name}` takes {miscall.arity} arguments, not {miscall.given}"
        yield Problem("rego-arity", message, *as_position(miscall.node["span"]))


def _terms(reader: BodyReader) -> Iterator[Problem]:
    """Find the terms that the engine reads in another way."""
    for negative in reader.negatives:
        message = "the engine reads `-` before anything but a number in another way: write `0 - value`"
        yield Problem("rego-unary-minus", message, *as_position(negative["span"]))
    for node in reader.objects:
        taken_apart = as_offsets(node["span"])[0] in reader.taken_apart
        yield from ambiguous_keys(node, taken_apart=taken_apart)


def _stand_in(
    reader: BodyReader,
    rewriter: Rewriter,
    is_collection: IsCollection,
    replaced: Set[Segments],
    *,
    keywords: bool,
) -> None:
    """Add functions that stand in for what the engine alone answers in another way."""
    is_replaced = not COUNTING.isdisjoint(replaced)
    count_characters(reader, is_collection, rewriter, is_replaced=is_replaced, keywords=keywords)
    iterate_collections(reader, is_collection, rewriter, keywords=keywords)
    describe_identifiers(reader, rewriter, keywords=keywords)
    evaluate_operands(reader, rewriter, keywords=keywords)


def _functions(ast: JsonObject, facts: ModuleFacts) -> Iterator[tuple[Segments, int]]:
    for node in as_list(ast["rules"]):
        kind, rule = variant(node)
        head = rule if kind == "Default" else variant(rule["head"])[1]
        name = called_name(head["refr"])
        if name and as_list(head.get("args") or []):
            yield (*facts.package, *name), len(as_list(head["args"]))


def _arity(name: Segments, facts: ModuleFacts, arities: Mapping[Segments, int]) -> int | None:
    known = (arities[path] for path in facts.paths(name) if path in arities)
    return next(known, ARITY.get(".".join(name)))


def _is_conflicting(path: Segments, policy: _PolicyFacts) -> bool:
    nodes = [("rule", path), *policy.program.tree.read(path)]
    return not policy.conflicting.isdisjoint(nodes)


def _replaced(facts: ModuleFacts) -> Iterator[Segments]:
    """Yield what each `with` of a module may replace: paths below `data`, and names of functions."""
    for found in (found for rule in facts.rules for found in rule.replaced):
        name = (found.root, *found.names)
        yield from (name, *facts.paths(name))


def _is_rule(paths: list[Segments], policy: _PolicyFacts) -> bool | None:
    """True if a rule is at one of some paths, or rules below it; nothing where that is a package."""
    if any(policy.program.tree.holds(path) and not _is_package(path, policy) for path in paths if path):
        return True
    return None if any(_is_package(path, policy) for path in paths if path) else False


def _is_package(path: Segments, policy: _PolicyFacts) -> bool:
    """True if a path is that of a package, or above one."""
    return any(package[: len(path)] == path for package in policy.names)


def _names_in(path: Segments, facts: ModuleFacts) -> Segments:
    """Return the first name of a path in the package of a module, if it has one."""
    size = len(facts.package)
    return path[size : size + 1] if path[:size] == facts.package else ()


def _meant(name: Segments | None, facts: ModuleFacts, among: Set[Segments]) -> Segments | None:
    """Return which of some paths below `data` a name stands for."""
    return next((path for path in facts.paths(name) if path in among), None) if name else None
