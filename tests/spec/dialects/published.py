"""The published conformance cases of 0.3 or 0.4 over HTTP: `python -m tests.spec.dialects.published CHECKOUT`.

`CHECKOUT` is one of the repository of the specification, or the folder `policy-engine` of the governance
toolkit, which has those of 0.3. Policies and annotators of a case are test doubles that
give what the case says; the bank agent, and both libraries with their own tests, run as they are written.
"""

import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from tests.conftest import start_service

KNOWN: dict[str, str] = {}
"""Cases in which the service differs on purpose, and why."""

OLDER_BANK = {
    "pre_tool_call": ("escalate", "large_wire_transfer_requires_review"),
    "agent_shutdown": ("warn", "shutdown_audit_contains_blocked_action"),
}
"""What is told otherwise in 0.3."""

BANK = {
    "agent_startup": ("allow", None),
    "input": ("allow", None),
    "pre_model_call": ("transform", "large_transfer_instruction_added"),
    "post_model_call": ("allow", None),
    "pre_tool_call": ("deny", "large_wire_transfer_requires_review"),
    "pre_tool_call.safe": ("allow", None),
    "post_tool_call": ("transform", "tool_result_account_identifier_redacted"),
    "output": ("transform", "output_account_identifier_redacted"),
    "agent_shutdown": ("allow", "shutdown_audit_contains_blocked_action"),
}
TIMEOUT_S = 8
MISMATCH = "approval_action_mismatch"


@dataclass
class Case:
    """A request, what annotators give, and what must come of it."""

    name: str
    manifest: dict[str, Any]
    point: str
    snapshot: dict[str, Any]
    expected: dict[str, Any]
    mode: str = "enforce"
    annotations: dict[str, Any] = field(default_factory=dict)
    operation: str = "evaluate"


class Annotators:
    """Answers for every annotator by the name in its path; `#error` and `#timeout` are failures."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name that the library calls
                self.rfile.read(int(self.headers["content-length"]))
                name = self.path.removeprefix("/")
                owner.asked.append(name)
                given = owner.given.get(name, {"ok": True})
                if given == "#timeout":
                    time.sleep(TIMEOUT_S)
                body = json.dumps(given).encode()
                self.send_response(500 if given == "#error" else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

            def handle(self) -> None:
                with suppress(OSError):
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def declared(self, names: Any) -> dict[str, Any]:
        """The declarations of annotators of these names."""
        return {
            name: {"type": "endpoint", "url": f"{self.url}/{name}", "timeout_ms": TIMEOUT_S * 250}
            for name in names
        }


def _doubled(text: str, annotators: Annotators, output: Any, limits: Any = None) -> dict[str, Any]:
    """A manifest whose policies give `output`, or fail where that is `None`, and whose annotators are ours."""
    manifest: dict[str, Any] = yaml.safe_load(text)
    double = {"type": "test", "error": "fails"} if output is None else {"type": "test", "output": output}
    manifest["policies"] = dict.fromkeys(manifest.get("policies", {}), double)
    for point in manifest.get("intervention_points", {}).values():
        point["policy"] = {"id": point["policy"]["id"]}
    if "annotators" in manifest:
        manifest["annotators"] = annotators.declared(manifest["annotators"])
    return {**manifest, **({"limits": limits} if limits else {})}


def _cases(checkout: Path, annotators: Annotators) -> Iterator[Case]:
    """The conformance cases, and those in which an error is the answer."""
    folder = checkout / "tests" / "conformance"
    for path in sorted((folder / "cases").glob("*.json")):
        case = json.loads(path.read_text())
        output = None if "policy_behavior" in case else case["policy_response"]
        manifest = _doubled(case["manifest_yaml"], annotators, output, case.get("limits"))
        if case["operation"] == MISMATCH:
            manifest["approval"] = {"default_resolver": "r", "resolvers": {"r": {"type": "token"}}}
        yield Case(f"cases/{case['id']}", manifest, case["intervention_point"], case["snapshot"], case["expected"], case.get("mode", "enforce"), case.get("annotator_outputs", {}), case["operation"])  # fmt: skip
    for case in json.loads((folder / "fail_closed_error_parity.json").read_text())["cases"]:
        output = None if "policy_behavior" in case else case.get("policy_response", {"decision": "allow"})
        manifest = _doubled(case["manifest_yaml"], annotators, output, case.get("limits"))
        behavior = f"#{case.get('annotator_behavior')}"
        annotations = dict.fromkeys(manifest.get("annotators", {}), behavior)
        expected = {"decision": "deny", "reason": case["expected_reason"]}
        yield Case(f"errors/{case['id']}", manifest, case.get("intervention_point", "input"), case.get("snapshot", {"input": "x"}), expected, annotations=annotations)  # fmt: skip


def _fixtures(checkout: Path, annotators: Annotators) -> Iterator[Case]:
    """The evaluations of the engine's fixtures; of a manifest that must be invalid, the deny."""
    for path in sorted((_engine(checkout) / "tests" / "fixtures" / "cases").glob("*.json")):
        fixture = json.loads(path.read_text())
        text = fixture["manifest_yaml"]
        if fixture["case_kind"] == "manifest":
            manifest = _doubled(text, annotators, {"decision": "allow"})
            invalid = {"decision": "deny", "reason": fixture.get("expected_error_reason")}
            expected = {"decision": "allow"} if fixture["expect_valid"] else invalid
            point = next(iter(manifest["intervention_points"]))
            snapshot: dict[str, Any] = {"agent": {}, "input": {}, "state": {}}
            yield Case(f"fixtures/{fixture['id']}", manifest, point, snapshot, expected)
            continue
        for evaluation in fixture["evaluations"]:
            manifest = _doubled(text, annotators, evaluation.get("policy_response", {}).get("ok"))
            responses = fixture.get("annotation_responses", {}) | evaluation.get("annotation_responses", {})
            annotations = {
                name: given["ok"]
                if "ok" in given
                else "#timeout"
                if "timeout" in given["error"]
                else "#error"
                for name, given in responses.items()
            }
            yield Case(f"fixtures/{fixture['id']}/{evaluation['name']}", manifest, evaluation["intervention_point"], evaluation["snapshot"], evaluation["expected"], evaluation.get("mode", "enforce"), annotations)  # fmt: skip


