"""The names in an answer that stand for arrays, objects and sets: keys that become text in JSON.

OPA sorts the names in such a text and escapes what HTML gives a meaning; the engine keeps the order of the
keys. A member whose own name is such a text stays what it is.
"""

import json
import re
from collections.abc import Callable

import orjson

from acs_sidecar.engines.rego.engine import ANSWER, Engine
from acs_sidecar.engines.rego.extensions.encodings import refuse_constant, safe_in_html
from acs_sidecar.spec.values import Json

__all__ = ["read_answer"]

_NAME = re.compile(r'(?<!\\)"[{\[][^"\\]*(?:\\.[^"\\]*)*"(?=:)')
_BRACKETS = ("{", "[")
_LEVELS = 4
"""How deep keys are looked for in keys."""

_KEYS = "{{k | walk({}, [_, v]); is_object(v); v[k]}}"
_QUERY = "; ".join(
    [
        f"k1 := {_KEYS.format(ANSWER)}",
        *(f"k{level} := {_KEYS.format(f'k{level - 1}')}" for level in range(2, _LEVELS + 1)),
        f"names := {' | '.join(f'k{level}' for level in range(1, _LEVELS + 1))}",
        "texts := [k | names[k]; is_string(k)]",
        "keys := {k: null | names[k]; not is_string(k)}",
        f"deepest := {{k: null | k{_LEVELS}[k]; not is_string(k)}}",
    ]
)
"""The names of the objects in an answer, and of those in their keys: texts, and what becomes text."""

_IsKey = Callable[[str], bool]


def read_answer(text: str, engine: Engine) -> Json:
    """Return the value that the engine wrote, with names as OPA writes them.

    Asks the engine which names are texts only where OPA would write one of them in another way. Raises
    `ValueError` where such a one is a text and stands for a key too.
    """
    value: Json = orjson.loads(text)
    if '"{' not in text and '"[' not in text:
        return value
    names = {orjson.loads(found) for found in _NAME.findall(text)}
    return _renamed(value, _keys(engine)) if any(map(_may_change, names)) else value


def _keys(engine: Engine) -> _IsKey:
    """Return what tells the names in the engine's answer that stand for keys."""
    bindings = orjson.loads(engine.eval_query_as_json(_QUERY))["result"][0]["bindings"]
    keys, texts, deepest = (
        {name for name in bindings[found] if str(name).startswith(_BRACKETS)}
        for found in ("keys", "texts", "deepest")
    )
    if deepest or any(map(_may_change, keys & texts)):
        raise ValueError("a name that is a text and stands for a key too")
    return keys.__contains__


def _may_change(name: str) -> bool:
    return _written(name, _is_composite) != name


def _renamed(value: object, is_key: _IsKey) -> Json:
    if isinstance(value, list):
        return [_renamed(item, is_key) for item in value]
    if isinstance(value, dict):
        return {_written(name, is_key): _renamed(item, is_key) for name, item in value.items()}
    return value  # type: ignore[return-value]


def _written(name: str, is_key: _IsKey) -> str:
    """Return a name as OPA writes it: with the names in it sorted, if it stands for a key."""
    if not name.startswith(_BRACKETS) or not is_key(name):
        return name
    renamed = _renamed(_composite(name), is_key)
    return safe_in_html(orjson.dumps(renamed, option=orjson.OPT_SORT_KEYS).decode())


def _is_composite(name: str) -> bool:
    """True if a name may stand for a key."""
    try:
        orjson.dumps(_composite(name))
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _composite(name: str) -> object:
    """Read the text of a key; its numbers keep their digits."""
    return json.loads(
        name, parse_int=orjson.Fragment, parse_float=orjson.Fragment, parse_constant=refuse_constant
    )
