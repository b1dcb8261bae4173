"""`sprintf` as OPA has it: Go's verbs over numbers and texts; every other value is printed as a text."""

import re
from collections.abc import Callable
from decimal import Decimal

from acs_sidecar.engines.rego.extensions.bounds import checked_length
from acs_sidecar.engines.rego.extensions.exact import digits_of, nearest, with_digits
from acs_sidecar.engines.rego.extensions.subsets import in_order
from acs_sidecar.spec.values import Json

__all__ = ["formatted", "shown"]

_DIRECTIVE = re.compile(
    r"%(?P<flags>[-+ 0]*)(?P<width>\d{0,4})(?:\.(?P<precision>\d{0,3}))?(?P<verb>.)", re.DOTALL
)
_BASES: dict[str, Callable[[int], str]] = {
    "d": str,
    "b": lambda number: f"{number:b}",
    "o": lambda number: f"{number:o}",
    "x": lambda number: f"{number:x}",
    "X": lambda number: f"{number:X}",
}
_INT64 = range(-(2**63), 2**63)


def formatted(form: str, values: list[Json]) -> str:
    """Format the values, with Go's complaints where verbs and values do not fit together."""
    if not isinstance(form, str) or not isinstance(values, list):
        raise TypeError("a text and an array of values")
    parts: list[str] = []
    position = used = length = 0
    while (start := form.find("%", position)) >= 0:
        directive = _DIRECTIVE.match(form, start)
        if directive is None:
            raise ValueError("a form that ends within a verb, or that is not read here")
        parts.append(form[position:start])
        if directive["verb"] == "%":
            parts.append("%")
        elif directive["verb"] in "#*[":
            raise ValueError("a form that is not read here")
        elif used == len(values):
            parts.append(f"%!{directive['verb']}(MISSING)")
        else:
            parts.append(_value(directive, values[used]))
            used += 1
        length += sum(map(len, parts[-2:]))
        checked_length(length)
        position = directive.end()
    parts.append(form[position:])
    if used < len(values):
        parts.append(f"%!(EXTRA {', '.join(map(_typed, values[used:]))})")
    return "".join(parts)


def _value(directive: re.Match[str], value: Json) -> str:
    verb, flags, precision = directive["verb"], directive["flags"], directive["precision"]
    digits = None if precision is None else int(precision or 0)
    if isinstance(value, float):
        value = nearest(value)
        if "e" in repr(value) and verb != "v":
            raise ValueError("a number with an exponent, which OPA may have as a text")
        if verb in "vgef":
            text = _float(value, verb, digits)
            return _padded(text if verb in "vs" else _signed(text, flags), directive, zeros=True)
    elif isinstance(value, int) and not isinstance(value, bool):
        if value not in _INT64:
            raise ValueError("a number that OPA may have as a text")
        if verb in "vdboxX":
            if digits is not None:
                raise ValueError("a form of an integer that is not read here")
            text = _BASES["d" if verb == "v" else verb](value)
            return _padded(text if verb == "v" else _signed(text, flags), directive, zeros=True)
    elif verb in "vs":
        text = value if isinstance(value, str) else shown(value)
        return _padded(text if digits is None else text[:digits], directive, zeros=False)
    elif verb in "qxX" and not flags and digits is None:
        text = value if isinstance(value, str) else shown(value)
        if verb == "q":
            return _padded(_quoted(text), directive, zeros=False)
        text = text.encode().hex()
        return _padded(text.upper() if verb == "X" else text, directive, zeros=False)
    if flags or directive["width"] or digits is not None or verb in "#*[.cUqxXopTbeEgGF0123456789":
        raise ValueError(f"`%{verb}` does not print this value here")
    return f"%!{verb}({_typed(value)})"


def _typed(value: Json) -> str:
    """Write a value as Go's complaints do: numbers and texts by their type, all else as a text."""
    if isinstance(value, str):
        return f"string={value}"
    if isinstance(value, float):
        if "e" in repr(value):
            raise ValueError("a number with an exponent, which OPA may have as a text")
        return f"float64={with_digits(Decimal(repr(nearest(value))))}"
    if isinstance(value, int) and not isinstance(value, bool):
        if value not in _INT64:
            raise ValueError("a number that OPA may have as a text")
        return f"int64={value}"
    return f"string={shown(value)}"


def _signed(text: str, flags: str) -> str:
    if text.startswith("-"):
        return text
    return "+" + text if "+" in flags else " " + text if " " in flags else text


def _padded(text: str, directive: re.Match[str], *, zeros: bool) -> str:
    width, flags = int(directive["width"] or 0), directive["flags"]
    if "-" in flags:
        return text.ljust(width)
    if "0" not in flags:
        return text.rjust(width)
    if not zeros:
        raise ValueError("zeros in front of a text")
    sign = text[: text[:1] in "+- "] if text else ""
    return sign + text[len(sign) :].rjust(width - len(sign), "0")


def _float(value: float, verb: str, digits: int | None) -> str:
    if verb == "f":
        return f"{value:.{6 if digits is None else digits}f}"
    if verb == "e":
        return f"{value:.{6 if digits is None else digits}e}"
    if digits is not None:
        raise ValueError("digits of a shortest number")
    return with_digits(Decimal(repr(value)))


def shown(value: Json | set[Json]) -> str:
    """Write a value as Rego does: members and elements in order."""
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return digits_of(value)
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, set):
        return f"{{{', '.join(map(shown, in_order(value)))}}}" if value else "set()"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_quoted(name)}: {shown(value[name])}' for name in sorted(value))}}}"
    return str(value)


def _quoted(text: str) -> str:
    """Quote a text as Go does; what it would escape beyond ASCII fails."""
    if not text.isascii() and not text.isprintable():
        raise ValueError("a text that Go would escape")
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    escapes |= {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
    return '"' + "".join(escapes.get(symbol) or _plain(symbol) for symbol in text) + '"'


def _plain(symbol: str) -> str:
    return symbol if symbol.isprintable() else f"\\x{ord(symbol):02x}"
