"""Section 2.4: TLS, callers by their certificates, and certificates that change while connections live."""

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.command import start_refused
from tests.conftest import COMMAND, environment
from tests.described import checked_reply
from tests.server.authority import Authority
from tests.waiting import wait_for

MANIFEST = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}
SPIFFE = "spiffe://example.org/agent-host"
CALLERS = {
    "spiffe": {"spiffe_id": SPIFFE, "scopes": ["evaluate", "audit:read"], "agents": ["support-*"]},
    "dns": {"dns_name": "host.example.org", "scopes": ["evaluate"]},
    "token": {"token_sha256": sha256(b"secret").hexdigest(), "scopes": ["evaluate"]},
}
Pair = tuple[Path, Path]


class Tls:
    """A running service and its authority."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.certificate, self.key = self.authority.issue("server", "127.0.0.1")
        (folder / "m.json").write_text(json.dumps(MANIFEST))
        (folder / "callers.json").write_text(json.dumps({"callers": CALLERS}))
        tls = {
            "ACS_TLS_CERT_FILE": str(self.certificate),
            "ACS_TLS_KEY_FILE": str(self.key),
            "ACS_AUTH_TOKENS_FILE": "callers.json",
        }
        self.log_path = folder / "log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [str(COMMAND), "serve", "--port", "0", "--manifests", "m.json"],
                cwd=folder,
                env=environment(**tls | settings),
                stdout=log,
                stderr=log,
            )
        found = wait_for(lambda: re.search(r'"address":"https://127\.0\.0\.1:(\d+)"', self.log()))
        assert found
        self.port = int(found[1])

    def log(self) -> str:
        """Everything written to the log so far."""
        return self.log_path.read_text()

    def context(self, client: Pair | None = None) -> ssl.SSLContext:
        """A client's context that trusts the authority, with a certificate of its own or without."""
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        if client:
            context.load_cert_chain(*client)
        return context

    def connect(self, client: Pair | None = None) -> http.client.HTTPSConnection:
        """Open a connection."""
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.context(client))

    def evaluate(
        self, client: Pair | None = None, agent: str = "support-1", **headers: str
    ) -> tuple[int, Any]:
        """Ask for one decision on a connection of its own."""
        connection = self.connect(client)
        body = json.dumps({"snapshot": {"envelope": {"agent": {"id": agent}}}})
        try:
            connection.request(
                "POST", "/v1/evaluate/input", body, {"content-type": "application/json"} | headers
            )
            status, _, reply = checked_reply("POST", "/v1/evaluate/input", connection)
            return status, json.loads(reply)
        finally:
            connection.close()

    def refuses(self, client: Pair | None) -> bool:
        """Tell whether the connection itself is refused."""
        try:
            self.evaluate(client)
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            return True
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Tls]]:
    """A factory for one service, ended with the test."""
    services: list[Tls] = []

    def starting(**settings: str) -> Tls:
        services.append(Tls(tmp_path, **settings))
        return services[-1]

    yield starting
    for service in services:
        service.process.terminate()
        service.process.wait()


def test_a_certificate_names_the_caller(start: Callable[..., Tls], tmp_path: Path) -> None:
    """By its SPIFFE ID or its DNS name; one that names nobody is 401, and one of another authority no connection."""
    service = start(ACS_TLS_CLIENT_CA_FILE="ca.pem")
    authority = service.authority
    spiffe = authority.issue("spiffe", SPIFFE)
    status, body = service.evaluate(spiffe)
    assert (status, body["verdict"]["decision"]) == (200, "allow")
    connection = service.connect(spiffe)
    record = f"/v1/audit/records/{body['audit']['index']}"
    connection.request("GET", record)
    assert json.loads(json.loads(checked_reply("GET", record, connection)[2])["record"])["caller"] == "spiffe"
    connection.close()
    assert service.evaluate(spiffe, agent="billing-1")[0] == 403
    assert service.evaluate(authority.issue("dns", "x.example.org", "HOST.example.org"))[0] == 200
    unknown = "the connection's certificate or user does not identify a known caller"
    for stem, *names in [
        ("none",),
        ("other", "spiffe://example.org/other"),
        ("below", SPIFFE + "/below"),
        ("case", "spiffe://EXAMPLE.org/agent-host"),
        ("wild", "*.example.org"),
        ("two", SPIFFE, "https://example.org"),
        ("uri", "https://host.example.org"),
    ]:
        status, body = service.evaluate(authority.issue(stem, *names))
        assert (status, body["detail"], body["verdict"]["decision"]) == (401, unknown, "deny"), stem
    strangers = Authority(tmp_path, "strangers")
    assert service.refuses(None)
    assert service.refuses(strangers.issue("stranger", SPIFFE))
    assert service.refuses(authority.issue("late", SPIFFE, days=-1))
    assert service.evaluate(authority.issue("unnamed"), authorization="Bearer secret")[0] == 200
    assert service.evaluate(spiffe, authorization="Bearer wrong")[0] == 401


def test_a_spiffe_id_wins_over_dns_names(start: Callable[..., Tls]) -> None:
    """A certificate with a SPIFFE ID is that identity, whatever else it says."""
    service = start(ACS_TLS_CLIENT_CA_FILE="ca.pem")
    both = service.authority.issue("both", "spiffe://example.org/other", "host.example.org")
    assert service.evaluate(both)[0] == 401


