"""`egress`: the hosts that a text or a command would reach, and whether the operator allows them."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from itertools import islice

from acs_sidecar.detectors.findings import MAX_LISTED_FINDINGS, Detector, Found, annotation
from acs_sidecar.detectors.hosts import DISGUISES, UNREAD, Destination, Destinations, normal_host
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import DetectorRule, RuleSet
from acs_sidecar.detectors.texts import SEPARATOR, texts_of
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
_TOOLS = (
    r"(?:curl|wget|nc|ncat|netcat|scp|sftp|ssh|ftp|lftp|tftp|telnet|rsync|socat|dig|nslookup|host|ping|nmap|https?|httpie|xh|aria2c|fetch"
    r"|iwr|irm|invoke-webrequest|invoke-restmethod|openssl s_client -connect|git clone|git remote add \S{1,40}|whois|traceroute|mosh)"
)
_HOST = r"(?:[a-z0-9_\x{80}-\x{10FFFF}](?:[a-z0-9_\x{80}-\x{10FFFF}-]*[a-z0-9\x{80}-\x{10FFFF}])?[.。．｡])+(?:[a-z\x{80}-\x{10FFFF}][a-z0-9\x{80}-\x{10FFFF}-]{1,62}|\d{1,3})"
_END = r"\s\p{Z}\x00<>\"'`"
_REST = f"[^{_END}]"
_SCHEME = r"[a-z][a-z0-9+.-]{1,20}"
_RULES = RuleSet(
    (
        DetectorRule(
            "url",
            rf"(?i)\b{_SCHEME}:(?:[/\\]{{2,}}|[/\\]?)[^{_END}/\\]{_REST}*(?:[\t\r\n]{{1,4}}[.@](?:[a-z0-9_-]{{1,63}}\.)+[a-z]{_REST}*)?",
        ),
        DetectorRule("relative", rf"(?:^|[\s\x00(\"'=,<>`])((?:[/\\]{{2,}})[^{_END}/\\]{_REST}*)"),
        DetectorRule("copy", rf"(?i)(?:^|[\s\x00\"'=,])([a-z0-9_.-]{{1,64}}@{_HOST}:[^\s\x00]*)"),
        DetectorRule("tool", rf"(?i)(?:^|[\s\x00;&|(`/\"']){_TOOLS}(?:\.exe)?[ \t\x00][^\n;|&`]*"),
    )
)
_WHOLE = re.compile(
    r"(?:[^\s\0@/?#\\:]*:[^\s\0@/?#\\]*@)?((?:[\w%\xad\u200b-\u200d\u2060\ufeff-]+\.)+(?:[^\W\d_][\w\xad\u200b-\u200d\u2060\ufeff-]{1,62}|\d{1,3})|localhost|\[[0-9a-f:.]+\])\.?(?::\d{0,5})?(?:[/?#][^\s\0]*)?",
    re.IGNORECASE,
)
_PATH = re.compile(r"[/\\?#]")
_MARK = re.compile("[，、；：！？（）「」『』【】《》〈〉“”‘’…]")  # ends a URL in a script without spaces
_DOTTED_REST = re.compile(r"[.．｡。@\[]\w")
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
_HINT = re.compile(r"[.。．｡\d\[]|localhost", re.IGNORECASE)  # every bare host has one of these
_WORD = re.compile(r"[^\s\0\"'=,<>()]+")
_BARE = re.compile(
    r"(?:[\w.%+-]+@)?(?P<host>(?:[\w-]+[.。．｡])+(?:[^\W\d_][\w-]+|\d{1,3})|0x[0-9a-f]{6,8}|\d{8,10}|\[[0-9a-f:]+\]|localhost)\.?(?:[:/].*)?",
    re.IGNORECASE,
)
_FILE_SUFFIXES = frozenset(
    ["txt", "json", "yaml", "yml", "toml", "md", "rst", "py", "js", "mjs", "ts", "tsx", "jsx", "css", "html", "htm", "xml", "csv", "tsv", "log", "conf", "cfg", "ini", "lock", "pem", "key", "crt", "cer", "pdf", "png", "jpg", "jpeg", "gif", "svg", "webp", "gz", "tar", "tgz", "zip", "xz", "bz2", "bak", "tmp", "sh", "bash", "bat", "ps1", "rb", "go", "rs", "java", "class", "jar", "c", "h", "cpp", "hpp", "cs", "php", "sql", "db", "sqlite", "exe", "dll", "so", "bin", "iso", "img", "deb", "rpm", "env", "out", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "mp3", "mp4", "mov", "avi", "wav", "ipynb", "r", "tf", "proto", "vue", "scss", "less", "map", "pub", "asc", "sig", "patch", "diff"]
)  # fmt: skip


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
        for start, end, reached in _destinations(texts.joined):
            if reached not in problems:
                problems[reached] = [each for each in _problems(reached, allow) if each in wanted]
            for category in problems[reached]:
                found.add((start, end, category, _SCORES[category]))
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
        return host in self._hosts or host.endswith(self._suffixes)


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


def _destinations(text: str) -> Iterator[tuple[int, int, Destination]]:
    """Yield the destination of each place, up to the first that cannot be parsed, which is flagged anyway."""
    for start, end, reached in _places(text, Destinations(len(text)).read):
        if reached.hosts:
            yield start, end, reached
        if reached is UNREAD:
            return


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
    start = 0
    for part in text.split(SEPARATOR):
        if (whole := _WHOLE.fullmatch(part)) and not _is_file(whole[1], part):
            yield start, start + len(part), _bare(read(whole[1]))
        start += len(part) + 1


def _ambiguous(reached: Destination) -> Destination:
    hosts = reached.hosts or UNREAD.hosts
    return Destination(hosts, tuple(sorted({*reached.disguises, "ambiguous_url"})))


def _of_match(
    kind: str, start: int, text: str, read: Callable[[str], Destination]
) -> list[tuple[int, int, Destination]]:
    if kind == "tool":
        if not _HINT.search(text):
            return []
        return [
            (start + word.start(), start + word.end(), _bare(read(bare["host"])))
            for word in islice(_WORD.finditer(text), 1, None)
            if (bare := _BARE.fullmatch(word[0])) and not _is_file(bare["host"], word[0])
        ]
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
    reached = read(rest)
    if not reached.unreadable or (written := _PATH.split(rest.lstrip("/\\"), maxsplit=1)[0]).isascii():
        return reached
    mark = _MARK.search(written)
    if mark is None or _DOTTED_REST.search(written, mark.end()):
        return _ambiguous(reached)
    return read(written[: mark.start()])


def _bare(reached: Destination) -> Destination:
    if "userinfo" not in reached.disguises or reached is UNREAD:
        return reached
    return reached._replace(disguises=tuple(each for each in reached.disguises if each != "userinfo"))


def _is_file(host: str, word: str) -> bool:
    first, _, last = host.rpartition(".")
    if last.isdigit():
        return first.count(".") != 2 and not host.lower().startswith("0x")
    if first.isdigit() and not last.isascii():  # a heading with its number
        return True
    camel = last not in (last.lower(), last.upper())
    return camel or (last.lower() in _FILE_SUFFIXES and ":" not in word and "/" not in word)
