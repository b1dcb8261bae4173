"""`mcp_tool`: definitions of tools that speak to the model, hide text, pose as other tools, or have changed."""

import re
import unicodedata
from collections.abc import Container, Iterator, Mapping

from acs_sidecar.detectors.findings import MAX_LISTED_FINDINGS, Detector, Finding, Found, annotation
from acs_sidecar.detectors.folding import fold
from acs_sidecar.detectors.injection.detector import INJECTIONS, find_injections
from acs_sidecar.detectors.mcp_tool.expected import ExpectedTools, pinned
from acs_sidecar.detectors.mcp_tool.hidden import comments, unseen_characters
from acs_sidecar.detectors.mcp_tool.names import plain_name, resembles
from acs_sidecar.detectors.mcp_tool.other_servers import NO_OTHERS, OtherTools
from acs_sidecar.detectors.mcp_tool.schemas import schema_findings
from acs_sidecar.detectors.mcp_tool.shadowing import demands_on_others
from acs_sidecar.detectors.mcp_tool.steering import foreign_input
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import DetectorRule, RuleSet
from acs_sidecar.detectors.texts import Texts, texts_of
from acs_sidecar.detectors.tool_pins.definition_drift import drift_kinds
from acs_sidecar.detectors.value_texts import DEFAULT_THRESHOLD
from acs_sidecar.spec.canonical import digest
from acs_sidecar.spec.values import Json

__all__ = ["CATEGORIES", "detector", "tools_detector"]

CATEGORIES = (
    "credential_reference",
    "definition_drift",
    "hidden_instruction",
    "invisible_text",
    "missing_tool",
    "name_collision",
    "open_schema",
    "padding",
    "schema_trick",
    "tool_steering",
    "unpinned_tool",
)

_MISSING = 0.4  # a page of a list lacks tools too

