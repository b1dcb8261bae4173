"""The report as OSCAL assessment results (section 8.3)."""

import base64
from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from acs_sidecar.assurance.compliance.checks import CHECKS, EvidenceCheck
from acs_sidecar.assurance.compliance.report import (
    NOTICE,
    ComplianceReport,
    ReportedControl,
    ReportedFramework,
)
from acs_sidecar.assurance.compliance.vocabulary import (
    CheckKind,
    CheckResult,
    ControlStatus,
    EvidencePlace,
    token,
)
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["OSCAL_VERSION", "oscal_results"]

OSCAL_VERSION: Final = "1.2.1"

_NAMESPACE: Final = "urn:acs-sidecar:oscal"
_ROOT: Final = uuid5(NAMESPACE_URL, _NAMESPACE)
_METHODS = {CheckKind.MEASURED: "TEST", CheckKind.PROBED: "TEST", CheckKind.DECLARED: "EXAMINE"}


def oscal_results(report: ComplianceReport) -> dict[str, Json]:
    """Return the document. UUIDs are version 5 over what they name: same report, same document."""
    plan = _resource("Checks of this assessment", "checks.json", [_plan(check) for check in CHECKS.values()])
    receipts = {
        place: _resource(f"Receipt of record {place.index} of {place.log}", "receipt.json", receipt.as_json())
        for place, receipt in report.receipts.items()
    }
    places: dict[EvidencePlace, str] = {place: str(resource["uuid"]) for place, resource in receipts.items()}
    end = str(report.period["to"])
    metadata: dict[str, Json] = {
        "title": "Compliance report of acs-sidecar",
        "last-modified": end,
        "version": "1",
        "oscal-version": OSCAL_VERSION,
        "remarks": NOTICE,
    }
    results: list[Json] = [_result(report, one, places) for one in report.frameworks]
    resources: list[Json] = [plan, *{str(one["uuid"]): one for one in receipts.values()}.values()]
    body: dict[str, Json] = {
        "metadata": metadata,
        "import-ap": {"href": f"#{plan['uuid']}"},
        "results": results,
        "back-matter": {"resources": resources},
    }
    return {"assessment-results": {"uuid": _uuid("document", body), **body}}


def _result(report: ComplianceReport, one: ReportedFramework, places: Mapping[EvidencePlace, str]) -> Json:
    framework = one.framework
    assessed = [each for each in one.controls if each.status is not ControlStatus.NOT_ASSESSED]
    used = dict.fromkeys(name for each in one.controls for name in each.outcomes)
    observations = {
        name: _observation(framework.id, CHECKS[name], report.results[name], str(report.period["to"]), places)
        for name in report.results
        if name in used
    }
    selection: dict[str, Json] = (
        {"include-controls": [{"control-id": token(each.control.id)} for each in assessed]}
        if assessed
        else {"description": "No control could be assessed."}
    )
    members: dict[str, Json] = {
        "title": _line(f"{framework.title} {framework.version}"),
        "description": f"Met {one.met} assessed; assessed {one.assessed}.",
        "start": report.period["from"],
        "end": report.period["to"],
        "props": [_prop("met-of-assessed", one.met), _prop("assessed-of-total", one.assessed)],
        "reviewed-controls": {"control-selections": [selection]},
    }
    if observations:
        members["observations"] = [*observations.values()]
    if assessed:
        uuids = {name: str(found["uuid"]) for name, found in observations.items()}
        members["findings"] = [_finding(framework.id, each, uuids) for each in assessed]
    return {"uuid": _uuid(f"result {framework.id}", members), **members}


def _observation(
    framework: str, check: EvidenceCheck, result: CheckResult, end: str, places: Mapping[EvidencePlace, str]
) -> dict[str, Json]:
    props = [_prop("outcome", result.outcome.value), _prop("kind", check.kind.value)]
    props += [_prop(token(name), str(value)) for name, value in result.counts.items()]
    members: dict[str, Json] = {
        "title": f"{check.id} {check.title}",
        "description": _line("; ".join([f"{check.query}: {result.detail}", *result.names])),
        "props": [*props],
        "methods": [_METHODS[check.kind]],
        "collected": end,
    }
    if result.places:
        members["relevant-evidence"] = [
            {"href": f"#{places[place]}", "description": _line(f"record {place.index} of {place.log}")}
            for place in result.places
        ]
    return {"uuid": _uuid(f"observation {framework}", members), **members}


def _finding(framework: str, one: ReportedControl, observations: Mapping[str, str]) -> Json:
    control = one.control
    met = one.status is ControlStatus.MET
    status: dict[str, Json] = {"state": "satisfied", "reason": "pass"}
    if not met:
        status = {
            "state": "not-satisfied",
            "reason": "partial" if one.status is ControlStatus.PARTIAL else "fail",
        }
    members: dict[str, Json] = {
        "title": _line(f"{control.id} {control.title}"),
        "description": _line(control.note or f"The status is {one.status.value}."),
        "target": {"type": "objective-id", "target-id": token(control.id), "status": status},
        "related-observations": [{"observation-uuid": observations[name]} for name in one.outcomes],
    }
    return {"uuid": _uuid(f"finding {framework}", members), **members}


def _resource(title: str, file: str, value: Json) -> dict[str, Json]:
    content = orjson.dumps(value)
    encoded: dict[str, Json] = {
        "filename": file,
        "media-type": "application/json",
        "value": base64.b64encode(content).decode(),
    }
    members: dict[str, Json] = {"title": _line(title), "base64": encoded}
    return {"uuid": _uuid("resource", members), **members}


def _plan(check: EvidenceCheck) -> Json:
    return {"id": check.id, "kind": check.kind.value, "title": check.title, "query": check.query}


def _prop(name: str, value: str) -> Json:
    return {"name": name, "ns": _NAMESPACE, "value": _line(value) or "none"}


def _line(value: str) -> str:
    """Return a text as a line that OSCAL takes: something, without space around it."""
    return printable(value).strip() or "none"


def _uuid(kind: str, members: JsonObject | Mapping[str, Json]) -> str:
    return str(uuid5(_ROOT, f"{kind} {canonical(dict(members)).decode()}"))
