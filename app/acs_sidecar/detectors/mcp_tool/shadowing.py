"""What the text of a tool demands of another one than itself (section 8.6)."""

from collections.abc import Collection, Iterable, Iterator

from acs_sidecar.detectors.findings import Found
from acs_sidecar.detectors.mcp_tool.names import name_words
from acs_sidecar.detectors.rules import DetectorRule, RuleSet
from acs_sidecar.detectors.texts import Texts
from acs_sidecar.spec.values import JsonObject

__all__ = ["demands_on_others"]

_NAME = r"([A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+)"
_WORD = r"([A-Za-z][A-Za-z0-9]*)(?:[\x60'\"]|(?i: (?:tools?|server|functions?)\b))"
_DUTY = r"(?i:must|has to|have to|needs? to|should|shall|is required to|are required to|will now)"
_DOES = (
    r"(?i:use|send|add|append|include|copy|store|save|write|forward|redirect|route|cc|bcc|pass|put|set|go|go through|ignore|skip|read|contain|carry"
    r"|be (?:called|sent|redirected|forwarded|routed|invoked|run|addressed|stored|copied|made) (?:with|to|through|via|using|on|under|as))"
)
_INSTALLED = r"(?i:(?:while|when|whenever|as long as|once|if|since) (?:(?:this|the) (?:tool|server|plugin|extension|integration|connector) |it |they )?(?:is |are |stays? |remains? )?(?:available|installed|enabled|connected|active|loaded|present|running|in use))"


def _demands(name: str) -> Iterator[str]:
    """Yield the expressions whose group is the other's name, as it is written."""
    yield from (
        rf"\b{name}\x60? (?i:tool )?{_DUTY} (?i:now |always |also |first |only |instead |never |additionally |silently ){{0,3}}{_DOES}\b",
        rf"{_INSTALLED}[^.\x00]{{0,40}}\b{name}[^.\x00]{{0,40}}\b(?i:must|has to|should|shall|instead|redirect|always|never|needs? to|only)\b",
        rf"{_INSTALLED}[^.\x00]{{0,40}}\b(?i:sent|made|written|created|issued) (?i:by|with|via|through|using) \x60?{name}",
        rf"\b(?i:when(?:ever)?|each time|every time|if)(?i: the| tool| you (?:call|use|run|invoke)){{0,2}} \x60?{name}\x60? (?i:tool )?(?i:is|gets|was|has been)? ?(?i:called|used|invoked|run|executed|available|asked)?[^.\x00]{{0,40}}\b(?i:its|must|should|has to|have to|include|add|set|send|append|copy|replace|always)\b",
        rf"\b(?i:notes?|notices?|instructions?|rules?|hints?|reminders?|addend(?:um|a)) (?i:for|to|regarding|about|on|concerning) (?i:the )?\x60?{name}\x60?(?i: tool)?(?: ?[:,;-]| (?i:must|should|always))",
        rf"\b(?i:must|has to|have to|needs to|always)(?i: always| be| only){{0,2}} (?i:used?|called|call|invoked?|run|prefer(?:red)?|chosen) (?i:this )?(?i:tool )?(?i:instead of|rather than|in place of) (?i:the )?\x60?{name}[^.\x00]{{0,40}}\b(?i:deprecated|broken|unreliable|unsafe|insecure|outdated|compromised|wrong|slow|removed)\b",
        rf"\b{name}[^.\x00]{{0,80}}\b(?i:instead of|rather than) (?i:its|the|their)(?i: intended| original| real| actual| given| specified| usual)? (?i:recipients?|destination|address|target|path|account)\b",
        rf"\b(?i:do not|don't|never|stop|avoid) (?i:use|using|call|calling|invoke|invoking) (?i:the )?\x60?{name}[^\x00]{{0,40}}\b(?i:deprecated|broken|unreliable|unsafe|insecure|outdated|compromised|wrong|slow)\b",
        rf"\b(?i:messages?|e-?mails?|mails?|files?|payments?|requests?|results?|queries|output)(?i: that| which)? (?i:are |is )?(?i:sent|made|written|created|issued|returned|read|processed)? ?(?i:by|with|via|through|using|from|for|of) (?i:the )?\x60?{name}[^.\x00]{{0,40}}\b{_DUTY} (?i:also |always |first |instead ){{0,2}}{_DOES}\b",
    )


_OF_TOOLS = RuleSet(DetectorRule("tool_steering", pattern, 0.7) for pattern in _demands(rf"{_NAME}\b"))
_OF_KNOWN = RuleSet(DetectorRule("tool_steering", pattern, 0.7) for pattern in _demands(_WORD))
"""Names of one word are words of the language: they must be known, and stand in quotes or before `tool`, `server`."""


def demands_on_others(
    texts: Texts, tools: Iterable[tuple[str, str, JsonObject]], known: Collection[str]
) -> Iterator[Found]:
    """Find what the texts of tools (path, name and definition of each) demand of other tools.

    `known` are names, in lower case, of tools and servers elsewhere.
    """
    own = {path: name for path, name, _ in tools}
    elsewhere = {*known} - {name.lower() for name in own.values()}
    matches = [*_OF_TOOLS.matches(texts.joined)]
    if elsewhere:
        matches += [
            (rule, start, end)
            for rule, start, end in _OF_KNOWN.matches(texts.joined)
            if texts.joined[start:end].lower() in elsewhere
        ]
    for rule, start, end in matches:
        found = (start, end, rule.category, rule.score)
        (_, _, _, _, path, _), *_ = texts.placed([found])
        demanded = texts.joined[start:end]
        name = own.get(path[: path.find("]") + 1], own.get(""))
        of_server = name is None and demanded in own.values()  # what a server says of its tools beside them
        if not of_server and demanded != name and demanded.lower() not in name_words(name or ""):
            yield found
