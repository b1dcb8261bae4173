"""All checks in their order."""

from collections.abc import Callable, Iterator

from acs_sidecar.doctor.audit import check_audit
from acs_sidecar.doctor.manifests import Manifests, check_manifests, compiled_manifests
from acs_sidecar.doctor.result import Result, problem
from acs_sidecar.doctor.service import check_service
from acs_sidecar.doctor.system import check_address, check_clock, check_engines, check_files, check_sandbox
from acs_sidecar.doctor.trust import check_approvals, check_trust
from acs_sidecar.engines.adapters.custom import AdapterError
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.diagnostics import ManifestError

__all__ = ["examine"]


def examine(settings: Settings, now: float) -> Iterator[Result]:
    """Run every check at a Unix time; one that cannot be done says so, and the others go on."""
    checks: tuple[tuple[str, Callable[[], Iterator[Result]]], ...] = (
        ("engines", check_engines),
        ("manifests", lambda: check_manifests(settings)),
        ("audit", lambda: check_audit(settings, now)),
        ("approval key", lambda: check_approvals(settings, _manifests(settings), now)),
        ("trust", lambda: check_trust(settings, now)),
        ("address", lambda: check_address(settings)),
        ("open files", lambda: check_files(settings)),
        ("clock", check_clock),
        ("sandbox", lambda: check_sandbox(settings)),
        ("service", lambda: check_service(settings)),
    )
    for name, check in checks:
        try:
            yield from check()
        except AdapterError as error:
            yield problem(name, str(error), "reinstall or remove the package of this custom evaluator")
        except OSError as error:
            detail = f"`{error.filename}` cannot be read: {error.strerror}"
            yield problem(name, detail, "run doctor as the user of the service")


def _manifests(settings: Settings) -> Manifests:
    try:
        return compiled_manifests(settings)
    except (ManifestError, AdapterError):
        return {}
