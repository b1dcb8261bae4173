"""Whether a JSON text names a member of an object twice (section 2.1)."""

import orjson

from acs_sidecar.spec.values import Json

__all__ = ["has_duplicate_members"]


def has_duplicate_members(text: bytes, value: Json) -> bool:
    """True if an object in `text` names a member twice; `value` is what orjson reads in it.

    Each member stands behind a colon, and a reader that keeps the last of two drops a colon. All other
    colons are in strings, where they survive: so both sides hold equally many unless a member is gone.
    """
    escaped = _escaped_colons(text) if b"\\" in text else 0
    return text.count(b":") + escaped != _colons(value)


def _escaped_colons(text: bytes) -> int:
    r"""Count the escapes `\u003a`; a backslash that is itself escaped begins none."""
    escapes = text.replace(b"\\\\", b"")
    return escapes.count(b"\\u003a") + escapes.count(b"\\u003A")


def _colons(value: Json) -> int:
    """Count the colons of a value's JSON text."""
    try:
        return orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:  # nested deeper than the serialiser goes
        return _colons_by_level(value)


def _colons_by_level(value: Json) -> int:
    """Count the colons of a value that nests too deep for the serialiser."""
    colons = 0
    level = [value]
    while level:
        objects = [node for node in level if isinstance(node, dict)]
        texts = [node for node in level if isinstance(node, str)]
        colons += sum(len(names) for names in objects)
        colons += orjson.dumps([texts, *(list(names) for names in objects)]).count(b":")
        level = [child for node in level if isinstance(node, list) for child in node]
        level += [child for node in objects for child in node.values()]
    return colons
