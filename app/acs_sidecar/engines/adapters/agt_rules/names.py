"""The names of conditions: `context`, the table of section 7.4, the tool's arguments."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from acs_sidecar.engines.adapters.agt_rules.condition.tree import Name, path_text
from acs_sidecar.engines.adapters.agt_rules.rings import FILESYSTEM_SCOPES, TIERS
from acs_sidecar.engines.adapters.agt_rules.values import Read, Source
from acs_sidecar.spec.path import Path, Root, parse_path
from acs_sidecar.spec.points import TOOL_POINTS, InterventionPoint

__all__ = ["ACTION_NAMES", "MAX_HINTS", "Names", "UnknownNameError", "needs_tool"]

MAX_HINTS = 16
"""Findings that look for the nearest name: each compares with all names that there are."""

_ALL = frozenset(InterventionPoint)
_MODEL = frozenset({InterventionPoint.PRE_MODEL_CALL, InterventionPoint.POST_MODEL_CALL})
_INPUT = frozenset({InterventionPoint.INPUT})
_RESPONSE = frozenset({InterventionPoint.POST_MODEL_CALL, InterventionPoint.OUTPUT})
_RESULT = frozenset({InterventionPoint.POST_TOOL_CALL})
_ENVELOPE = "$snap.envelope"
ACTION_NAMES = ("action", "action.type", "action.tool")
"""Names of the tool that say what is done; in the toolkit they are an argument of the call."""
_TOOL_NAME = ("$tool.name", "$snap.tool_call.name")


@dataclass(frozen=True, slots=True)
class _Row:
    """A name, or with `prefix` all names below it, and where it is read at which points."""

    paths: tuple[str, ...]
    points: frozenset[InterventionPoint]
    prefix: bool = False
    annotation: str | None = None


def _exactly(
    paths: str | tuple[str, ...], points: frozenset[InterventionPoint], *names: str
) -> dict[str, _Row]:
    texts = (paths,) if isinstance(paths, str) else paths
    return dict.fromkeys(names, _Row(texts, points))


def _below(
    paths: str | tuple[str, ...], points: frozenset[InterventionPoint], *names: str
) -> dict[str, _Row]:
    texts = (paths,) if isinstance(paths, str) else paths
    return dict.fromkeys(names, _Row(texts, points, prefix=True))


_EXACT: Mapping[str, _Row] = {
    **_exactly(_TOOL_NAME, TOOL_POINTS, *ACTION_NAMES, "tool", "tool_name", "tool.name"),
    **_exactly(f"{_ENVELOPE}.agent.id", _ALL, "agent", "agent.id", "agent_id", "agent_did"),
    **_exactly(f"{_ENVELOPE}.session.id", _ALL, "session_id"),
    **_exactly(f"{_ENVELOPE}.tenant.id", _ALL, "tenant_id"),
    **_exactly(f"{_ENVELOPE}.timestamp", _ALL, "timestamp"),
    **_exactly(f"{_ENVELOPE}.budgets.tool_call_count", _ALL, "tool_call_count"),
    **_exactly(f"{_ENVELOPE}.budgets.token_count", _ALL, "token_count"),
    **_exactly(f"{_ENVELOPE}.budgets.elapsed_seconds", _ALL, "elapsed_seconds"),
    **_exactly(f"{_ENVELOPE}.budgets.cost_usd", _ALL, "cost_usd"),
    **_exactly("$tool.description", TOOL_POINTS, "tool_description"),
    **_exactly("$snap.tool_result.value", _RESULT, "tool.output", "tool_output", "tool_response", "result"),
    **_exactly("$snap.input.body", _INPUT, "input", "user_input", "input_text", "message"),
    **_exactly("$snap.response.content", _RESPONSE, "output", "response"),
    **_exactly("$snap.model.name", _MODEL, "model"),
    **_exactly(f"{_ENVELOPE}.agent.trust_score", _ALL, "trust_score"),
    **_exactly(f"{_ENVELOPE}.agent.delegation_depth", _ALL, "delegation_depth"),
}
_PREFIXES: Mapping[str, _Row] = {
    **_below(f"{_ENVELOPE}.agent", _ALL, "agent"),
    **_below(f"{_ENVELOPE}.session", _ALL, "session"),
    **_below(f"{_ENVELOPE}.tenant", _ALL, "tenant"),
    **_below(f"{_ENVELOPE}.budgets", _ALL, "budgets"),
    **_below("$snap.tool_call.args", TOOL_POINTS, "args", "arguments", "params"),
    **_below("$snap.tool_result.value", _RESULT, "tool.output"),
    **_below("$tool", TOOL_POINTS, "tool"),
    **_below("$snap.input", _INPUT, "input"),
    **_below("$snap.response", _RESPONSE, "response", "output"),
    **_below("$snap.model", _MODEL, "model"),
    **_below("$policy_target", _ALL, "policy_target"),
    **_below("$pi.intervention_point", _ALL, "intervention_point"),
    **_below("$pi.annotations", _ALL, "annotations"),
    "sql": _Row(("$pi.annotations.sql",), TOOL_POINTS, prefix=True, annotation="sql"),
    "k8s": _Row(("$pi.annotations.k8s",), TOOL_POINTS, prefix=True, annotation="k8s"),
}
_CONTENT = frozenset({"$snap.tool_result.value", "$snap.input.body", "$snap.response.content"})
"""What names of the table read that is of any type."""
_WRITTEN = tuple((member,) for member in ("tool_call", "tool_result", "input", "output", "response", "model"))
_AGENT_NAMES = ("agent", "agent.id", "agent_id", "agent_did")


def _either(member: str) -> tuple[str, str]:
    """Return where an agent context has a member, and then where an envelope has it."""
    return f"$snap.{member}", f"{_ENVELOPE}.{member}"


_CONTEXT_EXACT: Mapping[str, _Row] = {
    **_EXACT,
    **_exactly(_either("session.id"), _ALL, "session_id"),
    **_exactly(_either("tenant.id"), _ALL, "tenant_id"),
    **_exactly(_either("timestamp"), _ALL, "timestamp"),
    **_exactly(_either("budgets.tool_call_count"), _ALL, "tool_call_count"),
    **_exactly(_either("budgets.token_count"), _ALL, "token_count"),
    **_exactly(_either("budgets.elapsed_seconds"), _ALL, "elapsed_seconds"),
    **_exactly(_either("budgets.cost_usd"), _ALL, "cost_usd"),
    **_exactly(
        ("$snap.input.content", "$snap.input.body"),
        _INPUT,
        *("input", "user_input", "input_text", "message"),
    ),
    **_exactly(("$snap.output.content", "$snap.response.content"), _RESPONSE, "output", "response"),
    **_exactly(("$snap.model.id", "$snap.model.name"), _MODEL, "model"),
    **_exactly(_either("agent.trust_score"), _ALL, "trust_score"),
    **_exactly(_either("agent.delegation_depth"), _ALL, "delegation_depth"),
}
"""The table where snapshots are agent contexts; `_AGENT_NAMES` are read as section 6.8 says."""
_CONTEXT_PREFIXES: Mapping[str, _Row] = {
    **_PREFIXES,
    **_below(_either("agent"), _ALL, "agent"),
    **_below(_either("session"), _ALL, "session"),
    **_below(_either("tenant"), _ALL, "tenant"),
    **_below(_either("budgets"), _ALL, "budgets"),
    **_below(("$snap.output", "$snap.response"), _RESPONSE, "response", "output"),
}
_CLOSED: Mapping[str, Collection[str]] = {
    "intervention_point": tuple(point.value for point in InterventionPoint),
    "ring.filesystem_scope": tuple(dict.fromkeys(FILESYSTEM_SCOPES)),
    "trust.tier": TIERS,
}
"""Names whose value is one of these texts."""
_ARGS = parse_path("$snap.tool_call.args")
_PARSED: Mapping[str, Path] = {
    text: parse_path(text)
    for table in (_EXACT, _PREFIXES, _CONTEXT_EXACT, _CONTEXT_PREFIXES)
    for row in table.values()
    for text in row.paths
}


class UnknownNameError(ValueError):
    """A name that nothing provides at a point; the first messages have the nearest known one."""


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean in one policy.

    `computed` are the facts about an agent by name (`ring.level`, `trust.tier`). `agent` reads its id where
    snapshots are agent contexts.
    """

    context: Mapping[str, Source]
    named_arguments: bool
    computed: Mapping[str, Read] = field(default_factory=dict)
    agent: Read | None = None
    hints: Iterator[int] = field(default_factory=lambda: iter(range(MAX_HINTS)), compare=False, repr=False)
    lengths: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        """Note how long the names of `context` are: no other beginning of a name is one of them."""
        object.__setattr__(self, "lengths", frozenset(map(len, self.context)))

    @property
    def timestamp(self) -> Source:
        """Where the time of a snapshot is."""
        return Source(tuple(_PARSED[text] for text in self._exact["timestamp"].paths))

    @property
    def _exact(self) -> Mapping[str, _Row]:
        return _EXACT if self.agent is None else _CONTEXT_EXACT

    @property
    def _prefixes(self) -> Mapping[str, _Row]:
        return _PREFIXES if self.agent is None else _CONTEXT_PREFIXES

    def source(
        self, name: Name, point: InterventionPoint, annotations: Collection[str | int] | None
    ) -> Source:
        """Return where a name is read at a point; `annotations` are those bound there, `None` for any.

        Raises `UnknownNameError`.
        """
        if found := self.find(name, point, annotations):
            return found
        raise UnknownNameError(self._unknown(name.segments, point, annotations))

    def find(
        self, name: Name, point: InterventionPoint, annotations: Collection[str | int] | None
    ) -> Source | None:
        """Return where a name is read at a point, as `source` does, or `None`."""
        segments = name.segments
        if declared := self._declared(segments):
            _, entry, length = declared
            if entry.default is None and _unbound(entry.paths, annotations):
                return None
            return Source(entry.paths, entry.default, segments[length:])
        if found := self._table(segments, point, annotations):
            return found
        if self.named_arguments and point in TOOL_POINTS:
            if len(segments) > 1 and segments[-1] == "value":
                return Source((_extended(_ARGS, segments[:-1]),), scalar_value=True)
            return Source((_extended(_ARGS, segments),))
        return None

    def values(self, name: Name) -> Collection[str]:
        """Return the texts that a name of the table can have, or none where any text can be its value."""
        dotted = _dotted(name.segments) or ""
        return () if dotted in self.context else _CLOSED.get(dotted, ())

    def declared_name(self, name: Name) -> str | None:
        """Return the entry of `context` that a name reads, or `None`."""
        declared = self._declared(name.segments)
        return declared[0] if declared else None

    def is_shaped_by_callers(self, name: Name, point: InterventionPoint) -> bool:
        """True if a value can be of any type: one that neither the table of names nor the tool fixes."""
        dotted = _dotted(name.segments)
        row = _EXACT.get(dotted or "")
        fixed = dotted in self.computed or (
            row is not None and point in row.points and not _CONTENT.intersection(row.paths)
        )
        return self._declared(name.segments) is not None or not fixed

    def is_content(self, name: Name, point: InterventionPoint) -> bool:
        """True if a value is, or is a part of, what callers, models or tools write."""
        source = self.find(name, point, None)
        return source is not None and any(
            path.root is Root.POLICY_TARGET or (path.root is Root.SNAPSHOT and path.segments[:1] in _WRITTEN)
            for path in source.paths
        )

    def is_builtin(self, root: str) -> bool:
        """True if the table of names has one that begins so, at any point."""
        known = (*_EXACT, *_PREFIXES, *self.computed)
        return any(name.partition(".")[0] == root for name in known)

    def _declared(self, segments: tuple[str | int, ...]) -> tuple[str, Source, int] | None:
        """Return the longest beginning that `context` has, its source and its number of segments.

        It takes time linear in the name.
        """
        names = [*takewhile(lambda segment: isinstance(segment, str), segments)] if self.context else []
        text = ".".join(map(str, names))
        end = len(text)
        for length in range(len(names), 0, -1):
            if end in self.lengths and (entry := self.context.get(text[:end])):
                return text[:end], entry, length
            end -= len(str(names[length - 1])) + 1
        return None

    def _table(
        self,
        segments: tuple[str | int, ...],
        point: InterventionPoint,
        annotations: Collection[str | int] | None,
    ) -> Source | None:
        for length in range(min(len(segments), 2), 0, -1):
            dotted = _dotted(segments[:length])
            rest = segments[length:]
            if dotted is None:
                continue
            if dotted in self.computed and not rest:
                return Source(computed=self.computed[dotted])
            if self.agent is not None and dotted in _AGENT_NAMES and not rest:
                return Source(computed=self.agent)
            row = self._exact.get(dotted)
            if row and not rest and point in row.points:
                return Source(tuple(_PARSED[text] for text in row.paths))
            row = self._prefixes.get(dotted)
            if row and point in row.points and _is_bound(dotted, row, rest, annotations):
                return Source(tuple(_extended(_PARSED[text], rest) for text in row.paths))
        return None

    def _unknown(
        self,
        segments: tuple[str | int, ...],
        point: InterventionPoint,
        annotations: Collection[str | int] | None,
    ) -> str:
        if declared := self._declared(segments):
            dotted, entry, _ = declared
            return _unbound_text(dotted, point, _unbound(entry.paths, annotations) or dotted)
        text = path_text(segments)
        bound = None if annotations is None else set(annotations)
        if bound is not None and segments[0] in ("annotations", "sql", "k8s"):
            wanted = segments[0] if segments[0] != "annotations" else "".join(map(str, segments[1:2]))
            return _unbound_text(text, point, str(wanted))
        known = [
            *self.context,
            *self.computed,
            *(name for name, row in (*_EXACT.items(), *_PREFIXES.items()) if point in row.points),
        ]
        elsewhere = [row for name, row in (*_EXACT.items(), *_PREFIXES.items()) if name == segments[0]]
        if elsewhere and not any(point in row.points for row in elsewhere):
            return f"`{text}` has no value at `{point}`: bind it in `context`, or change `stage`"
        is_hinted = next(self.hints, None) is not None
        near = difflib.get_close_matches(text[:64], known, 1, 0.5) if is_hinted else []
        hint = f", did you mean `{near[0]}`?" if near else ""
        return f"`{text}` is no name that `{point}` has{hint}: bind it in `context` to a path"


