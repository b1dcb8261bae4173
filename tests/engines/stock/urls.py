"""Random URLs against the section `egress`: `python -m tests.engines.stock.urls [--count N] [--seed N] [--places]`.

Wherever a parser in use reads a host that is not allowed, the verdict must be a deny. The parsers are those of the
standard library, urllib3 and httpx, and by the command WHATWG's (`ada-url`, in the environment at `URL_ORACLE`) and
that of libcurl.
"""

import argparse
import ctypes
import ipaddress
import json
import os
import random
import re
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import urllib3

from acs_sidecar.spec.values import Json
from tests.engines.stock.manifests import manifest, snapshot
from tests.manifests.one_decision import compiled, reason_of

__all__ = ["IN_PROCESS", "Judge", "arguments_with", "escapes", "urls"]

ALLOWED = ["ok.example", "*.ok.example", "10.0.0.1"]
_HOSTS = (
    "ok.example",
    "a.ok.example",
    "evil.example",
    "10.0.0.1",
    "127.0.0.1",
    "[::1]",
    "localhost",
    "evil",
    "okXexample",
)
_ODD_HOSTS = (
    "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:10.0.0.1]", "[::ffff:7f00:1]", "[fe80::1%25eth0]", "xn--e1afmkfd.example", "évil.example",
    "ok.example.", "ok。example", "\uff4f\uff4b.example", "ok%2eexample", "%65vil.example", "ok.example%00.evil.example", "①②⑦.0.0.1", "ok.exam­ple", "ﬀ.example", "127.1", "0", "167772161",
)  # fmt: skip
_SCHEMES = (
    "http",
    "https",
    "HTTP",
    "ftp",
    "ws",
    "wss",
    "hTTps",
    "git+ssh",
    "ssh",
    "jdbc:mysql",
    "view-source:https",
    "",
    "",
)
_SLASHES = ("//", "//", "//", "///", "/", "", "\\\\", "/\\", "\\/", "////", "//\t/", "/\n/", "//\\")
_SEPARATORS = ("/", "?", "#", "\\", "@", ":", ";", "&", ".", "%2f", "%40", "%5c", "%23", "%3f", "\t", "\n", "\r\n", " ", "\u2028", "\u200b", "\u00ad",
               "\uff0f", "\uff20", "\uff03", "\uff1f", "\uff1a", "\u2044", "\x00", "\x0b", "|", "^", "`", "<", ">", '"', "'", "{", "[", "]", ",", "@@", ":80@", ":@", "@:", "/@", "#@", "?@", "\\@", "//", "..", "%")  # fmt: skip
_PORTS = ("", "", "", ":80", ":", ":x", ":80x", ":99999", ":0", ":\uff18\uff10")
_TAILS = (
    "",
    "/",
    "/x",
    "/a?b#c",
    "?q=1",
    "#f",
    "/@ok.example",
    "?@ok.example",
    "#@ok.example",
    "/.ok.example",
    "\\.ok.example",
    "/http://ok.example",
)


def urls(seed: int) -> Iterator[str]:
    """Yield URLs without end, the same for the same seed."""
    drawn = random.Random(seed)  # noqa: S311  # reproducible, not secret
    while True:
        yield _url(drawn)


_WITH_SCHEME = re.compile(r"[\x00-\x20]*[a-z][a-z0-9+.-]*:[/\\]{2}", re.IGNORECASE)
_PROSE = re.compile(r"[a-z][a-z0-9+.-]*:[/\\\\]{2}[^\s<>\"'`\x00-\x20]*", re.IGNORECASE)
"""What a reader of prose takes for a URL up to the next white space."""


def arguments_with(url: str, drawn: random.Random) -> dict[str, Json]:
    """Return the arguments of a call that hold a URL somewhere: without a scheme only where one is expected."""
    if not _WITH_SCHEME.match(url):
        return {"url": url}
    places: list[dict[str, Json]] = [
        {"url": url},
        {"urls": ["https://ok.example/", url]},
        {"request": {"to": [{"target": url, "name": "x"}]}},
        {"note": "plain words", "body": url},
        {url: "https://ok.example/"},
    ]
    if _PROSE.fullmatch(url):
        places += [{"body": f"see {url} for more"}, {"body": f"https://ok.example/ and\n{url}\nas ever"}]
    return drawn.choice(places)


def _host(drawn: random.Random) -> str:
    return drawn.choice(_ODD_HOSTS if drawn.random() < 0.3 else _HOSTS)


def _url(drawn: random.Random) -> str:
    authority = _host(drawn)
    for _ in range(drawn.choice((0, 0, 1, 1, 2))):
        authority += drawn.choice(_SEPARATORS) + _host(drawn)
    scheme = drawn.choice(_SCHEMES)
    text = f"{scheme}{':' if scheme else ''}{drawn.choice(_SLASHES)}{authority}{drawn.choice(_PORTS)}{drawn.choice(_TAILS)}"
    if drawn.random() < 0.1:
        at = drawn.randrange(len(text) + 1)
        text = text[:at] + drawn.choice(_SEPARATORS) + text[at:]
    if drawn.random() < 0.05:
        text = drawn.choice((" ", "\t", "\x00", "\x1f")) + text
    return text


