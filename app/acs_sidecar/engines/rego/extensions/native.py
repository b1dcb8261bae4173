"""Functions of the engine itself, asked for what it answers as OPA does."""

import threading
from collections.abc import Mapping

import orjson
import regorus

from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["answer", "answer_to", "described_identifier", "format_time", "marshal_with_options"]

_MODULE = """package functions
given := input
time := time.format(input)
verified := json.verify_schema(input.schema)
written := json.marshal_with_options(input.value, input.options)
"""
_UNDEFINED = '"<undefined>"'
"""What the engine writes for undefined, and for a string of that text."""
_NAMED_ZONE = frozenset({"RFC1123", "RFC822", "RFC850", "UnixDate"})
"""Layouts that OPA knows by name, and that write the name of a zone."""
_TIMED = (1, 2)
"""The versions of an identifier that hold a time for OPA."""
_HTML = str.maketrans({symbol: f"\\u{ord(symbol):04x}" for symbol in "<>&"})


class _Engine(threading.local):
    """An engine belongs to its thread."""

    def __init__(self) -> None:
        self.native = regorus.Engine()
        self.native.add_policy("functions", _MODULE)


_ENGINE = _Engine()


def answer(rule: str, given: Json) -> Json:
    """Return what a rule of the module is for an input. Raises `RuntimeError` where a function fails."""
    return answer_to(rule, orjson.dumps(given))


def answer_to(rule: str, given: bytes) -> Json:
    """Return what `answer` does for an input as JSON."""
    engine = _ENGINE.native.clone()
    engine.set_input_json(given.decode())
    text = engine.eval_rule_as_json(f"data.functions.{rule}")
    if text == _UNDEFINED and engine.eval_rule(f"data.functions.{rule}") is None:
        raise ValueError("without an answer")
    value: Json = orjson.loads(text)
    return value


def format_time(given: Json) -> Json:
    """Format a time; layouts that write the name of its zone fail."""
    layout = given[-1] if isinstance(given, list) and given else ""
    if isinstance(layout, str) and ("MST" in layout or layout in _NAMED_ZONE):
        raise ValueError("a layout with the name of the zone")
    return answer("time", given)


def marshal_with_options(value: Json, options: Mapping[str, Json]) -> str:
    """Write a value as JSON in several lines, safe within HTML."""
    if not isinstance(options, dict):
        raise TypeError("not an object")
    for name in ("indent", "prefix"):
        if not set(str(options.get(name, ""))).isdisjoint("<>&"):
            raise ValueError("options that HTML would read")
    return str(answer("written", {"value": value, "options": options})).translate(_HTML)


def described_identifier(found: JsonObject) -> JsonObject:
    """Return what `uuid.parse` found: a variant has OPA's name, and later versions have no time."""
    named = {**found, "variant": "Reserved"} if found["variant"] == "NCS" else dict(found)
    if found["version"] not in _TIMED:
        named.pop("time", None)
    return named
