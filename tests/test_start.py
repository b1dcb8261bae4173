"""A start that fails closes what it opened, in order, and ends the command in one way."""

import asyncio
import gc
import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.access.files import AccessFiles
from acs_sidecar.audit.log.keys import KeyFileError
from acs_sidecar.audit.log.opening import AuditDamagedError
from acs_sidecar.audit.log.writer import FileAuditLog
from acs_sidecar.engines.adapters.custom import AdapterError
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.runtime import Runtime
from acs_sidecar.sandbox.sandbox import Sandbox, SandboxError
from acs_sidecar.server.sockets import BindError
from acs_sidecar.server.supervisor import WorkerStartError
from acs_sidecar.settings.tree import SettingsError, load_settings
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.startup import (
    StartError,
    lasting_imports,
    settle_memory,
    without_collection,
    without_modules,
)
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.otlp import OtlpExport
from acs_sidecar.wiring import audit_key, build
from tests.conftest import COMMAND

pytestmark = pytest.mark.server

PARTS: list[tuple[type, str, str]] = [
    (HttpClient, "__init__", "close"),
    (Metrics, "start", "stop"),
    (OtlpExport, "start", "stop"),
    (FileAuditLog, "start", "close"),
    (Sandbox, "start", "close"),
    (AccessFiles, "watch", "close"),
]
"""Everything that a runtime opens, in its order: what opens it, and what closes it."""


class InjectedError(StartError):
    """What a test makes a part fail with."""


def _note(closed: list[str], part: type, close: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: Any) -> Any:
        closed.append(part.__name__)
        return close(self)

    return noted


def _fail(*_: object) -> None:
    raise InjectedError


def _runtime(directory: Path) -> Runtime:
    """A runtime with all of its parts; nothing answers where it exports to."""
    (directory / "m.yaml").write_text(
        "agent_control_specification_version: 0.3.1-beta\n"
        "policies: {p: {type: test, output: {decision: allow}}}\n"
        "intervention_points: {input: {policy_target: $, policy: {id: p}}}\n"
    )
    (directory / "callers.yaml").write_text(
        "callers: {host: {token_sha256: " + "a" * 64 + ", scopes: [evaluate]}}\n"
    )
    settings = load_settings(
        {},
        options={
            "audit_dir": directory / "audit",
            "audit_key_file": directory / "audit-key.pem",
            "auth_tokens_file": directory / "callers.yaml",
            "inline_manifests": "sandboxed",
            "otlp_endpoint": "http://127.0.0.1:1",
            "telemetry_events": "off",
        },
    ).settings
    return build(settings, (), audit_key(settings), loaded_at=0)


