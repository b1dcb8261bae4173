"""Canaries in every free text around a decision: none is in a record, a log line, a metric or a span (4.1, 5)."""

import json
import re
import signal
import subprocess
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.annotators.servers import Speak, reply, say
from tests.audit.log.logs import all_records
from tests.conftest import COMMAND, Service, Start, environment
from tests.otlp import receiver
from tests.transports.http.test_annotators import serving
from tests.waiting import wait_for

TOKEN = "CANARY-token-of-a-caller"  # noqa: S105  # what must not be repeated
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
POLICY: dict[str, Any] = {"p": {"type": "test", "output": {"decision": "allow"}}}
VERSION = {"agent_control_specification_version": "0.3.1-beta"}


def canary(place: str) -> str:
    """Give a text that can be told from every other, and says where it was put."""
    return f"CANARY-{place} CANARY-{place}"


ANSWERS: dict[str, Speak] = {
    "status": reply({"error": {"message": canary("error-body")}}, 500, headers={"x-error": canary("header")}),
    "page": reply(canary("page").encode(), kind="text/html"),
    "redirect": reply(b"", 302, headers={"location": f"http://127.0.0.1:1/{canary('location')}"}),
    "no-http": say(canary("no-http").encode() + b"\r\n\r\n"),
    "broken-json": reply(b'{"a": "' + canary("broken-json").encode()),
    "label": reply({"label": canary("label"), canary("member"): canary("value")}),
}


def annotated(url: str) -> dict[str, Any]:
    """A manifest whose annotator is a server of ours, with a secret for it."""
    return {
        **VERSION,
        "policies": POLICY,
        "annotators": {
            "judge": {"type": "endpoint", "url": url, "headers": {"x-key": canary("annotator-key")}}
        },
        "intervention_points": {
            "input": {
                "policy_target": "$.text",
                "policy": {"id": "p"},
                "annotations": {"judge": {"from": "$policy_target"}},
            }
        },
    }


def escalating(url: str) -> dict[str, Any]:
    """A manifest that escalates to a webhook of ours, with a secret for it."""
    output = {"decision": "escalate", "reason": canary("reason"), "message": canary("message")}
    webhook = {
        "type": "webhook",
        "url": url,
        "headers": {"x-key": canary("webhook-key")},
        "send_policy_input": True,
    }
    return {
        **VERSION,
        "policies": {"p": {"type": "test", "output": output}},
        "intervention_points": {"input": {"policy_target": "$.text", "policy": {"id": "p"}}},
        "approval": {"default_resolver": "duty", "resolvers": {"duty": webhook}},
    }


def rego(module: str) -> dict[str, Any]:
    """A manifest with one policy in Rego."""
    return {
        **VERSION,
        "policies": {"p": {"type": "rego", "query": "data.p.v", "modules": {"m": module}}},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
    }


INLINE = [
    rego(f'package p\nv := {{"decision": "allow" # {canary("comment")}'),
    rego(f'package p\nv := "{canary("output")}"'),
    rego(f'package p\nv := {{"decision": "deny", "reason": sprintf("%d", ["{canary("argument")}"])}}'),
    rego(f'package p\nimport rego.v1\nv := {{"decision": "deny"}} if trace("{canary("trace")}")'),
    {**rego("package p\nv := 1"), "metadata": {"description": canary("description")}},
    {**VERSION, canary("unknown-member"): canary("unknown-value")},
    canary("manifest-text"),
]


REASONS = (
    "annotation_failed",
    "approval_resolver_failed",
    "manifest_invalid",
    "path_missing",
    "policy_output_invalid",
    "request_invalid",
)


def refuse(service: Service, file: Path, content: str) -> None:
    """Reload with a manifest that cannot be read, and wait until it is refused."""
    refused = service.log().count("manifests_kept") + 1
    file.write_text(content)
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: service.log().count("manifests_kept") >= refused)


