"""Texts inside of a text: what is base64, hexadecimal, percent-encoded, escaped or an entity, decoded within bounds."""

import binascii
import html
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import unquote_to_bytes

from acs_sidecar.detectors.rules import DetectorRule, Match, RuleSet

__all__ = ["MAX_DECODED", "decoded_texts"]

MAX_DECODED = 16_384
"""So many characters of encoded text are decoded in one text; what lies behind is not looked into."""

_BASE64 = DetectorRule("base64", r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = DetectorRule("hex", r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ :,]?){12,}")
_PERCENT = DetectorRule("percent", r"(?:[A-Za-z0-9_.+-]{0,24}%[0-9A-Fa-f]{2}){3,}")
_ESCAPES = DetectorRule("escapes", r"(?:\\u(?:[0-9a-fA-F]{4}|\{[0-9a-fA-F]{1,6}\})|\\x[0-9a-fA-F]{2}){5,}")
_ENTITIES = DetectorRule("entities", r"(?:&#(?:x[0-9a-fA-F]{1,6}|\d{1,7});[ ]?){5,}")
_TAGS = DetectorRule("tags", r"[\x{E0020}-\x{E007E}]{4,}")
_RULES = RuleSet((_BASE64, _HEX, _PERCENT, _ESCAPES, _ENTITIES, _TAGS))

_OPAQUE = (_BASE64, _HEX, _TAGS)  # in the others what stands beside belongs to the text
_BESIDE = 80

_HEX_NOISE = re.compile(r"0x|\\x|[ :,]")
_ESCAPE = re.compile(r"\\u(?:([0-9a-fA-F]{4})|\{([0-9a-fA-F]{1,6})\})|((?:\\x[0-9a-fA-F]{2})+)")
_UNTAGGED = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_LEAST_PRINTABLE = 0.9


def decoded_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the encoded parts of a text that decode to text: their spans and decoded forms."""
    left = min(MAX_DECODED, 2 * len(text))
    for rule, start, end in _encoded(text):
        beside = 0 if rule in _OPAQUE else _BESIDE
        try:
            decoded = _DECODERS[rule](text[max(0, start - beside) : end + beside][:left])
        except (ValueError, OverflowError):
            continue
        if _is_text(decoded):
            left -= len(decoded)
            yield start, end, decoded
        if left <= 0:
            return


def _encoded(text: str) -> list[Match]:
    """Find what is encoded; what is so near that what stands beside it overlaps counts as one."""
    apart: list[Match] = []
    last: dict[DetectorRule, int] = {}
    for rule, start, end in _RULES.matches(text):
        index = last.get(rule)
        if index is not None and rule not in _OPAQUE and start - apart[index][2] <= 2 * _BESIDE:
            apart[index] = (rule, apart[index][1], end)
            continue
        last[rule] = len(apart)
        apart.append((rule, start, end))
    return apart


def _unescaped(escape: re.Match[str]) -> str:
    if escape[3]:
        return bytes.fromhex(escape[3].replace("\\x", "")).decode(errors="replace")
    return chr(min(int(escape[1] or escape[2], 16), sys.maxunicode))


def _from_base64(encoded: str) -> str:
    """Decode either alphabet; what is cut off at the end is left out."""
    body = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    raw = binascii.a2b_base64(body[: len(body) - (len(body) % 4 == 1)] + "==")
    return raw.decode("utf-16-le" if b"\0" in raw else "utf-8")


def _from_hex(encoded: str) -> str:
    digits = _HEX_NOISE.sub("", encoded)
    return bytes.fromhex(digits[: len(digits) & ~1]).decode()


def _from_percent(encoded: str) -> str:
    return unquote_to_bytes(encoded.replace("+", " ")).decode(errors="replace")


_DECODERS: dict[DetectorRule, Callable[[str], str]] = {
    _BASE64: _from_base64,
    _HEX: _from_hex,
    _PERCENT: _from_percent,
    _ESCAPES: partial(_ESCAPE.sub, _unescaped),
    _ENTITIES: html.unescape,
    _TAGS: lambda encoded: encoded.translate(_UNTAGGED),
}


def _is_text(decoded: str) -> bool:
    if not decoded.isprintable():
        decoded = decoded.replace("\n", " ").replace("\r", " ").replace("\t", " ")
    printable = len(decoded) if decoded.isprintable() else sum(map(str.isprintable, decoded))
    return len(decoded) >= 4 and printable >= _LEAST_PRINTABLE * len(decoded)