def _engine(checkout: Path) -> Path:
    return checkout / ("engine" if (checkout / "engine").exists() else "core")


def _version(checkout: Path) -> str:
    """The version that the checkout's own manifests name."""
    manifest = yaml.safe_load((checkout / "examples" / "bank_agent" / "manifest.yaml").read_text())
    return str(manifest["agent_control_specification_version"])


def _is_older(checkout: Path) -> bool:
    return _version(checkout).startswith("0.3")


def _bank(checkout: Path, annotators: Annotators) -> Iterator[Case]:
    """The bank agent with its own policy."""
    folder = checkout / "examples" / "bank_agent"
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text())
    policy = (folder / "policy" / "bank_agent_rego.rego").read_text()
    for definition in manifest["policies"].values():
        del definition["bundle"]
        definition["modules"] = {"policy.rego": policy}
    manifest["annotators"] = annotators.declared(manifest["annotators"])
    told = BANK | (OLDER_BANK if _is_older(checkout) else {})
    for stem, (decision, reason) in told.items():
        given = json.loads((folder / "policy_input" / f"{stem}.canonical.json").read_text())
        snapshot = json.loads((folder / "snapshots" / f"{stem}.json").read_text())
        expected = {"decision": decision, "reason": reason, "policy_input": given}
        yield Case(f"bank/{stem}", manifest, given["intervention_point"], snapshot, expected, annotations=given["annotations"])  # fmt: skip


def _library(checkout: Path) -> Iterator[Case]:
    """The tests of the Rego library: a policy gives the names of those that hold as labels."""
    folder = checkout / "policy" / "lib"
    modules = {path.name: path.read_text() for path in folder.glob("*.rego") if "_test" not in path.name}
    for path in sorted(folder.glob("*_test.rego")):
        text = path.read_text()
        package = re.findall(r"^package (\S+)", text, re.MULTILINE)[0]
        tests = sorted(set(re.findall(r"^(test_\w+)", text, re.MULTILINE)))
        holding = "\n".join(f'held contains "{name}" if data.{package}.{name}' for name in tests)
        own = f'package own\nimport rego.v1\n{holding}\nv := {{"decision": "allow", "result_labels": sort(held)}}'
        policy = {
            "type": "rego",
            "query": "data.own.v",
            "modules": {**modules, path.name: text, "own.rego": own},
        }
        manifest = {
            "agent_control_specification_version": _version(checkout),
            "policies": {"p": policy},
            "limits": {"policy_timeout_ms": TIMEOUT_S * 1_000},  # all tests of a file are one evaluation
            "intervention_points": {"input": {"policy_target": "$.input", "policy": {"id": "p"}}},
        }
        yield Case(f"library/{path.stem}", manifest, "input", {"input": 1}, {"result_labels": tests})