_STEERING = tuple(
    DetectorRule(category, pattern, score)
    for category, score, pattern in (
        ("tool_steering", 0.7, r"\b(?:before|prior to|after|when|whenever|every time|each time) +(?:you +)?(?:us(?:e|ing)|call(?:ing)?|invok(?:e|ing)|run(?:ning)?|execut(?:e|ing)) +(?:this|any|every|all|the|other) +(?:[^ ]+ +){0,3}tools? +(?:[^ ]+ +){0,4}(?:you must|must|always|first|read|call|send|need to|have to|make sure|pass|include)\b"),
        ("tool_steering", 0.7, r"\b(?:must|always|should|need to|have to|required to) +(?:[^ ]+ +){0,2}(?:call|use|invoke|run|read|execute) +(?:this|it|the) +(?:[^ ]+ +){0,3}(?:tool +)?(?:first|before (?:any|every|all|using|calling|each|other)|instead of|prior to|on every|for every|in place of)\b"),
        ("tool_steering", 0.7, r"\b(?:do not|don t|never|avoid|stop) +(?:us(?:e|ing)|call(?:ing)?|invok(?:e|ing)) +(?:the +|any +)?(?:[^ ]+ +){0,4}(?:other|different|original|official|standard|built in|alternative|competing|old) +(?:[^ ]+ +){0,3}(?:tools?|functions?|servers?)\b"),
        ("tool_steering", 0.6, r"\b(?:use|call|prefer|invoke|choose|select) +(?:this|only this|me) +(?:tool +)?(?:instead of|over|rather than|in place of|ahead of) +(?:[^ ]+ +){0,4}(?:tools?|other|any|all|the official|every)\b|\bthis tool (?:replaces|supersedes|overrides|takes priority over|has priority over)\b"),
        ("tool_steering", 0.7, r"\b(?:regardless of|no matter|even if|whatever) +(?:what +)?(?:the +)?user +(?:[^ ]+ +){0,4}(?:says|said|asks?|asked|wants?|wanted|request[^ ]*|specified|instructions?|prefers)\b"),
        ("tool_steering", 0.7, r"\b(?:otherwise|or else) +(?:this |the )?(?:tool|it|application|system|server)? *(?:will +)?(?:not work|fail|crash|break|be disabled|lock)[^ ]*\b +(?:[^ ]+ +){0,6}(?:user|do not|don t|never)\b|\bthe user (?:has already|already) (?:approved|consented|agreed|authorized|authorised|granted)\b|\b(?:no|without) (?:user )?(?:confirmation|approval|consent|permission) (?:is )?(?:needed|required|necessary)?\b"),
        ("tool_steering", 0.6, r"\b(?:skip|bypass|disable|suppress|omit|turn off) +(?:[^ ]+ +){0,3}(?:confirmation|approval|consent|permission|warning|safety|security|verification|authorization|authorisation|logging|audit)\b"),
        ("tool_steering", 0.7, r"\b(?:every|all|any|each)? ?(?:other|another|competing) +(?:[^ ]+ +){0,2}(?:tools?|servers?|functions?) +(?:is|are|will be|has been|have been) +(?:[^ ]+ +){0,1}(?:wrong|broken|unreliable|deprecated|unsafe|insecure|outdated|disabled|incorrect|compromised|malicious)\b|\balways +(?:pick|choose|prefer|use) +this +(?:one|tool|server)\b"),
        ("tool_steering", 0.7, r"\b(?:must not|do not|don t|never|should not|without|no need to|not) +(?:ever +)?ask(?:ing)? +(?:the +user +)?(?:for +)?(?:any +)?(?:confirmation|approval|permission|consent)\b"),
        ("tool_steering", 0.7, r"\b(?:silently|secretly|quietly|covertly|invisibly|without (?:telling|informing|notifying|asking) (?:the )?users?) +(?:also +)?(?:send|sends|forward|forwards|copy|copies|upload|uploads|post|posts|store|stores|add|adds|include|call|run|read)\b"),
        ("tool_steering", 0.7, r"\b(?:every|all|any|each) +(?:[^ ]+ +){0,4}(?:another|other|any other|different) +tools? +(?:[^ ]+ +){0,4}(?:must|has to|have to|should|needs? to|is to|are to)\b"),
        ("hidden_instruction", 0.6, r"\b(?:follow|obey|execute|carry out|act on|comply with) +(?:all +|any +|every +|the +)?(?:instructions?|commands?|orders|directives) +(?:that +(?:are +)?)?(?:contained|found|given|written|returned|embedded|included|inside|in|from|within)\b"),
        ("schema_trick", 0.6, r"\b(?:append|attach|include|insert|paste|copy|put|provide|add) +(?:[^ ]+ +){0,4}system prompt\b"),
        ("schema_trick", 0.6, r"\b(?:the +)?(?:full|entire|complete|whole|verbatim|exact|current|raw|all) +(?:[^ ]+ +){0,2}(?:conversation|chat|system prompt|message history|chat history|context window|prior messages|dialogue|user messages)\b"),
        ("schema_trick", 0.7, r"\b(?:contents? of|read|load|fetch|value of) +(?:[^ ]+ +){0,3}(?:ssh|env file|dotenv|environment variables?|private key|id rsa|credentials file|mcp json|keychain|password store)\b"),
    )
)  # fmt: skip
_REDIRECTING = DetectorRule("tool_steering", r"\b(?:(?:change|replace|redirect|modify|set|alter|swap|forward) +(?:[^ ]+ +){0,4}(?:recipient|recipients|address|destination|payee|amount|account number|bcc) +(?:[^ ]+ +){0,4}(?:to|with|as|in every|on every)|(?:add|bcc|cc) +(?:[^ ]+ +){0,4}(?:recipient|recipients|address|payee|bcc) +(?:[^ ]+ +){0,4}(?:in|on|to) +(?:every|all|each|any))\b", 0.7)  # fmt: skip
_PASSING_ON = DetectorRule("tool_steering", r"\b(?:pass|put|send|include|provide|insert|append|supply|place|store|copy) +(?:[^ ]+ +){0,4}(?:content|contents|output|result|full text|value|values|data) +(?:of +)?(?:[^ ]+ +){0,5}(?:as|in|into|to|via|through) +(?:the +)?(?:[^ ]+ +){0,2}(?:sidenote|side note|notes?|metadata|context|feedback|summary|extra|debug|comment|tracking|telemetry)\b", 0.6)  # fmt: skip
_OVERRIDING = DetectorRule("hidden_instruction", r"\b(?:overrid(?:e|ing)|disregard(?:ing)?|instead of) +(?:(?:all|any|the|of|your|every|these|those) +){0,3}(?:previous|prior|above|earlier|preceding)(?: +[^ ]+){0,8}? +(?:instructions?|rules?|prompts?|context)\b", 0.6)  # fmt: skip
_PHRASES = (*INJECTIONS, RuleSet(_STEERING, (_REDIRECTING, _PASSING_ON), (_OVERRIDING,)))
_RAW = RuleSet(
    (
        DetectorRule("credential_reference", r"(?i)~?/?\.ssh/|\bid_(?:rsa|ed25519)\b|\.aws/credentials|\.cursor/mcp\.json|mcp\.json\b|claude_desktop_config|/etc/(?:passwd|shadow)|\.netrc\b|\.git-credentials|\.kube/config|(?:^|[\s/\"'`])\.env\b|\.npmrc\b|keychain\b", 0.7),
        DetectorRule("padding", r"[ \t\x{A0}\x{2000}-\x{200A}\x{3000}]{40,}\S|(?:[ \t]*\r?\n){12,}[ \t]*\S|(?:\\n){12,}", 0.6),
        DetectorRule("schema_trick", r"\x1b\[[0-9;]*[A-Za-z]", 0.8),
        DetectorRule("schema_trick", r"(?i)(?:^|\x00)\$ref\x00https?://[^\x00]{1,500}", 0.7),
        DetectorRule("hidden_instruction", r"(?i)(?:^|[\x00\r\n\v\f\x{85}\x{2028}\x{2029}]|\\n)[ \t]{0,3}(?:[>#]{1,3} ?)?(?:\*\*)?((?:system|assistant)(?:\*\*)? ?[:：])(?:\*\*)?\s{1,3}[^\s\x00]", 0.6),
        DetectorRule("hidden_instruction", r"<(?:IMPORTANT|important|CRITICAL|critical|SECRET|secret|HIDDEN|hidden|SYSTEM)>", 0.7),
    )
)  # fmt: skip
_TRICK_NAMES = re.compile(
    r"_*(?:side_?note|system_?prompt|conversation(?:_?history)?|chat_?(?:history|log)|message_?history|user_?messages|previous_?messages"
    r"|chain_?of_?thought|reasoning_?trace|model_?name|tools?_?list|call_?history|ssh_?keys?|env_?(?:vars|file|contents)|internal_?context|hidden_?\w*"
    r"|exfil\w*|agent_?instructions?|full_?context)_*",
    re.IGNORECASE,
)  # fmt: skip


