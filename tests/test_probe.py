"""The probe that containers and pods run (section 2.3)."""

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Start, environment

pytestmark = pytest.mark.server

PROBE = Path(sys.executable).with_name("acs-probe")
MANIFEST = """
agent_control_specification_version: 0.3.1-beta
policies: {p: {type: test, output: {decision: allow}}}
intervention_points: {input: {policy_target: $snap, policy: {id: p}}}
"""


def probe(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a container would."""
    return subprocess.run(
        [PROBE, *arguments], env=environment(**settings), capture_output=True, text=True, check=False
    )


def test_a_service_that_is_ready_passes_its_probe(start: Start, tmp_path: Path) -> None:
    """The probe finds the service by the same variables and exits with 0, on every address (2.3)."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    service = start(ACS_MANIFESTS=str(tmp_path / "m.yaml"))
    port = str(urlsplit(service.url).port)
    ready = probe(ACS_PORT=port)
    assert (ready.returncode, '"ready":true' in ready.stdout) == (0, True)
    alive = probe("--alive", ACS_PORT=port, ACS_HOST="0.0.0.0")
    assert (alive.returncode, alive.stdout) == (0, '{"status":"alive"}\n')


def test_a_service_that_is_not_ready_fails_its_probe_alive(start: Start, tmp_path: Path) -> None:
    """Not ready is 1 with the checks that say why, while it is alive (2.3)."""
    (tmp_path / "m.yaml").write_text("policies: 1")
    service = start(ACS_MANIFESTS=str(tmp_path / "m.yaml"), ACS_MANIFESTS_STRICT="false")
    port = str(urlsplit(service.url).port)
    ready = probe(ACS_PORT=port)
    assert (ready.returncode, "no valid manifest is loaded" in ready.stdout) == (1, True)
    assert probe("--alive", ACS_PORT=port).returncode == 0


def test_a_service_that_does_not_answer_fails_its_probe(tmp_path: Path) -> None:
    """No socket, or nobody behind it, is 1 with the reason (2.3)."""
    nobody = probe(ACS_PORT="1")
    assert (nobody.returncode, nobody.stderr) == (1, "no response: [Errno 111] Connection refused\n")
    missing = probe(ACS_UDS=str(tmp_path / "no.sock"))
    assert (missing.returncode, missing.stderr) == (1, "no response: [Errno 2] No such file or directory\n")


def test_the_probe_reaches_a_unix_socket(tmp_path: Path) -> None:
    """A service on a Unix socket is asked over it (2.3)."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    path = tmp_path / "s.sock"
    settings = {
        "ACS_UDS": str(path),
        "ACS_MANIFESTS": str(tmp_path / "m.yaml"),
        "ACS_AUDIT_DURABILITY": "none",
    }
    command = [str(PROBE.with_name("acs-sidecar")), "serve"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(**settings)) as service:
        try:
            deadline = time.monotonic() + 20
            while probe(**settings).returncode != 0:
                assert service.poll() is None
                assert time.monotonic() < deadline
        finally:
            service.terminate()
            service.wait(timeout=20)


def test_the_probe_loads_nothing_but_the_standard_library() -> None:
    """It runs every few seconds beside the service, so it must cost little to start."""
    program = "import sys, acs_sidecar.probe; print(*{name.partition('.')[0] for name in sys.modules} & {'fastapi', 'typer', 'pydantic', 'rich', 'orjson'})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "\n"
