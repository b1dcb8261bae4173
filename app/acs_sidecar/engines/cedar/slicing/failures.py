"""Why a policy failed, in words of this project: the engine's own quote the request (section 2.1)."""

import re
from collections.abc import Callable
from typing import TypeAlias

from acs_sidecar.spec.printable import printable

__all__ = ["failed_policy_id", "failure_of"]

_PREFIX = "error while evaluating policy `"
_MAX_NAME = 100
_TYPES = ("bool", "long", "string", "set", "record", "ipaddr", "decimal", "datetime", "duration")

_Told: TypeAlias = str | Callable[[re.Match[str]], str]


def failed_policy_id(error: str) -> str:
    """Return the engine's id of the policy that an error of an evaluation is about."""
    return error.removeprefix(_PREFIX).partition("`")[0]


def failure_of(error: str) -> str:
    """Return what an error of an evaluation says, without what it quotes of the request.

    Attributes are named in the policy alone, and so may be told; the key of a tag may be computed.
    """
    text = error.removeprefix(_PREFIX).partition("`: ")[2]
    for pattern, told in _KINDS:
        if found := pattern.fullmatch(text):
            return told if isinstance(told, str) else told(found)
    return "an error that is not known here"


def _missing(of: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{of} lacks the attribute `{_name(found)}`: test it with `has` first"


def _wrong_type(found: re.Match[str]) -> str:
    wanted = found["wanted"]
    if wanted.startswith("one of"):
        return "an attribute is looked for in what is no record and no entity"
    kind = f"a {wanted}" if wanted in _TYPES else "an entity" if "entity" in wanted else "another type"
    return f"an operator that takes {kind} has a value of another type"


def _unread(found: re.Match[str]) -> str:
    return f"a function of `{found['function']}` cannot compute its argument"


def _name(found: re.Match[str]) -> str:
    name = found["name"]
    return printable(name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…")


_KINDS: tuple[tuple[re.Pattern[str], _Told], ...] = tuple(
    (re.compile(pattern, re.DOTALL), told)
    for pattern, told in (
        (r"record does not have the attribute `(?P<name>.*)`", _missing("a record")),
        (r"`.*` does not have the attribute `(?P<name>.*)`", _missing("an entity")),
        (r"`.*` does not have the tag `.*`", "an entity lacks a tag: test it with `hasTag` first"),
        (r"entity `.*` does not exist", "an attribute is read of an entity that is not in the entities"),
        (r"type error: expected (?P<wanted>.*), got .*", _wrong_type),
        (r"integer overflow .*", "a result does not fit 64 bits"),
        (r"error while evaluating `(?P<function>[a-zA-Z]+)` extension function: .*", _unread),
        (r"the expression contains unknown.*", "`unknown` has no value"),
        (r"recursion limit.*", "an expression nests too deep"),
    )
)
