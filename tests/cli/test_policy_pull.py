"""`acs-sidecar policy pull`: a policy from a server, and what never replaces a file (section 10.7)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from acs_sidecar.cli.policies.workspace.commands import policy
from tests.engines.adapters.workspace_policy import independent
from tests.engines.adapters.workspace_policy.keys import A_ID, TRUST_FILE, A
from tests.engines.adapters.workspace_policy.vectors import VERIFICATIONS, Verified, content, document
from tests.https import HttpsServer, https_server

pytestmark = pytest.mark.server


class Plain:
    """A plain HTTP server on loopback; what it answers by path, and which tokens it was shown."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.announced: dict[str, int] = {}
        self.locations: dict[str, str] = {}
        self.tokens: list[str | None] = []
        self.released = threading.Event()
        plain = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the base class calls it so
                plain.tokens.append(self.headers.get("authorization"))
                location = plain.locations.get(self.path)
                body = plain.bodies.get(self.path)
                self.send_response(302 if location else 200 if body is not None else 404)
                if location:
                    self.send_header("location", location)
                if self.path in plain.announced:
                    self.send_header("content-length", str(plain.announced[self.path]))
                self.end_headers()
                self.wfile.write(body or b"")
                self.wfile.flush()
                if self.path in plain.announced:
                    plain.released.wait(60)

            def log_message(self, format: str, *args: object) -> None:  # the base class's name
                pass

        self.listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}"
        threading.Thread(target=self.listener.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.listener.shutdown()
        self.listener.server_close()


@pytest.fixture(scope="module")
def plain() -> Iterator[Plain]:
    """The plain server of this module."""
    server = Plain()
    yield server
    server.close()


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    """An HTTPS server on loopback."""
    with https_server(tmp_path_factory.mktemp("https")) as server:
        yield server


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of trust, in which commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.yaml").write_text(TRUST_FILE)
    return tmp_path


def pull(url: str, *more: str, workspace: str = "ws_xyz789", out: str = "policy.json") -> Result:
    """Pull in this process."""
    given = ("pull", url, "--out", out, "--trust", "keys.yaml", "--workspace", workspace, *more)
    return CliRunner().invoke(policy, given)


def version(number: int, **more: Any) -> bytes:
    """A version of the second document, signed by A."""
    stated = document("active-2.json") | {"version": str(number), **more}
    return json.dumps(independent.signed(stated, A, A_ID)).encode()


def test_a_policy_is_pulled_and_kept(folder: Path, plain: Plain) -> None:
    """Written as it came, then unchanged, then replaced by the next version."""
    plain.bodies["/p"] = content("active-1.json")
    done = pull(f"{plain.url}/p")
    assert (done.exit_code, done.stdout) == (
        0,
        "written  policy.json  version 1  active  f4d052f5b8f51a05…\n",
    )
    assert (folder / "policy.json").read_bytes() == content("active-1.json")
    assert pull(f"{plain.url}/p").stdout == "unchanged  policy.json  version 1\n"
    plain.bodies["/p"] = content("active-2.json")
    assert pull(f"{plain.url}/p", "--min-version", "2").exit_code == 0
    assert (folder / "policy.json").read_bytes() == content("active-2.json")
    assert sorted(path.name for path in folder.iterdir()) == ["keys.yaml", "policy.json"]


@pytest.mark.parametrize("vector", VERIFICATIONS, ids=lambda vector: f"{vector.file} {vector.result}")
def test_a_vector_is_pulled(folder: Path, plain: Plain, vector: Verified) -> None:
    """What does not verify leaves the file as it was; what does replaces an older one."""
    plain.bodies["/v"] = content(vector.file)
    options = {"min_version": "--min-version", "content_hash": "--hash"}
    more = [
        part
        for name, value in vector.members.items()
        if name in options
        for part in (options[name], str(value))
    ]
    done = pull(f"{plain.url}/v", *more, workspace=vector.expected.workspace or "")
    accepted = vector.result.startswith(("ok", "deny-all"))
    assert done.exit_code == (0 if accepted else 1)
    assert (folder / "policy.json").exists() is accepted
    if not accepted:
        assert f"[{vector.result}]" in done.stderr
        assert "refused at the step" in done.stderr


@pytest.mark.parametrize(
    ("held", "offered", "error"),
    [
        (version(2), content("active-1.json"), "policy.json: `ws_xyz789`: version 1 is older than version 2 there [policy-rollback]"),
        (version(2), version(2, content={}), "policy.json: `ws_xyz789`: version 2 has another content than the one there [policy-rollback]"),
        (version(2, status="revoked"), version(2), "policy.json: `ws_xyz789`: version 2 was withdrawn in the one there [policy-rollback]"),
        (content("version-raised.json"), content("active-1.json"), "policy.json: `ws_xyz789`: version 1 is older than version 9 there [policy-rollback]"),
        (version(2), content("legacy.json"), "policy.json: `ws_xyz789`: a document without a signed version cannot replace version 2 there [policy-rollback]"),
        (version(2, workspace_id="other"), version(3), "policy.json: holds the policy of the workspace `other`"),
        (b"{}", version(3), "policy.json: holds no policy that this one could be compared with: remove it first"),
    ],
)  # fmt: skip
def test_what_a_file_holds_is_not_rolled_back(
    folder: Path, plain: Plain, held: bytes, offered: bytes, error: str
) -> None:
    """A document that verifies does not replace a newer one, whoever signed that."""
    (folder / "policy.json").write_bytes(held)
    plain.bodies["/r"] = offered
    pinned = ("--hash", document("legacy.json")["hash"]) if offered == content("legacy.json") else ()
    done = pull(f"{plain.url}/r", *pinned)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (1, f"error: {error}")
    assert (folder / "policy.json").read_bytes() == held


def test_a_legacy_document_gives_way_to_a_signed_one(folder: Path, plain: Plain) -> None:
    """Its version counts for nothing."""
    (folder / "policy.json").write_bytes(json.dumps(document("legacy.json") | {"version": "9"}).encode())
    plain.bodies["/l"] = content("active-1.json")
    assert pull(f"{plain.url}/l").exit_code == 0


def test_a_revoked_policy_replaces_the_one_in_force(folder: Path, plain: Plain) -> None:
    """In the same version or a higher one."""
    (folder / "policy.json").write_bytes(version(2))
    plain.bodies["/w"] = version(2, status="revoked")
    assert pull(f"{plain.url}/w").stdout.startswith("written  policy.json  version 2  revoked  ")


def test_nothing_is_reached(plain: Plain) -> None:
    """No server, no such document, no token: exit 2."""
    assert pull(f"{plain.url}/none").exit_code == 2
    assert pull("http://127.0.0.1:9/").exit_code == 2
    done = pull(f"{plain.url}/p", "--token-env", "ACS_TEST_NO_TOKEN")
    assert (done.exit_code, done.stderr) == (2, "error: --token-env ACS_TEST_NO_TOKEN: is not set\n")


@pytest.mark.parametrize("token", ["a\r\nX: y", "a b", "t\u00f6k"])
def test_a_token_that_no_header_holds(plain: Plain, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """It is refused before anything is fetched."""
    monkeypatch.setenv("POLICY_TOKEN", token)
    before = len(plain.tokens)
    done = pull(f"{plain.url}/p", "--token-env", "POLICY_TOKEN")
    error = "error: --token-env POLICY_TOKEN: must be printable ASCII without white space\n"
    assert (done.exit_code, done.stderr, len(plain.tokens)) == (2, error, before)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://192.0.2.1/p", "plain HTTP reaches this machine alone: use an HTTPS URL"),
        ("http://169.254.169.254/latest", "plain HTTP reaches this machine alone: use an HTTPS URL"),
        ("https://127.0.0.1/p", "`https://127.0.0.1/p` resolves to the loopback address 127.0.0.1, which the fetch address blocklist refuses [fetch-address-refused]"),
        ("https://localhost/p", "which the fetch address blocklist refuses [fetch-address-refused]"),
        ("https://[::ffff:169.254.169.254]/p", "which the fetch address blocklist refuses [fetch-address-refused]"),
        ("https://user:word@example.com/p", "has a user name or a password [fetch-url-refused]"),
        ("file:///etc/passwd", "is not an HTTPS URL [fetch-url-refused]"),
        ("ftp://127.0.0.1/p", "is not an HTTPS URL [fetch-url-refused]"),
    ],
)  # fmt: skip
def test_a_url_that_is_refused(folder: Path, url: str, error: str) -> None:
    """Other machines over plain HTTP, this machine over HTTPS, internal addresses, other schemes: exit 1."""
    done = pull(url)
    assert (done.exit_code, error in done.stderr) == (1, True), done.stderr
    assert not (folder / "policy.json").exists()


