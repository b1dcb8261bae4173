"""A worker whose start fails, at whatever step, closes what it opened and tells its supervisor why."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.access.files import AccessFiles
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.engines.fatal_inputs import FatalInputs
from acs_sidecar.manifests.loading import load_operator_manifests
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.server import worker
from acs_sidecar.server.channel import Channel
from acs_sidecar.server.handed_file import hand
from acs_sidecar.server.reload_rounds import Served
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.values import Json
from acs_sidecar.startup import StartError
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.shared import SharedNumbers
from acs_sidecar.wiring import audit_key
from tests.test_probe import MANIFEST

PARTS: list[tuple[type, str]] = [
    (AccessFiles, "close"),
    (FileAuditLog, "close"),
    (Metrics, "stop"),
    (HttpClient, "close"),
]
"""What a started runtime closes, in its order."""
BUILT, STARTED = ["HttpClient"], [part.__name__ for part, _ in PARTS]
STEPS: list[tuple[object, str, list[str]]] = [
    (worker, "take", []),
    (worker, "unpack", []),
    (worker, "build", []),
    (worker, "_server_config", BUILT),
    (worker, "Server", BUILT),
    (AccessFiles, "watch", ["FileAuditLog", "Metrics", "HttpClient"]),
    (worker, "manifest_places", STARTED),
    (worker, "WorkerCommands", STARTED),
    (worker, "Tether", STARTED),
    (worker, "settle_memory", STARTED),
    (worker, "_looking_for_changes", STARTED),
    (worker.Server, "serve", STARTED),
]
"""Each step of a worker's start, in their order, and what is closed when it fails."""


def _note(closed: list[str], part: type, close: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: Any) -> Any:
        closed.append(part.__name__)
        return close(self)

    return noted


def _fail(*_: object, **__: object) -> None:
    raise StartError("this step fails")


@pytest.mark.parametrize(("place", "name", "expected"), STEPS, ids=[name for _, name, _ in STEPS])
def test_whatever_was_opened_is_closed(
    place: object, name: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The parts of the runtime are closed last first, and the file that was handed over is too."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    options: dict[str, Json | Path] = {
        "audit_dir": tmp_path / "audit",
        "audit_key_file": tmp_path / "audit-key.pem",
        "manifests": tmp_path / "m.yaml",
        "telemetry_events": "off",
    }
    settings = load_settings({}, options=options).settings
    closed: list[str] = []
    for part, close in PARTS:
        monkeypatch.setattr(part, close, _note(closed, part, getattr(part, close)))
    monkeypatch.setattr(worker, "settle_memory", lambda: None)  # the memory is that of all tests
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    monkeypatch.setattr(place, name, _fail)
    served = Served(hand(load_operator_manifests(settings).packed), time.time(), "")
    ours, theirs = Channel.pair()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        inherited = worker.Inherited(
            settings, audit_key(settings), listener, SharedNumbers(1), FatalInputs(1)
        )
        with pytest.raises(SystemExit) as ended:
            worker.run_worker(inherited, 0, theirs, served)
    assert ended.value.code == 1
    assert closed == expected
    assert [name for name in _open_files() if "acs-manifests" in name] == []
    assert next(ours.receive()).message == {"kind": "failed", "message": "this step fails"}
    ours.close()
    theirs.close()


def _open_files() -> Iterator[str]:
    for file in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(file.readlink())
