"""A statement while it is rewritten: what stands before it, in it in the place of terms, and after it."""

from collections.abc import Iterable, Sequence
from sys import maxsize

from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object
from acs_sidecar.engines.rego.dialect.bodies.model import Statement
from acs_sidecar.engines.rego.dialect.rewriting import Original, Part, Rewriter, Span
from acs_sidecar.spec.values import Json

__all__ = ["Draft"]

_LAST = maxsize
"""The number of the change to a statement that comes behind all names."""


class Draft:
    """Statements to put around one statement, and names for terms of it.

    `guard` is a variable of a statement before this one, which is evaluated behind that.
    """

    def __init__(self, statement: Statement, rewriter: Rewriter, guard: str | None = None) -> None:
        self.statement = statement
        self.rewriter = rewriter
        self.before: list[Part] = []
        self.after: list[Part] = []
        self.guard = guard
        self.waits = guard is None
        self._inside: list[tuple[Span, Sequence[Part]]] = []
        self._names: dict[Span, str] = {}
        self._owner = object()  # not the draft: a circle would keep the AST until it is searched for
        self.modifiers = as_list(statement.node.get("with_mods", []))

    def name(self, term: Json) -> str:
        """Put a new variable in the place of a term."""
        name = self.rewriter.fresh_name()
        self.rename(term, name)
        return name

    def rename(self, term: Json, text: str) -> None:
        """Put a text in the place of a term instead of its new variable."""
        self._names[self.rewriter.span(term)] = text

    def original(self, term: Json) -> Original:
        """Return a term as it is now, but for the new variable in its own place."""
        span = self.rewriter.span(term)
        number = list(self._names).index(span) if span in self._names else len(self._names)
        return Original(span[0], span[1], self._owner, number)

    def bind(self, term: Json) -> None:
        """Bind a term to a new variable before the statement, under its `with`, and put that in its place."""
        self.define(term, self.modifier_text())
        self.waits = True

    def define(self, term: Json, modifiers: Sequence[Part] = ()) -> None:
        """Put a new variable in the place of a term without one, and what defines it before the statement."""
        if self.rewriter.span(term) in self._names:
            return
        name = self.name(term)
        self.before += [f"{name} := (", *self.behind(self.original(term)), ")", *modifiers, "; "]

    def begin_with(self, terms: Iterable[Json]) -> None:
        """Evaluate members of `input` first of all, and what is bound here behind them."""
        texts = {self.rewriter.text[slice(*self.rewriter.span(term))].decode() for term in terms}
        if members := sorted(text for text in texts if "\n" not in text):
            self.guard = self.rewriter.fresh_name()
            self.before.append(f"{self.guard} := [{', '.join(members)}]; ")
            self.waits = False

    def behind(self, part: Part) -> list[Part]:
        """Return a part that is evaluated behind the guard."""
        return [part] if self.guard is None else [f"[{self.guard}, ", part, "][1]"]

    def enclose(self, span: Span, names: Iterable[str]) -> None:
        """Bind whether an expression holds that uses some variables, and ask for that in its place."""
        name = self.rewriter.fresh_name()
        original = Original(*span, self._owner, len(self._names))
        used = "".join(f", {used}" for used in names)
        self.before += [f"{name} := [[1 | ", original, *self.modifier_text(), f"]{used}][0]; "]
        self._names[span] = f" {name} != [] "
        self.guard = name
        self.waits = True

    def become_value(self) -> None:
        """Put all into an expression that has the value of the statement, which is a term."""
        name = self.rewriter.fresh_name()
        self.before = [f"[{name} | ", *self.before, f"{name} := "]
        self.after = ["][0]"]

    def replace(self, span: Span, parts: Sequence[Part]) -> None:
        """Put parts in the place of a span inside of the statement, or of all of it."""
        self._inside.append((span, parts))

    def wait_for(self, term: Json) -> None:
        """Bind a term, and let all that follows wait for it."""
        self.bind(term)
        self.follow(term)

    def follow(self, term: Json) -> None:
        """Make all that follows wait for a term, by its variable."""
        self.guard = self._names[self.rewriter.span(term)]

    def spans_lines(self) -> bool:
        """Whether the `with` of the statement stands on more than one line."""
        spans = (part for part in self.modifier_text() if isinstance(part, tuple))
        return any(b"\n" in self.rewriter.text[start:end] for start, end, *_ in spans)

    def modifier_text(self) -> list[Part]:
        """Return the `with` of the statement."""
        return [" ", Original(*self._modifier_span(), self._owner, _LAST)] if self.modifiers else []

    def bind_without_modifiers(self, term: Json) -> None:
        """Bind a term under the `with` of the statement, which is left out of that."""
        self.bind(term)
        self.rewriter.rename(self._modifier_span(), "", self._owner, _LAST)

    def _modifier_span(self) -> Span:
        start, _ = self.rewriter.offsets(as_object(self.modifiers[0]))
        _, end = self.rewriter.offsets(self.statement.node)
        return start, end

    def commit(self) -> None:
        """Put what was changed into the text."""
        if self.before or self.after or self._names:
            self._replace_statement()
        for span, parts in self._inside:
            self.rewriter.replace(span, parts)

    def _replace_statement(self) -> None:
        start, end = self.rewriter.offsets(self.statement.node)
        start = min([start, *(place[0] for place in self._names)])
        for number, (place, name) in enumerate(self._names.items()):
            if place != (start, end):
                self.rewriter.rename(place, name, self._owner, number)
        whole = self._names.get((start, end), (start, end))
        parts = [*self.before, whole, *self.after]
        self.rewriter.replace((start, end), ["{ ", *parts, " }"] if self.statement.bare else parts)
