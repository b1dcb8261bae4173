"""Hosts, paths and names: what is read, what is ambiguous, and what lists cover (section 9.3)."""

import posixpath
import random
import unicodedata
from urllib.parse import unquote, urlsplit

import pytest
from yarl import URL

from acs_sidecar.engines.adapters.oags.matching.hosts import HostList, Url, host_problem, read_host, read_url
from acs_sidecar.engines.adapters.oags.matching.paths import FilePath, PathList, path_problem, read_path
from acs_sidecar.engines.name_folding import folded
from acs_sidecar.engines.name_lists import NameList

ROOT = FilePath("", ("workspace",))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("API.Example.COM", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("api.example.com:8443", "api.example.com"),
        ("a_b.example", "a_b.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("ａｐｉ。example", "api.example"),
        ("localhost", "localhost"),
        ("10.0.0.5", "10.0.0.5"),
        ("[::1]:80", "::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("::1", "::1"),
        ("2001:db8::a", "2001:db8::a"),
    ],
)
def test_a_host_that_is_read(text: str, host: str) -> None:
    """Case, one trailing dot, a port and other letters are normalised."""
    assert read_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        "a.example..",
        ".a.example",
        "-a.example",
        "a-.example",
        "a b.example",
        "a\t.example",
        "a\u00a0.example",
        "user@a.example",
        "a.example/x",
        "a.example\\x",
        "a.example?x",
        "a.example#x",
        "a%2eexample",
        "a.example:",
        "a.example:http",
        "a.example:65536",
        "a.example:123456",
        "a:1:2",
        "2852039166",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "1.2.3.4.",
        "1.2.3.256",
        "1.2.3.4.5",
        "a.0x7f",
        "１２７.0.0.1",
        "①.0.0.1",
        "[::1",
        "[::1]x",
        "[0:0::1]",
        "[::FFFF:1.2.3.4]",
        "::ffff:102:304",
        "[fe80::1%eth0]",
        "[1.2.3.4]",
        "faß.example",
        "a\u200db.example",
        "a\u202eb.example",
        "xn--bcher-kva1.example",
        "xn--a.example",
        "xn--.example",
        "℀.example",
        "☃️.example",
        "a" * 64 + ".example",
        ".".join(["a" * 50] * 6),
        "\ud800.example",
    ],
)
def test_a_host_that_has_no_meaning_or_several(text: str) -> None:
    """Escapes, users, paths, other notations of addresses, and names that encoders disagree about."""
    assert read_host(text) is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com/a?b#c", Url("https", "api.example.com")),
        ("HTTPS://API.example.com:443", Url("https", "api.example.com")),
        ("http://[::1]/", Url("http", "::1")),
        ("https://a.example/x@b.example", Url("https", "a.example")),
        ("https://a.example?q=1", Url("https", "a.example")),
        ("https://a.example?@b.example", Url("https", None)),
        ("https://a.example#@b.example", Url("https", None)),
        ("https://u:p@a.example/", Url("https", None)),
        ("https://a.example\\@b.example/", Url(None, None)),
        ("https:/a.example/", Url(None, None)),
        ("https:a.example/", Url(None, None)),
        ("https:///a.example/", Url("https", None)),
        ("https://2001:db8::1/", Url("https", None)),
        ("https://[2001:db8::1]:443/", Url("https", "2001:db8::1")),
        ("//a.example/", Url(None, None)),
        ("a.example", Url(None, None)),
        (" https://a.example/", Url(None, None)),
        ("https://a.exa\nmple/", Url(None, None)),
        ("https://a.example/ x", Url(None, None)),
        ("file:///etc/passwd", Url("file", None)),
        ("", Url(None, None)),
    ],
)
def test_a_url(text: str, url: Url) -> None:
    """Protocol and host, each only where every parser reads it alike."""
    assert read_url(text) == url


def test_lists_of_hosts() -> None:
    """An entry is itself, `*.d` what is below `d` too; as a block entry each covers what is below."""
    hosts = HostList.of(["a.example", "*.b.example", "10.0.0.5"])
    assert all(map(hosts.allows, ["a.example", "b.example", "x.y.b.example", "10.0.0.5"]))
    assert not any(map(hosts.allows, ["x.a.example", "xb.example", "example", "0.0.5", "5"]))
    assert all(map(hosts.blocks, ["a.example", "x.a.example", "b.example", "x.b.example", "10.0.0.5"]))
    assert not any(map(hosts.blocks, ["xa.example", "example", "10.0.0.50"]))


def test_a_star_is_any_public_name() -> None:
    """Addresses, `localhost` and names without a dot must be listed; as a block entry `*` is everything."""
    everywhere = HostList.of(["*"])
    assert everywhere.allows("a.example")
    local = ["10.0.0.5", "::1", "localhost", "a.localhost", "intranet"]
    assert not any(map(everywhere.allows, local))
    assert all(map(everywhere.blocks, [*local, "a.example"]))
    assert all(map(HostList.of(["*", *local]).allows, local))


