"""OPA as it runs by default: a call of a built-in function that errs is undefined.

The library evaluates in strict mode alone, where such an error ends the query. So each function that a
policy calls is replaced by one that calls it only where a query of its own shows that it does not err.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from acs_sidecar.engines.rego.dialect.arity import ARITY
from acs_sidecar.spec.values import Json
from tests.differential.oracle import Accepted, Oracle, Rejected

__all__ = ["LenientOracle"]

_OPERATORS = {"+": "plus", "-": "minus", "*": "mul", "/": "div", "%": "rem", "&": "and", "|": "or"}
_PLACES = dict.fromkeys(_OPERATORS.values(), 2)
_TOTAL = frozenset({"print", "trace", "walk"})
_KEYWORD = "contains"
"""The function that no `with` can name."""
_CONTAINS = re.compile(r"(?<![\w.])contains\(")
_CALL = re.compile(r"(?<![\w.])([a-z][\w.]*)\(")
_PRINTED = "sprintf"
_PACKAGE = "without_errors"
_WORKS = f"{_PACKAGE}_works"


class LenientOracle:
    """A policy of which one document is asked, with calls that err undefined."""

    def __init__(self, modules: Mapping[str, str], path: str, data: Json = None) -> None:
        names = _called("\n".join(modules.values()))
        rules = "\n".join(_checked(name, arity) for name, arity in names.items())
        replaced = " ".join(f"with {name} as {_own(name)}" for name in names if name != _KEYWORD)
        module = f"package {_PACKAGE}\nanswer := value if value := {path} {replaced}\n{rules}\n"
        texts = {
            name: _CONTAINS.sub(f"data.{_PACKAGE}.{_own(_KEYWORD)}(", text) for name, text in modules.items()
        }
        self._oracle = Oracle({**texts, "without_errors.rego": module}, data, {_WORKS: _works})

    def document(self, given: Json) -> Accepted:
        """Return the document for an input. Raises `Rejected`."""
        return self._oracle.document(f"data.{_PACKAGE}.answer", given)

    def close(self) -> None:
        """Free the policy."""
        self._oracle.close()


def _called(text: str) -> dict[str, int]:
    """Return the functions that a text may call, each with how many arguments it takes."""
    operators = {name: 2 for symbol, name in _OPERATORS.items() if f" {symbol} " in text}
    return operators | {
        name: ARITY[name] for name in sorted(set(_CALL.findall(text))) if name in ARITY and name not in _TOTAL
    }


def _checked(name: str, arity: int) -> str:
    """Return a function that is undefined where the function `name` errs."""
    arguments = ", ".join(f"a{place}" for place in range(arity))
    condition = f'{_WORKS}("{name}", {_PRINTED}("%v", [[{arguments}]]))'
    return f"{_own(name)}({arguments}) := value if {{ {condition}; value := {name}({arguments}) }}"


def _own(name: str) -> str:
    return name.replace(".", "_") + "_"


@cache
def _alone() -> Oracle:
    return Oracle({})


@lru_cache(maxsize=100_000)
def _works(name: str, arguments: str) -> bool:
    """True if a call does not err; `arguments` is an array as Rego writes it, of no type that OPA would check."""
    places = "".join(f"a[{place}], " for place in range((_PLACES | ARITY)[name]))
    try:
        _alone().query(f'a := object.get({{"k": {arguments}}}, input, 0); {name}({places}x)', "k")
    except Rejected:
        return False
    return True
