"""OPA as it runs by default: a call of a built-in function that errs is undefined.

The library evaluates in strict mode alone, where such an error ends the query. So each function that a
policy calls is replaced by one that calls it only where a query of its own shows that it does not err.
"""

import re
from collections.abc import Mapping
from functools import cache

from acs_sidecar.engines.rego.dialect.arity import ARITY
from acs_sidecar.spec.values import Json
from tests.differential.oracle import Accepted, Oracle, Rejected

__all__ = ["document"]

_OPERATORS = {"+": "plus", "-": "minus", "*": "mul", "/": "div", "%": "rem", "&": "and", "|": "or"}
_PLACES = dict.fromkeys(_OPERATORS.values(), 2)
_TOTAL = frozenset({"print", "trace", "walk"})
_KEYWORD = "contains"
"""The function that no `with` can name."""
_CONTAINS = re.compile(r"(?<![\w.])contains\(")
_PRINTED = "sprintf"
_PACKAGE = "without_errors"
_WORKS = f"{_PACKAGE}_works"


def document(modules: Mapping[str, str], path: str, given: Json, data: Json = None) -> Accepted:
    """Return the document at `path`, with calls that err undefined. Raises `Rejected`."""
    names = _called("\n".join(modules.values()))
    rules = "\n".join(_checked(name, arity) for name, arity in names.items())
    replaced = " ".join(f"with {name} as {_own(name)}" for name in names if name != _KEYWORD)
    module = f"package {_PACKAGE}\nanswer := value if value := {path} {replaced}\n{rules}\n"
    texts = {
        name: _CONTAINS.sub(f"data.{_PACKAGE}.{_own(_KEYWORD)}(", text) for name, text in modules.items()
    }
    oracle = Oracle({**texts, "without_errors.rego": module}, data, {_WORKS: _works})
    try:
        return oracle.document(f"data.{_PACKAGE}.answer", given)
    finally:
        oracle.close()


def _called(text: str) -> dict[str, int]:
    """Return the functions that a text may call, each with how many arguments it takes."""
    operators = {name: 2 for symbol, name in _OPERATORS.items() if f" {symbol} " in text}
    return operators | {
        name: arity
        for name, arity in ARITY.items()
        if name not in _TOTAL and re.search(rf"(?<![\w.]){re.escape(name)}\(", text)
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


def _works(name: str, arguments: str) -> bool:
    """True if a call does not err; `arguments` is an array as Rego writes it, of no type that OPA would check."""
    places = "".join(f"a[{place}], " for place in range((_PLACES | ARITY)[name]))
    try:
        _alone().query(f'a := object.get({{"k": {arguments}}}, input, 0); {name}({places}x)', "k")
    except Rejected:
        return False
    return True