@pytest.mark.parametrize("entry", ["", "*.*", "a.*", "**", "*a.example", "https://a.example", "a b", "*."])
def test_an_entry_that_is_no_host(entry: str) -> None:
    """A list holds hosts, `*.` and a host, and `*`."""
    assert host_problem(entry) is not None


@pytest.mark.parametrize(
    ("text", "drive", "parts"),
    [
        ("/a/b", "", "a/b"),
        ("/a//b/./c/", "", "a/b/c"),
        ("/a/../../b", "", "b"),
        ("/..", "", ""),
        ("data", "", "workspace/data"),
        ("../data", "", "data"),
        ("./a\\b", "", "workspace/a/b"),
        ("\\a\\b", "", "a/b"),
        ("c:\\Users\\x", "C", "Users/x"),
        ("C:/", "C", ""),
        ("file:///a/b", "", "a/b"),
        ("FILE:///a", "", "a"),
        ("/cafe\u0301", "", "café"),
        ("/a/100%", "", "a/100%"),
        ("/.env", "", ".env"),
        ("/a b/c", "", "a b/c"),
    ],
)
def test_a_path_that_is_read(text: str, drive: str, parts: str) -> None:
    """Separators, dots, drives and `file://` are resolved, without a look at any file system."""
    expected = FilePath(drive, tuple(part for part in parts.split("/") if part))
    assert read_path(text, ROOT) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/a\0b",
        "/a\nb",
        "/a\x7fb",
        "/a\x85b",
        "~/a",
        "/PROGRA~1",
        "$HOME/a",
        "%TEMP%/a",
        "/a/%2e%2e/b",
        "/a/..%2fb",
        "/`id`",
        "/a/*",
        "/a/?",
        "/a/[b]",
        "/a/{b,c}",
        "/a/@(b)",
        "/a/+(b|c)",
        "\u2028/a",
        "/a/.\ufe0f./b",
        "//server/share",
        "\\\\server\\share",
        "///a",
        "C:a",
        "/a:b",
        "/a.txt::$DATA",
        "CC:/a",
        "file:/a",
        "file://a/b",
        "file:///%61",
        "file:////a",
        "file:///C:/a",
        "file:///a#b",
        "https://a.example/",
        "/a/...",
        "/a/.. /b",
        "/a/. ./b",
        "/a/ /b",
        "/a/．．/b",
        "/a/\u2025/b",
        "/a/.\u200d./b",
        "/a／b",
        "/a\u2100b",
        "/a：b",
        "/\ud800",
        "/" + "a" * 4096,
        "/a" * 257,
        "/a" + "/" * 1025,
    ],
)
def test_a_path_that_has_no_meaning_or_several(text: str) -> None:
    """What a shell, another system or a decoder would read differently."""
    assert read_path(text, ROOT) is None


def test_a_relative_path_needs_a_root() -> None:
    """Without one it has no meaning."""
    assert read_path("a", None) is None
    assert read_path("/a", None) == FilePath("", ("a",))


def test_a_rooted_path_is_on_the_drive_of_its_root() -> None:
    """A path without a drive is not another one than the block list names."""
    root = read_path("C:/work", None)
    assert read_path("\\secret", root) == read_path("c:/secret", None) == FilePath("C", ("secret",))
    assert PathList.of(["C:/*"], root).allows(FilePath("C", ("secret",)))


def test_lists_of_paths() -> None:
    """An entry is itself, with `/*` or `/` at its end also what is under it."""
    paths = PathList.of(["/srv/*", "./data", "out/", "C:/x/*"], ROOT)
    inside = ["/srv", "/srv/a/b", "data", "out", "out/a", "c:\\x\\y"]
    outside = ["/srvx", "/SRV/a", "data/a", "/out/a", "/x/y", "/"]
    for given, expected in ((inside, True), (outside, False)):
        for text in given:
            path = read_path(text, ROOT)
            assert path is not None
            assert paths.allows(path) is expected, text
    below = PathList.of(["./data"], ROOT, all_below=True)
    assert below.allows(FilePath("", ("workspace", "data", "a")))
    assert PathList.of(["/*"], ROOT).allows(FilePath("", ("a",)))


@pytest.mark.parametrize(
    "text",
    [
        "/etc/x",
        "/ETC/x",
        "/etc./x",
        "/etc /x",
        "/ｅｔｃ/x",
        "/e\u00adtc/x",
        "/et\u034fc/x",
        "/etc\ufe0f/x",
        "/ etc/x",
        "/\u3000etc/x",
        "\\etc\\x",
        "/a/../etc",
    ],
)
def test_a_blocked_path_is_blocked_however_it_is_written(text: str) -> None:
    """Case, width, trailing dots and spaces, and characters that do not show, make no other path."""
    path = read_path(text, ROOT)
    assert path is not None
    assert PathList.of(["/etc"], ROOT).wide().blocks(path)