def test_redirects_of_a_plain_server_stay_on_this_machine(plain: Plain, secure: HttpsServer) -> None:
    """Within it they are followed; to another machine or scheme they are refused."""
    plain.bodies["/to"] = version(2)
    plain.locations["/from"] = "/to"
    assert pull(f"{plain.url}/from").exit_code == 0
    plain.locations["/out"] = "http://192.0.2.1/p"
    assert pull(f"{plain.url}/out").exit_code == 1
    plain.locations["/up"] = secure.serve("/p", version(3))
    assert "is not an HTTP URL [fetch-url-refused]" in pull(f"{plain.url}/up").stderr
    plain.locations["/loop"] = "/loop"
    assert "[fetch-redirects]" in pull(f"{plain.url}/loop").stderr


def test_a_token_stays_with_its_host(
    folder: Path, plain: Plain, secure: HttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown to the host of the URL; a redirect to another one is refused where there is a token."""
    monkeypatch.setenv("POLICY_TOKEN", "s3cret")
    monkeypatch.setenv("ACS_FETCH_CA_FILE", str(secure.ca_file))
    monkeypatch.setenv("ACS_FETCH_ALLOW_ADDRESSES", "127.0.0.1/32")
    secure.serve("/p", version(4))
    url = secure.url("/p", "localhost")
    assert pull(url, "--token-env", "POLICY_TOKEN").exit_code == 0
    assert secure.received[-1][1]["authorization"] == "Bearer s3cret"
    secure.redirect("/away", secure.url("/p", "127.0.0.1"))
    before = len(secure.received)
    done = pull(secure.url("/away", "localhost"), "--token-env", "POLICY_TOKEN")
    assert (done.exit_code, "which is on another host [fetch-url-refused]" in done.stderr) == (1, True)
    assert "s3cret" not in done.output + done.stderr
    assert len(secure.received) == before + 1
    assert pull(secure.url("/away", "localhost")).exit_code == 0
    secure.redirect("/down", f"{plain.url}/to")
    assert "is not an HTTPS URL [fetch-url-refused]" in pull(secure.url("/down", "localhost")).stderr


def test_a_server_chooses_no_path(folder: Path, plain: Plain) -> None:
    """Whatever a document calls itself, the file is the one of the command line."""
    for name in ("../../evil", "/etc/passwd", "..", "a/b"):
        plain.bodies["/n"] = version(5, policy_id=name)
        done = pull(f"{plain.url}/n")
        assert (done.exit_code, "[value-not-allowed]" in done.stderr) == (1, True)
    assert sorted(path.name for path in folder.iterdir()) == ["keys.yaml"]


def test_a_body_has_a_bound(plain: Plain) -> None:
    """One byte above 1 MiB is refused, and a length that is only announced as soon as it is."""
    plain.announced["/endless"] = 1 << 40
    plain.bodies["/endless"] = b"{"
    assert "returned more than 1048576 bytes [fetch-too-large]" in pull(f"{plain.url}/endless").stderr
    plain.released.set()
    plain.bodies["/big"] = content("active-1.json").ljust(1_048_577)
    done = pull(f"{plain.url}/big")
    assert (done.exit_code, "[fetch-too-large]" in done.stderr) == (1, True)
    plain.bodies["/big"] = content("active-1.json").ljust(1_048_576)
    assert pull(f"{plain.url}/big").exit_code == 0
