"""What people write in conditions that has no meaning, and how it is written instead (section 7.3)."""

import re

__all__ = ["NULL", "character_slip", "is_null", "slip_at"]

NULL = "a missing value is asked for with `has(path)` or `not has(path)`"
_NULLS = frozenset({"null", "none", "nil", "undefined"})
_AT_CHARACTER = (
    ("=~", "`=~` is no operator: write `path matches '…'`"),
    ("=>", "`=>` is no operator: write `>=`"),
    ("==", "`===` is no operator: write `==`"),
    ("!=", "`!==` is no operator: write `!=`"),
    ("<>", "`<>` is no operator: write `!=`"),
    ("=", "`=` is no operator: write `==`"),
    ("-", 'a name has no `-`: write `x["a-b"]`, or bind a name to it in `context`'),
    ("/", "`/` has no meaning here: a limit is the rule's member `limit: 100/minute`, an expression a text"),
    ("$", "a path begins with a name: bind one to `$…` in `context`"),
    ("{", "an object has no place in a condition: test its members"),
    ("≥", "`≥` is no operator: write `>=`"),
    ("≤", "`≤` is no operator: write `<=`"),
    ("≠", "`≠` is no operator: write `!=`"),
    ("%", "arithmetic has no place in a condition"),
    ("+", "arithmetic has no place in a condition"),
    ("*", "arithmetic and wildcards have no place in a condition: write `path matches '…'`"),
    ("&", "`&` is no operator: write `and`"),
    ("|", "`|` is no operator: write `or`"),
    (";", "`;` has no meaning here: join conditions with `and`"),
    ("#", "a condition has no comments: write the rule's `description`"),
    *((quote, "a text is quoted with ' or \"") for quote in "`“”„\u2018\u2019\u201a«»"),
)
_AT_TOKEN = (
    (r"'|\"", 'a text has no escapes: put a quote into a text of the other kind: "it\'s"'),
    (r"(?i:is\s+not|is)\b", "`is` is no operator: write `==`, `!=`, `has(path)` or `not has(path)`"),
    (r"(?i:not_in|notin)\b", "write `not in`"),
    (r"(?i:null|none|nil|undefined)\b", NULL),
    (r"(?i:eq|ne|gt|gte|lt|lte)\b", "write `==`, `!=`, `>`, `>=`, `<` or `<=`"),
    (
        r"(?i:contains_any|contains_all|any_of|has_any)\b",
        "write a test for each value and join them with `or` or `and`",
    ),
    (r"(?i:starts_with|startsWith)\b", "write `startswith`"),
    (r"(?i:ends_with|endsWith)\b", "write `endswith`"),
    (r"(?i:like|regex|match|matches_regex)\b", "write `path matches '…'`"),
    (r"(?i:between)\b", "write `x >= 1 and x <= 9`"),
    (r"(?i:xor|unless|if|then)\b", "write the condition with `and`, `or`, `not` and brackets"),
    (r"\(", "a function has no place in a condition, `has(path)` excepted; `x matches '…'` is an operator"),
)
_PATTERNS = [(re.compile(pattern), message) for pattern, message in _AT_TOKEN]


def character_slip(text: str, offset: int) -> str:
    """Return what is wrong with a character that begins no token."""
    rest = text[offset : offset + 2]
    if rest[0] in "'\"":
        return "a text is not closed"
    for begin, message in _AT_CHARACTER:
        if rest.startswith(begin):
            return message
    if rest[0].isalpha():
        return 'a name has ASCII letters, digits and `_`: write others as `x["naïve"]`'
    if rest[0].isdigit():
        return "a number is written as in JSON"
    return f"the character U+{ord(rest[0]):04X} has no meaning here"


def is_null(word: str) -> bool:
    """True if a word is how other languages write that there is no value."""
    return word.lower() in _NULLS


def slip_at(text: str, offset: int) -> str | None:
    """Return how a known slip that begins at a token is written instead, if it is one."""
    return next((message for pattern, message in _PATTERNS if pattern.match(text, offset)), None)
