"""Policies as version 0 of Rego writes them: `s[x] { … }` and `x = 1 { … }`, without `if` and `contains`."""

import re
from collections.abc import Mapping, Sequence

__all__ = ["in_version_0"]

_IMPORTS = "import future.keywords.in\nimport future.keywords.every"
_SET = re.compile(r"^(\w+) contains (.+)$", re.DOTALL)
_MEMBER = re.compile(r"^\w+\.\w+$")
"""A head that is true in version 1, and an element of a set in version 0."""
_DEEPER = re.compile(r"^\w+[.\[].* contains ")
_ELSE = re.compile(r"(?<=.)\s+else :=", re.DOTALL)


def in_version_0(heads: Mapping[str, str], rules: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the texts of modules in version 0; one that imports `rego.v1` stays as it is."""
    return {
        name: "\n".join([head, *rules[name]]) + "\n" if "rego.v1" in head else _module(head, rules[name])
        for name, head in heads.items()
    }


def _module(head: str, rules: Sequence[str]) -> str:
    texts = [_rule(rule) for rule in rules]
    imports = [head, _IMPORTS]
    if any(map(_DEEPER.match, texts)):
        imports.append("import future.keywords.contains")
    return "\n".join([*imports, *texts]) + "\n"


def _rule(text: str) -> str:
    """Return a rule without its `if`; a body of one statement gets braces."""
    head, *bodies = text.split(" if ")
    head = _SET.sub(r"\1[\2]", head)
    if bodies and _MEMBER.match(head):
        head += " = true"
    if bodies and not head.startswith("default "):
        head = head.replace(" := ", " = ", 1)
    return " ".join([head, *map(_braced, bodies)])


def _braced(body: str) -> str:
    if body.startswith("{"):
        return body
    statement, *rest = _ELSE.split(body, 1)
    return " else :=".join([f"{{ {statement} }}", *rest])
