"""Checks of what is declared: settings, a report of `doctor`, a bill of materials (section 8.3)."""

import re
from collections.abc import Mapping

from acs_sidecar.assurance.compliance.vocabulary import CheckOutcome, CheckResult
from acs_sidecar.spec.values import Json

__all__ = ["callers_result", "doctor_result", "image_result"]

_MOST_NAMES = 20
_SEPARATORS = re.compile(r"[-_.]+")


def callers_result(*, stated: bool, local: bool, scopes: Mapping[str, tuple[str, ...]] | None) -> CheckResult:
    """Check who may call: `scopes` are those of the callers by name, `None` without a file of them.

    Where nothing is `stated`, these are not known to be the settings of the service.
    """
    if not stated:
        return CheckResult(CheckOutcome.NO_DATA, "no setting says where the service listens or who calls it")
    if local and scopes is None:
        return CheckResult(CheckOutcome.PASS, "nothing listens off loopback")
    if scopes is None:
        return CheckResult(CheckOutcome.FAIL, "a listener off loopback has no callers")
    alone = sorted(name for name, named in scopes.items() if named == ("admin",))
    counts: dict[str, Json] = {"callers": len(scopes), "admin_alone": len(alone)}
    if alone:
        return CheckResult(
            CheckOutcome.FAIL, "callers with `admin` alone", counts, (), tuple(alone[:_MOST_NAMES])
        )
    return CheckResult(CheckOutcome.PASS, "every caller has scopes of its own", counts)


def doctor_result(found: Json) -> CheckResult:
    """Check a report of `doctor --format json`; `None` where none was given."""
    if found is None:
        return CheckResult(CheckOutcome.NO_DATA, "no report of `doctor` was given")
    results = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    states = [one.get("state") for one in results]
    if not states or not set(states) <= {"ok", "warning", "problem"}:
        return CheckResult(CheckOutcome.NO_DATA, "the file is no report of `doctor`")
    problems = [
        f"{one.get('check')}: {one.get('detail')}" for one in results if one.get("state") == "problem"
    ]
    counts: dict[str, Json] = {"checks": len(states), "problems": len(problems)}
    outcome = CheckOutcome.FAIL if problems else CheckOutcome.PASS
    return CheckResult(outcome, f"{len(problems)} problems", counts, (), tuple(problems[:_MOST_NAMES]))


def image_result(sbom: Json, installed: Mapping[str, str]) -> CheckResult:
    """Compare the installed packages with those of a CycloneDX document; `None` where none was given."""
    if sbom is None:
        return CheckResult(CheckOutcome.NO_DATA, "no bill of materials was given")
    components = sbom.get("components") if isinstance(sbom, dict) else None
    if not isinstance(components, list) or not isinstance(sbom, dict) or sbom.get("bomFormat") != "CycloneDX":
        return CheckResult(CheckOutcome.NO_DATA, "the file is no CycloneDX document")
    listed = {
        _normal(str(one.get("name"))): str(one.get("version"))
        for one in components
        if isinstance(one, dict) and str(one.get("purl")).startswith("pkg:pypi/")
    }
    actual = {_normal(name): version for name, version in installed.items()}
    differing = sorted(
        f"{name}: {listed.get(name, 'not listed')}, installed {actual.get(name, 'not')}"
        for name in listed.keys() | actual.keys()
        if listed.get(name) != actual.get(name)
    )
    counts: dict[str, Json] = {"listed": len(listed), "installed": len(actual), "differing": len(differing)}
    outcome = CheckOutcome.FAIL if differing or not listed else CheckOutcome.PASS
    return CheckResult(
        outcome, f"{len(differing)} packages differ", counts, (), tuple(differing[:_MOST_NAMES])
    )


def _normal(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
