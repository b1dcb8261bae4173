"""The counters of limits that several policies name, in one evidence (sections 7.6, 17.2)."""

from collections.abc import Iterator, Sequence

import orjson

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.dialects.evidence import POINTERS
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["may_name_counters", "with_counters"]

_LOWEST, _ALL = "counter", "counters"


def may_name_counters(evidence: JsonObject) -> bool:
    """True if evidence has a member that can name counters."""
    return _LOWEST in evidence or _ALL in evidence or POINTERS in evidence


def with_counters(evidence: JsonObject | None, others: Sequence[JsonObject]) -> JsonObject | None:
    """Return evidence that also names the counters of `others`: the same where that adds none.

    They stand in the verification pointers where all that is named stands there, as under 0.4.
    """
    own = evidence or {}
    known = set(_named(own))
    names = list(dict.fromkeys(name for other in others for name in _named(other)))
    if known.issuperset(names):
        return evidence
    listed: list[Json] = [*dict.fromkeys([*_named(own), *names])]
    in_pointers = not any(_LOWEST in each or _ALL in each for each in (own, *others))
    pointers = own.get(POINTERS)
    members = (pointers if isinstance(pointers, dict) else {}) if in_pointers else own
    first = members.get(_LOWEST)
    counters: dict[str, Json] = {_LOWEST: first if isinstance(first, str) else listed[0]}
    if len(listed) > 1:
        counters[_ALL] = canonical(listed).decode() if in_pointers else listed
    united = {**members, **counters}
    return {**own, POINTERS: united} if in_pointers else united


def _named(evidence: JsonObject) -> Iterator[str]:
    """Yield the counters that evidence names."""
    pointers = evidence.get(POINTERS)
    for members in (evidence, pointers if isinstance(pointers, dict) else {}):
        if isinstance(lowest := members.get(_LOWEST), str):
            yield lowest
        listed = members.get(_ALL)
        if isinstance(listed, str):
            listed = _parsed(listed)
        if isinstance(listed, list):
            yield from (name for name in listed if isinstance(name, str))


def _parsed(text: str) -> Json:
    try:
        parsed: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return parsed
