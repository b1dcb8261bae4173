"""Section 3.3: the guard around fetches, against a real HTTPS server."""

import asyncio
import base64
import hashlib
import ipaddress
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.outbound.fetch import Fetcher
from acs_sidecar.outbound.fetch_outcome import FetchError, FetchFault
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.pinned_url import Pin, RemoteReference, parse_reference
from tests.https import Exchange, HttpsServer, Names, sha256

LIMITS = Limits(manifest_url_timeout_ms=5_000)
LIMIT_FAULTS = {FetchFault.REDIRECTS, FetchFault.TOO_LARGE, FetchFault.TOO_SLOW}
BODY = b"policies: {}\n"


def names(**answers: list[str]) -> Names:
    """Names: `manifests.test` resolves to the server, others where a test says."""
    return Names(**{"manifests_test": ["127.0.0.1"], **answers})


def fetcher(
    server: HttpsServer,
    limits: Limits = LIMITS,
    resolver: Names | None = None,
    ca_file: Path | None = None,
    allowed: tuple[str, ...] = ("127.0.0.1/32",),
) -> Fetcher:
    """A fetcher that may reach exactly the address of the server."""
    return Fetcher(limits, AddressPolicy(allowed), ca_file or server.ca_file, resolver or names())


def fetch(client: Fetcher, *urls: str, pin: Pin | None = None, max_bytes: int = 1_000) -> list[bytes]:
    """Fetch one after the other."""

    async def run() -> list[bytes]:
        async with client:
            return [await client.fetch(RemoteReference(url, pin), max_bytes) for url in urls]

    return asyncio.run(run())


def fault(client: Fetcher, url: str, **how: Any) -> tuple[FetchFault, str]:
    """Fetch what must fail."""
    with pytest.raises(FetchError) as caught:
        fetch(client, url, **how)
    assert caught.value.fault.is_limit is (caught.value.fault in LIMIT_FAULTS)
    return caught.value.fault, str(caught.value)


def test_content_is_fetched_over_https(server: HttpsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain GET: no cookies, no credentials and no proxy, whatever the environment offers."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(server.ca_file.with_name("netrc")))
    server.ca_file.with_name("netrc").write_text("machine manifests.test login a password b\n")
    server.redirect("/moved", "/base.yaml")
    server.serve("/base.yaml", BODY)
    assert fetch(fetcher(server), server.url("/moved"), server.url("/base.yaml?x")) == [BODY, BODY]
    assert server.paths == ["/moved", "/base.yaml", "/base.yaml?x"]
    for _, headers in server.received:
        assert set(headers) == {"host", "user-agent", "accept", "accept-encoding"}


def test_a_url_is_fetched_once(server: HttpsServer) -> None:
    """The second time a load asks for a URL it gets what came before, a failure too."""
    url = server.serve("/base.yaml", BODY)
    assert fetch(fetcher(server), url, url, url) == [BODY] * 3
    assert server.paths == ["/base.yaml"]

    async def twice() -> None:
        async with fetcher(server) as client:
            for _ in range(2):
                with pytest.raises(FetchError, match="returned status 404"):
                    await client.fetch(RemoteReference(server.url("/none")), 100)

    asyncio.run(twice())
    assert server.paths == ["/base.yaml", "/none"]


@pytest.mark.parametrize(
    "given_pin",
    [{"sha256": sha256(BODY)}, {"sha256": sha256(BODY).upper()}, {"integrity": "sha256-{}"}],
)
def test_a_pin_is_verified_over_the_bytes(server: HttpsServer, given_pin: dict[str, str]) -> None:
    """The content that was pinned passes; one byte more does not, and neither does it when fetched before."""
    encoded = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    members = {name: text.format(encoded) for name, text in given_pin.items()}
    url = server.serve("/base.yaml", BODY)
    pin = parse_reference({"url": url, **members}).pin
    assert fetch(fetcher(server), url, pin=pin) == [BODY]
    server.serve("/base.yaml", BODY + b"\n")
    assert fault(fetcher(server), url, pin=pin) == (
        FetchFault.PIN_MISMATCH,
        f"`{url}` does not match its pinned hash",
    )

    async def unpinned_first() -> None:
        async with fetcher(server) as client:
            await client.fetch(RemoteReference(url), 100)
            with pytest.raises(FetchError, match="does not match its pinned hash"):
                await client.fetch(RemoteReference(url, pin), 100)

    asyncio.run(unpinned_first())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://manifests.test/a", "`http://manifests.test/a` is not an HTTPS URL"),
        ("file:///etc/passwd", "the URL is not an HTTPS URL"),
        ("ftp://manifests.test/a", "`ftp://manifests.test/a` is not an HTTPS URL"),
        ("base.yaml", "the URL is not an HTTPS URL"),
        ("https:///a", "the URL has no host, or the port 0"),
        ("https://a:0/", "`https://a:0/` has no host, or the port 0"),
        ("https://a:99999/", "the URL is not a valid URL"),
        ("https://u:secret@a/x", "`https://a/x` has a user name or a password"),
        ("https://@a/x", "`https://a/x` has a user name or a password"),
        ("https://a/x#part", "`https://a/x` has a fragment"),
        ("https://a/x#", "`https://a/x` has a fragment"),
        ("https://a/?token=secret y", "`https://a/` has a character that is not allowed in a URL"),
        ("https://a\\@b/", None),
        ("https://a/\r\nHost: b", None),
        ("https://127.1/", "`https://127.1/` is not a valid URL"),
        ("https://2130706433/", "`https://2130706433/` is not a valid URL"),
        ("https://0x7f000001/", None),
        ("https://a/" + "x" * 8_200, f"`https://a/{'x' * 255}` exceeds 8192 characters"),
    ],
)
def test_only_plain_https_urls_are_fetched(server: HttpsServer, text: str, message: str | None) -> None:
    """Other schemes, users, fragments and texts that readers disagree about never reach the network."""
    found = fault(fetcher(server), text)
    assert found[0] in (FetchFault.URL_REFUSED, FetchFault.UNREACHABLE)
    assert message is None or found == (FetchFault.URL_REFUSED, message)
    assert "secret" not in found[1]
    assert server.received == []


