"""The destinations in the words of a network tool's command, as a shell passes them on (section 1.6)."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

__all__ = ["PROXY_VARIABLE", "TOOLS", "command_destinations", "is_file"]

TOOLS = (
    r"(?:curl|wget|nc|ncat|netcat|scp|sftp|ssh|ftp|lftp|tftp|telnet|rsync|socat|dig|nslookup|host|ping|nmap|https?|httpie|xh|aria2c|fetch"
    r"|iwr|irm|invoke-webrequest|invoke-restmethod|openssl s_client -connect|git clone|git remote add \S{1,40}|whois|traceroute|mosh)"
)
PROXY_VARIABLE = r"(?i)\b(?:https?|all|ftp|socks)_proxy[\"'\])}]{0,3}\s?[=:\x00]\s?[\"']?([^\s\x00\"';&|,]+)"
"""Where a client sends all of its requests."""
_VERBS = re.compile(r"\W*(?:host|fetch|ping|https?|ftp)\b", re.IGNORECASE)  # words of prose, too
_CURL = re.compile(r"\W*curl\b", re.IGNORECASE)
_WORD = re.compile(r"[^\s\0\"'=,<>()]+")
_SHELL_WORD = re.compile(r"""(?:[^\s\0"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""")
_QUOTING = re.compile(r"""\\(.)|["']""")
_BARE = re.compile(
    r"(?:[\w.%+-]+@)?(?P<host>(?:[\w-]+[.。．｡])+(?:[^\W\d_][\w-]+|\d{1,3})|0x[0-9a-f]{6,8}|\d{8,10}|\[[0-9a-f:]+\]|localhost"
    r"|[a-z][\w-]+(?=:\d{2,5}(?:/|$)))\.?(?:[:/].*)?",
    re.IGNORECASE,
)
_PROXY = re.compile(
    r"[\s\0](?:(?:--(?:pre)?proxy(?:1\.0)?|--socks[45]\w*|--doh-url)[\s\0=]+|-[a-z]*x[\s\0]*)[\"']?([^\s\0\"']+)"
)
"""An option that tells `curl` what to send a request to."""
_ELSEWHERE = re.compile(r"[\s\0](?:--(?:connect-to|resolve|config)|-K)(?![\w-])")
"""An option by which `curl` connects to another place than its URLs name."""
_VARIABLE = re.compile(r"""["']?\$[A-Za-z_{(]""")
_NOT_A_WORD = ("-", ">", "<")  # what takes the next word for something else than a destination
_FILE_SUFFIXES = frozenset(
    ["txt", "json", "yaml", "yml", "toml", "md", "rst", "py", "js", "mjs", "ts", "tsx", "jsx", "css", "html", "htm", "xml", "csv", "tsv", "log", "conf", "cfg", "ini", "lock", "pem", "key", "crt", "cer", "pdf", "png", "jpg", "jpeg", "gif", "svg", "webp", "gz", "tar", "tgz", "zip", "xz", "bz2", "bak", "tmp", "sh", "bash", "bat", "ps1", "rb", "go", "rs", "java", "class", "jar", "c", "h", "cpp", "hpp", "cs", "php", "sql", "db", "sqlite", "exe", "dll", "so", "bin", "iso", "img", "deb", "rpm", "env", "out", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "mp3", "mp4", "mov", "avi", "wav", "ipynb", "r", "tf", "proto", "vue", "scss", "less", "map", "pub", "asc", "sig", "patch", "diff"]
)  # fmt: skip


def command_destinations(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where in a command of a tool a destination without a scheme stands, and its authority.

    The authority is empty where the shell alone knows it, or an option leads elsewhere.
    """
    found = "://" in text
    for word in islice(_WORD.finditer(text), 1, None):
        if (bare := _BARE.fullmatch(word[0])) and not is_file(bare["host"], word[0]):
            yield word.start(), word.end(), bare["host"]
            found = True
    quoted = _QUOTING.search(text) is not None
    words = [*_SHELL_WORD.finditer(text)] if quoted or "$" in text else []
    for word in words if quoted else ():
        if not _QUOTING.search(word[0]):
            continue
        passed = _QUOTING.sub(r"\1", word[0])
        if passed == word[0].strip("\"'") or not passed.isprintable() or " " in passed:
            continue
        scheme, slashes, rest = passed.partition("://")
        if slashes and scheme.isalnum():
            yield word.start(), word.end(), "//" + rest
        elif (bare := _BARE.fullmatch(passed)) and not is_file(bare["host"], passed):
            yield word.start(), word.end(), bare["host"]
    if _CURL.match(text):
        for option in _PROXY.finditer(text):
            yield option.start(1), option.end(1), option[1].rpartition("://")[2]
        if elsewhere := _ELSEWHERE.search(text):
            yield *elsewhere.span(), ""
    if _VERBS.match(text):
        return
    for before, word in pairwise(words):
        if _VARIABLE.match(word[0]) and not (found and before[0].startswith(_NOT_A_WORD)):
            yield *word.span(), ""
            return


def is_file(host: str, word: str) -> bool:
    """True if a word with dots names a file, not a host."""
    first, _, last = host.rpartition(".")
    if last.isdigit():
        return first.count(".") != 2 and not host.lower().startswith("0x")
    if first.isdigit() and not last.isascii():  # a heading with its number
        return True
    camel = last not in (last.lower(), last.upper())
    return camel or (last.lower() in _FILE_SUFFIXES and ":" not in word and "/" not in word)
