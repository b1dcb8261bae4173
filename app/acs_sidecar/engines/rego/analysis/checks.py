"""Checks over all modules of a policy, before any of it is evaluated (sections 1.7, 1.7.2, 1.9)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from acs_sidecar.engines.findings import SourceLocation, finding, too_large
from acs_sidecar.engines.rego.analysis.builtins import AVAILABLE, IMPURE, INSTEAD, ZONED
from acs_sidecar.engines.rego.analysis.facts import Call, ModuleFacts, Reference, Rule
from acs_sidecar.engines.rego.analysis.graph import (
    DocumentTree,
    Edges,
    Node,
    components,
    longest,
    reached_from,
)
from acs_sidecar.engines.rego.bundle import Roots
from acs_sidecar.engines.rego.documents import Segments, dotted, holds
from acs_sidecar.engines.rego.engine import QUERY_PACKAGE
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.values import JsonObject

__all__ = [
    "MAX_CHAIN",
    "MAX_LOOPS",
    "MAX_PLANNING",
    "MAX_STACK_BYTES",
    "Program",
    "analyse",
    "keyword_taken_for_a_name",
]

MAX_CHAIN = 2_000
MAX_STACK_BYTES = 7_600_000
"""What evaluation may take of a stack of 8 MiB."""
MAX_PLANNING = 131_072
"""What the engine's planning of references may cost, which doubles with each bracket that varies."""
MAX_LOOPS = 256
"""Iterations in one rule: the engine's planning takes their square."""

_LOSSY = (
    "this may be undefined for one of the values that the body iterates over, and the engine would then "
    "lose the others too: give it to a variable in the body first (`value := …`)"
)
_KEYWORDS = frozenset({"contains", "every", "if", "in"})
_DOCUMENTS = frozenset({"data", "input"})


@dataclass(frozen=True, slots=True)
class Program:
    """What is known of a policy whose modules passed every check."""

    rules: Mapping[Segments, Sequence[Rule]]
    tree: DocumentTree
    input_paths: frozenset[Segments]
    edges: Edges
    input_paths_of: Mapping[Segments, frozenset[Segments]]

    def reads(self, query: Segments) -> frozenset[Segments]:
        """Return the paths below `input` that the rules may read on which `query` depends."""
        return frozenset(read for path in self.needs(query) for read in self.input_paths_of.get(path, ()))

    def needs(self, query: Segments) -> frozenset[Segments]:
        """Return the paths of the rules on which `query` depends, its own included."""
        reached = reached_from(self.tree.read(query), self.edges)
        return frozenset(path for kind, path in reached if kind == "rule")


@dataclass(frozen=True, slots=True)
class _Policy:
    """All modules together: the rules by path, and which paths are functions."""

    modules: Sequence[ModuleFacts]
    rules: Mapping[Segments, Sequence[Rule]]
    functions: frozenset[Segments]
    names_of: Mapping[Segments, set[str]]

    def names(self, package: Segments) -> set[str]:
        """Return the first names of the rules of a package."""
        return self.names_of.get(package, set())


def analyse(modules: Sequence[tuple[ModuleFacts, Roots]], data: JsonObject) -> Program:
    """Check all modules together. Raises `ManifestError` with every finding."""
    policy = _gather([module for module, _ in modules])
    tree = DocumentTree()
    for path in policy.rules:
        if path not in policy.functions:
            tree.add(path)
    findings = [
        *(found for module, roots in modules for found in _misplaced(module, roots)),
        *(found for module in policy.modules for found in _misused(module, policy)),
        *(found for module in policy.modules for found in _unbounded(module, tree, data)),
        *_replaced_by_data(policy, data),
        *_hidden_packages(policy),
    ]
    if findings:
        raise ManifestError(findings)
    _bound_rules(policy)
    visible = _edges(policy, tree, hidden=False)
    if circles := [*_circles(visible, policy), *_circles_of_replacements(visible, policy)]:
        raise ManifestError(circles)
    hides = any(
        reference.hidden
        for module in policy.modules
        for rule in module.rules
        for reference in rule.references
    )
    edges = _edges(policy, tree, hidden=True) if hides else visible
    _bound_chains(edges, policy)
    read = _input_paths(policy)
    return Program(policy.rules, tree, frozenset[Segments]().union(*read.values()), edges, read)


