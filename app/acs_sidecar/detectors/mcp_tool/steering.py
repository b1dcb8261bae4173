"""Demands of a definition that something else than the tool's own input is sent or put into a call."""

import re
from collections.abc import Iterator, Mapping

from acs_sidecar.detectors.findings import Found
from acs_sidecar.detectors.mcp_tool.schemas import input_names
from acs_sidecar.detectors.rules import DetectorRule, RuleSet
from acs_sidecar.detectors.texts import Texts
from acs_sidecar.spec.values import Json

__all__ = ["foreign_input"]

_DESTINATION = r"[\x60\"'<(]?(?:https?://|www\.|[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}\.[a-z]|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)"
_SWITCH = (
    r"(?:whether|if|options?|flags?|true|false|used?|able|possible|ability|set|not|don't|never|optionally)"
)
_INCLUDE = r"(?:include|attach|append|embed|insert|paste|add)"
_RULES = RuleSet(
    [
        DetectorRule("sending", rf"(?i)\b(?:send|post|forward|upload|submit|transmit|copy|deliver|relay|e-?mail|mail|push|stream)\b(?:[^.\x00]|\.[^\s\x00]){{1,80}}?\bto:? {_DESTINATION}"),
        DetectorRule("including", rf"(?i)\b{_SWITCH} (?:to )?{_INCLUDE}\b|\b({_INCLUDE} (?:also )?(?:the |all |all the )?(?:(?:full|entire|complete|whole|raw|exact) )?(?:contents?|text) of (?:[^.\x00]|\.[^\s\x00]){{1,60}})"),
    ]
)  # fmt: skip
_THINGS = {
    "sending": re.compile(
        r"\b(?:results?|outputs?|responses?|repl(?:y|ies)|answers?|contents?|conversations?|chats?|transcripts?|history|prompts?|files?|documents?|credentials?|tokens?|keys?"
        r"|passwords?|secrets?|cookies?|cop(?:y|ies)|context|everything|data|information|logs?|emails|mails|addresses|contacts?|notes?|memor(?:y|ies)|variables?|environment"
        r"|sessions?|invoices?|code|sources?|messages)\b|~/|\.env\b",
        re.IGNORECASE,
    ),
    "including": re.compile(
        r"\b(?:files?|messages?|conversations?|chats?|prompts?|memor(?:y|ies)|inbox|clipboard|documents?|history|sessions?|e-?mails?|workspace|context|notes?|readme|config\w*"
        r"|settings|instructions|tools?)\b|~/|\.env\b|(?:^|\s)/\w",
        re.IGNORECASE,
    ),
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def foreign_input(texts: Texts, tools: Mapping[str, dict[str, Json]]) -> Iterator[Found]:
    """Find demands to send, or to put into a call, what is no input of the tool; `tools` are by path."""
    own: dict[str, frozenset[str]] = {}
    for rule, start, end in _RULES.matches(texts.joined):
        things = {_singular(each[0]) for each in _THINGS[rule.category].finditer(texts.joined[start:end])}
        if not things:
            continue
        (_, _, _, _, path, _), *_ = texts.placed([(start, end, rule.category, 0)])
        tool_path = path[: path.find("]") + 1]
        if tool_path not in tools:
            tool_path = next(iter(tools), "")
        if tool_path not in own:
            own[tool_path] = frozenset(_words(tools.get(tool_path, {})))
        if not things & own[tool_path]:
            yield start, end, "tool_steering", 0.6


def _words(tool: dict[str, Json]) -> Iterator[str]:
    """Yield the words in the names of a tool and of its parameters."""
    for name in input_names(tool):
        yield from (_singular(each[0]) for each in _WORD.finditer(name))


def _singular(word: str) -> str:
    plain = word.casefold()
    return f"{plain[:-3]}y" if plain.endswith("ies") else plain.removesuffix("s")
