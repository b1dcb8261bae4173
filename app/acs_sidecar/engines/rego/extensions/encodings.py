"""Functions that read and write encoded texts: base64, JSON, queries of URLs."""

import base64
import json
import re
from urllib.parse import unquote_to_bytes, urlencode

import orjson

from acs_sidecar.engines.rego.extensions.bounds import checked_length
from acs_sidecar.engines.rego.extensions.exact import digits_of
from acs_sidecar.engines.rego.extensions.subsets import in_order
from acs_sidecar.spec.values import Json

__all__ = [
    "base64_decode",
    "base64_is_valid",
    "base64url_decode",
    "json_is_valid",
    "marshal",
    "refuse_constant",
    "safe_in_html",
    "urlquery_decode",
    "urlquery_decode_object",
    "urlquery_encode_object",
]

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
_LINE_ENDS = str.maketrans("", "", "\r\n")
_PLAIN = str.maketrans("-_+/", "+/!!")
_UNENCODED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPED = str.maketrans({symbol: f"\\u{ord(symbol):04x}" for symbol in "<>&\u2028\u2029"})


def base64_is_valid(text: object) -> bool:
    """True if a value is a padded base64 text; line ends do not count."""
    return isinstance(text, str) and _BASE64.fullmatch(text.translate(_LINE_ENDS)) is not None


def base64_decode(text: str) -> str:
    """Decode a padded base64 text of UTF-8; line ends do not count."""
    if not base64_is_valid(text):
        raise ValueError("not a base64 text")
    return base64.b64decode(text.translate(_LINE_ENDS)).decode()


def base64url_decode(text: str) -> str:
    """Decode a base64 text for URLs, with or without its padding."""
    missing = 0 if text.endswith("=") else -len(text) % 4
    return base64_decode(text.translate(_PLAIN) + "=" * missing)


def json_is_valid(text: object) -> bool:
    """True if a value is a text that holds one JSON value."""
    if not isinstance(text, str):
        return False
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=refuse_constant)
    except ValueError:
        return False
    return True


def marshal(value: Json) -> str:
    """Write a value as JSON in one line, safe within HTML."""
    written = safe_in_html(orjson.dumps(_in_digits(value), _elements, orjson.OPT_SORT_KEYS).decode())
    checked_length(len(written))
    return written


def safe_in_html(written: str) -> str:
    """Escape in a JSON text what HTML gives a meaning."""
    return written.translate(_ESCAPED)


def refuse_constant(name: str) -> Json:
    """Raise `ValueError` for `NaN` and `Infinity`, which Python reads in JSON."""
    raise ValueError(f"`{name}` is not JSON")


def urlquery_decode(text: str) -> str:
    """Decode a text of a URL's query."""
    if _UNENCODED.search(text):
        raise ValueError("a `%` without two hexadecimal digits")
    return unquote_to_bytes(text.replace("+", " ")).decode()


def urlquery_decode_object(text: str) -> dict[str, list[str]]:
    """Return the values of a URL's query by their names."""
    members: dict[str, list[str]] = {}
    for part in text.split("&"):
        if ";" in part:
            raise ValueError("a `;` in a query")
        if part:
            name, _, value = part.partition("=")
            members.setdefault(urlquery_decode(name), []).append(urlquery_decode(value))
    return members


def urlquery_encode_object(members: dict[str, Json | set[Json]]) -> str:
    """Encode an object of texts, and of arrays and sets of texts, for the query of a URL."""
    if not isinstance(members, dict):
        raise TypeError("not an object")
    pairs: list[tuple[str, str]] = []
    for name in sorted(members):
        value = members[name]
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | set) or not all(isinstance(text, str) for text in texts):
            raise TypeError("neither a text nor texts")
        found = [str(text) for text in texts]
        pairs += [(name, text) for text in (sorted(found) if isinstance(texts, set) else found)]
    return urlencode(pairs)


def _in_digits(value: object) -> object:
    """Put the digits that OPA writes in the place of fractions."""
    if isinstance(value, float):
        return orjson.Fragment(digits_of(value))
    if isinstance(value, list):
        return [_in_digits(item) for item in value]
    if isinstance(value, dict):
        return {name: _in_digits(item) for name, item in value.items()}
    return value


def _elements(value: object) -> object:
    """Return the elements of a set in order."""
    if not isinstance(value, set):
        raise TypeError("a value that cannot be written")
    return _in_digits(in_order(value))
