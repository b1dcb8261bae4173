"""The `query` of a rego policy: a `data.` reference with constant segments (section 1.7.2)."""

import json
import re

from acs_sidecar.engines.findings import invalid
from acs_sidecar.engines.rego.documents import Segments
from acs_sidecar.spec.values import Json

__all__ = ["parse_query"]

_SEGMENT = re.compile(r'\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[(?P<text>"(?:[^"\\]|\\.)*")\]')
_MAX_SEGMENTS = 32


def parse_query(query: Json, path: str) -> Segments:
    """Return the path below `data` that `query`, the member named `path`, refers to.

    Raises `ManifestError`.
    """
    if not isinstance(query, str) or not query.strip():
        raise invalid("member-missing", "a rego policy needs a `query` such as `data.agent.verdict`", path)
    segments: list[str] = []
    position = len("data")
    while query.startswith("data") and (match := _SEGMENT.match(query, position)):
        segments.append(match["name"] or _text(match["text"], path))
        position = match.end()
    if not segments or position != len(query) or len(segments) > _MAX_SEGMENTS:
        message = (
            f"`{query}` is not a reference with constant segments, "
            'such as `data.agent.verdict` or `data.agent["my verdict"]`'
        )
        raise invalid("rego-query-syntax", message, path)
    return tuple(segments)


def _text(literal: str, path: str) -> str:
    try:
        text = str(json.loads(literal))
        text.encode()
    except ValueError:
        raise invalid("rego-query-syntax", f"`{literal}` is not a JSON string", path) from None
    return text