REFUSED = {
    "127.0.0.2": "loopback",
    "[::1]": "loopback",
    "[::ffff:127.0.0.1]": "loopback",
    "[::ffff:7f00:2]": "loopback",
    "[::127.0.0.1]": "loopback",
    "[64:ff9b::127.0.0.1]": "loopback",
    "[2002:7f00:1::]": "loopback",
    "[fd00::5efe:127.0.0.1]": "loopback",
    "169.254.1.1": "link-local",
    "169.254.169.254": "cloud metadata",
    "[::ffff:169.254.169.254]": "cloud metadata",
    "[fd00:ec2::254]": "cloud metadata",
    "168.63.129.16": "cloud metadata",
    "100.100.100.200": "cloud metadata",
    "[fe80::1]": "link-local",
    "0.0.0.0": "unspecified",
    "0.1.2.3": "unspecified",
    "[::]": "unspecified",
    "255.255.255.255": "broadcast",
    "224.0.0.1": "multicast",
    "[ff02::1]": "multicast",
    "240.0.0.1": "reserved",
    "192.0.0.192": "reserved",
    "[2001:0:1::1]": "reserved",
    "[fec0::1]": "reserved",
    "[64:ff9b:1::7f00:1]": "reserved",
}


@pytest.mark.parametrize(("host", "kind"), REFUSED.items())
def test_addresses_are_refused_written_out(server: HttpsServer, host: str, kind: str) -> None:
    """An address that resolves to this machine or its surroundings is refused in every form."""
    address = str(ipaddress.ip_address(host.strip("[]")))
    found, message = fault(fetcher(server), f"https://{host}:{server.port}/a")
    assert found is FetchFault.ADDRESS_REFUSED
    assert message.endswith(
        f"resolves to the {kind} address {address}, which the fetch address blocklist refuses"
    )
    assert server.received == []