def _cedar(checkout: Path, annotators: Annotators) -> Iterator[Case]:
    """The tests of the Cedar library, whose requests become snapshots."""
    older = _is_older(checkout)
    for path in sorted((checkout / "policy" / "cedar-lib").glob("*_test.json")):
        text = path.with_name(path.name.replace("_test.json", ".cedar")).read_text()
        for test in json.loads(path.read_text()):
            asked = {name: _id(test["request"][name]) for name in ("principal", "action", "resource")}
            snapshot = {**test["request"]["context"], "checked": {"value": "text"}}
            annotations = snapshot.pop("annotations", {})
            if "id" not in snapshot.get("envelope", {}).get("agent", {}):
                agent = {"agent": {"id": asked["principal"]}}
                snapshot |= {"envelope": snapshot.get("envelope", {}) | agent} if older else agent
            point: dict[str, Any] = {"policy_target": "$.checked", "policy": {"id": "p"}}
            point["annotations"] = {name: {"from": "$"} for name in annotations}
            manifest: dict[str, Any] = {
                "agent_control_specification_version": _version(checkout),
                "policies": {"p": {"type": "cedar", "policy_set": text, "entities": test["entities"]}},
                "annotators": annotators.declared(annotations),
                "intervention_points": {asked["action"]: point},
            }
            if test["request"]["resource"].startswith("Tool::"):
                point["tool_name_from"] = "$.tool_call.name"
                manifest["tools"] = {asked["resource"]: {}}
            else:
                point["policy_target_kind"] = asked["resource"]
            expected = {"cedar": test["decision"], "reasons": test["reason"]}
            yield Case(f"cedar/{path.stem}/{test['name']}", manifest, asked["action"], snapshot, expected, annotations=annotations)  # fmt: skip


def _id(entity: str) -> str:
    return entity.partition("::")[2].strip('"')


def _differences(case: Case, response: dict[str, Any], asked: list[str]) -> Iterator[str]:
    """Return what differs from what is expected."""
    verdict, expected = response["verdict"], case.expected.get("verdict", case.expected)
    if "cedar" in expected:
        # Cedar itself allows where advice makes an escalation or a transform of it.
        allowed = verdict["decision"] != "deny" or "approval" in verdict
        if allowed != (expected["cedar"] == "allow"):
            yield f"{verdict} for Cedar's {expected['cedar']}"
        if not allowed and expected["reasons"] and verdict.get("reason") not in expected["reasons"]:
            yield f"{verdict} for one of {expected['reasons']}"
        return
    for name in ("decision", "reason", "warnings", "approval", "transform", "result_labels"):
        wanted = expected.get(name)
        if wanted is not None and (name not in verdict or wanted not in ("present", verdict[name])):
            yield f"{name} {verdict.get(name)} for {wanted}"
    whole = case.expected
    wanted = whole.get("transformed_policy_target")
    if wanted is not None and response.get("transformed_policy_target") != wanted:
        yield f"target {response.get('transformed_policy_target')} for {wanted}"
    if "annotator_order" in whole and asked != whole["annotator_order"]:
        yield f"annotators {asked} for {whole['annotator_order']}"
    if whole.get("action_identity") == "present" and not response.get("input_identity"):
        yield "no identity"


def main(
    checkout: Annotated[Path, typer.Argument(help="A checkout of the specification's repository.")],
) -> None:
    """Compare each case, and end with an error at a difference that is not known."""
    annotators = Annotators()
    cases = [
        *_cases(checkout, annotators),
        *_fixtures(checkout, annotators),
        *_bank(checkout, annotators),
        *_library(checkout),
        *_cedar(checkout, annotators),
    ]
    unknown = 0
    counts: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        service = start_service(
            Path(folder), ACS_INLINE_MANIFESTS="trusted", ACS_OUTBOUND_ALLOW=annotators.url
        )
        try:
            for case in cases:
                annotators.given, annotators.asked = case.annotations, []
                body = {
                    "manifest": case.manifest,
                    "intervention_point": case.point,
                    "snapshot": case.snapshot,
                    "mode": case.mode,
                }
                _, response = service.post("/v1/evaluate", body)
                if case.operation == MISMATCH:
                    claim = {"challenge": response["approval"]["challenge"], "outcome": "deny"}
                    other = {**body, "snapshot": {**case.snapshot, "input": "another"}}
                    _, response = service.post("/v1/approvals:resolve", other | claim)
                found = [*_differences(case, response, annotators.asked)]
                group = counts.setdefault(case.name.partition("/")[0], [0, 0])
                group[bool(found)] += 1
                if found:
                    unknown += case.name not in KNOWN
                    why = KNOWN.get(case.name, response.get("detail"))
                    sys.stdout.write(f"{case.name}: {'; '.join(found)[:300]} ({why})\n")
        finally:
            service.stop()
    for name, (equal, different) in counts.items():
        sys.stdout.write(f"{name}: {equal} equal, {different} different\n")
    if unknown:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
