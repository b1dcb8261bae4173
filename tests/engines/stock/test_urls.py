"""Random URLs against `egress`, in short; `python -m tests.engines.stock.urls` asks more parsers about more of them."""

from itertools import islice
from random import Random

import pytest

from tests.engines.stock.urls import IN_PROCESS, Judge, arguments_with, escapes, urls


@pytest.mark.slow
def test_a_url_that_is_allowed_leads_nowhere_else() -> None:
    """Whichever parser of Python reads it."""
    judge = Judge()
    allowed = [url for url in islice(urls(7), 600) if judge.allows(url)]
    assert len(allowed) >= 20
    assert [url for url in allowed if any(escapes(parse(url)) for parse in IN_PROCESS.values())] == []


def test_a_url_anywhere_in_the_arguments_leads_nowhere_else() -> None:
    """In a list, in an object, as a name, in prose."""
    judge, drawn = Judge(), Random(8)  # noqa: S311  # reproducible, not secret
    allowed = [url for url in islice(urls(8), 600) if judge.allows_call(arguments_with(url, drawn))]
    assert len(allowed) >= 20
    assert [url for url in allowed if any(escapes(parse(url)) for parse in IN_PROCESS.values())] == []


@pytest.mark.parametrize(
    "url",
    [
        'https://ok.example"[::1]/',
        "https://ok.example'.evil.example/",
        "https://ok.example<evil.example",
        "ssh://10.0.0.1\tevil.example",
        "https://ok.example here @evil.example",
        "http://ok.example\r\n[::1]/",
        "//ok.example`.evil.example/x",
        "//ok.example%40evil.example/http://ok.example",
        "http:s://ok.example/http://ok.example",
        "//evil/http://ok.example",
        "/\n/evil/http://ok.example",
        "//10.0.0.1 \\@evil",
        "see http://[::1] and http://ok.example",
        "http://[::1], http://ok.example",
        "http:s://\t/10.0.0.1/http://ok.example",
        "%65vil.example#http://ok.example",
        "user:@0x7f.1/http://ok.example",
        "git+ssh:/\n/[::1]\x0b10.0.0.1:80x/http://ok.example",
        "git+ssh\t://10.0.0.1&[::1]:80x/http://ok.example",
        'HTTP://ok.example."[::1]:\x0b80x/a?b#c',
        "\x00//0:80x/http://ok.example",
        "//127.0.0.1:80@localhost/http://ok.example",
        "//localhost:/<http://ok.example",
        "ssh:/localhost?@a.ok.example/http://ok.example",
        "git+ssh:localhost'ok.example\\@127.0.0.1/http://ok.example",
        "ftp://xn--e1afmkfd.example..ok。example:80?@ok.example",
        "évil.example/http://ok.example",
        "2130706433/http://ok.example",
        "ok.example:/a?b#c",
        "localhost..evil/http://ok.example",
        "167772161:@0x7f.1/http://ok.example",
        "https://ok.example\txevil.example/\nhttps://ok.example",
        "HTTP:/\n/[::1]@:evil.example[10.0.0.1:x/http://ok.example",
        "//`//a.ok.example:80x#f",
        "//okXexample`[::1]:80\\.ok.example",
    ],
)
def test_what_ends_a_url_in_prose_ends_no_host(url: str) -> None:
    """Where the whole text is the URL, parsers read on."""
    assert not Judge().allows(url)


@pytest.mark.parametrize(
    "text",
    [
        "https://ok.example",
        "https://ok.example is the address",
        "https://user:secret@ok.example/",
        "http://[::ffff:10.0.0.1]:80/",
        'see "https://ok.example", it\'s there',
        "https://ok.example/a'b",
        "https://ok.example\nhttps://a.ok.example",
        "https://ok.example/a\thttps://ok.example\t5",
        "view-source:https://ok.example/",
        "see:https://ok.example",
        "请访问https://ok.example\uff0c谢谢",
    ],
)
def test_plain_urls_and_prose_are_allowed(text: str) -> None:
    """As before."""
    assert Judge().allows(text)