@pytest.mark.parametrize(("host", "kind"), REFUSED.items())
def test_addresses_are_refused_behind_a_name(server: HttpsServer, host: str, kind: str) -> None:
    """What a name resolves to is judged like an address that was written out."""
    address = host.strip("[]")
    found = fault(fetcher(server, resolver=names(evil_test=[address])), server.url("/a", "evil.test"))
    assert found == (
        FetchFault.ADDRESS_REFUSED,
        f"`{server.url('/a', 'evil.test')}` resolves to the {kind} address {address}, which the fetch address blocklist refuses",
    )
    assert server.received == []


def test_the_real_name_server_is_not_trusted_either(server: HttpsServer) -> None:
    """`localhost` is refused with the system's own resolver, when no exemption is given."""
    client = Fetcher(LIMITS, AddressPolicy(), server.ca_file)
    found, message = fault(client, server.url("/a", "localhost"))
    assert found is FetchFault.ADDRESS_REFUSED
    assert "resolves to the loopback address" in message
    assert server.received == []


def test_a_name_that_changes_its_answer_is_caught(server: HttpsServer) -> None:
    """Each connection is judged by its own answer: the first may be good and the next one not."""
    server.answers["/a"] = lambda exchange: exchange.send(302, Location="/b", Connection="close")
    resolver = names(rebound_test=["127.0.0.1", "127.0.0.2"], manifests_test=["127.0.0.1", "127.0.0.2"])
    server.serve("/b", BODY)
    found, message = fault(fetcher(server, resolver=resolver), server.url("/a"))
    assert found is FetchFault.ADDRESS_REFUSED
    assert "which resolves to the loopback address 127.0.0.2" in message
    assert server.paths == ["/a"]


ELSEWHERE = [
    ("http://manifests.test/b", FetchFault.URL_REFUSED, "which is not an HTTPS URL"),
    ("//127.0.0.2:{port}/b", FetchFault.ADDRESS_REFUSED, "resolves to the loopback address 127.0.0.2"),
    ("https://localhost:{port}/b", FetchFault.ADDRESS_REFUSED, "resolves to the loopback address 127.0.0.3"),
    ("https://[::1]:{port}/b", FetchFault.ADDRESS_REFUSED, "resolves to the loopback address ::1"),
    ("https://169.254.169.254/b", FetchFault.ADDRESS_REFUSED, "the cloud metadata address 169.254.169.254"),
    ("https://169.254.7.7/b", FetchFault.ADDRESS_REFUSED, "the link-local address 169.254.7.7"),
    (
        "https://[::ffff:127.0.0.1]:{port}/b",
        FetchFault.ADDRESS_REFUSED,
        f"the loopback address {ipaddress.IPv6Address('::ffff:127.0.0.1')}",
    ),
    ("https://u:p@manifests.test/b", FetchFault.URL_REFUSED, "which has a user name or a password"),
    ("/b#part", FetchFault.URL_REFUSED, "which has a fragment"),
    ("file:///etc/passwd", FetchFault.URL_REFUSED, "which is not an HTTPS URL"),
    ("https://[::1", FetchFault.URL_REFUSED, "redirects to an invalid URL"),
    ("", FetchFault.STATUS, "redirects without a `Location`"),
]


@pytest.mark.parametrize(("location", "kind", "message"), ELSEWHERE)
@pytest.mark.parametrize("status", [301, 307])
def test_each_redirect_is_checked_like_the_first_url(
    server: HttpsServer, location: str, kind: FetchFault, message: str, status: int
) -> None:
    """A server that may be fetched from cannot send the service to where it may not."""
    server.serve("/b", BODY)
    url = server.redirect("/a", location.format(port=server.port), status)
    found = fault(fetcher(server, resolver=names(localhost=["127.0.0.3"])), url)
    assert found[0] is kind
    assert message in found[1]
    assert server.paths == ["/a"]


def test_redirects_are_counted(server: HttpsServer) -> None:
    """As many as allowed are followed, and not one more."""
    for step in range(6):
        server.redirect(f"/{step}", f"/{step + 1}")
    server.serve("/6", BODY)
    assert fetch(fetcher(server), server.url("/1")) == [BODY]
    assert fault(fetcher(server), server.url("/0")) == (
        FetchFault.REDIRECTS,
        f"`{server.url('/0')}` redirects more often than `max_manifest_url_redirects` (5)",
    )
    assert server.paths[-1] == "/5"


