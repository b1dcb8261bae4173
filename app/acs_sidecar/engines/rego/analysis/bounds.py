"""What of a Rego text the engine would not survive, measured before its parser sees it (section 1.7).

The parser takes each `[` and `{` for a comprehension first and reads it again when it is none, so
its time grows with the brackets around a token: twice a level, three times behind a `|`. What it
builds is walked recursively, so the depth of an expression costs stack: brackets, calls and
references count, and so does every operator of a chain such as `a + b + c`.

The scan splits a text as the engine's lexer does. Where a text is malformed it may count more than
the parser would read, never less.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from acs_sidecar.engines.findings import too_large
from acs_sidecar.engines.rego.sources import Module
from acs_sidecar.spec.manifest.diagnostics import ManifestError

__all__ = ["MAX_BRACKETS", "MAX_DEPTH", "MAX_MODULE_BYTES", "MAX_SOURCE_BYTES", "MAX_WORK", "check_bounds"]

MAX_MODULE_BYTES = 256 * 1024
MAX_SOURCE_BYTES = 2 * 1024 * 1024
MAX_BRACKETS = 12
MAX_DEPTH = 64
MAX_WORK = 2_000_000
"""Tokens, each counted as often as the parser may read it, over all modules of a policy."""

_TOKEN = re.compile(
    r"""
    [ \t\r]*
    (?:
      (?P<newline>\n)
    | (?P<blank>\#[^\n]*|\Z)
    | (?P<text>"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|`[^`]*(?:`|\Z))
    | (?P<word>\w+)
    | (?P<open>[\[{(])
    | (?P<close>[\]})])
    | (?P<stop>:=|[,;:]|=(?!=))
    | (?P<operator>[=!<>]=|.)
    )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_REMEDY = "move the inner parts to rules of their own"
_CLOSERS = {"[": "]", "{": "}", "(": ")"}
_WORDS_BETWEEN = frozenset(
    {"as", "contains", "default", "else", "every", "if", "import", "in", "not", "package", "some", "with"}
)
"""Words that are no operands."""


def check_bounds(modules: Iterable[Module]) -> None:
    """Check the Rego texts of one policy against their bounds.

    Raises `ManifestError` with `resource_limit_exceeded`.
    """
    total = work = 0
    for module in modules:
        size = len(module.text.encode())
        total += size
        if size > MAX_MODULE_BYTES:
            raise _refused(module, f"exceeds {MAX_MODULE_BYTES} bytes")
        if total > MAX_SOURCE_BYTES:
            raise _refused(module, f"brings the Rego text to more than {MAX_SOURCE_BYTES} bytes")
        if "\0" in module.text:
            raise _refused(module, "holds a NUL, where the engine stops to read", module.text.index("\0"))
        work = _check_tokens(module, work)


@dataclass(slots=True)
class _Level:
    """An open bracket, or the top of the text."""

    closer: str
    brackets: int
    reads: int
    reads_behind_bar: int
    chain: int = 0
    deepest: int = 0

    def end_expression(self) -> None:
        self.deepest = max(self.deepest, self.chain)
        self.chain = 0


def _check_tokens(module: Module, work: int) -> int:
    """Measure each token of a module, and return the `work` with how often the parser may read them."""
    levels = [_Level("", 0, 1, 1)]
    level = levels[0]
    after_operand = False
    same_line = True
    for token in _TOKEN.finditer(module.text):
        kind = token.lastgroup
        if kind == "blank":
            continue
        if kind == "newline":
            same_line = False
            continue
        symbol = token[kind or ""]
        if kind == "text" or (kind == "word" and symbol not in _WORDS_BETWEEN):
            if after_operand and level.chain:
                level.end_expression()
            after_operand = True
        elif kind == "operator" or symbol == "in":
            level.chain += 1
            if symbol == "|":
                level.reads = level.reads_behind_bar
            after_operand = False
        elif kind == "open":
            # `{` starts anew, and so does any bracket on a line of its own; else it is an index or a call.
            if after_operand and (symbol == "{" or not same_line):
                level.end_expression()
            level.chain += 1
            level = _opened(level, symbol)
            levels.append(level)
            after_operand = False
        elif kind == "close":
            if symbol == level.closer:
                level.end_expression()
                deepest = levels.pop().deepest
                level = levels[-1]
                level.chain = max(level.chain, deepest + 1)
            after_operand = True
        else:
            level.end_expression()
            after_operand = False
        same_line = True
        work += level.reads
        if (
            work > MAX_WORK
            or level.chain > MAX_DEPTH
            or level.deepest > MAX_DEPTH
            or level.brackets > MAX_BRACKETS
        ):
            raise _refused(module, f"{_excess(level)}: {_REMEDY}", token.start(kind or 0))
    return work


def _excess(level: _Level) -> str:
    if level.brackets > MAX_BRACKETS:
        return f"brackets nest deeper than {MAX_BRACKETS}"
    if max(level.chain, level.deepest) > MAX_DEPTH:
        return f"an expression nests or chains deeper than {MAX_DEPTH}"
    return "so many nested brackets take too long to parse"


def _opened(outer: _Level, symbol: str) -> _Level:
    if symbol == "(":
        return _Level(")", outer.brackets, outer.reads, outer.reads)
    return _Level(_CLOSERS[symbol], outer.brackets + 1, 2 * outer.reads, 3 * outer.reads)


def _refused(module: Module, message: str, position: int | None = None) -> ManifestError:
    at = module.at
    if position is not None:
        line = module.text.count("\n", 0, position) + 1
        at = at._replace(line=line, column=position - module.text.rfind("\n", 0, position))
    return too_large(message, at)
