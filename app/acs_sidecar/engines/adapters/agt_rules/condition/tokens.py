"""A condition's text as tokens (section 7.3)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from acs_sidecar.engines.adapters.agt_rules.condition.slips import character_slip

__all__ = ["KEYWORDS", "MAX_CHARACTERS", "ConditionError", "ConditionToken", "tokens"]

MAX_CHARACTERS = 4_096

KEYWORDS = frozenset(
    {"and", "or", "not", "true", "false", "in", "contains", "startswith", "endswith", "matches"}
)
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<mark>\|\||&&|(?:==|!=)(?!=)|<=|>=|(?!<>|!==)[<>!()\[\],.])"
)


class ConditionError(ValueError):
    """A condition without a meaning: a code, what is wrong, and where in its text (from 0)."""

    def __init__(self, code: str, message: str, offset: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class ConditionToken:
    """One token: a keyword is a mark, in lower case; `end` is the last one."""

    kind: Literal["word", "number", "text", "mark", "end"]
    text: str
    offset: int
    end: int


def tokens(text: str) -> Iterator[ConditionToken]:
    """Yield the tokens of a condition and at last its end. Raises `ConditionError`."""
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ConditionError("agt-condition", character_slip(text, position), position)
        position = found.end()
        content = found.group()
        match found.lastgroup:
            case "word" if content.lower() in KEYWORDS:
                yield ConditionToken("mark", content.lower(), found.start(), position)
            case "word" | "number" | "text" | "mark" as kind:
                yield ConditionToken(kind, content, found.start(), position)
    yield ConditionToken("end", "", len(text), len(text))