def _gather(modules: Sequence[ModuleFacts]) -> _Policy:
    rules: dict[Segments, list[Rule]] = {}
    for module in modules:
        for rule in module.rules:
            rules.setdefault(rule.path, []).append(rule)
    functions = frozenset(path for path, same in rules.items() if any(rule.function for rule in same))
    names: dict[Segments, set[str]] = {}
    for module in modules:
        found = names.setdefault(module.package, set())
        found.update(rule.path[len(module.package)] for rule in module.rules)
    return _Policy(modules, rules, functions, names)


def _misplaced(module: ModuleFacts, roots: Roots) -> Iterator[Diagnostic]:
    """Find what a package may not be, or not be here."""
    if module.package[0] == QUERY_PACKAGE:
        yield finding("rego-package-reserved", f"the package `{QUERY_PACKAGE}` is reserved", module.at)
    if not roots.own(module.package):
        message = f"the package `{'.'.join(module.package)}` is outside the bundle's roots ({roots})"
        yield finding("rego-bundle-roots", message, module.at)


def _misused(module: ModuleFacts, policy: _Policy) -> Iterator[Diagnostic]:
    """Find names that mean something else to the engine than they seem to."""
    for name, path in module.imports.items():
        if name in _DOCUMENTS and path != (name,):
            yield finding("rego-name-reserved", f"an import may not be called `{name}`", module.at)
    single = {*module.imports, *policy.names(module.package)}
    for rule in module.rules:
        name, *_ = names = rule.path[len(module.package) :]
        if name in _DOCUMENTS:
            yield finding("rego-name-reserved", f"a rule may not be called `{name}`", rule.at)
        if name in _KEYWORDS:
            yield finding("rego-name-reserved", keyword_taken_for_a_name(name), rule.at)
        if rule.function and ".".join(names) in AVAILABLE | IMPURE:
            message = f"`{'.'.join(names)}` is the name of a built-in function: rename this one"
            yield finding("rego-builtin-shadowed", message, rule.at)
        for variable in rule.unbound:
            message = f"`some` declares `{variable}`, and nothing gives it a value: the rule would never hold"
            yield finding("rego-variable-unbound", message, rule.at)
        if rule.lossy and rule.iterates_beside(single):
            yield finding("rego-head-undefined", _LOSSY, rule.lossy)
        for reference in rule.references:
            if reference.root in _KEYWORDS and not reference.hidden:
                yield finding("rego-name-reserved", keyword_taken_for_a_name(reference.root), reference.at)
        for call in rule.calls:
            if problem := _call_problem(call, module, policy):
                yield finding(*problem, call.at)
        for reference in rule.replaced:
            name = ".".join((reference.root, *reference.names))
            if name in INSTEAD and reference.root not in single:
                message = (
                    f"`with` does not replace `{name}` here: call a function of your own, and replace that"
                )
                yield finding("rego-function-unsupported", message, reference.at)


def _unbounded(module: ModuleFacts, tree: DocumentTree, data: JsonObject) -> Iterator[Diagnostic]:
    """Find calls to which the input could give an argument that the engine does not survive."""
    for rule in module.rules:
        for call in rule.calls:
            if call.costly is None or not all(_is_data(found, tree, data) for found in call.costly):
                name = ".".join(call.name)
                message = (
                    f"`{name}` may exhaust memory or never return: what it is given here must be constants, "
                    "counts and values of the data document, or sums of these"
                )
                yield finding("rego-unbounded", message, call.at)


