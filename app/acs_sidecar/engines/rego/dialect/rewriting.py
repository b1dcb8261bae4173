"""Changes to a Rego text, at the byte offsets that the engine's AST gives; no line moves."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object, as_offsets, first_link, variant
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Original", "Part", "Rewriter", "Span", "new_prefixes"]

Span = tuple[int, int]


class Original(NamedTuple):
    """A span as it was before names took the place of terms: without those of an owner from a number on."""

    start: int
    end: int
    owner: object
    number: int


Part = str | Span | Original
"""New text, or a span of the old one, with the changes inside of it."""

_TOKEN = re.compile(
    rb"""
      (?P<text>"[^"\\]*(?:\\.[^"\\]*)*"|`[^`]*`)
    | (?P<open>[\[{(])
    | (?P<close>[\]})])
    | \#[^\n]*
    | [^"`\[{(\]})\#]+
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def new_prefixes(texts: Sequence[bytes]) -> list[str]:
    """Return for each text of a policy a prefix for new names: modules of one package share their names."""
    prefix = "__bound"
    while any(prefix.encode() in text for text in texts):
        prefix += "_"
    return [prefix, *(f"{prefix}{number}_" for number in range(1, len(texts)))]


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    parts: tuple[Part, ...]
    owner: object = None
    number: int = 0
    """Whose name this is that takes the place of a term, and which one."""


@dataclass
class Rewriter:
    """Collects the changes to one text; one change lies inside of another, or apart from it."""

    text: bytes
    prefix: str
    """What its new names begin with, as no other name of the policy does."""
    _edits: list[_Edit] = field(default_factory=list)
    _names: int = 0
    _appended: list[str] = field(default_factory=list)

    def span(self, node: Json) -> Span:
        """Return where a term stands: with its quotes, and the brackets of an object or of `set()`."""
        kind, value = variant(node)
        start, end = self.offsets(value)
        if kind == "Object" and (fields := as_list(value["fields"])):
            key, _ = self.span(as_list(fields[0])[1])
            start = self._brackets(key)
        elif kind == "Set" and not as_list(value["items"]):
            end = self.text.index(b")", start) + 1
        elif kind in ("RefDot", "RefBrack") and "Object" in as_object(first := first_link(node)):
            start = min(start, self.span(first)[0])
        return start, end

    def offsets(self, node: JsonObject) -> Span:
        """Return the span of a node, with the quotes of the strings that it begins or ends with."""
        start, end = as_offsets(node["span"])
        return self._opening.get(start, start), self._closing.get(end, end)

    def closed(self, span: Span) -> Span:
        """Return a span with the brackets that close those in it: that of `{}` ends with `{`."""
        start, end = span
        depth = 0
        for token in _TOKEN.finditer(self.text, start):
            if token.start() >= end and depth <= 0:
                break
            depth += (token.lastgroup == "open") - (token.lastgroup == "close")
            end = max(end, token.end() if token.lastgroup == "close" else end)
        return start, end

    def fresh_name(self) -> str:
        """Return a name that the policy does not use."""
        self._names += 1
        return f"{self.prefix}{self._names}"

    def replace(self, span: Span, parts: Sequence[Part]) -> None:
        """Put parts in the place of a span."""
        self._edits.append(_Edit(*span, tuple(parts)))

    def rename(self, span: Span, name: str, owner: object, number: int) -> None:
        """Put a name in the place of a span."""
        self._edits.append(_Edit(*span, (name,), owner, number))

    def move(self, span: Span) -> list[Part]:
        """Put a new variable in the place of a span, and return the statement that gives it its value."""
        name = self.fresh_name()
        self.rename(span, name, name, 0)
        return [f"; {name} := (", Original(*span, name, 0), ")"]

    def append(self, rule: str) -> None:
        """Put a rule below all others."""
        self._appended.append(rule)

    def rewritten(self, cuts: Sequence[int] = ()) -> list[str]:
        """Return the text with all changes, cut at offsets of the old one; what was added is last."""
        self._edits.sort(key=lambda edit: (edit.start, -edit.end, edit.owner is None))
        starts = [edit.start for edit in self._edits]
        parts = pairwise([0, *cuts, len(self.text)])
        below = "".join(f"\n{rule}" for rule in self._appended)
        return [*(b"".join(self._render(part, starts)).decode() for part in parts), below]

    def _render(
        self, part: Span | Original, starts: list[int], around: int = -1, before: Original | None = None
    ) -> list[bytes]:
        """Return a part of the old text with the changes in it, the one `around` it and later names aside."""
        position, end = part[:2]
        done: list[bytes] = []
        for at in range(bisect_left(starts, position), bisect_left(starts, end)):
            edit = self._edits[at]
            if edit.start < position or edit.end > end:
                continue
            if at <= around and (edit.start, edit.end) == (
                self._edits[around].start,
                self._edits[around].end,
            ):
                continue
            if before and edit.owner is before.owner and edit.number >= before.number:
                continue
            done.append(self.text[position : edit.start])
            for inner in edit.parts:
                if isinstance(inner, str):
                    done.append(inner.encode())
                else:
                    done.extend(
                        self._render(inner, starts, at, inner if isinstance(inner, Original) else before)
                    )
            position = edit.end
        done.append(self.text[position:end])
        return done

    @cached_property
    def _strings(self) -> list[Span]:
        return [token.span() for token in _TOKEN.finditer(self.text) if token.lastgroup == "text"]

    @cached_property
    def _opening(self) -> dict[int, int]:
        return {start + 1: start for start, _ in self._strings}

    @cached_property
    def _closing(self) -> dict[int, int]:
        return {end - 1: end for _, end in self._strings}

    @cached_property
    def _enclosing(self) -> tuple[list[int], list[int]]:
        """Where brackets open or close, and the brace around what follows each."""
        places, braces = [0], [0]
        stack: list[tuple[bytes, int]] = []
        for token in _TOKEN.finditer(self.text):
            if token.lastgroup == "open":
                stack.append((token.group(), token.start()))
            elif token.lastgroup == "close" and stack:
                stack.pop()
            else:
                continue
            places.append(token.end())
            braces.append(next((at for symbol, at in reversed(stack) if symbol == b"{"), 0))
        return places, braces

    def _brackets(self, position: int) -> int:
        places, braces = self._enclosing
        return braces[bisect_left(places, position + 1) - 1]
