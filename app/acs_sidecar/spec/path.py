"""The path language: a root, then member and index segments (section 1.4)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["ALL_ROOTS", "SNAPSHOT_ONLY", "Path", "PathSyntaxError", "Root", "parse_path", "path_pattern"]


class Root(StrEnum):
    """Where a path starts."""

    SNAPSHOT = "$snap"
    POLICY_INPUT = "$pi"
    POLICY_TARGET = "$policy_target"
    TOOL = "$tool"


ALL_ROOTS = frozenset(Root)
SNAPSHOT_ONLY = frozenset({Root.SNAPSHOT})

# A dollar alone is an alias before `.` and at the end; before `[` it is not.
_ROOT = re.compile(r"\$(?:(?:snap|pi|policy_target|tool)(?=[.\[]|$)|(?=\.|$))")
_NAME = r"[^.\[\]]+"
_INDEX = "0|[1-9][0-9]{0,9}"
_QUOTED = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
_SEGMENT = re.compile(rf"\.(?P<name>{_NAME})|\[(?P<index>{_INDEX})\]|\[(?P<quoted>{_QUOTED})\]")


class PathSyntaxError(ValueError):
    """An invalid path; the message says what is wrong and what is allowed."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `text` is as written; an `int` segment is an index, a `str` a member name."""

    text: str
    root: Root
    segments: tuple[str | int, ...]

    def walk(self, start: Json) -> Json:
        """Follow the segments from the root's value `start`.

        Raises `EvaluationError` with `path_missing` for an absent member or index, and with
        `path_type_mismatch` for a segment on the wrong JSON type.
        """
        value = start
        for segment in self.segments:
            if isinstance(segment, str):
                if not isinstance(value, dict):
                    raise self._mismatch("an object", segment)
                if segment not in value:
                    raise self._missing(segment)
                value = value[segment]
            else:
                if not isinstance(value, list):
                    raise self._mismatch("a list", segment)
                if segment >= len(value):
                    raise self._missing(segment)
                value = value[segment]
        return value

    def resolve(self, policy_input: Mapping[str, Json]) -> Json:
        """Resolve any root against a policy input (section 1.5). Raises as `walk` does."""
        match self.root:
            case Root.SNAPSHOT:
                return self.walk(policy_input["snapshot"])
            case Root.TOOL:
                return self.walk(policy_input["tool"])
            case Root.POLICY_INPUT:
                return self.walk(dict(policy_input))
            case Root.POLICY_TARGET:
                target = policy_input["policy_target"]
                return self.walk(target["value"] if isinstance(target, dict) else None)
            case _:
                assert_never(self.root)

    def replace(self, start: Json, replacement: Json) -> Json:
        """Return a copy of the root's value with the place of this path replaced.

        Only what lies on the path is copied. The path must resolve: raises as `walk` does.
        """
        self.walk(start)
        return _replaced(start, self.segments, replacement)

    def _missing(self, segment: str | int) -> EvaluationError:
        return EvaluationError(Reason.PATH_MISSING, f"`{self.text}` has no value at `{segment}`")

    def _mismatch(self, wanted: str, segment: str | int) -> EvaluationError:
        return EvaluationError(
            Reason.PATH_TYPE_MISMATCH, f"`{self.text}` does not meet {wanted} at `{segment}`"
        )


def _replaced(value: Json, segments: tuple[str | int, ...], replacement: Json) -> Json:
    if not segments:
        return replacement
    copies: list[dict[str, Json] | list[Json]] = []
    for segment in segments:
        copy = value.copy() if isinstance(value, dict | list) else {}
        copies.append(copy)
        value = copy[segment]  # type: ignore[index]  # walk() proved that types match
    for copy, segment in zip(reversed(copies), reversed(segments), strict=True):
        copy[segment] = replacement  # type: ignore[index]  # walk() proved that types match
        replacement = copy
    return replacement


def parse_path(text: str, roots: frozenset[Root] = ALL_ROOTS) -> Path:
    """Parse `text`, which must start at one of `roots`. Raises `PathSyntaxError`."""
    start = _ROOT.match(text)
    if start is None:
        raise PathSyntaxError(f"`{text}` is not a path: must start with {_listed(roots)}")
    root = Root.SNAPSHOT if start.group() == "$" else Root(start.group())
    if root not in roots:
        raise PathSyntaxError(f"`{text}` starts at `{root}`: must start at {_listed(roots)}")
    segments: list[str | int] = []
    place = start.end()
    while place < len(text):
        segment = _SEGMENT.match(text, place)
        if segment is None:
            raise PathSyntaxError(
                f'`{text}` is not a path at column {place + 1}: segments are `.name`, `[0]` or `["any name"]`'
            )
        segments.append(_segment_value(text, segment))
        place = segment.end()
    return Path(text, root, tuple(segments))


def path_pattern(roots: frozenset[Root]) -> str:
    """Return a regular expression of JSON Schema for the paths that may start at one of `roots`."""
    names = "|".join(re.escape(root.value.removeprefix("$")) for root in Root if root in roots)
    alias = r"|(?=\.|$)" if Root.SNAPSHOT in roots else ""
    return rf"^\$(?:{names}{alias})(?:\.{_NAME}|\[(?:{_INDEX})\]|\[{_QUOTED}\])*$"


def _segment_value(text: str, segment: re.Match[str]) -> str | int:
    if segment["index"] is not None:
        return int(segment["index"])
    if segment["name"] is not None:
        return segment["name"]
    try:
        name = json.loads(segment["quoted"])
        name.encode()
    except ValueError:
        raise PathSyntaxError(f"`{text}` has a quoted name that is not a JSON string") from None
    return str(name)


def _listed(roots: frozenset[Root]) -> str:
    return ", ".join(f"`{root}`" for root in Root if root in roots)
