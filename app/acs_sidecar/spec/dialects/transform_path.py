"""The path of a transform as every host of Agent Hooks parses it (section 6.4)."""

import re
from collections.abc import Iterable

from acs_sidecar.spec.path import Path, Root
from acs_sidecar.spec.reasons import EvaluationError, Reason

__all__ = ["NAME", "TARGET", "parse_transform_path", "transform_path"]

TARGET = "$target"
NAME = "[A-Za-z0-9_-]+"
"""A member in a path, as a regular expression."""
_PLAIN_NAME = re.compile(NAME)
_SEGMENT = re.compile(rf'\.(?P<name>{NAME})|\["(?P<quoted>{NAME})"\]|\[0*(?P<index>[0-9]{{1,10}})\]')


def parse_transform_path(text: str) -> Path:
    """Parse the path of a transform.

    Raises `EvaluationError` with `transform_target_forbidden` for another root, with `transform_invalid` for
    segments that are none.
    """
    if not text.startswith(TARGET) or text[len(TARGET) : len(TARGET) + 1] not in {"", ".", "["}:
        raise EvaluationError(
            Reason.TRANSFORM_TARGET_FORBIDDEN, f"`transform.path` does not start at `{TARGET}`"
        )
    segments: list[str | int] = []
    place = len(TARGET)
    while place < len(text):
        segment = _SEGMENT.match(text, place)
        if segment is None:
            raise EvaluationError(
                Reason.TRANSFORM_INVALID,
                "`transform.path` is not a path: names are ASCII letters, digits, `_` and `-`",
            )
        name = segment["name"] or segment["quoted"]
        segments.append(int(segment["index"]) if name is None else name)
        place = segment.end()
    return Path(text, Root.POLICY_TARGET, tuple(segments))


def transform_path(segments: Iterable[str | int]) -> Path | None:
    """Return the path of these segments; `None` where a name cannot be written in one."""
    parts = tuple(segments)
    if not all(isinstance(part, int) or _PLAIN_NAME.fullmatch(part) for part in parts):
        return None
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return Path(TARGET + text, Root.POLICY_TARGET, parts)