def _is_data(reference: Reference, tree: DocumentTree, data: JsonObject) -> bool:
    """True if a reference reads the data document, and no rule."""
    return reference.root == "data" and holds(data, reference.names) and not tree.holds(reference.names)


def keyword_taken_for_a_name(name: str) -> str:
    """Return what to tell of a word of version 1 in a module of version 0."""
    return f"`{name}` is taken for a name here: import `future.keywords.{name}` or use `rego_version` 1"


def _call_problem(call: Call, module: ModuleFacts, policy: _Policy) -> tuple[str, str] | None:
    """Return the fault of a called function as code and message, or `None`."""
    name = ".".join(call.name)
    if call.replacing and (call.name[0] in module.imports or (*module.package, call.name[0]) in policy.rules):
        return None
    if _function(call.name, module, policy):
        return None
    if call.name[0] in module.imports:
        path = ".".join((*module.imports[call.name[0]], *call.name[1:]))
        return "rego-function-unknown", f"`{name}` is `{path}` by an import, and there is no such function"
    if name in IMPURE:
        message = f"`{name}` is not allowed: its value is not a function of its arguments"
        return "rego-nondeterministic", message
    if name in INSTEAD:
        return "rego-function-unsupported", f"`{name}` is not allowed: {INSTEAD[name]}"
    if name in ZONED and "Local" in call.texts:
        message = f"`{name}` with the zone `Local` is not allowed: its value depends on the machine"
        return "rego-nondeterministic", message
    if call.replacing or name in AVAILABLE:
        return None
    return (
        "rego-function-unknown",
        f"there is no function `{name}` in this policy, and this engine has none",
    )


def _function(name: Segments, module: ModuleFacts, policy: _Policy) -> Segments | None:
    """Return the path of the policy's own function that a call of `name` reaches."""
    root, *names = (*module.imports.get(name[0], (name[0],)), *name[1:])
    path = tuple(names) if root == "data" else (*module.package, root, *names)
    return path if path in policy.functions else None


def _replaced_by_data(policy: _Policy, data: JsonObject) -> Iterator[Diagnostic]:
    """Find rules at or below whose path there is data: the engine would take the data instead."""
    for path, same in policy.rules.items():
        value = data
        for length, name in enumerate(path, 1):
            if name not in value:
                break
            member = value[name]
            if not isinstance(member, dict) or length == len(path):
                message = f"data at `{dotted(path[:length])}` would replace the rule `{dotted(path)}`"
                yield finding("rego-data-replaces-rule", message, same[0].at)
                break
            value = member


def _hidden_packages(policy: _Policy) -> Iterator[Diagnostic]:
    """Find packages that lie at or below a complete rule: only one of the two would be seen."""
    for module in policy.modules:
        for length in range(1, len(module.package) + 1):
            above = policy.rules.get(module.package[:length], ())
            if any(not rule.partial for rule in above):
                message = (
                    f"the package `{'.'.join(module.package)}` conflicts with the rule "
                    f"`{dotted(module.package[:length])}`"
                )
                yield finding("rego-rule-conflict", message, module.at)


def _bound_rules(policy: _Policy) -> None:
    planning = 0
    for module in policy.modules:
        for rule in module.rules:
            planning += rule.planning
            if rule.loops > MAX_LOOPS:
                raise too_large(f"the rule iterates in more than {MAX_LOOPS} places: split it up", rule.at)
            if planning > MAX_PLANNING:
                message = "references with this many brackets take too long to plan: name their parts first"
                raise too_large(message, rule.at)


def _edges(policy: _Policy, tree: DocumentTree, *, hidden: bool) -> Edges:
    """Return the dependencies of each rule; with `hidden`, also through names that a variable hides."""
    edges: dict[Node, set[Node]] = {("rule", path): set() for path in policy.rules}
    for module in policy.modules:
        for rule in module.rules:
            targets = edges["rule", rule.path]
            for reference in rule.references:
                if hidden or not reference.hidden:
                    path = _target(reference, module)
                    targets.update(tree.read(path) if path is not None else ())
            for call in rule.calls:
                if path := _function(call.name, module, policy):
                    targets.add(("rule", path))
    edges.update((folder, set(inside)) for folder, inside in tree.folders())
    return edges