def _is_bound(
    dotted: str, row: _Row, rest: tuple[str | int, ...], annotations: Collection[str | int] | None
) -> bool:
    if annotations is None:
        return True
    if row.annotation is not None:
        return row.annotation in annotations
    return dotted != "annotations" or not rest or rest[0] in annotations


def _unbound(paths: tuple[Path, ...], annotations: Collection[str | int] | None) -> str | None:
    """Return the annotation that a path of `context` reads and the point does not bind, if there is one."""
    if annotations is None:
        return None
    read = (path.segments[1] for path in paths if _reads(path, "annotations") and len(path.segments) > 1)
    return next((str(name) for name in read if name not in annotations), None)


def _unbound_text(name: str, point: InterventionPoint, annotation: str) -> str:
    return f"`{name}`: `{point}` binds no annotation `{annotation}`: add it to the point's `annotations`"


def _reads(path: Path, member: str) -> bool:
    """True if a path begins with a member of the policy input."""
    return path.root is Root.POLICY_INPUT and path.segments[:1] == (member,)


def needs_tool(source: Source) -> bool:
    """True if there is no value where the point does not look the tool up in the manifest."""
    return (
        bool(source.paths)
        and source.default is None
        and all(path.root is Root.TOOL or _reads(path, "tool") for path in source.paths)
    )


def _extended(path: Path, rest: tuple[str | int, ...]) -> Path:
    return Path(path.text, path.root, (*path.segments, *rest)) if rest else path


def _dotted(segments: tuple[str | int, ...]) -> str | None:
    return ".".join(map(str, segments)) if all(type(segment) is str for segment in segments) else None
