"""Checks of the service that is to answer at the configured address."""

import http.client
import json
import socket
import stat
from collections.abc import Iterator
from typing import Any

from acs_sidecar.doctor.files import quoted
from acs_sidecar.doctor.result import Result, ok, problem, warning
from acs_sidecar.probe import probe
from acs_sidecar.settings.tree import Settings

__all__ = ["check_service"]

_TIMEOUT_S = 3.0
_FIXES = {
    "manifests": "acs-sidecar validate; then send SIGHUP to the service",
    "audit": "see `audit` above; the service retries every second",
    "access": "correct the file named by the log event `access_file_refused`",
}


def check_service(settings: Settings) -> Iterator[Result]:
    """Ask the service whether it is ready, and pass on what it says."""
    place = str(settings.uds) if settings.uds else f"{settings.host}:{settings.port}"
    if settings.uds and settings.uds.exists() and not stat.S_ISSOCK(settings.uds.lstat().st_mode):
        yield problem(
            "service",
            f"`{settings.uds}` is not a socket",
            f"move it: mv {quoted(settings.uds)} ELSEWHERE",
        )
        return
    if settings.uds and _stale(settings):
        yield warning(
            "service",
            f"no process listens on the socket `{settings.uds}`: its service exited without removing it",
            "acs-sidecar serve, which replaces it",
        )
        return
    try:
        _, body = probe("/readyz", _environment(settings), _TIMEOUT_S)
        checks = json.loads(body)["checks"]
    except (OSError, http.client.HTTPException) as error:
        yield warning("service", f"no service answers at {place}: {error}", "acs-sidecar serve")
        return
    except (ValueError, KeyError, TypeError):
        yield problem(
            "service",
            f"what answers at {place} is not this service",
            "stop it, or set ACS_PORT to another port",
        )
        return
    yield from _check_results(checks, place)


def _check_results(checks: Any, place: str) -> Iterator[Result]:  # noqa: ANN401  # whatever JSON answers there
    well = True
    for check in checks:
        name, state, detail = str(check["name"]), check["state"], str(check["detail"])
        if state != "ok":
            well = False
            say = problem if state == "failed" else warning
            yield say("service", f"{name}: {detail}", _FIXES.get(name, "see the service log"))
    if well:
        yield ok("service", f"ready at {place}")


def _stale(settings: Settings) -> bool:
    if settings.uds is None or not settings.uds.exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_TIMEOUT_S)
        try:
            client.connect(str(settings.uds))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _environment(settings: Settings) -> dict[str, str]:
    named = ("host", "port", "uds", "tls_cert_file", "tls_key_file")
    values = {f"ACS_{name.upper()}": getattr(settings, name) for name in named}
    return {name: str(value) for name, value in values.items() if value is not None}