def test_no_text_around_a_decision_reaches_what_is_kept(start: Start, tmp_path: Path) -> None:
    """Annotators' and webhooks' answers, tokens, traces, inline manifests, approvals and reloads are not repeated."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (tmp_path / "callers.json").write_text(
        json.dumps(
            {
                "callers": {
                    "host": {
                        "token_sha256": sha256(TOKEN.encode()).hexdigest(),
                        "scopes": ["evaluate", "admin"],
                    }
                }
            }
        )
    )
    settings = {
        "ACS_MANIFESTS": "manifests",
        "ACS_DEFAULT_MANIFEST": "label",
        "ACS_AUTH_TOKENS_FILE": "callers.json",
        "ACS_INLINE_MANIFESTS": "trusted",
        "ACS_TELEMETRY_EVENTS": "all",
        "ACS_TELEMETRY_LEVEL": "2",
        "ACS_LOG_LEVEL": "debug",
    }
    with ExitStack() as servers:
        received = servers.enter_context(receiver())
        for name, speak in ANSWERS.items():
            url = servers.enter_context(serving(speak)).url
            (manifests / f"{name}.json").write_text(
                json.dumps(annotated(f"{url}/{canary('path')}".replace(" ", "-")))
            )
            (manifests / f"hook-{name}.json").write_text(json.dumps(escalating(url)))
        service = start(ACS_OTLP_ENDPOINT=received.url, **settings)

        def post(path: str, body: Any, **headers: str) -> Any:
            sent = {"authorization": f"Bearer {TOKEN}", "traceparent": TRACE} | headers
            return json.loads(service.request("POST", path, body, sent)[2])

        snapshot = {"text": canary("text"), "envelope": {"agent": {"id": canary("long-agent") * 20}}}
        for name in ANSWERS:
            body = {"manifest_ref": name, "snapshot": snapshot}
            post("/v1/evaluate/input", body, tracestate=canary("tracestate"), baggage=canary("baggage"))
            action = {"manifest_ref": f"hook-{name}", "intervention_point": "input", "snapshot": snapshot}
            challenge = post("/v1/evaluate", action)["approval"]["challenge"]
            post("/v1/approvals:resolve", {**action, "challenge": challenge})
            for members in (
                {"challenge": challenge, "approval": canary("approval")},
                {"challenge": challenge, "outcome": canary("outcome")},
                {"challenge": canary("challenge")},
                {"challenge": challenge, canary("resolve-member"): canary("resolve-value")},
            ):
                post("/v1/approvals:resolve", {**action, **members})
        for manifest in INLINE:
            post("/v1/evaluate/input", {"snapshot": {}, "manifest": manifest})
            post("/v1/manifests:validate", {"manifest": manifest})
        for wrong in (f"Bearer {canary('bad-token')}", f"Basic {canary('basic')}", canary("scheme")):
            post("/v1/evaluate/input", {"snapshot": {}}, authorization=wrong)
        post(f"/v1/evaluate/input?{canary('query').replace(' ', '=')}", {"snapshot": {}})
        post(
            "/v1/evaluate/input",
            {"snapshot": {}},
            **{"user-agent": canary("agent"), "referer": canary("referer")},
        )
        post("/v1/evaluate/input", {"snapshot": {}}, traceparent=canary("traceparent"))
        post("/v1/evaluate/input", {"snapshot": {}, "request_id": canary("long-request") * 20})
        refuse(service, manifests / "broken.json", '{"policies": {"' + canary("broken-manifest"))
        refuse(
            service, manifests / "broken.json", json.dumps(rego(f'package p\nv := "{canary("broken-rego")}'))
        )
        (manifests / "broken.json").unlink()
        _, _, metrics = service.request("GET", "/metrics", None, {"authorization": f"Bearer {TOKEN}"})
        doctor = subprocess.run(
            [COMMAND, "doctor"], cwd=tmp_path, env=environment(**settings), capture_output=True, check=False
        )
        service.stop()
    met = {record.get("reason") for record in all_records(tmp_path / "var" / "audit")}
    assert met >= {"policy_reason", *(f"runtime_error:{reason}" for reason in REASONS)}
    files = [path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file()]
    kept = {
        "audit": b"".join(files),
        "log": service.log().encode(),
        "metrics": metrics,
        "spans": b"".join(received.raw),
        "doctor": doctor.stdout + doctor.stderr,
    }
    assert all(kept.values())
    assert received.spans
    found = {name: sorted(set(re.findall(rb"CANARY-[a-z-]+", text))) for name, text in kept.items()}
    assert {name: places for name, places in found.items() if places} == {}
