"""`egress`: the hosts that a text or a command would reach, and whether the operator allows them."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from itertools import chain

from acs_sidecar.detectors.findings import MAX_LISTED_FINDINGS, Detector, Found, annotation
from acs_sidecar.detectors.hosts import DISGUISES, UNREAD, Destination, Destinations, normal_host
from acs_sidecar.detectors.network.dotted_hosts import PROXY_VARIABLE, TOOLS, command_destinations, is_file
from acs_sidecar.detectors.network.one_word_hosts import one_word_hosts
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import DetectorRule, RuleSet
from acs_sidecar.detectors.texts import SEPARATOR, Texts, texts_of
from acs_sidecar.detectors.value_texts import DEFAULT_THRESHOLD
from acs_sidecar.detectors.whole_url import DROPPED, authorities, is_scheme_broken, url_lines
from acs_sidecar.spec.values import Json

__all__ = ["CATEGORIES", "MAX_HOSTS", "detector"]

CATEGORIES = tuple(sorted((*DISGUISES, "internal_address", "not_allowed")))

MAX_HOSTS = 256
"""So many different hosts are listed under `hosts`; the findings know them all."""

_SCORES = {
    "ambiguous_url": 0.7,
    "encoded_host": 0.7,
    "internal_address": 0.6,
    "ip_literal": 0.7,
    "not_allowed": 1.0,
    "punycode": 0.4,
    "userinfo": 0.8,
}
_HOST = r"(?:[a-z0-9_\x{80}-\x{10FFFF}](?:[a-z0-9_\x{80}-\x{10FFFF}-]*[a-z0-9\x{80}-\x{10FFFF}])?[.。．｡])+(?:[a-z\x{80}-\x{10FFFF}][a-z0-9\x{80}-\x{10FFFF}-]{1,62}|\d{1,3})"
_END = r"\s\p{Z}\x00<>\"'`"
_REST = f"[^{_END}]"
_SCHEME = r"[a-z][a-z0-9+.-]{1,20}"
_RULES = RuleSet(
    (
        DetectorRule(
            "url",
            rf"(?i)(?:\b|[_\d])({_SCHEME}:(?:[/\\]{{2,}}|[/\\]?)[^{_END}/\\]{_REST}*(?:[\t\r\n]{{1,4}}[.@](?:[a-z0-9_-]{{1,63}}\.)+[a-z]{_REST}*)?)",
        ),
        DetectorRule("relative", rf"(?:^|[\s\x00(\"'=,<>`])((?:[/\\]{{2,}})[^{_END}/\\]{_REST}*)"),
        DetectorRule("copy", rf"(?i)(?:^|[\s\x00\"'=,])([a-z0-9_.-]{{1,64}}@{_HOST}:[^\s\x00]*)"),
        DetectorRule("proxy", PROXY_VARIABLE),
        DetectorRule("tool", rf"(?i)(?:^|[\s\x00;&|(`/\"']){TOOLS}(?:\.exe)?[ \t\x00][^\n;|&`]*"),
    )
)
_WHOLE = re.compile(
    r"(?:[^\s\0@/?#\\:]*:[^\s\0@/?#\\]*@)?((?:[\w%\xad\u200b-\u200d\u2060\ufeff-]+\.)+(?:[^\W\d_][\w\xad\u200b-\u200d\u2060\ufeff-]{1,62}|\d{1,3})|localhost|\[[0-9a-f:.]+\])\.?(?::\d{0,5})?(?:[/?#][^\s\0]*)?",
    re.IGNORECASE,
)
_PATH = re.compile(r"[/\\?#]")
_MARK = re.compile("[，、；：！？（）「」『』【】《》〈〉“”‘’…]")  # ends a URL in a script without spaces
_NO_PATH = re.compile(r"[^:]*:[/\\]*[^/\\?#]*")
_JOINED = re.compile(r"[\"'`]+(?!s\b)(?:[\w$@\\{(]|[.-]\w)")
"""What goes on with the word that a quote ends, as shells and languages that join literals read it."""
_CUT = re.compile(r"://(?:[\"'`]+[\w$@\\{(\[]|<\w)")
"""What follows a scheme whose host a quote, a command or a placeholder holds back."""
_ENTITY = re.compile(
    r"&(?:#x0*([0-9a-f]{1,6})|#0*([0-9]{1,7})|(colon|sol|bsol|period|commat|num|quest|lbrack|lsqb|tab|newline)\b);?",
    re.IGNORECASE,
)
_ENTITIES = {"colon": ":", "sol": "/", "bsol": "\\", "period": ".", "commat": "@", "num": "#", "quest": "?", "lbrack": "[", "lsqb": "[", "tab": "\t", "newline": "\n"}  # fmt: skip
"""Those of HTML that stand for what has a meaning in a URL."""
_NAME = re.compile(r"[a-z0-9_.-]+")
"""What a resolver is asked for: no template, variable or list in braces."""
_UNREADABLE = Destination(UNREAD.hosts, (), unreadable=True)
_DOTTED_REST = re.compile(r"[.．｡。@\[]\w")
_ASCII_REST = re.compile(r"[!-~]*\w[!-~]*", re.ASCII)
"""What stands behind a mark in no script without spaces: parsers take it for a part of the host."""
_METADATA = "metadata.google.internal"
_SLASHES = frozenset({"//", "\\\\", "/\\", "\\/"})
_DOTTED = re.compile(r"[.:%]|[^\x00-\x7f]")
_NAMED = re.compile(r"[.:%]")
_WEB = frozenset({"http", "https", "ws", "wss", "ftp", "gopher"})
_NESTED = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*:)+(?=[a-z][a-z0-9+.-]*:[/\\]{2})", re.IGNORECASE
)  # jdbc:mysql://
_NO_HOST = frozenset(
    {"data", "javascript", "file", "urn", "tel", "about", "blob", "mailto", "sms", "geo", "cid", "mid"}
)


def detector(options: Options) -> Detector:
    """Build the detector. Options: `allow` (hosts, `*.` before one for those below it), `threshold`.

    With `allow`, every host that it does not name is a finding. Raises `ManifestError`.
    """
    threshold = options.fraction("threshold", default=DEFAULT_THRESHOLD)
    wanted = options.choices("categories", CATEGORIES)
    allow = _allowed(options)
    options.finish()

    def detect(value: Json) -> dict[str, Json]:
        texts = texts_of(value)
        problems: dict[Destination, list[str]] = {}
        found: set[Found] = set()
        for start, end, reached in _destinations(texts):
            if reached not in problems:
                problems[reached] = [each for each in _problems(reached, allow) if each in wanted]
            for category in problems[reached]:
                found.add((start, end, category, _SCORES[category]))
        if any("not_allowed" in each for reached, each in problems.items() if reached is not _UNREADABLE):
            problems.pop(_UNREADABLE, None)  # a host that is not allowed says more
        hosts: list[Json] = [*sorted({host for reached in problems for host in reached.hosts})[:MAX_HOSTS]]
        ordered = sorted(found)
        listed = texts.placed(ordered[:MAX_LISTED_FINDINGS])
        return {**annotation(ordered, listed, threshold), "hosts": hosts}

    return detect


class _Allow:
    """The hosts that may be reached."""

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._hosts = frozenset(entry for entry in entries if not entry.startswith("*."))
        self._suffixes = tuple(entry[1:] for entry in entries if entry.startswith("*."))

    def allows(self, host: str) -> bool:
        return host in self._hosts or (host.endswith(self._suffixes) and bool(_NAME.fullmatch(host)))


def _allowed(options: Options) -> _Allow | None:
    entries = options.texts("allow")
    if entries is None:
        return None
    normal = []
    for entry in entries:
        host = normal_host(entry.removeprefix("*."))
        if not host or (":" in entry.removeprefix("*.").strip("[]") and not entry.startswith("[")):
            options.wrong(
                "allow", f"`{entry}` is not a host: use `api.example`, or `*.example` for all its subdomains"
            )
        normal.append("*." + host if entry.startswith("*.") else host)
    return _Allow(tuple(normal))


def _problems(reached: Destination, allow: _Allow | None) -> list[str]:
    if allow is not None:
        found = "" if all(map(allow.allows, reached.hosts)) else "not_allowed"
    else:
        found = "internal_address" if reached is UNREAD or any(map(_is_internal, reached.hosts)) else ""
    return [*reached.disguises, found] if found else [*reached.disguises]


def _is_internal(host: str) -> bool:
    """True if a host is where outsiders should not be led: link-local addresses and metadata services."""
    if not host.startswith("169.254.") and ":" not in host:
        return host == _METADATA
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_link_local or host == "fd00:ec2::254"


def _destinations(texts: Texts) -> Iterator[tuple[int, int, Destination]]:
    """Yield the destination of each place, up to the first that cannot be parsed, which is flagged anyway."""
    read = Destinations(len(texts.joined)).read
    of_words = ((start, end, read(host)) for start, end, host in one_word_hosts(texts))
    for start, end, reached in chain(_as_written_and_decoded(texts.joined, read), of_words):
        if reached.hosts:
            yield start, end, reached
        if reached is UNREAD:
            return


def _as_written_and_decoded(
    text: str, read: Callable[[str], Destination]
) -> Iterator[tuple[int, int, Destination]]:
    """Yield the destination of each place, then those of the text as a reader of HTML has it."""
    yield from _places(text, read)
    if _ENTITY.search(text):
        yield from ((0, len(text), reached) for _, _, reached in _places(_ENTITY.sub(_character, text), read))


def _character(entity: re.Match[str]) -> str:
    hexadecimal, decimal, name = entity.groups("")
    if name:
        return _ENTITIES[name.lower()]
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"


def _places(text: str, read: Callable[[str], Destination]) -> Iterator[tuple[int, int, Destination]]:
    seen: set[Destination] = set()
    hosts: set[str] = set()
    for start, end, reached in _in_prose(text, read):
        seen.add(reached)
        hosts.update(reached.hosts)
        yield start, end, reached
    start = 0
    for part in text.split(SEPARATOR):
        if ":" in part or "/" in part or "\\" in part:
            for offset, line in url_lines(part):
                broken = is_scheme_broken(line)
                for reached in map(read, authorities(line)):
                    known = not (broken or reached.unreadable) and hosts.issuperset(reached.hosts)
                    if not known or reached not in seen:
                        place = start + offset, start + offset + len(line)
                        yield *place, (reached if known else _ambiguous(reached))
        start += len(part) + 1


def _in_prose(text: str, read: Callable[[str], Destination]) -> Iterator[tuple[int, int, Destination]]:
    for rule, start, end in _RULES.matches(text):
        yield from _of_match(rule.category, start, text[start:end], read)
        if rule.category == "url" and _JOINED.match(text, end) and _NO_PATH.fullmatch(text, start, end):
            yield start, end, _UNREADABLE
    for cut in _CUT.finditer(text):
        if (
            text[max(0, cut.start() - 5) : cut.start()]
            .lower()
            .endswith(("http", "https", "ws", "wss", "ftp"))
        ):
            yield *cut.span(), _UNREADABLE
    start = 0
    for part in text.split(SEPARATOR):
        if (whole := _WHOLE.fullmatch(part)) and not is_file(whole[1], part):
            yield start, start + len(part), _bare(read(whole[1]))
        start += len(part) + 1


def _ambiguous(reached: Destination) -> Destination:
    hosts = reached.hosts or UNREAD.hosts
    return Destination(hosts, tuple(sorted({*reached.disguises, "ambiguous_url"})))


def _of_match(
    kind: str, start: int, text: str, read: Callable[[str], Destination]
) -> list[tuple[int, int, Destination]]:
    if kind == "tool":
        return [
            (start + first, start + last, _bare(read(authority)) if authority else _UNREADABLE)
            for first, last, authority in command_destinations(text)
        ]
    if kind == "proxy":
        return [(start, start + len(text), _bare(_named(read(text.rpartition("://")[2]))))]
    whole = text
    text = text.rstrip(".,;:!?)]}*_")
    if "[" in text and "]" not in text:  # that of an address
        text = whole[: whole.find("]") + 1] or text
    end = start + len(text)
    if kind == "url":
        scheme, _, rest = text.partition(":")
        if rest[:2] not in _SLASHES and ":" in rest and scheme.lower() not in _WEB:
            scheme, _, rest = _NESTED.sub("", text).partition(":")
        scheme = scheme.lower()
        if scheme in _NO_HOST or not (rest[:2] in _SLASHES or (scheme in _WEB and "." in rest)):
            return []
        if DROPPED.search(rest):
            return [(start, end, _ambiguous(read(DROPPED.sub("", rest))))]
        return [(start, end, _unspaced(rest, read))]
    if kind == "relative":
        if not _DOTTED.search(text):
            return []
        reached = read(text)
        named = reached is UNREAD or any("." in host or ":" in host for host in reached.hosts)
        return [(start, end, reached)] if named else []
    return [(start, end, _bare(read(text.partition("@")[2].partition(":")[0])))]


def _unspaced(rest: str, read: Callable[[str], Destination]) -> Destination:
    """Read a URL behind which a script without spaces may go on; where it may not, its host is unknown."""
    reached = _named(read(rest))
    if not reached.unreadable or (written := _PATH.split(rest.lstrip("/\\"), maxsplit=1)[0]).isascii():
        return reached
    mark = _MARK.search(written)
    if mark is None or _DOTTED_REST.search(written, mark.end()) or _ASCII_REST.fullmatch(written, mark.end()):
        return _ambiguous(reached)
    return _named(read(written[: mark.start()]))


def _named(reached: Destination) -> Destination:
    return reached if reached.hosts else _UNREADABLE


def _bare(reached: Destination) -> Destination:
    if "userinfo" not in reached.disguises or reached is UNREAD:
        return reached
    return reached._replace(disguises=tuple(each for each in reached.disguises if each != "userinfo"))
