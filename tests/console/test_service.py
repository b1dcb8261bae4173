"""The console over the API of a running service: what it reads, and what it says when it cannot (section 15.1)."""

import http.server
import os
import re
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from acs_sidecar.audit.format.checkpoint import Checkpoint
from acs_sidecar.audit.format.note import SignedNote
from acs_sidecar.audit.log.records import LogDamagedError
from acs_sidecar.audit.read.reader import AuditReader, NotInLogError, UnknownLogError
from acs_sidecar.audit.read.search import Wanted, search
from acs_sidecar.console.disk_logs import DiskLogs
from acs_sidecar.console.service_client import (
    ServiceAddress,
    ServiceAddressError,
    ServiceClient,
    ServiceError,
)
from acs_sidecar.console.service_logs import ServiceLogs
from acs_sidecar.console.service_state import ServiceState
from tests.audit.log.logs import KEY
from tests.conftest import Service, start_service
from tests.console.in_process import Pages, pages_of
from tests.console.logs import make_log

pytestmark = pytest.mark.server

TOKEN = "console-token-1"  # noqa: S105  # of no service but the one of these tests
CALLERS = f"""callers:
  console: {{token_sha256: {sha256(TOKEN.encode()).hexdigest()}, scopes: ["audit:read", "manifests:read", metrics]}}
  agent: {{token_sha256: {sha256(b"agent-token").hexdigest()}, scopes: [evaluate]}}
"""
PARENT = """agent_control_specification_version: 0.3.1-beta
metadata: {team: platform}
policies: {main: {type: test, output: {decision: allow}}}
annotators: {topic: {type: endpoint, url: 'https://example.com/topic'}}
"""
CHILD = """agent_control_specification_version: 0.3.1-beta
extends: [../base.yaml]
metadata: {name: child}
intervention_points:
  input:
    policy: {id: main}
    policy_target: $snap.input.text
    policy_target_kind: text
    annotations: {topic: {from: $snap.input.text}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest with a parent, a closed log of 300 records, and callers."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "manifests" / "child").mkdir(parents=True)
    (folder / "manifests" / "base.yaml").write_text(PARENT)
    (folder / "manifests" / "child" / "manifest.yaml").write_text(CHILD)
    (folder / "callers.yaml").write_text(CALLERS)
    (folder / "callers.yaml").chmod(0o600)
    (folder / "token").write_text(f"{TOKEN}\n")
    make_log(folder / "audit", 300)
    key = KEY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    (folder / "key.pem").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """A service that shows that log and its own."""
    service = start_service(
        folder,
        ACS_MANIFESTS=str(folder / "manifests"),
        ACS_AUDIT_DIR=str(folder / "audit"),
        ACS_AUDIT_KEY_FILE=str(folder / "key.pem"),
        ACS_AUTH_TOKENS_FILE=str(folder / "callers.yaml"),
        ACS_OUTBOUND_ALLOW="https://example.com",
    )
    yield service
    service.stop()


@pytest.fixture(scope="module")
def client(service: Service, folder: Path) -> Iterator[ServiceClient]:
    """A client with the token of a caller that may read."""
    client = ServiceClient(ServiceAddress.parse(service.url), folder / "token")
    yield client
    client.close()


@pytest.fixture(scope="module")
def pages(client: ServiceClient, folder: Path) -> Pages:
    """The pages of a console over the service."""
    return pages_of(folder / "nowhere", folder / "nowhere", client)


def closed_log(folder: Path) -> str:
    """Return the name of the log that was there before the service."""
    (found,) = [one.log for one in AuditReader(folder / "audit").logs() if one.state == "closed"]
    return found


def test_a_service_gives_what_is_on_its_disk(client: ServiceClient, folder: Path) -> None:
    """Byte for byte: checkpoint, records, both proofs, tiles and bundles."""
    log, disk, remote = closed_log(folder), AuditReader(folder / "audit"), ServiceLogs(client).reader
    note = disk.checkpoint(log)
    size = Checkpoint.parse(SignedNote.parse(note).text).size
    assert remote.checkpoint(log) == note
    assert remote.record(log, 17) == disk.record(log, 17)
    assert remote.records(log, 250, 1000) == disk.records(log, 250, 1000)
    assert remote.inclusion(log, 17, size) == disk.inclusion(log, 17, size)
    assert remote.consistency(log, 100, size) == disk.consistency(log, 100, size)
    for path in ("tile/0/000", "tile/entries/000", f"tile/entries/001.p/{size - 256}"):
        assert remote.tile(log, path) == disk.tile(log, path)
    with pytest.raises(NotInLogError, match="the log has 302 records"):
        remote.record(log, 10_000)
    with pytest.raises(NotInLogError, match="not the path of a tile or entry bundle"):
        remote.tile(log, "tile/0/../0")
    with pytest.raises(UnknownLogError, match="no such log"):
        remote.checkpoint("../../etc/passwd")


def test_a_search_finds_the_same(client: ServiceClient, folder: Path) -> None:
    """Over both logs, a bounded part at a time."""
    wanted = Wanted({"event": "decision", "decision": "allow"})
    remote, disk = (
        search(logs.sources(), wanted, most=400, most_looked_at=1_000_000)
        for logs in (ServiceLogs(client), DiskLogs(folder / "audit"))
    )
    assert remote.records == disk.records
    assert remote.rest is None


def test_the_pages_show_the_service(pages: Pages, folder: Path) -> None:
    """Whether it is ready, its manifests with the file of each member, annotators, logs, and a receipt."""
    overview = pages.page("/")
    assert re.search(r"</span> ready</span> at <code>http://", overview)
    assert "running since" in overview
    assert '<th scope="col">Breaker</th>' in overview
    assert "topic" in overview
    log = closed_log(folder)
    assert log in overview
    manifest = pages.page("/manifests/child")
    assert '<p class="source">base.yaml</p>' in manifest
    assert '<p class="source">child/manifest.yaml</p>' in manifest
    assert "Cases</h2>" not in manifest
    assert "the text below" in pages.page("/playground?manifest=child")
    assert f"record 17 of <code>{log}</code>" in pages.page(f"/record/{log}/17")
    assert '"index":17' in pages.page(f"/log/{log}/receipt/17").replace(" ", "")
    assert pages.page("/decisions?decision=allow").count("/record/") == 50
    assert log in pages.page("/verify")


def test_a_caller_without_the_scope_is_told_so(service: Service, folder: Path, tmp_path: Path) -> None:
    """With what to set; no page fails."""
    for token, why in (("agent-token", "audit:read"), ("nobody", "credentials"), (None, "credentials")):
        file = tmp_path / "token"
        if token:
            file.write_text(token)
        client = ServiceClient(ServiceAddress.parse(service.url), file if token else None)
        pages = pages_of(folder / "nowhere", folder / "nowhere", client)
        for path in ("/", "/decisions", "/verify", "/manifests"):
            _, text = pages.ask(path)
            assert "set ACS_CONSOLE_TOKEN_FILE to the token of a caller with the scopes" in text, (path, why)
        client.close()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "ACS_CONSOLE_TOKEN_FILE cannot be read: No such file or directory"),
        ("pipe", "ACS_CONSOLE_TOKEN_FILE cannot be read: is a pipe without content: name a file"),
        (b"a" * 4_097, "ACS_CONSOLE_TOKEN_FILE must hold a token: one line of visible ASCII"),
        (b"", "ACS_CONSOLE_TOKEN_FILE must hold a token: one line of visible ASCII"),
        (b"a\nb", "ACS_CONSOLE_TOKEN_FILE must hold a token: one line of visible ASCII"),
        ("tök".encode(), "ACS_CONSOLE_TOKEN_FILE must hold a token: one line of visible ASCII"),
    ],
)
def test_a_token_file_that_holds_none_is_named(
    content: bytes | str | None, problem: str, tmp_path: Path
) -> None:
    """Before anything is sent."""
    if content == "pipe":
        os.mkfifo(tmp_path / "token")
    elif isinstance(content, bytes):
        (tmp_path / "token").write_bytes(content)
    client = ServiceClient(ServiceAddress.parse("http://127.0.0.1:1"), tmp_path / "token")
    with pytest.raises(ServiceError) as raised:
        ServiceLogs(client).summaries()
    assert raised.value.strerror == problem


@pytest.mark.parametrize(
    "text",
    [
        "", "127.0.0.1:8383", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "http://127.0.0.1:99999",
        "http://[::1", "unix://var/run/x", "unix:x", "http://127.0.0.1:1/v1", "http://a:b@127.0.0.1", "http://127.0.0.1?x",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(text: str) -> None:
    """With the forms that are."""
    with pytest.raises(
        ServiceAddressError, match=r"^--service: .*use http://HOST:PORT, https://HOST:PORT or"
    ):
        ServiceAddress.parse(text)


def test_a_token_goes_over_no_network_in_plain_text(tmp_path: Path) -> None:
    """To loopback, a Unix socket and over TLS it does."""
    (tmp_path / "token").write_text(TOKEN)
    for text in ("http://127.0.0.1:1", "http://localhost:1", "https://example.com", "unix:///run/acs.sock"):
        ServiceClient(ServiceAddress.parse(text), tmp_path / "token")
    with pytest.raises(ServiceAddressError, match="a token is sent over https:// or to loopback only"):
        ServiceClient(ServiceAddress.parse("http://10.0.0.1:8383"), tmp_path / "token")


def test_a_service_that_is_gone_is_said_so_on_every_page(tmp_path: Path) -> None:
    """Over TCP and over a Unix socket; the playground is still there."""
    for text in ("http://127.0.0.1:1", f"unix://{tmp_path}/no.sock"):
        pages = pages_of(tmp_path, tmp_path, ServiceClient(ServiceAddress.parse(text), None))
        for path in ("/", "/decisions", "/verify", "/manifests"):
            _, page = pages.ask(path)
            assert f"no service answers at {text}: " in page, path
        assert pages.ask("/record/a/b/c/d/0")[0] == 409
        assert pages.ask("/log/a/b/c/0123456789abcdef/checkpoint")[0] == 409
        assert "Evaluate" in pages.page("/playground")


@pytest.fixture(scope="module")
def other() -> Iterator[tuple[ServiceClient, list[tuple[int, bytes]]]]:
    """A server that answers what the test puts into the list, and then ends the connection unannounced."""
    answers: list[tuple[int, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = answers.pop(0)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = ServiceAddress.parse(f"http://127.0.0.1:{server.server_port}")
        client = ServiceClient(address, None)
        yield client, answers
        client.close()
    finally:
        server.shutdown()
        server.server_close()


LOG = "acs/host/0/0123456789abcdef"
FOREIGN = "what answers is not this service"
Ask = Callable[[ServiceLogs], object]


@pytest.mark.parametrize(
    ("ask", "status", "body", "problem"),
    [
        (lambda logs: logs.summaries(), 200, b"<html>", r"what answers at http://127\.0\.0\.1:\d+ is not this"),
        (lambda logs: logs.summaries(), 200, b"[]", r"what answers at http://127\.0\.0\.1:\d+ is not this"),
        (lambda logs: logs.summaries(), 200, b"{}", FOREIGN),
        (lambda logs: logs.summaries(), 200, b'{"logs": [{"log": "../x", "size": 1}]}', FOREIGN),
        (lambda logs: logs.summaries(), 404, b'{"detail": "no log"}', "no log"),
        (lambda logs: logs.summaries(), 302, b"", "the service answers /v1/audit/logs with 302: it gives no"),
        (lambda logs: logs.reader.record(LOG, 0), 200, b'{"record": 1}', FOREIGN),
        (lambda logs: logs.reader.records(LOG, 0, 1), 200, b'{"records": "x"}', FOREIGN),
        (lambda logs: logs.reader.inclusion(LOG, 0, 1), 200, b'{"proof": ["zz"]}', FOREIGN),
        (lambda logs: logs.reader.inclusion(LOG, 0, 1), 200, b'{"proof": ["00"]}', FOREIGN),
        (lambda logs: logs.reader.checkpoint(LOG), 200, bytes(64 * 1024 * 1024 + 1), "more than 64 MiB"),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_a_service_is_refused(
    other: tuple[ServiceClient, list[tuple[int, bytes]]], ask: Ask, status: int, body: bytes, problem: str
) -> None:
    """Each by what is wrong with it."""
    client, answers = other
    answers[:] = [(status, body)]
    with pytest.raises(ServiceError) as raised:
        ask(ServiceLogs(client))
    assert re.search(problem, raised.value.strerror or "")


def test_a_log_with_a_gap_is_damaged(other: tuple[ServiceClient, list[tuple[int, bytes]]]) -> None:
    """Whether the service says so, or has fewer records than it said."""
    client, answers = other
    size = (
        b'{"logs": [{"log": "%s", "vkey": null, "state": "open", "size": 9, "last_time": null}]}'
        % LOG.encode()
    )
    answers[:] = [(200, size), (200, b'{"records": []}')]
    (source,) = ServiceLogs(client).sources()
    with pytest.raises(LogDamagedError, match="record 3 is missing"):
        list(source.pieces(3, 9))
    answers[:] = [(500, b'{"detail": "the audit log is damaged at this position"}')]
    with pytest.raises(LogDamagedError, match="damaged at this position"):
        ServiceLogs(client).reader.record(LOG, 0)


def test_breakers_that_opened_are_counted(other: tuple[ServiceClient, list[tuple[int, bytes]]]) -> None:
    """With the calls by outcome, out of the metrics; a service that is not ready says why."""
    client, answers = other
    checks = b'{"ready": false, "checks": [{"name": "audit", "state": "failed", "detail": "disk full"}]}'
    metrics = b"""# TYPE acs_annotator_duration_seconds histogram
acs_annotator_duration_seconds_count{annotator="topic",type="endpoint",outcome="ok"} 7
acs_annotator_duration_seconds_count{annotator="topic",type="endpoint",outcome="timeout"} 2
# TYPE acs_annotator_breaker_openings counter
acs_annotator_breaker_openings_total{annotator="topic"} 1
"""
    answers[:] = [(503, checks), (200, b'{"version": "1"}'), (200, metrics)]
    status = ServiceState(client).status()
    assert (status.ready, status.checks[0].detail, status.problem) == (False, "disk full", None)
    assert status.annotators["topic"].by_outcome == {"ok": 7, "timeout": 2}
    assert status.annotators["topic"].openings == 1
    answers[:] = [(200, b'{"ready": true}'), (200, b"{}"), (200, b"acs_annotator_breaker_openings_total{")]
    assert ServiceState(client).status().problem == "the metrics of the service cannot be read"