def _target(reference: Reference, module: ModuleFacts) -> Segments | None:
    """Return the path below `data` that a reference reads, if it reads `data`."""
    root, *names = _resolved(reference, module)
    if root == "data":
        return tuple(names)
    return (*module.package, root, *names) if root != "input" else None


def _resolved(reference: Reference, module: ModuleFacts) -> Segments:
    return (*module.imports.get(reference.root, (reference.root,)), *reference.names)


def _circles(edges: Edges, policy: _Policy) -> Iterator[Diagnostic]:
    for component in components(edges):
        paths = sorted(path for kind, path in component if kind == "rule")
        if not paths or (len(component) == 1 and component[0] not in edges[component[0]]):
            continue
        what = "function" if paths[0] in policy.functions else "rule"
        message = f"the {what} `{dotted(paths[0])}` depends on itself"
        if len(paths) > 1:
            message += " through " + ", ".join(f"`{dotted(path)}`" for path in paths[1:4])
        yield finding("rego-recursion", message, policy.rules[paths[0]][0].at)


def _circles_of_replacements(edges: Edges, policy: _Policy) -> Iterator[Diagnostic]:
    """Find functions in the place of another that read a rule which calls that one.

    OPA calls the original there, and this engine the replacement, which reads the rule again.
    """
    if not any(rule.replaced for module in policy.modules for rule in module.rules):
        return
    called: dict[Segments, set[Segments]] = {}
    for module in policy.modules:
        for rule in module.rules:
            names = called.setdefault(rule.path, set())
            names.update(_function(call.name, module, policy) or call.name for call in rule.calls)
    for call, path, replaced in _replacements(policy):
        for kind, read in sorted(reached_from([("rule", path)], edges)):
            if kind == "rule" and read not in policy.functions and called[read] & replaced:
                message = (
                    f"`{'.'.join(call.name)}` depends on the rule `{dotted(read)}`, which calls "
                    "what it replaces: make a function of that rule"
                )
                yield finding("rego-recursion", message, call.at)


def _replacements(policy: _Policy) -> Iterator[tuple[Call, Segments, set[Segments]]]:
    """Yield the policy's own functions that a `with` puts in the place of others: where, which, of which."""
    for module in policy.modules:
        for rule in module.rules:
            originals = [(reference.root, *reference.names) for reference in rule.replaced]
            replaced = {_function(name, module, policy) or name for name in originals}
            for call in rule.calls:
                if call.replacing and (path := _function(call.name, module, policy)):
                    yield call, path, replaced


def _bound_chains(edges: Edges, policy: _Policy) -> None:
    stacks = {path: max(rule.stack for rule in same) for path, same in policy.rules.items()}
    ways = longest(edges, stacks)
    for path, same in policy.rules.items():
        way = ways["rule", path]
        at: SourceLocation = same[0].at
        if way.rules > MAX_CHAIN:
            raise too_large(
                f"`{dotted(path)}` begins a chain of {way.rules} rules that depend on each other: "
                f"{MAX_CHAIN} are allowed",
                at,
            )
        if way.stack > MAX_STACK_BYTES:
            message = f"`{dotted(path)}` and what it depends on nest too deep to be evaluated: split them up"
            raise too_large(message, at)


def _input_paths(policy: _Policy) -> dict[Segments, frozenset[Segments]]:
    """Return the paths below `input` that the rules of each path may read."""
    found: dict[Segments, set[Segments]] = {}
    for module in policy.modules:
        for rule in module.rules:
            read = found.setdefault(rule.path, set())
            for reference in rule.references:
                root, *names = _resolved(reference, module)
                if "input" in (root, reference.root):
                    read.add(tuple(names))
    return {path: frozenset(read) for path, read in found.items()}
