"""Manifests from one place: bundles from a real HTTPS server, unpacked and kept on disk."""

import asyncio
import itertools
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from acs_sidecar.manifests.bundle import ManifestBundle
from acs_sidecar.manifests.files import find_manifests
from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.outbound.fetch import Fetcher
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.pinned_url import Pin, RemoteReference
from tests.https import HttpsServer, Names, sha256
from tests.manifests.bundles import archive, offer

LIMITS = Limits(manifest_url_timeout_ms=5_000)


def special(kind: bytes, target: str = "/etc/passwd") -> tarfile.TarInfo:
    """An entry that is no regular file."""
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def bundle(
    server: HttpsServer, folder: Path, url: str, pin: str = "", token: Path | None = None
) -> ManifestBundle:
    """What a service has of it, with names that lead to the server or where it must not go."""
    names = Names(manifests_test=["127.0.0.1"], other_test=["127.0.0.2"], metadata_test=["169.254.169.254"])
    policy = AddressPolicy(("127.0.0.1/32", "127.0.0.2/32"))
    reference = RemoteReference(url, Pin(bytes.fromhex(pin)) if pin else None)
    return ManifestBundle(folder, reference, lambda: Fetcher(LIMITS, policy, server.ca_file, names), token)


def refusal(one: ManifestBundle) -> tuple[str, str]:
    """Open what must be refused; give code and message."""
    with pytest.raises(ManifestError) as caught:
        one.open()
    (finding,) = caught.value.diagnostics
    return finding.code, finding.message


@pytest.mark.server
def test_a_bundle_is_unpacked_and_asked_for_with_its_etag(server: HttpsServer, tmp_path: Path) -> None:
    """The files are those of the archive, nobody else may look at them, and the same ones are not sent twice."""
    url = offer(server, archive(("./a/manifest.yaml", b"a"), ("./a/p/x.rego", b"x"), ("b.json", b"{}")))
    one = bundle(server, tmp_path, url)
    place = one.open()
    assert [file.name for file in find_manifests(place)] == ["a", "b"]
    assert (place / "a/p/x.rego").read_bytes() == b"x"
    assert place.parent.stat().st_mode & 0o077 == 0
    one.keep()
    assert one.kept() == place == one.open() == bundle(server, tmp_path, url).open()
    asked = [headers.get("if-none-match") for _, headers in server.received]
    assert asked[0] is None
    assert len(set(asked[1:])) == 1
    assert asked[1] is not None


