"""Hosts of one word in commands: `curl db`, `ssh root@build`, `rsync x backup:/y`.

A word without a dot is a host to a resolver and a word to everybody else. So it is read only where a text is known
to be a command, in a member that is named like one, and only where the tool wants its destination.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from acs_sidecar.detectors.network.value_options import VALUE_OPTIONS
from acs_sidecar.detectors.rules import occurrence
from acs_sidecar.detectors.texts import Texts

__all__ = ["one_word_hosts"]

_COMMAND = re.compile(
    r"(?:shell|bash|terminal)?(?:cmd|command)s?|(?:cmd|command)lines?|script|shell|bash|argv|exec|run"
)
_ARGUMENTS = re.compile(r"(?:(?:cmd|command)?(?:args?|argv|arguments?)|param(?:eter)?s)")
_OCCURS = occurrence(rf"\b(?:{'|'.join(VALUE_OPTIONS)})\b")
_TOKEN = re.compile(
    r"""(?P<word>(?:[^\s\0"'\\;|&()<>`]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)|(?P<end>[;|&\n()`]+)|(?P<to>[<>]+&?)""",
    re.DOTALL,
)
_QUOTING = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'""", re.DOTALL)
_QUOTES = {ord(quote): None for quote in "\\\"'"}
_SUBSTITUTED = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
"""A command within double quotes, where brackets end no word."""
_ESCAPED = re.compile(r"""\\(["\\$`])""")
_BEFORE = frozenset(
    [
        *("!", "do", "else", "if", "then", "while"),
        *(
            "busybox",
            "command",
            "doas",
            "env",
            "exec",
            "ionice",
            "nice",
            "nohup",
            "setsid",
            "stdbuf",
            "sudo",
            "time",
        ),
        *("timeout", "watch", "xargs"),
    ]
)
"""Words that a command may stand behind."""
_BESIDE = re.compile(r"\w+=.*|-.*|\d+[smhd]?", re.DOTALL)
"""What stands beside those: variables, options, durations."""
_SHELLS = frozenset(["ash", "bash", "dash", "fish", "ksh", "sh", "zsh"])
_MOST_SHELLS = 3
_HOST = re.compile(
    r"(?:[\w.+%-]+(?::[^@/\s]*)?@)?(?P<host>[a-z][a-z0-9_-]*)(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE
)
_REMOTE = re.compile(r"(?:[\w.+%-]+@)?(?P<host>[a-z][a-z0-9_-]+):(?!//).*", re.IGNORECASE | re.DOTALL)
_METHOD = re.compile(r"[A-Z]+")


class _Word(NamedTuple):
    """A word as a shell passes it on, and its span in the joined texts."""

    text: str
    start: int
    end: int


def one_word_hosts(texts: Texts) -> Iterator[tuple[int, int, str]]:
    """Yield where in the commands of a value a host without a dot stands, and the host."""
    if texts.keys and (_OCCURS(texts.joined) or _OCCURS(texts.joined.translate(_QUOTES))):
        for words in _commands(texts):
            yield from _hosts(words, _MOST_SHELLS)


def _commands(texts: Texts) -> Iterator[Sequence[_Word]]:
    """Yield the words of each command: of a text, of a list, or of a command and the list of its arguments."""
    tools: dict[int, _Word] = {}
    lists: dict[int, list[int]] = {}
    for index, key in enumerate(texts.keys):
        if isinstance(key, int):
            lists.setdefault(id(texts.holders[index]), []).append(index)
        elif not texts.names[index] and _is(_COMMAND, key):
            word = _whole(texts, index)
            tools[id(texts.holders[index])] = word
            yield from _simple_commands(word)
    for indices in lists.values():
        holder = texts.holders[indices[0]]
        above, name = holder or (None, "command")
        words = [_whole(texts, index) for index in indices]
        if _is(_ARGUMENTS, name) and (tool := tools.get(id(above))):
            yield tool, *words
        elif _is(_COMMAND, name) and (str(name).endswith("s") or " " in words[0].text):
            for word in words:
                yield from _simple_commands(word)
        elif _is(_COMMAND, name):
            yield words


def _is(names: re.Pattern[str], name: str | int) -> bool:
    return isinstance(name, str) and names.fullmatch(re.sub(r"[\W_]+", "", name).lower()) is not None


def _whole(texts: Texts, index: int) -> _Word:
    start = texts.starts[index]
    return _Word(texts.parts[index], start, start + len(texts.parts[index]))


def _simple_commands(given: _Word) -> Iterator[list[_Word]]:
    """Yield the words of each command of a shell's text, without what it redirects."""
    words: list[_Word] = []
    redirected = False
    for token in _TOKEN.finditer(given.text):
        kind = token.lastgroup
        if kind == "end":
            yield words
            words = []
        elif kind == "word":
            word = _Word(token[0], given.start + token.start(), given.start + token.end())
            if '"' in word.text:
                yield from _substituted(word)
            if not redirected:
                words.append(word._replace(text=_QUOTING.sub(_unquoted, word.text)))
        redirected = kind == "to"
    yield words


def _substituted(word: _Word) -> Iterator[list[_Word]]:
    """Yield the words of the commands whose output goes into a word."""
    for found in _SUBSTITUTED.finditer(word.text):
        group = found.lastindex or 0
        start, end = found.span(group)
        yield from _simple_commands(_Word(found[group], word.start + start, word.start + end))


def _unquoted(quoted: re.Match[str]) -> str:
    escaped, double, single = quoted.groups("")
    return escaped.strip("\n") or _ESCAPED.sub(r"\1", double) or single


def _hosts(words: Sequence[_Word], shells: int) -> Iterator[tuple[int, int, str]]:
    """Yield the hosts of one word that a command reaches, and the commands that it gives to as many shells."""
    for index, word in enumerate(words):
        tool = re.split(r"[/\\]", word.text)[-1].removesuffix(".exe")
        of_option = index > 0 and words[index - 1].text.startswith("-")  # `sudo -u me curl db`
        if (
            tool in VALUE_OPTIONS
            or tool in _SHELLS
            or tool == "eval"
            or not (of_option or _stands_before(word.text))
        ):
            break
    else:
        return
    arguments = words[index + 1 :]
    if tool == "eval" and shells:
        yield from _hosts_of(" ".join(word.text for word in arguments), arguments, shells)
    elif tool in _SHELLS and shells:
        for option, script in pairwise(arguments):
            if re.fullmatch(r"-\w*c", option.text):
                yield from _hosts_of(script.text, [script], shells)
    elif tool in VALUE_OPTIONS:
        pattern = _REMOTE if tool in {"rsync", "scp"} else _HOST
        for word in _destinations(tool, arguments):
            if found := pattern.fullmatch(word.text):
                yield word.start, word.end, found["host"]


def _hosts_of(script: str, given: Sequence[_Word], shells: int) -> Iterator[tuple[int, int, str]]:
    """Yield the hosts of a script that is given to a shell by some words, at their span."""
    for words in _simple_commands(_Word(script, 0, 0)):
        yield from ((given[0].start, given[-1].end, host) for _, _, host in _hosts(words, shells - 1))


def _stands_before(word: str) -> bool:
    return word in _BEFORE or _BESIDE.fullmatch(word) is not None


def _destinations(tool: str, arguments: Sequence[_Word]) -> list[_Word]:
    """Return the arguments at which a tool wants destinations."""
    found: list[_Word] = []
    rest = iter(arguments)
    for word in rest:
        if tool == "curl" and word.text == "--url":
            found.extend([word for word in (next(rest, None),) if word])
        elif word.text.startswith("-") and word.text != "-":
            if VALUE_OPTIONS[tool].takes_next(word.text):
                next(rest, None)
        elif not (tool in {"http", "https"} and _METHOD.fullmatch(word.text)):
            found.append(word)
    return found if tool in {"curl", "rsync", "scp", "wget"} else found[:1]
