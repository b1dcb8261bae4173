"""What a manifest may say about the request that a policy is asked (section 1.7.1).

`query` on a definition or a binding, and `principal`, `action`, `resource` and `context` on a binding,
replace the default parts. A text that starts with `$` is a path into the policy input.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

from acs_sidecar.engines.cedar.context import ContextSource, context_template
from acs_sidecar.engines.cedar.members import QUERY_MEMBERS
from acs_sidecar.engines.cedar.uids import UidSource, uid_source
from acs_sidecar.engines.findings import invalid
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.path import PathSyntaxError, Root, parse_path
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ContextOverride", "DecimalPlace", "Query", "binding_query", "read_query"]

_ENTITIES = ("principal", "action", "resource")
_PARTS = frozenset({*_ENTITIES, "context"})
_CONTEXT = "context"

Segments = tuple[str | int, ...]


class DecimalPlace(NamedTuple):
    """A place whose integers become `decimal`: the segments below `context`.

    `by_input` tells that it was written as a path into the policy input, which names a place of the
    default context only.
    """

    segments: Segments
    by_input: bool


class ContextOverride(NamedTuple):
    """A context that the manifest gives, and its members; `None` where they are those of a path."""

    source: ContextSource
    members: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Query:
    """The parts of a request that a manifest gives; an absent one takes its default."""

    principal: UidSource | None = None
    action: UidSource | None = None
    resource: UidSource | None = None
    context: ContextOverride | None = None
    decimals: tuple[DecimalPlace, ...] | None = None

    def over(self, below: "Query") -> "Query":
        """Return the query in which every part that is absent here is taken from `below`."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return Query(**{name: getattr(below, name) if part is None else part for name, part in parts.items()})


def read_query(value: Json, path: str) -> Query:
    """Read a `query` object. Raises `ManifestError`."""
    if not isinstance(value, dict):
        raise invalid("wrong-type", "must be an object", path)
    for name, message in unknown_members(sorted(value), QUERY_MEMBERS):
        raise invalid("member-unknown", message, f"{path}.{name}")
    principal, action, resource = (
        uid_source(value[part], f"{path}.{part}") if part in value else None for part in _ENTITIES
    )
    return Query(
        principal,
        action,
        resource,
        _context(value["context"], f"{path}.context") if "context" in value else None,
        tuple(_decimals(value["decimals"], f"{path}.decimals")) if "decimals" in value else None,
    )


def binding_query(members: JsonObject, path: str) -> Query:
    """Read what a binding says: in `query`, and in parts of their own. Raises `ManifestError`."""
    within = members.get("query", {})
    query = read_query(within, f"{path}.query")
    direct = {name: members[name] for name in sorted(_PARTS & members.keys())}
    for name in direct:
        if isinstance(within, dict) and name in within:
            raise invalid("member-ambiguous", "is set twice: here and in `query`", f"{path}.{name}")
    return read_query(direct, path).over(query)


def _context(value: Json, path: str) -> ContextOverride:
    members = frozenset(value) if isinstance(value, dict) else None
    return ContextOverride(context_template(value, path), members)


def _decimals(value: Json, path: str) -> Iterator[DecimalPlace]:
    if not isinstance(value, list):
        raise invalid("wrong-type", "must be a list of attributes such as `context.order.total`", path)
    for index, text in enumerate(value):
        try:
            yield _place(text if isinstance(text, str) else "")
        except PathSyntaxError as error:
            raise invalid("path-syntax", str(error), f"{path}[{index}]") from None


def _place(text: str) -> DecimalPlace:
    """Read `context.a.b`, or a path into the policy input as a place of the default context."""
    if text.startswith(f"{_CONTEXT}.") or text.startswith(f"{_CONTEXT}["):
        return DecimalPlace(
            parse_path(f"{Root.SNAPSHOT}{text.removeprefix(_CONTEXT)}").segments, by_input=False
        )
    path = parse_path(text)
    segments = path.segments
    if path.root is Root.TOOL:
        return DecimalPlace(("tool", *segments), by_input=True)
    if path.root is Root.POLICY_TARGET:
        return DecimalPlace(("policy_target", "value", *segments), by_input=True)
    if path.root is Root.POLICY_INPUT and segments[:1] == ("snapshot",):
        return DecimalPlace(segments[1:], by_input=True)
    return DecimalPlace(segments, by_input=True)