def _of_library(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _of_urllib3(url: str) -> str | None:
    """Without a scheme it takes whatever comes first for a host, which no client of it does."""
    try:
        read = urllib3.util.parse_url(url)
    except urllib3.exceptions.HTTPError:
        return None
    return read.host if read.scheme or url.startswith("//") else None


def _of_httpx(url: str) -> str | None:
    try:
        return httpx.URL(url).host
    except (httpx.InvalidURL, ValueError):
        return None


IN_PROCESS: dict[str, Callable[[str], str | None]] = {
    "python": _of_library,
    "urllib3": _of_urllib3,
    "httpx": _of_httpx,
}
"""Name → what reads the host of a URL, `None` where it connects to nothing."""

_ADA = """
import json, sys
import ada_url
for line in sys.stdin:
    try:
        host = ada_url.URL(json.loads(line)).hostname
    except ValueError:
        host = None
    print(json.dumps(host))
"""


def _by_ada(given: Sequence[str]) -> list[str | None]:
    python = Path(os.environ["URL_ORACLE"]) / "bin" / "python"
    lines = "\n".join(json.dumps(url) for url in given)
    answer = subprocess.run(
        [python, "-c", _ADA], input=lines, capture_output=True, text=True, check=True
    )  # the command of a developer
    return [json.loads(line) for line in answer.stdout.splitlines()]


_DOTTED_NAME = re.compile(r"[\w-]*[.:][\w.:-]*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|[/\\]{2}", re.IGNORECASE)


class _Curl:
    """The parser of libcurl: `curl_url_set` guesses a scheme, as the command does.

    Without a scheme a name without dots is a host for it alone, and a word for `egress`.
    """

    _URL, _HOST = 0, 5
    _NON_SUPPORT_SCHEME, _GUESS_SCHEME = 1 << 3, 1 << 9

    def __init__(self) -> None:
        self._library = library = ctypes.CDLL("libcurl.so.4")
        library.curl_url.restype = ctypes.c_void_p
        library.curl_url_cleanup.argtypes = [ctypes.c_void_p]
        library.curl_url_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
        library.curl_url_get.argtypes = [
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.POINTER(ctypes.c_char_p),
            ctypes.c_uint,
        ]

    def __call__(self, url: str) -> str | None:
        if "\0" in url:
            return None
        handle = self._library.curl_url()
        flags = self._GUESS_SCHEME | self._NON_SUPPORT_SCHEME
        host = ctypes.c_char_p()
        try:
            if self._library.curl_url_set(handle, self._URL, url.encode(), flags):
                return None
            if self._library.curl_url_get(handle, self._HOST, ctypes.byref(host), 0):
                return None
            name = (host.value or b"").decode(errors="replace")
            return name if _SCHEME.match(url) or _DOTTED_NAME.fullmatch(name) else None
        finally:
            self._library.curl_url_cleanup(handle)


def _as_resolved(name: str) -> str:
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return name


def escapes(host: str | None) -> bool:
    """True if a host is read, and is not allowed."""
    if not host:
        return False
    name = unicodedata.normalize("NFKC", unquote(host)).lower().rstrip(".").strip("[]").partition("%")[0]
    if not name or any(one <= " " or one.isspace() for one in name):
        return False  # no client takes it
    try:
        address = ipaddress.ip_address(_as_resolved(name))
    except ValueError:
        return name != "ok.example" and not name.endswith(".ok.example")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address) != "10.0.0.1"


class Judge:
    """Asks the section about a URL."""

    def __init__(self) -> None:
        self._manifest = compiled(manifest({"egress": {"allowlist": [*ALLOWED]}}, "pre_tool_call"))

    def allows(self, url: str) -> bool:
        """True if a call with this URL is allowed."""
        return self.allows_call({"url": url})

    def allows_call(self, arguments: dict[str, Json]) -> bool:
        """True if a call with these arguments is allowed."""
        return reason_of(self._manifest, "pre_tool_call", snapshot("pre_tool_call", arguments))[0] == "allow"


def main() -> int:
    """Compare; the number of URLs that are allowed and lead elsewhere."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument(
        "--places", action="store_true", help="anywhere in the arguments, not at `url` alone"
    )
    chosen = arguments.parse_args()
    judge, curl, generated = Judge(), _Curl(), urls(chosen.seed)
    placed = random.Random(chosen.seed)  # noqa: S311  # reproducible, not secret
    wrong = allowed = 0
    for first in range(0, chosen.count, 5_000):
        batch = [next(generated) for _ in range(min(5_000, chosen.count - first))]
        calls: list[dict[str, Json]] = [
            arguments_with(url, placed) if chosen.places else {"url": url} for url in batch
        ]
        passed = [url for url, call in zip(batch, calls, strict=True) if judge.allows_call(call)]
        allowed += len(passed)
        read = {name: [parse(url) for url in passed] for name, parse in IN_PROCESS.items()}
        read |= {"ada": _by_ada(passed), "curl": [curl(url) for url in passed]}
        for at, url in enumerate(passed):
            found = {name: hosts[at] for name, hosts in read.items() if escapes(hosts[at])}
            if found:
                wrong += 1
                sys.stdout.write(f"{url!r}: {found}\n")
    sys.stdout.write(f"{chosen.count} URLs, {allowed} allowed, {wrong} of them lead elsewhere\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main() > 0)