def test_another_bundle_takes_the_place_of_the_kept_one_only_when_told(
    server: HttpsServer, tmp_path: Path
) -> None:
    """What was opened and not kept leaves what is kept alone; what is kept leaves nothing else behind."""
    one = bundle(server, tmp_path, offer(server, archive(("a.json", b"1"))))
    first = one.open()
    one.keep()
    offer(server, archive(("a.json", b"2")))
    second = one.open()
    assert one.kept() == first != second
    assert (first / "a.json").read_bytes() == b"1"
    one.keep()
    assert one.kept() == second
    assert not first.exists()
    (root,) = tmp_path.iterdir()
    assert {path.name for path in root.iterdir()} == {"kept", second.parent.name}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "is not a `.tar.gz` archive"),
        (archive(("a.json", b"1"))[:-9], "is not a `.tar.gz` archive"),
        (archive(("//a.json", b"1")), "holds an entry whose path leaves the archive"),
        (archive(("a/../../b.json", b"1")), "holds an entry whose path leaves the archive"),
        (archive(("a\\b.json", b"1")), "holds an entry whose path leaves the archive"),
        (
            archive(("a.json", special(tarfile.SYMTYPE))),
            "holds a link or a special file: only regular files are allowed",
        ),
        (
            archive(("a.json", special(tarfile.LNKTYPE))),
            "holds a link or a special file: only regular files are allowed",
        ),
        (
            archive(("a.json", special(tarfile.FIFOTYPE))),
            "holds a link or a special file: only regular files are allowed",
        ),
        (
            archive(("a.json", special(tarfile.CHRTYPE))),
            "holds a link or a special file: only regular files are allowed",
        ),
        (
            archive(("a.json", b"1"), ("a.json", b"2")),
            "holds an entry that has no name, comes twice, or is nested too deep",
        ),
        (
            archive(("a/" * 40 + "a.json", b"1")),
            "holds an entry that has no name, comes twice, or is nested too deep",
        ),
        (archive(*((f"{n}.json", b"") for n in range(2_001))), "holds more than 2000 entries"),
        (archive(("a.json", bytes(17 * 1024 * 1024))), "expands to more than 16777216 bytes"),
        (archive(("README.md", b"1")), "holds no manifest"),
        (archive(), "holds no manifest"),
    ],
    ids=itertools.count(),
)
def test_a_hostile_archive_is_refused(
    content: bytes, message: str, server: HttpsServer, tmp_path: Path
) -> None:
    """Each is refused for what it is, what is kept stays, and nothing of it is left on the disk."""
    one = bundle(server, tmp_path / "kept", offer(server, archive(("a.json", b"1"))))
    kept = one.open()
    one.keep()
    before = sorted(tmp_path.rglob("*"))
    url = offer(server, content)
    assert refusal(one) == ("bundle-refused", f"`{url}` {message}")
    assert sorted(tmp_path.rglob("*")) == before
    assert one.kept() == kept


def test_a_file_that_would_be_a_folder_is_refused(server: HttpsServer, tmp_path: Path) -> None:
    """An archive that no directory can hold is refused, and names the setting."""
    one = bundle(server, tmp_path, offer(server, archive(("a", b"1"), ("a/b.json", b"1"))))
    code, message = refusal(one)
    assert code == "bundle-unwritable"
    assert message.startswith(f"ACS_MANIFESTS_KEPT_DIR `{tmp_path}`: ")
    (root,) = tmp_path.iterdir()
    assert not list(root.iterdir())


def test_a_pin_holds_the_bundle_to_its_bytes(server: HttpsServer, tmp_path: Path) -> None:
    """Other bytes are refused, and a kept bundle that another pin allowed is not fallen back to."""
    content = archive(("a.json", b"1"))
    url = offer(server, content)
    one = bundle(server, tmp_path, url, pin=sha256(content))
    one.open()
    one.keep()
    offer(server, archive(("a.json", b"2")))
    message = f"`{url}` does not match its pinned hash"
    assert refusal(one) == ("fetch-pin-mismatch", message)
    assert one.kept() is not None
    other = bundle(server, tmp_path, url, pin="0" * 64)
    assert refusal(other) == ("fetch-pin-mismatch", message)
    assert other.kept() is None
    assert bundle(server, tmp_path, server.url("/other.tar.gz")).kept() is None


def test_a_redirect_to_a_refused_address_is_not_followed(server: HttpsServer, tmp_path: Path) -> None:
    """A server of bundles cannot send the service to the machine's metadata."""
    url = server.redirect("/agents.tar.gz", "https://metadata.test/latest")
    code, message = refusal(bundle(server, tmp_path, url))
    assert code == "fetch-address-refused"
    assert message == (
        f"`{url}` redirects to `https://metadata.test`, which resolves to the cloud metadata address 169.254.169.254, "
        "which the fetch address blocklist refuses"
    )


def test_the_token_is_shown_to_its_server_alone(server: HttpsServer, tmp_path: Path) -> None:
    """The bearer goes with each request to the URL's own origin, and with none to where that redirects."""
    token = tmp_path / "token"
    token.write_text("first\n")
    content = archive(("a.json", b"1"))
    server.serve("/elsewhere", content)
    server.redirect("/agents.tar.gz", server.url("/here"))
    server.redirect("/here", server.url("/elsewhere", host="other.test"))
    one = bundle(server, tmp_path / "kept", server.url("/agents.tar.gz"), token=token)
    one.open()
    token.write_text("second\n")
    one.open()
    shown = [(path, headers.get("authorization")) for path, headers in server.received]
    assert shown == [
        (path, bearer)
        for turn in ("Bearer first", "Bearer second")
        for path, bearer in (("/agents.tar.gz", turn), ("/here", turn), ("/elsewhere", None))
    ]