def detector(options: Options) -> Detector:
    """Build the detector of one tool definition, of a list of them, or of an object with such a list in `tools`.

    Options: `known_tools` (names that no other tool may resemble), `pins` (name → digest of the definition) or
    `pins_file` with `server` (what `mcp pin` writes), `threshold`, `categories`. Raises `ManifestError`.
    """
    threshold = options.fraction("threshold", default=DEFAULT_THRESHOLD)
    wanted = options.choices("categories", CATEGORIES)
    known = {name: plain_name(name) for name in options.texts("known_tools") or ()}
    expected = ExpectedTools(known, *pinned(options))
    options.finish()
    return tools_detector(expected, wanted, threshold)


def tools_detector(
    expected: ExpectedTools,
    wanted: Container[str] = CATEGORIES,
    threshold: float = DEFAULT_THRESHOLD,
    others: OtherTools = NO_OTHERS,
) -> Detector:
    """Build the detector of definitions beside those of other servers, which a finding names in `other`."""
    known = {name.lower() for name in expected.known} | others.named

    def detect(value: Json) -> dict[str, Json]:
        texts = texts_of(value)
        tools = list(_tools(value))
        digests: dict[str, Json] = {name: digest(tool) for _, name, tool in tools if name}
        missing = _missing(value, digests, expected.pins) if "missing_tool" in wanted else []
        in_names = [each for each in _in_definitions(tools, expected) if each[2] in wanted]
        in_names += [(0, 0, "missing_tool", _MISSING, _list_path(value), False)] * len(missing)
        definitions = {path: tool for path, _, tool in tools}
        said = {
            *_in_texts(texts),
            *demands_on_others(texts, tools, known),
            *foreign_input(texts, definitions),
            *unseen_characters(texts),
        }
        in_texts = sorted(each for each in {*said, *comments(texts.joined, said)} if each[2] in wanted)
        posing = {
            finding: other
            for path, name, _ in tools
            for finding, other in others.collisions(name, f"{path}.name")
            if finding[2] in wanted
        }
        in_names += posing
        found = [*(each[:4] for each in in_names), *in_texts]
        listed = sorted([*in_names, *texts.placed(in_texts[:MAX_LISTED_FINDINGS])], key=_order)
        told: dict[str, Json] = {"missing": [*missing]} if missing else {}
        drifts = dict(
            _drifts(tools, expected, {each[4] for each in in_names if each[2] == "definition_drift"})
        )
        if drifts:
            told["kinds"] = [*sorted({kind for kinds in drifts.values() for kind in kinds})]
        annotated = annotation(found, listed, threshold)
        more: dict[tuple[str, str], dict[str, Json]] = {
            **{("definition_drift", place): {"kinds": [*kinds]} for place, kinds in drifts.items() if kinds},
            **{
                (each[2], each[4]): {"other": {"server": one[0], "tool": one[1]}}
                for each, one in posing.items()
            },
        }
        annotated["findings"] = [*_with_more(annotated["findings"], more)]
        return {**annotated, "digests": digests, **told}

    return detect


