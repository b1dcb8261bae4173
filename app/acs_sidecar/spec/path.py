"""The path language: a root, then member and index segments (section 1.4)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import assert_never

from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = [
    "ALL_ROOTS",
    "POLICY_TARGET_PATHS",
    "SNAPSHOT_ONLY",
    "TARGET_PATHS",
    "Path",
    "PathGrammar",
    "PathSyntaxError",
    "Root",
    "parse_path",
    "path_pattern",
]


class Root(StrEnum):
    """Where a path starts."""

    SNAPSHOT = "$snap"
    POLICY_INPUT = "$pi"
    POLICY_TARGET = "$policy_target"
    TOOL = "$tool"


ALL_ROOTS = frozenset(Root)
SNAPSHOT_ONLY = frozenset({Root.SNAPSHOT})

_NAME = r"[^.\[\]]+"
_INDEX = "0|[1-9][0-9]{0,9}"
_PADDED_INDEX = "0*[0-9]{1,10}"
_QUOTED = r'"(?:[^"\\\x00-\x1f]|\\.)*"'


@dataclass(frozen=True)
class PathGrammar:
    """How a generation of manifests writes paths: the root of the policy target, the form of an index."""

    target_root: str
    index: str

    @cached_property
    def root(self) -> re.Pattern[str]:
        """The expression of a root. A dollar alone is an alias, and none before `[`."""
        names = "|".join(re.escape(self.name_of(root).removeprefix("$")) for root in Root)
        return re.compile(rf"\$(?:(?:{names})(?=[.\[]|$)|(?=\.|$))")

    @cached_property
    def segment(self) -> re.Pattern[str]:
        """The expression of a segment."""
        return re.compile(rf"\.(?P<name>{_NAME})|\[(?P<index>{self.index})\]|\[(?P<quoted>{_QUOTED})\]")

    def name_of(self, root: Root) -> str:
        """Return how a root is written."""
        return self.target_root if root is Root.POLICY_TARGET else root.value

    def root_of(self, name: str) -> Root:
        """Return the root that is written so."""
        if name == "$":
            return Root.SNAPSHOT
        return Root.POLICY_TARGET if name == self.target_root else Root(name)


POLICY_TARGET_PATHS = PathGrammar(Root.POLICY_TARGET.value, _INDEX)
TARGET_PATHS = PathGrammar("$target", _PADDED_INDEX)


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


def parse_path(
    text: str, roots: frozenset[Root] = ALL_ROOTS, grammar: PathGrammar = POLICY_TARGET_PATHS
) -> Path:
    """Parse `text`, which must start at one of `roots`. Raises `PathSyntaxError`."""
    start = grammar.root.match(text)
    if start is None:
        raise PathSyntaxError(f"`{text}` is not a path: must start with {_listed(roots, grammar)}")
    root = grammar.root_of(start.group())
    if root not in roots:
        written = grammar.name_of(root)
        raise PathSyntaxError(f"`{text}` starts at `{written}`: must start at {_listed(roots, grammar)}")
    segments: list[str | int] = []
    place = start.end()
    while place < len(text):
        segment = grammar.segment.match(text, place)
        if segment is None:
            raise PathSyntaxError(
                f'`{text}` is not a path at column {place + 1}: segments are `.name`, `[0]` or `["any name"]`'
            )
        segments.append(_segment_value(text, segment))
        place = segment.end()
    return Path(text, root, tuple(segments))


def path_pattern(
    roots: frozenset[Root], grammars: tuple[PathGrammar, ...] = (POLICY_TARGET_PATHS, TARGET_PATHS)
) -> str:
    """Return a regular expression of JSON Schema for the paths that start at one of `roots`.

    It is that of all `grammars` together.
    """
    written = dict.fromkeys(grammar.name_of(root) for root in Root if root in roots for grammar in grammars)
    names = "|".join(re.escape(name.removeprefix("$")) for name in written)
    alias = r"|(?=\.|$)" if Root.SNAPSHOT in roots else ""
    index = "|".join(dict.fromkeys(grammar.index for grammar in grammars))
    return rf"^\$(?:{names}{alias})(?:\.{_NAME}|\[(?:{index})\]|\[{_QUOTED}\])*$"


def _segment_value(text: str, segment: re.Match[str]) -> str | int:
    if segment["index"] is not None:
        # Zeros in front may be so many that `int` refuses the text.
        return int(segment["index"].lstrip("0") or "0")
    if segment["name"] is not None:
        return segment["name"]
    try:
        name = json.loads(segment["quoted"])
        name.encode()
    except ValueError:
        raise PathSyntaxError(f"`{text}` has a quoted name that is not a JSON string") from None
    return str(name)


def _listed(roots: frozenset[Root], grammar: PathGrammar) -> str:
    return ", ".join(f"`{grammar.name_of(root)}`" for root in Root if root in roots)
