"""A JSON Schema in words, as far as settings and manifests use it."""

from typing import Any

from docs.generate.markdown import listed

__all__ = ["described"]

_WORDS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "object",
    "array": "list",
    "null": "`null`",
}

_PLURALS = {
    "text": "texts",
    "integer": "integers",
    "object": "objects",
    "text, or object": "texts and objects",
}


def described(shape: dict[str, Any], definitions: dict[str, Any] | None = None) -> str:
    """Return what a value of this shape is, in a few words."""
    if "$ref" in shape:
        name = shape["$ref"].rsplit("/", 1)[1]
        return described((definitions or {}).get(name, {"type": "object"}), definitions)
    if "const" in shape:
        return listed([shape["const"]])
    if "enum" in shape:
        return listed(shape["enum"])
    if "anyOf" in shape:
        parts = [described(part, definitions) for part in shape["anyOf"] if part.get("type") != "null"]
        return ", or ".join(dict.fromkeys(parts))
    if shape.get("format") == "path":
        return "path"
    kinds = shape.get("type")
    if isinstance(kinds, list):
        words = [described({**shape, "type": kind}, definitions) for kind in kinds if kind != "null"]
        return ", or ".join(words)
    if kinds == "array" and shape.get("items"):
        item = described(shape["items"], definitions)
        return f"list of {_PLURALS.get(item, item)}"
    return _WORDS[str(kinds)] + _bounds(shape) if kinds else "any value"


def _bounds(shape: dict[str, Any]) -> str:
    least, above, most = (shape.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
    if least is not None and most is not None:
        return f" from {least:,} to {most:,}"
    if least is not None:
        return f" from {least:,}"
    if above is not None and most is not None:
        return f" above {above:,}, at most {most:,}"
    if above is not None:
        return f" above {above:,}"
    return f", at most {most:,}" if most is not None else ""