@pytest.mark.parametrize("content", [b"", b" \n", b"a b", b"a\nb", "ü".encode(), b"x" * 9_000])
def test_what_is_no_token_is_not_sent(content: bytes, server: HttpsServer, tmp_path: Path) -> None:
    """A file that holds anything but one word of visible ASCII is refused before anything is asked."""
    token = tmp_path / "token"
    token.write_bytes(content)
    one = bundle(server, tmp_path / "kept", server.url("/agents.tar.gz"), token=token)
    message = "ACS_MANIFESTS_URL_TOKEN_FILE must hold a token: one line of visible ASCII"
    assert refusal(one) == ("bundle-refused", message)
    token.unlink()
    message = "ACS_MANIFESTS_URL_TOKEN_FILE cannot be read: No such file or directory"
    assert refusal(one) == ("bundle-refused", message)
    os.mkfifo(token)
    message = "ACS_MANIFESTS_URL_TOKEN_FILE cannot be read: is a pipe without content: name a file"
    assert refusal(one) == ("bundle-refused", message)
    assert server.received == []


def test_a_look_tells_what_is_offered_and_changes_nothing(server: HttpsServer, tmp_path: Path) -> None:
    """The digest of the newest bundle, or what is wrong; content is sent once, then 304."""
    contents = [archive(("a.json", b"1")), archive(("a.json", b"2"))]
    one = bundle(server, tmp_path, offer(server, contents[0]))

    async def looks() -> list[str]:
        found = [await one.offered(), await one.offered()]
        offer(server, contents[1])
        found += [await one.offered()]
        server.answers.clear()
        found += [await one.offered()]
        offer(server, contents[1])
        return [*found, await one.offered()]

    first, second = map(sha256, contents)
    gone = f"`{server.url('/agents.tar.gz')}` returned status 404"
    assert asyncio.run(looks()) == [first, first, second, gone, second]
    assert not list(tmp_path.iterdir())


def test_an_etag_that_is_none_is_not_sent_back(server: HttpsServer, tmp_path: Path) -> None:
    """What is no entity tag is forgotten, and a 304 that nobody asked for is no answer."""
    content = archive(("a.json", b"1"))
    url = server.url("/agents.tar.gz")
    server.answers["/agents.tar.gz"] = lambda exchange: exchange.send(200, content, ETag="unquoted")
    one = bundle(server, tmp_path, url)
    one.open()
    one.keep()
    one.open()
    assert ["if-none-match" in headers for _, headers in server.received] == [False, False]
    server.answers["/agents.tar.gz"] = lambda exchange: exchange.send(304)
    assert refusal(one) == ("fetch-status", f"`{url}` returned status 304")


def test_a_slow_server_is_given_up(server: HttpsServer, tmp_path: Path) -> None:
    """A bundle that drips is held to the time of a fetch."""
    server.answers["/agents.tar.gz"] = lambda exchange: exchange.drip(100, b"x", 0.05)
    url = server.url("/agents.tar.gz")
    names = Names(manifests_test=["127.0.0.1"])
    limits = replace(LIMITS, manifest_url_timeout_ms=300)
    one = ManifestBundle(
        tmp_path,
        RemoteReference(url),
        lambda: Fetcher(limits, AddressPolicy(("127.0.0.1/32",)), server.ca_file, names),
    )
    assert refusal(one) == (
        "fetch-too-slow",
        f"`{url}` did not answer in full within `manifest_url_timeout_ms` (300)",
    )