@pytest.mark.parametrize("failing", range(1, len(PARTS) + 1))
def test_whatever_was_opened_is_closed(failing: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a failing start the parts before the failure are closed, last first; of a whole one, all are."""
    closed: list[str] = []
    for part, _, close in PARTS:
        monkeypatch.setattr(part, close, _note(closed, part, getattr(part, close)))
    if failing < len(PARTS):
        monkeypatch.setattr(PARTS[failing][0], PARTS[failing][1], _fail)

    async def started_and_closed() -> None:
        runtime = _runtime(tmp_path)
        try:
            await runtime.start()
        finally:
            await runtime.close()

    if failing < len(PARTS):
        with pytest.raises(InjectedError):
            asyncio.run(started_and_closed())
    else:
        asyncio.run(started_and_closed())
    assert closed == [part.__name__ for part, *_ in reversed(PARTS[:failing])]


@pytest.mark.parametrize(
    "error",
    [
        AccessFileError,
        AdapterError,
        AuditDamagedError,
        BindError,
        KeyFileError,
        ManifestError,
        SandboxError,
        SettingsError,
        WorkerStartError,
    ],
)
def test_every_start_failure_has_the_base(error: type[Exception]) -> None:
    """The command and the workers catch the base alone."""
    assert issubclass(error, StartError)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"ACS_PORT": "x"},
            "ACS_PORT: Input should be a valid integer, unable to parse string as an integer",
        ),
        ({"ACS_UDS": "{}/taken"}, "cannot listen on {}/taken: a file that is not a socket exists there"),
        ({"ACS_AUTH_TOKENS_FILE": "{}/none"}, "`{}/none` cannot be read: No such file or directory"),
        ({"ACS_AUDIT_KEY_FILE": "{}/taken"}, "`{}/taken` is not an unencrypted PKCS#8 PEM private key"),
        (
            {"ACS_MANIFESTS": "{}/taken"},
            "manifests are invalid: correct them, or set ACS_MANIFESTS_STRICT=false",
        ),
    ],
)
def test_every_start_failure_leaves_the_command_alike(
    settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    """Exit code 2, and lines that begin with `error:`, whichever part fails."""
    (tmp_path / "taken").write_text("neither: a socket, a key nor a manifest\n")
    defaults = {"ACS_PORT": "0", "ACS_AUDIT_DIR": "{}/audit", "ACS_AUDIT_KEY_FILE": "{}/key.pem"}
    given = {name: value.format(tmp_path) for name, value in {**defaults, **settings}.items()}
    environment = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(
        [COMMAND, "serve"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"error: {message.format(tmp_path)}" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ACS_PORT": "{port}"}, "cannot listen on 127.0.0.1:{port}"),
        ({"ACS_PORT": "0", "ACS_AUTH_TOKENS_FILE": "{folder}/none"}, "`{folder}/none` cannot be read"),
        ({"ACS_PORT": "0", "ACS_MANIFESTS": "{folder}/none"}, "{folder}/none"),
    ],
)
def test_a_failed_start_leaves_nothing_behind(settings: dict[str, str], message: str, tmp_path: Path) -> None:
    """Neither an audit key nor a directory is made before the address is bound and the files are read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"port": taken.getsockname()[1], "folder": tmp_path}
        given = {name: value.format(**names) for name, value in settings.items()}
        done = subprocess.run(
            [COMMAND, "serve"],
            env={"PATH": os.environ["PATH"], **given},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert message.format(**names) in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("enabled", [True, False])
def test_collection_is_as_before_after_a_pause(enabled: bool) -> None:
    """What pauses the search for cycles leaves it as it was, also where what was made failed."""
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(InjectedError), without_collection():
            assert not gc.isenabled()
            raise InjectedError
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["colorsys", "json"])
def test_a_module_is_there_again_behind_imports_without_it(name: str) -> None:
    """One that is loaded is the same object as before, and one that is not can be loaded."""
    sys.modules.pop("colorsys", None)
    loaded = sys.modules.get(name)
    with pytest.raises(ImportError), without_modules(name):
        importlib.import_module(name)
    assert sys.modules.get(name) is loaded
    assert importlib.import_module(name) is (loaded or sys.modules[name])


def test_no_collection_begins_with_what_was_imported() -> None:
    """It is exempt before the search for cycles goes on, which would walk all of it at once."""
    collections: list[str] = []
    gc.enable()
    gc.callbacks.append(lambda phase, _: collections.append(phase))
    try:
        with lasting_imports():
            made: list[list[object]] = [[] for _ in range(100_000)]
        made.append([])
        assert collections == []
        assert not any(one is made[0] for one in gc.get_objects())
    finally:
        gc.callbacks.pop()
        gc.unfreeze()


def test_memory_that_stays_is_exempt_from_collections() -> None:
    """What nobody uses any more is gone, and everything else is frozen."""
    kept: list[object] = []
    circle: list[object] = []
    circle.append(circle)
    kept.append(circle)
    del circle
    before = gc.get_freeze_count()
    try:
        settle_memory()
        assert gc.get_freeze_count() > before
        assert not any(one is kept for one in gc.get_objects())
    finally:
        gc.unfreeze()
    assert any(one is kept for one in gc.get_objects())