def test_a_certificate_may_be_optional(start: Callable[..., Tls]) -> None:
    """Then a token serves as well, and without either it is 401."""
    service = start(ACS_TLS_CLIENT_CA_FILE="ca.pem", ACS_TLS_CLIENT_CERTIFICATE="optional")
    assert service.evaluate(service.authority.issue("spiffe", SPIFFE))[0] == 200
    assert service.evaluate(None, authorization="Bearer secret")[0] == 200
    assert service.evaluate(None)[0] == 401


@pytest.mark.parametrize("settings", [{}, {"ACS_TLS_CLIENT_CA_FILE": "ca.pem"}], ids=["tls", "mutual"])
def test_the_probe_knows_the_service_by_its_own_certificate(
    start: Callable[..., Tls], settings: dict[str, str]
) -> None:
    """It needs no authority, and shows the same certificate where one is asked for; another one it refuses."""
    service = start(**settings)

    def probe(pair: Pair) -> tuple[int, str]:
        certificate, key = map(str, pair)
        given = {"ACS_PORT": str(service.port), "ACS_TLS_CERT_FILE": certificate, "ACS_TLS_KEY_FILE": key}
        done = subprocess.run(
            [COMMAND.with_name("acs-probe")],
            env=environment(**given),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout[:13] or done.stderr[:45]

    wait_for(lambda: probe((service.certificate, service.key)) == (0, '{"ready":true'))
    other = service.authority.issue("other", "127.0.0.1")
    assert probe(other) == (1, "no response: [SSL: CERTIFICATE_VERIFY_FAILED]")


def test_old_protocols_are_not_spoken(start: Callable[..., Tls]) -> None:
    """TLS 1.3 is chosen, 1.2 is spoken with forward secrecy, and nothing older."""
    service = start()

    def version(limit: ssl.TLSVersion) -> str | None:
        context = service.context()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = limit
        context.set_ciphers("ALL:@SECLEVEL=0")
        connection = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=10, context=context)
        try:
            connection.connect()
            assert isinstance(connection.sock, ssl.SSLSocket)
            cipher = connection.sock.cipher()
            assert cipher is not None
            assert cipher[0].startswith(("TLS_", "ECDHE-"))
            return connection.sock.version()
        finally:
            connection.close()

    assert version(ssl.TLSVersion.MAXIMUM_SUPPORTED) == "TLSv1.3"
    assert version(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            version(ssl.TLSVersion.TLSv1_1)


def test_certificates_are_renewed_while_connections_live(start: Callable[..., Tls], tmp_path: Path) -> None:
    """New connections see the new certificate and authority, old ones go on, a bad change is not taken."""
    service = start(ACS_TLS_CLIENT_CA_FILE="ca.pem")
    client = service.authority.issue("client", SPIFFE)

    def shown() -> bytes | None:
        connection = service.connect(client)
        connection.connect()
        try:
            assert isinstance(connection.sock, ssl.SSLSocket)
            return connection.sock.getpeercert(binary_form=True)
        finally:
            connection.close()

    living = service.connect(client)
    living.request("GET", "/v1/info")
    assert checked_reply("GET", "/v1/info", living)[0] == 200
    before = shown()
    service.key.write_text("nonsense")
    wait_for(lambda: "access_file_refused" in service.log())
    assert shown() == before
    service.authority.issue("server", "127.0.0.1")
    wait_for(lambda: shown() != before)
    living.request("GET", "/v1/info")
    assert checked_reply("GET", "/v1/info", living)[0] == 200
    living.close()
    trusted = service.context(client)
    strangers = Authority(tmp_path, "strangers")
    (tmp_path / "ca.pem").write_bytes(strangers.ca.read_bytes())
    wait_for(lambda: _refused(service.port, trusted))


def _refused(port: int, context: ssl.SSLContext) -> bool:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request("GET", "/v1/info")
        return checked_reply("GET", "/v1/info", connection)[0] != 200
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return True
    finally:
        connection.close()


def test_a_handshake_that_does_not_end_is_closed(start: Callable[..., Tls]) -> None:
    """Who connects and says nothing, or not enough, is not waited for."""
    service = start(ACS_REQUEST_TIMEOUT_S="1")
    for begin in (b"", b"\x16\x03\x01\x02\x00\x01"):
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", service.port), timeout=50) as connection:
            connection.sendall(begin)
            with suppress(ConnectionError):
                while connection.recv(1_024):
                    pass
        assert time.monotonic() - begun < 50


def test_a_pair_that_does_not_fit_stops_the_start(tmp_path: Path) -> None:
    """The message names the files and what is wrong."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", "127.0.0.1")
    _, other = authority.issue("other", "127.0.0.1")
    (tmp_path / "m.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "callers.json").write_text(json.dumps({"callers": CALLERS}))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, certificate.read_bytes())
    for files, fault in [
        *(
            (files, f"`{pipe}` cannot be read: is a pipe: name a file")
            for files in (
                (pipe, key, authority.ca),
                (certificate, pipe, authority.ca),
                (certificate, key, pipe),
            )
        ),
        (
            (certificate, other, authority.ca),
            "are not a PEM certificate and its unencrypted key (KEY_VALUES_MISMATCH)",
        ),
        (
            (certificate, tmp_path / "none", authority.ca),
            f"`{tmp_path / 'none'}` cannot be read: No such file or directory",
        ),
        ((certificate, key, key), f"`{key}` holds no PEM certificates ("),
    ]:
        names = ("ACS_TLS_CERT_FILE", "ACS_TLS_KEY_FILE", "ACS_TLS_CLIENT_CA_FILE")
        settings = dict(zip(names, map(str, files), strict=True)) | {"ACS_AUTH_TOKENS_FILE": "callers.json"}
        assert fault in start_refused(tmp_path, "--manifests", "m.json", **settings)
    os.close(writer)
