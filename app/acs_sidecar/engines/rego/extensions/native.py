"""Functions of the engine itself, asked for what it answers as OPA does."""

import re
import threading
from collections.abc import Mapping

import orjson
import regorus

from acs_sidecar.engines.rego.extensions.exact import check_digits
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["answer", "answer_to", "described_identifier", "difference", "format_time", "marshal_with_options"]

_MODULE = """package functions
difference := time.diff(input[0], input[1])
given := input
time := time.format(input)
verified := json.verify_schema(input.schema)
written := json.marshal_with_options(input.value, input.options)
"""
_UNDEFINED = '"<undefined>"'
"""What the engine writes for undefined, and for a string of that text."""
_NAMED_ZONE = frozenset({"RFC1123", "RFC822", "RFC850", "UnixDate"})
"""Layouts that OPA knows by name, and that write the name of a zone."""
_EXACT = "2006-01-02T15:04:05.999999999Z07:00"
_NANOSECONDS = "2006-01-02T15:04:05.000000000Z07:00"
_ZEROS = re.compile(r"\.?0+(?=Z$|[+-]\d\d:\d\d$)")
"""What follows the last digit of a fraction that is not 0."""
_READ_OTHERWISE = re.compile(r"MST|%|[.,]9|,0|(?<![01])5")
"""The name of a zone, texts that formats of C have, fractions without their zeros, seconds of one digit."""
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
    """Format a time; layouts that the engine reads in another way fail."""
    moment, *form = given if isinstance(given, list) and given else [given]
    zone = form[0] if form else "UTC"
    layout = form[1] if form[1:] else _EXACT
    if layout in (_EXACT, "RFC3339Nano"):
        return _ZEROS.sub("", str(answer("time", [moment, zone, _NANOSECONDS, *form[2:]])))
    if not isinstance(layout, str) or layout in _NAMED_ZONE or _READ_OTHERWISE.search(layout):
        raise ValueError("a layout that the engine reads in another way")
    return answer("time", given)


def difference(one: Json, other: Json) -> Json:
    """Return what is between two times in UTC; the engine reads daylight saving time in another way."""
    for moment in (one, other):
        if isinstance(moment, list) and (len(moment) != 2 or moment[1] not in ("", "UTC")):
            raise ValueError("a time in another zone than UTC")
    return answer("difference", [one, other])


def marshal_with_options(value: Json, options: Mapping[str, Json]) -> str:
    """Write a value as JSON in several lines, safe within HTML."""
    if not isinstance(options, dict):
        raise TypeError("not an object")
    for name in ("indent", "prefix"):
        if not set(str(options.get(name, ""))).isdisjoint("<>&"):
            raise ValueError("options that HTML would read")
    check_digits(value)
    return str(answer("written", {"value": value, "options": options})).translate(_HTML)


def described_identifier(found: JsonObject) -> JsonObject:
    """Return what `uuid.parse` found: a variant has OPA's name, and later versions have no time."""
    named = {**found, "variant": "Reserved"} if found["variant"] == "NCS" else dict(found)
    if found["version"] not in _TIMED:
        named.pop("time", None)
    return named