def test_a_body_is_bounded_while_it_is_read(server: HttpsServer) -> None:
    """A body without an end is left as soon as it is too long, with and without a length."""
    server.answers["/endless"] = lambda exchange: exchange.drip(10_000_000, b"x" * 1_000, 0)
    server.serve("/long", b"x" * 1_001)
    server.serve("/full", b"x" * 1_000)
    for path in ("/endless", "/long"):
        assert fault(fetcher(server), server.url(path)) == (
            FetchFault.TOO_LARGE,
            f"`{server.url(path)}` returned more than 1000 bytes",
        )
    assert fetch(fetcher(server), server.url("/full")) == [b"x" * 1_000]


def test_the_whole_fetch_has_a_deadline(server: HttpsServer) -> None:
    """A body that drips, headers that never come and redirects that take their time end at the same bound."""
    client_limits = replace(LIMITS, manifest_url_timeout_ms=300)
    server.answers["/drip"] = lambda exchange: exchange.drip(100, b"x", 0.05)
    server.answers["/silent"] = lambda _: time.sleep(2)

    def slowly(exchange: Exchange) -> None:
        time.sleep(0.12)
        exchange.send(302, Location="/slow")

    server.answers["/slow"] = slowly
    for path in ("/drip", "/silent", "/slow"):
        begun = time.monotonic()
        assert fault(fetcher(server, client_limits), server.url(path)) == (
            FetchFault.TOO_SLOW,
            f"`{server.url(path)}` did not answer in full within `manifest_url_timeout_ms` (300)",
        )
        assert time.monotonic() - begun < 1.5


def test_what_cannot_be_had_is_said(server: HttpsServer, tmp_path: Path) -> None:
    """Other statuses, names without an address, closed ports and strange certificates each have their words."""
    url = server.url("/none?token=secret")
    found = fault(fetcher(server), url)
    assert found == (FetchFault.STATUS, f"`{server.url('/none')}` returned status 404")
    found = fault(fetcher(server), server.url("/a", "nowhere.test"))
    assert found == (
        FetchFault.UNREACHABLE,
        f"`{server.url('/a', 'nowhere.test')}` has a host name that does not resolve",
    )
    by_the_system = Fetcher(LIMITS, AddressPolicy(["127.0.0.1/32"]), server.ca_file)
    found = fault(by_the_system, "https://a..b/")
    assert found == (FetchFault.UNREACHABLE, "`https://a..b/` has a host name that does not resolve")
    server.redirect("/a", f"https://{'a' * 64}.test/")
    by_the_system = Fetcher(LIMITS, AddressPolicy(["127.0.0.1/32"]), server.ca_file)
    found = fault(by_the_system, server.url("/a", "127.0.0.1"))
    assert found[1].endswith("which has a host name that does not resolve")
    found = fault(fetcher(server), "https://127.0.0.1:1/")
    assert found == (FetchFault.UNREACHABLE, "`https://127.0.0.1:1/` could not be reached")
    wrong_name = fetcher(server, resolver=names(wrong_test=["127.0.0.1"]))
    untrusted = "has no trusted certificate; set ACS_FETCH_CA_FILE to add CA certificates"
    found = fault(wrong_name, server.url("/a", "wrong.test"))
    assert found == (FetchFault.UNTRUSTED, f"`{server.url('/a', 'wrong.test')}` {untrusted}")
    without_ca = Fetcher(LIMITS, AddressPolicy(["127.0.0.1/32"]), None, names())
    assert fault(without_ca, server.url("/a")) == (
        FetchFault.UNTRUSTED,
        f"`{server.url('/a')}` {untrusted}",
    )
    (tmp_path / "empty.pem").write_text("")
    os.mkfifo(tmp_path / "pipe.pem")
    for name, problem in (
        ("missing.pem", "cannot be read: No such file or directory"),
        ("empty.pem", "holds no PEM certificates"),
        ("pipe.pem", "cannot be read: is a pipe: name a file"),
    ):
        assert fault(fetcher(server, ca_file=tmp_path / name), server.url("/a")) == (
            FetchFault.UNTRUSTED,
            f"ACS_FETCH_CA_FILE {problem}",
        )
