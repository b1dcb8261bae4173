"""Where the context of a request comes from, and how it is converted without a schema (section 1.7.1)."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from acs_sidecar.engines.cedar.reads import Reads
from acs_sidecar.engines.cedar.uids import Given, text_or_path
from acs_sidecar.engines.cedar.values import (
    ESCAPES,
    Convert,
    decimal_number,
    picked,
    plain,
    unfit,
    with_members,
)
from acs_sidecar.engines.findings import invalid
from acs_sidecar.spec.path import Path
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json

__all__ = ["ContextSource", "agent_context", "context_template", "default_context", "undeclared"]

ContextSource: TypeAlias = Callable[[Given], Json]
"""Gives the context of one request as JSON. Raises `EvaluationError`."""


def default_context(given: Given) -> Json:
    """Return the snapshot's members and, over them, what the service adds."""
    snapshot = given["snapshot"]
    if not isinstance(snapshot, dict):
        raise unfit("the snapshot is not an object")
    return {
        **snapshot,
        "annotations": given["annotations"],
        "tool": given["tool"],
        "policy_target": given["policy_target"],
    }


def agent_context(given: Given) -> Json:
    """Return the snapshot's members and `annotations`, which no snapshot may have itself (section 6.5)."""
    snapshot = given["snapshot"]
    if not isinstance(snapshot, dict):
        raise unfit("the snapshot is not an object")
    if "annotations" in snapshot:
        raise unfit("the snapshot has a member `annotations`, which is that of the annotators in the context")
    return {**snapshot, "annotations": given["annotations"]}


def context_template(value: Json, path: str) -> ContextSource:
    """Read an override: an object with paths in it, or the path of an object. Raises `ManifestError`."""
    if isinstance(value, dict) or (isinstance(value, str) and isinstance(text_or_path(value, path), Path)):
        return _template(value, path)
    raise invalid("wrong-type", "must be an object or the path of one", path)


def _template(value: Json, path: str) -> ContextSource:
    if isinstance(value, dict):
        if reserved := sorted(ESCAPES & value.keys()):
            raise invalid("member-not-allowed", "is reserved by Cedar", f"{path}.{reserved[0]}")
        members = {name: _template(inner, f"{path}.{name}") for name, inner in value.items()}
        return lambda given: {name: inner(given) for name, inner in members.items()}
    if isinstance(value, list):
        if None in value:
            raise invalid("wrong-type", "holds `null`, which a set cannot hold", path)
        items = [_template(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
        return lambda given: [item(given) for item in items]
    if isinstance(value, str):
        read = text_or_path(value, path)
        return read.resolve if isinstance(read, Path) else _constant(read)
    if value is not None:
        try:
            plain(value)
        except EvaluationError as error:
            raise invalid("value-not-allowed", error.detail, path) from None
    return _constant(value)


def _constant(value: Json) -> ContextSource:
    return lambda _given: value


def undeclared(reads: Reads, decimals: Iterable[tuple[str | int, ...]]) -> Convert:
    """Return the converter of a context without a schema: what is read of it, `decimals` as such."""
    places = list(decimals)
    here = decimal_number if () in places else plain
    below = [place for place in places if place]
    if not reads.whole:
        return picked({name: undeclared(read, _under(name, below)) for name, read in reads.members.items()})
    if not below:
        return here
    heads = {place[0] for place in below}
    return with_members({head: undeclared(reads, _under(head, below)) for head in heads}, here)


def _under(head: str | int, places: Iterable[tuple[str | int, ...]]) -> list[tuple[str | int, ...]]:
    return [place[1:] for place in places if place[0] == head]
