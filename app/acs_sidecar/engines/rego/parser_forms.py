"""Forms of Rego that OPA reads and this engine's parser does not, rewritten to forms that it does.

No line moves: an `import` below a rule goes behind the package on its line and leaves blanks, a
function without a body gets `:= true` behind its arguments, and a `;` stands above a statement that
begins with `(`. Imports of keywords that `import rego.v1` brings too are left out. In version 0 the head
`d.a { … }`, which adds an element to the set `d`, becomes `d["a"] { … }`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from acs_sidecar.engines.findings import SourceLocation, invalid
from acs_sidecar.engines.rego.analysis.checks import keyword_taken_for_a_name
from acs_sidecar.engines.rego.analysis.syntax import as_list, as_object, as_offsets, as_position, variant
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.values import JsonObject

__all__ = ["in_parser_forms", "with_single_bodies"]

_TOKEN = re.compile(
    r"""
    [ \t\r]*
    (?:
      \#[^\n]*|\Z
    | (?P<newline>\n)
    | (?P<text>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|`[^`]*`)
    | (?P<word>\w+)
    | (?P<open>[\[{(])
    | (?P<close>[\]})])
    | (?P<operator>[:=!<>]=|.)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_KEYWORD_IMPORTS = ("rego", "future")
_VERSION_1, _KEYWORDS = "rego.v1", "future.keywords"
_ROOTS = frozenset({"data", "input"})
"""Documents that need no import: the parser remarks on one to the terminal, with the line of the policy."""
_NEGATION = "future.keywords.not"
_UNFINISHED = frozenset({"as", "contains", "default", "else", "every", "if", "in", "not", "some", "with"})
"""Words behind which a statement goes on."""
_REMARKED = frozenset({"every", "if", "in"})
_TEMPLATE = (
    '`$"…"` is not read here: write `sprintf("… %v …", [value])`, '
    "which has no value where one of its values is undefined"
)
_SEVERAL_BODIES = "several bodies behind a head of several lines: write each body as a rule of its own"
_CONTINUING = frozenset({"contains", "else", "if"})
"""Words that go on with a rule whose head stands on the line above."""


_PARTED = re.compile(r"\n[ \t\r]*\(")


class _FormToken(NamedTuple):
    kind: str
    symbol: str
    start: int
    end: int
    first_on_line: bool


class _Tokens:
    """The tokens of a text, each with the depth of brackets around it."""

    def __init__(self, text: str) -> None:
        self.depths: list[int] = []
        self.starts: list[int] = []
        """The places of those outside of brackets that begin a line."""
        self.imports: list[int] = []
        """The places of `import` among them."""
        self._found: list[re.Match[str]] = []
        depth = 0
        first = True
        for found in _TOKEN.finditer(text):
            kind = found.lastgroup
            if kind == "newline":
                first = True
            elif kind is not None:
                depth -= kind == "close"
                if first and not depth:
                    self.starts.append(len(self._found))
                    if found[kind] == "import":
                        self.imports.append(len(self._found))
                first = False
                self._found.append(found)
                self.depths.append(depth)
                depth += kind == "open"

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, at: int) -> _FormToken:
        found = self._found[at]
        kind = found.lastgroup or ""
        start, end = found.span(kind)
        first = at == 0 or "\n" in found.string[self._found[at - 1].end() : start]
        return _FormToken(kind, found[kind], start, end, first)

    def __iter__(self) -> Iterator[_FormToken]:
        return self.between(0, len(self))

    def between(self, start: int, end: int) -> Iterator[_FormToken]:
        """Yield the tokens from one place up to another."""
        return map(self.__getitem__, range(start, end))


def in_parser_forms(module: Module) -> Module:
    """Return the module in forms that the engine's parser reads.

    Raises `ManifestError` for a string with values in it (`$"…"`), and for a word of version 1 that a module
    of version 0 has not imported: the parser remarks on it to the terminal, with the text of the policy.
    """
    tokens = _Tokens(module.text)
    if "$" in module.text:
        _refuse_templates(tokens, module)
    if module.version == 0:
        _require_imported(tokens, module)
    if repeated := list(_repeated_keywords(tokens, module.version)):
        return in_parser_forms(replace(module, text=_edited(module.text, repeated)))
    edits = [*_moved_imports(tokens, module), *_bodies(tokens)]
    if _PARTED.search(module.text):
        edits += _parted_statements(tokens)
    if module.version == 0:
        edits += _elements(tokens)
    return replace(module, text=_edited(module.text, edits)) if edits else module


def with_single_bodies(module: Module, ast: JsonObject) -> Module:
    """Return the module with a rule for each body: the head of `x := 5 if { a } { b }` is that of both.

    The engine gives the second one no value. Raises `ManifestError` where the head is more than a line.
    """
    text = module.text.encode()
    parts: list[bytes] = []
    position = 0
    for node in as_list(ast["rules"]):
        kind, rule = variant(node)
        bodies = as_list(rule["bodies"]) if kind == "Spec" else []
        for body in map(as_object, bodies[1:]):
            if body["is_else"]:
                continue
            head = text[as_offsets(rule["span"])[0] : as_offsets(as_object(bodies[0])["span"])[0]].strip()
            if b"\n" in head:
                line, column = as_position(body["span"])
                at = module.at._replace(source=module.name, line=line, column=column)
                raise invalid("rego-syntax", _SEVERAL_BODIES, at)
            start = as_offsets(body["span"])[0]
            parts += (text[position:start], head, b" if " if ast["rego_v1"] else b" ")
            position = start
    return replace(module, text=b"".join([*parts, text[position:]]).decode()) if parts else module


def _require_imported(tokens: _Tokens, module: Module) -> None:
    imported = {
        "".join(token.symbol for token in tokens.between(at + 1, _import_end(tokens, at)))
        for at in tokens.imports
    }
    for before, token in pairwise(tokens):
        name = token.symbol
        if token.kind != "word" or name not in _REMARKED or before.symbol == ".":
            continue
        if not imported & {_VERSION_1, _KEYWORDS, f"{_KEYWORDS}.{name}"}:
            raise invalid("rego-name-reserved", keyword_taken_for_a_name(name), _place(token, module))


def _refuse_templates(tokens: _Tokens, module: Module) -> None:
    for before, token in pairwise(tokens):
        if before.symbol == "$" and token.kind == "text":
            raise invalid("rego-syntax", _TEMPLATE, _place(before, module))


def _place(token: _FormToken, module: Module) -> SourceLocation:
    line = module.text.count("\n", 0, token.start) + 1
    column = token.start - module.text.rfind("\n", 0, token.start)
    return module.at._replace(source=module.name, line=line, column=column)


class _FormEdit(NamedTuple):
    start: int
    end: int
    text: str


def _edited(text: str, edits: Iterable[_FormEdit]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, new in sorted(edits):
        parts += (text[position:start], new)
        position = end
    return "".join([*parts, text[position:]])


def _repeated_keywords(tokens: _Tokens, version: int) -> Iterator[_FormEdit]:
    """Find imports of `input`, and of keywords (`future.keywords.in`) that another one brings (`rego.v1`).

    `future.keywords` brings more than `rego.v1`, which says nothing new in a module of version 1.
    """
    ends = {at: _import_end(tokens, at) for at in tokens.imports}
    paths = {at: "".join(token.symbol for token in tokens.between(at + 1, end)) for at, end in ends.items()}
    whole = (_VERSION_1, _KEYWORDS) if version == 0 else (_KEYWORDS, _VERSION_1)
    everything = next((path for path in whole if path in paths.values()), None)
    for at, path in paths.items():
        repeats = path in whole or (path.startswith(f"{_KEYWORDS}.") and path != _NEGATION)
        if path in _ROOTS or (everything and path != everything and repeats):
            lines = sum(token.first_on_line for token in tokens.between(at + 1, ends[at]))
            yield _FormEdit(tokens[at].start, tokens[ends[at] - 1].end, "\n" * lines)


def _moved_imports(tokens: _Tokens, module: Module) -> Iterator[_FormEdit]:
    """Find the imports below a rule, and where they go to."""
    if not tokens or tokens[0].symbol != "package":
        return
    behind_package = tokens[_reference_end(tokens, 1) - 1].end
    moved: list[str] = []
    position = _reference_end(tokens, 1)
    in_front = True
    for at in tokens.imports:
        if at < position:
            continue
        in_front = in_front and at == position
        end = _import_end(tokens, at)
        names_keyword = end > at + 1 and tokens[at + 1].symbol in _KEYWORD_IMPORTS
        if not in_front and not (names_keyword and module.version == 0):
            start, stop = tokens[at].start, tokens[end - 1].end
            moved.append(" ".join(module.text[start:stop].split()))
            blank = "".join("\n" if symbol == "\n" else " " for symbol in module.text[start:stop])
            yield _FormEdit(start, stop, blank)
        position = end
    if moved:
        yield _FormEdit(behind_package, behind_package, "".join(f" {text}" for text in moved))


def _import_end(tokens: _Tokens, position: int) -> int:
    end = _reference_end(tokens, position + 1)
    if end + 1 < len(tokens) and tokens[end].symbol == "as":
        return end + 2
    return end


def _reference_end(tokens: _Tokens, position: int) -> int:
    """Return where a reference that begins at `position` ends: names behind dots, texts in brackets."""
    end = min(position + 1, len(tokens))
    while end < len(tokens):
        symbol = tokens[end].symbol
        if symbol == "." and not tokens[end].first_on_line:
            end = min(end + 2, len(tokens))
        elif symbol == "[" and not tokens[end].first_on_line:
            end = min(end + 3, len(tokens))
        else:
            break
    return end


def _bodies(tokens: _Tokens) -> Iterator[_FormEdit]:
    """Find the heads of functions that have neither a value nor a body."""
    for position in tokens.starts:
        token = tokens[position]
        if token.kind != "word" or token.symbol in _UNFINISHED:
            continue
        if position and not _ends_statement(tokens[position - 1]):
            continue
        opening = _reference_end(tokens, position)
        if opening >= len(tokens) or tokens[opening].symbol != "(":
            continue
        closing = _closing(tokens, opening)
        if closing >= len(tokens) or tokens[closing].symbol != ")":
            continue
        following = tokens[closing + 1] if closing + 1 < len(tokens) else None
        if following is None or _begins_statement(following):
            yield _FormEdit(tokens[closing].end, tokens[closing].end, " := true")


def _elements(tokens: _Tokens) -> Iterator[_FormEdit]:
    """Find heads of version 0 that add an element to a set, which the parser reads as members of objects.

    It puts an empty set at `d.a` for `d.a { … }`, and `true` at `s["a"]` without a body above a `default`.
    """
    for position in tokens.starts:
        if tokens[position].kind != "word":
            continue
        link = tokens[position + 1].symbol if position + 1 < len(tokens) else ""
        last = position + 2 if link == "." else _closing(tokens, position + 1)
        if link not in (".", "[") or last + 1 >= len(tokens):
            continue
        following = tokens[last + 1].symbol
        if link == "." and following in ("{", "default"):
            yield _FormEdit(tokens[position + 1].start, tokens[last].end, f'["{tokens[last].symbol}"]')
        if following == "default":
            yield _FormEdit(tokens[last].end, tokens[last].end, " { true }")


def _closing(tokens: _Tokens, opening: int) -> int:
    """Return where the bracket closes that opens at depth 0, or the number of tokens."""
    closing = opening + 1
    while closing < len(tokens) and tokens.depths[closing] > 0:
        closing += 1
    return closing


def _parted_statements(tokens: _Tokens) -> Iterator[_FormEdit]:
    """Find statements of a body that begin with `(`: the parser takes them for a call of the line above."""
    braces: list[str] = []
    for before, token in pairwise(tokens):
        if before.kind == "open":
            braces.append(before.symbol)
        elif before.kind == "close" and braces:
            braces.pop()
        elif before.symbol == "|" and braces[-1:] == ["["]:
            braces[-1] = "{"  # what follows is the body of a comprehension
        begins = token.symbol == "(" and token.first_on_line
        if begins and braces[-1:] == ["{"] and _ends_statement(before):
            yield _FormEdit(before.end, before.end, ";")


def _ends_statement(token: _FormToken) -> bool:
    return token.kind in ("text", "close") or (token.kind == "word" and token.symbol not in _UNFINISHED)


def _begins_statement(token: _FormToken) -> bool:
    return token.first_on_line and token.kind == "word" and token.symbol not in _CONTINUING
