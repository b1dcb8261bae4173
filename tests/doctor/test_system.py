"""`acs-sidecar doctor` on addresses, the clock, open files, the sandbox and a running service."""

import http.server
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from acs_sidecar.doctor.examination import examine
from acs_sidecar.doctor.result import Result, State
from acs_sidecar.doctor.service import check_service
from acs_sidecar.doctor.system import check_address, check_clock, check_files, check_sandbox
from acs_sidecar.sandbox import pool as sandbox_pool
from acs_sidecar.settings.tree import Settings
from tests.conftest import Start
from tests.doctor.results import NOW, settings, states, summaries


def test_an_address_that_others_reach_is_told(folder: Path) -> None:
    """Without credentials, without TLS: both are named; a local address is nothing."""
    assert summaries(check_address(settings(host="0.0.0.0", allow_public=True))) == [
        (
            "address",
            "anyone who reaches `0.0.0.0` can use the service: authentication is off",
            "set ACS_AUTH_TOKENS_FILE, or listen on 127.0.0.1 or a Unix socket",
        ),
        (
            "address",
            "traffic to `0.0.0.0` is not encrypted, tokens and snapshots included",
            "set ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE, or terminate TLS in front",
        ),
    ]
    assert summaries(check_address(settings(host="0.0.0.0", auth_tokens_file=folder / "x")))[0][1].startswith(
        "traffic to"
    )
    assert summaries(check_address(settings())) == []


def test_few_open_files_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hard limit below what may be in flight is a warning with the number that would fit."""
    monkeypatch.setattr("acs_sidecar.doctor.system.resource.getrlimit", lambda which: (256, 1_024))
    assert summaries(check_files(settings())) == [
        (
            "open files",
            "a process can open 1024 files, which allows 768 connections for ACS_MAX_IN_FLIGHT 1024",
            "raise the limit (LimitNOFILE= in a unit), or set ACS_MAX_IN_FLIGHT=768",
        )
    ]


@pytest.mark.parametrize(("answer", "expected"), [(5, 1), (0, 0)])
def test_a_clock_that_nothing_keeps_is_told(
    answer: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own word: 5 is a clock that is not synchronised."""

    class Library:
        def __init__(self, name: None) -> None:
            pass

        def adjtimex(self, buffer: object) -> int:
            return answer

    monkeypatch.setattr("acs_sidecar.doctor.system.ctypes.CDLL", Library)
    line = ("clock", "the kernel reports that its clock is not synchronized", "timedatectl set-ntp true")
    assert summaries(check_clock()) == [line] * expected


@pytest.mark.server
def test_a_sandbox_that_cannot_be_made_is_a_problem(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started for real where inline manifests would need it, and nowhere else."""
    assert list(check_sandbox(settings(inline_manifests="deny"))) == []
    (fine,) = check_sandbox(settings(inline_manifests="sandboxed"))
    assert (fine.state, fine.detail) == (State.OK, "children can be sandboxed")

    def refuse(self: sandbox_pool.Pool) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(sandbox_pool.Pool, "open", refuse)
    assert summaries(check_sandbox(settings(inline_manifests="sandboxed"))) == [
        (
            "sandbox",
            "inline manifests cannot be sandboxed: [Errno 1] Operation not permitted",
            "allow the service to fork and to set resource limits, or set ACS_INLINE_MANIFESTS=deny",
        )
    ]


@pytest.mark.server
def test_an_address_where_nobody_answers_is_told(folder: Path) -> None:
    """Nobody, a socket that was left behind, a file in its place: each with what to do."""
    assert summaries(check_service(settings(port=1))) == [
        ("service", "no service answers at 127.0.0.1:1: [Errno 111] Connection refused", "acs-sidecar serve")
    ]
    place = folder / "s.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(place))
    left.close()
    assert summaries(check_service(settings(uds=place))) == [
        (
            "service",
            f"no process listens on the socket `{place}`: its service exited without removing it",
            "acs-sidecar serve, which replaces it",
        )
    ]
    place.unlink()
    place.write_text("")
    assert summaries(check_service(settings(uds=place))) == [
        ("service", f"`{place}` is not a socket", f"move it: mv {place} ELSEWHERE")
    ]


@pytest.mark.server
def test_another_service_at_the_address_is_a_problem() -> None:
    """What answers something else is not taken for the service."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
        port = other.server_address[1]
        results = list(check_service(settings(port=port)))
        other.shutdown()
    assert summaries(results) == [
        (
            "service",
            f"what answers at 127.0.0.1:{port} is not this service",
            "stop it, or set ACS_PORT to another port",
        )
    ]
    assert states(results) == [State.PROBLEM]


def test_what_the_service_says_of_itself_is_passed_on(start: Start, folder: Path) -> None:
    """A check that failed is a problem, a warning a warning, each with its fix."""
    (folder / "manifests" / "m.yaml").write_text("policies: 1")
    service = start(ACS_MANIFESTS_STRICT="false", ACS_AUDIT_DURABILITY="none")
    results = list(check_service(settings(port=urlsplit(service.url).port)))
    assert summaries(results) == [
        (
            "service",
            "manifests: no valid manifest is loaded",
            "acs-sidecar validate; then send SIGHUP to the service",
        ),
        (
            "service",
            "audit: no audit log is written (ACS_AUDIT_DURABILITY=none)",
            "see `audit` above; the service retries every second",
        ),
    ]
    assert states(results) == [State.PROBLEM, State.WARNING]


@pytest.mark.server
def test_a_check_that_cannot_look_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of one check is a finding, and the others go on."""

    def fails(given: Settings, now: float) -> Iterable[Result]:
        raise PermissionError(13, "Permission denied", "/x")

    monkeypatch.setattr("acs_sidecar.doctor.examination.check_audit", fails)
    found = summaries(examine(settings(port=1), NOW))
    assert (
        "audit",
        "`/x` cannot be read: Permission denied",
        "run doctor as the user of the service",
    ) in found
    assert found[-1][0] == "service"
