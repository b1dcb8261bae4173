"""Which of many Rego files compile here, each with those that it needs, and how to write the others."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from acs_sidecar.engines.rego.type import REGO
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import CompileRequest, NoSources
from acs_sidecar.spec.values import JsonObject

__all__ = ["REWRITES", "Surveyed", "survey"]

REWRITES = {
    "policy-bound-exceeded": "move the inner parts to rules of their own, or split the file",
    "rego-arity": "call the function with as many arguments as it takes",
    "rego-builtin-shadowed": "rename the function: a built-in one has that name",
    "rego-default-twice": "keep one `default` of the rule",
    "rego-function-unknown": "define the function, or put what it finds out into the snapshot",
    "rego-function-unsupported": "use the function that the message names",
    "rego-head-undefined": "bind the part of the head in the body: `why := x.why`, and use `why`",
    "rego-import-shadowed": "rename the rule, or import under another name: `import data.x as y`",
    "rego-name-reserved": "rename it, or import the keyword: `import future.keywords.in`",
    "rego-nondeterministic": (
        "let the host put it into the snapshot; the time is there already: "
        "`time.parse_rfc3339_ns(input.snapshot.envelope.timestamp)`"
    ),
    "rego-not-before": "give the variable its value in a line above the `not`",
    "rego-unary-minus": "write `0 - value`",
    "rego-not-undefined": "bind the call's value in a line of its own, and write `not` before that",
    "rego-number-form": "write the number as the message does: OPA shows a literal as it is written",
    "rego-object-pattern": "compare `count(value)` and the members one by one",
    "rego-recursion": "write the levels out, or use `walk` or `graph.reachable`",
    "rego-rule-conflict": "rename one of the two: a package and a rule cannot have one path",
    "rego-set-order": (
        'compare with `==` or `count`; in the place of an array take the set (`concat(", ", s)`), '
        "or make one: `{x | some x in s}`"
    ),
    "rego-syntax": "correct the text as the message says",
    "rego-unbounded": "give the argument as a constant, a `count(…)` or a value of `data`",
    "rego-walk": "write `walk(x, [path, value])` as a statement of the body",
    "rego-variable-unbound": "give the variable a value, or remove it from `some`",
    "rego-variable-unsafe": "put what must not exist into a rule of its own, and write `not` before its name",
}
"""How a refused policy is written instead, by the code of the finding."""

_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)", re.MULTILINE)
_REFERENCE = re.compile(r"\bdata\.([A-Za-z_][\w.]*)")
_SYNTAX = "rego-syntax"
_WANTS_IF = "`if` keyword is required"
_KEYWORDS = re.compile(r"^\s*import\s+(?:rego\.v1|future\.keywords)", re.MULTILINE)
_RESERVED = "rego-name-reserved"
"""A word of version 1 in a module that is read as version 0."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A file: the Rego version in which it compiles, or `None` and why it does not."""

    name: str
    version: int | None
    findings: tuple[Diagnostic, ...]


def survey(files: Mapping[str, str]) -> Iterator[Surveyed]:
    """Compile each file with those of its package in its folder, and of the packages that it refers to."""
    packages: dict[str, list[str]] = {}
    for name, text in files.items():
        packages.setdefault(_package(text), []).append(name)
    for name in files:
        modules = {other: files[other] for other in _needed(name, files, packages)}
        findings = _findings(modules, 1)
        if not findings:
            yield Surveyed(name, 1, ())
            continue
        if any(found.code == _SYNTAX for found in findings):
            earlier = _findings(modules, 0)
            if not earlier:
                yield Surveyed(name, 0, ())
                continue
            if _is_older(files[name], findings, earlier):
                findings = earlier
        yield Surveyed(name, None, findings)


def _package(text: str) -> str:
    found = _PACKAGE.search(text)
    return found[1] if found else ""


def _needed(name: str, files: Mapping[str, str], packages: Mapping[str, list[str]]) -> list[str]:
    needed = [name]
    for file in needed:
        own, folder = _package(files[file]), PurePath(file).parent
        found = [other for other in packages[own] if PurePath(other).parent == folder]
        for package, names in packages.items():
            if package != own and any(_below(path, package) for path in _REFERENCE.findall(files[file])):
                found += names
        needed.extend(other for other in found if other not in needed)
    return needed


def _read_to(findings: tuple[Diagnostic, ...]) -> float:
    """Return the line that the parser came to: a version in which it reads further is the file's own."""
    return min((found.line or 0 for found in findings if found.code == _SYNTAX), default=float("inf"))


def _is_older(text: str, findings: tuple[Diagnostic, ...], earlier: tuple[Diagnostic, ...]) -> bool:
    """Whether a file that loads in neither version is one of version 0, from what each finds in it."""
    if any(found.code == _RESERVED for found in earlier):
        return _WANTS_IF in findings[0].message and not _KEYWORDS.search(text)
    return _read_to(earlier) > _read_to(findings)


def _below(path: str, package: str) -> bool:
    return path == package or path.startswith(f"{package}.")


def _findings(modules: Mapping[str, str], version: int) -> tuple[Diagnostic, ...]:
    definition: JsonObject = {"type": "rego", "modules": dict(modules), "rego_version": version}
    try:
        REGO.compile(CompileRequest("policies.survey", definition, NoSources()))
    except ManifestError as error:
        return tuple(error.diagnostics)
    return ()