def _order(finding: Finding) -> tuple[str, bool, int, int, str]:
    start, end, category, _, path, of_name = finding
    return path, not of_name, start, end, category


def _tools(value: Json) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield path, name and definition of every tool."""
    prefix = ""
    if isinstance(value, dict) and isinstance(value.get("tools"), list):
        prefix, value = ".tools", value["tools"]
    if isinstance(value, dict):
        yield prefix, _name(value), value
    elif isinstance(value, list):
        for index, tool in enumerate(value):
            if isinstance(tool, dict):
                yield f"{prefix}[{index}]", _name(tool), tool


def _name(tool: dict[str, Json]) -> str:
    name = tool.get("name")
    if name is None and isinstance(function := tool.get("function"), dict):
        name = function.get("name")
    return name if isinstance(name, str) else ""


def _in_texts(texts: Texts) -> Iterator[Found]:
    for start, end, category, score in find_injections(texts.joined, _PHRASES):
        yield start, end, category if category in CATEGORIES else "hidden_instruction", score
    for rule, start, end in _RAW.matches(texts.joined):
        yield start, end, rule.category, rule.score
    for index, of_name in enumerate(texts.names):
        holder, name = texts.holders[index], texts.parts[index]
        if of_name and holder and holder[1] == "properties" and _TRICK_NAMES.fullmatch(name):
            first = texts.starts[index]
            yield first, first + len(name), "schema_trick", 0.6


def _in_definitions(
    tools: list[tuple[str, str, dict[str, Json]]], expected: ExpectedTools
) -> Iterator[Finding]:
    """Find what the names and the schemas of the tools tell."""
    yield from _in_names(tools, expected)
    for path, _, tool in tools:
        yield from schema_findings(path, tool)


def _missing(value: Json, names: Mapping[str, Json], pins: Mapping[str, str] | None) -> list[str]:
    """Return the pinned names that a list of tools lacks; a single definition lacks none."""
    listed = value.get("tools") if isinstance(value, dict) else value
    return sorted((pins or {}).keys() - names.keys()) if isinstance(listed, list) else []


def _list_path(value: Json) -> str:
    return ".tools" if isinstance(value, dict) else ""


def _in_names(tools: list[tuple[str, str, dict[str, Json]]], expected: ExpectedTools) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for path, name, tool in tools:
        place = f"{path}.name"
        if name:
            folded = fold(name)
            plain = plain_name(folded)
            if len(folded.text) < len(name) or _mixes_scripts(name):
                yield 0, len(name), "invisible_text", 0.6, place, False
            others = {} if name in expected.known else expected.known
            if plain in seen or (others and resembles(plain, others)):
                yield 0, len(name), "name_collision", 0.8, place, False
            seen.setdefault(plain, name)
        if expected.pins is not None:
            pin = expected.pins.get(name)
            if pin is None:
                yield 0, len(name), "unpinned_tool", 0.6, place, False
            elif pin != digest(tool):
                yield 0, len(name), "definition_drift", 1.0, place, False


def _drifts(
    tools: list[tuple[str, str, dict[str, Json]]], expected: ExpectedTools, drifted: Container[str]
) -> Iterator[tuple[str, list[str]]]:
    """Yield where the name of each tool stands that drifted from a known definition, and how they differ."""
    for path, name, tool in tools:
        place = f"{path}.name"
        definition = expected.definitions.get(name)
        if definition is not None and place in drifted:
            yield place, drift_kinds(definition, tool)


def _with_more(findings: Json, more: Mapping[tuple[str, str], dict[str, Json]]) -> Iterator[Json]:
    """Yield findings as they are listed, with what is known by category and path."""
    for finding in findings if isinstance(findings, list) else ():
        if isinstance(finding, dict):
            yield {**finding, **more.get((str(finding["category"]), str(finding.get("path"))), {})}


def _mixes_scripts(name: str) -> bool:
    """True if a name has Latin letters beside others."""
    if name.isascii():
        return False
    latin = [unicodedata.name(character, "").startswith("LATIN") for character in name if character.isalpha()]
    return any(latin) and not all(latin)
