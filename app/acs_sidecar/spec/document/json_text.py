"""Manifest text as strict JSON: no duplicate members, no number out of range."""

import json
from dataclasses import dataclass

from acs_sidecar.spec.document.bounds import (
    MAX_DEPTH,
    DocumentBoundError,
    DocumentError,
    check_bounds,
    parse_float,
    parse_integer,
)
from acs_sidecar.spec.values import Json

__all__ = ["JsonText", "parse_json"]


@dataclass(frozen=True, slots=True)
class JsonText:
    """What a text is as JSON; in an object, for it may be `null`."""

    value: Json


class _NotPlainJsonError(ValueError):
    """The text needs the YAML reader, to be read or to be refused with a place."""


def parse_json(text: str, max_nodes: int | None = None, max_bytes: int | None = None) -> JsonText | None:
    """Read the text as strict JSON; `None` where it is not, or where the YAML reader must refuse it.

    The bounds are those of a manifest, or the given ones.

    Raises `DocumentError`.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_members,
            parse_constant=_refuse_constant,
            parse_int=parse_integer,
            parse_float=parse_float,
        )
        check_bounds(value, max_nodes, max_bytes)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise DocumentBoundError(f"nested deeper than {MAX_DEPTH} levels") from None
    except UnicodeEncodeError:
        raise DocumentError("a string holds a lone surrogate") from None
    except DocumentError:
        raise
    except ValueError:
        return None
    return JsonText(value)


def _unique_members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotPlainJsonError
    return members


def _refuse_constant(name: str) -> Json:
    raise DocumentError(f"`{name}` is not a finite number")