@pytest.mark.parametrize("entry", ["", "*", "/a/**", "/*/b", "~/*", "/a*", "$HOME/*", "//a/*", "//*", "C:*"])
def test_an_entry_that_is_no_path(entry: str) -> None:
    """A list holds paths, with `/*` at the end alone."""
    assert path_problem(entry) is not None


@pytest.mark.parametrize(
    ("path", "extensions"),
    [
        ("/a.txt", {"txt"}),
        ("/a.TXT", {"txt"}),
        ("/a.tar.gz", {"gz"}),
        ("/Makefile", {""}),
        ("/.env", {""}),
        ("/a.exe.", {"", "exe"}),
        ("/", {""}),
    ],
)
def test_extensions(path: str, extensions: set[str]) -> None:
    """Those of the last name, both with and without trailing dots."""
    read = read_path(path, ROOT)
    assert read is not None
    assert read.extensions() == extensions


def test_lists_of_names() -> None:
    """Allowed names match exactly, blocked ones however they are written."""
    names = NameList.of(["file_read", "shell*", "e*"])
    assert all(map(names.allows, ["file_read", "shell", "shell_exec"]))
    assert not any(map(names.allows, ["File_Read", "file_reads", "ｓhell"]))
    for name in (
        "FILE_READ",
        "ｆｉｌｅ_read",
        "Shell_X",
        "she\u00adll",
        "e\u0301",
        " file_read\n",
        "\tshell",
        "file_\ufe0fread",
        "file\0_read",
    ):
        assert names.blocks(name), name
    assert not names.blocks("file_write")
    assert NameList.of(["*"]).allows("anything")


def test_folding_is_stable() -> None:
    """Folded texts fold to themselves, and plain ones to lower case."""
    for text in ("ABC", "Straße", "ﬁ", "İ", "ς", "Å", "a\u200db", "Ⅳ", "Ǆ"):
        assert folded(folded(text)) == folded(text)
    assert folded("Shell_Exec") == "shell_exec"


# -- what other programs read ------------------------------------------------------------------------

COUNT = 100_000
PATH_PARTS = ["", ".", "..", "...", "srv", "SRV", "ｓｒｖ", "srv.", "etc", "a", "a b", "．．", "․․", "‥", "%2e%2e", "%2f", "~", "$HOME", "C:", "file:", " ", ".. ", "é", "e\u0301", "\u200d", "\u202e", "x.txt", "*", "srv\0"]  # fmt: skip
HOST_PARTS = ["api", "API", "ａｐｉ", "example", "com", "evil", "localhost", "xn--bcher-kva", "bücher", "127", "0x7f", "1", "%61", "user@", "@", "a@", "\\", "/", "?", "#", ":80", "[::1]", "faß", "。", "．", ".", "", " ", "\t", "*", "-", "\u200d", "℀"]  # fmt: skip


def _texts(parts: list[str], separators: list[str], seed: int) -> list[str]:
    chosen = random.Random(seed)  # texts from a seed, no secret
    texts = []
    for _ in range(COUNT):
        length = chosen.randint(1, 6)
        text = "".join(chosen.choice(parts) + chosen.choice(separators) for _ in range(length))
        texts.append(text)
    return texts


@pytest.mark.slow
def test_no_path_is_allowed_that_another_reader_puts_outside() -> None:
    """Of 100,000 random paths none is allowed that `normpath` puts outside, as it stands, decoded or normalised."""
    allowed, blocked = PathList.of(["/srv/*"], ROOT), PathList.of(["/srv/a"], ROOT).wide()
    passed = 0
    for text in _texts(["/srv", *PATH_PARTS], ["/", "/", "\\", "//", ""], 1):
        path = read_path(text, ROOT)
        if path is None or blocked.blocks(path) or not allowed.allows(path):
            continue
        passed += 1
        plain = text.replace("\\", "/").removeprefix("file://")
        for reading in (plain, unquote(plain), unicodedata.normalize("NFKC", plain)):
            place = posixpath.normpath(posixpath.join("/workspace", reading))
            assert place == "/srv" or place.startswith("/srv/"), (text, place)
            assert not (place.rstrip(" .") + "/").startswith("/srv/a/"), (text, place)
    assert passed > 1_000


@pytest.mark.slow
def test_no_host_is_allowed_that_another_reader_puts_outside() -> None:
    """Of 100,000 random hosts and URLs none is allowed whose host another parser reads as another one."""
    allowed = HostList.of(["api.example.com", "*.example"])
    passed = 0
    for text in _texts(["api.example.com", "a.example", *HOST_PARTS], [".", "", "", ""], 2):
        for given, host in (
            (f"https://{text}/", read_host(text)),
            (f"https://{text}", read_url(f"https://{text}").host),
        ):
            if host is None or not allowed.allows(host):
                continue
            passed += 1
            for reading in (urlsplit(given).hostname, URL(given).raw_host):
                assert reading is not None, given
                other = reading.encode("idna").decode().lower().removesuffix(".")
                assert other in {"api.example.com", "example"} or other.endswith(".example"), given
    assert passed > 1_000
