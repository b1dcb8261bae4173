"""What a decision of each section costs: `python -m tests.engines.stock.costs [--runs N]`.

Prints by section and language the processor time of the engine for an input that passes and one that does not, the
median of batches in turn, with a snapshot of 2 KB; then that of the classifiers that the section binds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from acs_sidecar.detectors.registry import build_detector
from acs_sidecar.engines.cedar.type import CEDAR
from acs_sidecar.engines.rego.type import REGO
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompileRequest, PointBinding, PolicyInput
from acs_sidecar.spec.values import Json
from tests.engines.sources import MemorySources
from tests.engines.stock.manifests import manifest, snapshot

__all__ = ["SECTIONS", "cost"]

_TEXT = "The quarterly report is ready and can be read by everybody who works on it. " * 26
_BUDGETS = {"tool_call_count": 3, "token_count": 900, "elapsed_seconds": 12.5, "cost_usd": 0.25}
_HTTPS = {"server": "s", "transport": "http", "url": "https://a.example/mcp", "auth": "oauth2"}

SECTIONS: dict[str, tuple[Any, str, Any, Any]] = {
    "ifc": ({"sink_clearance": "internal"}, "output", {"labels": ["public"]}, {"labels": ["secret"]}),
    "confidence": ({"min_score": 0.5}, "output", {"score": 0.9}, {"score": 0.1}),
    "budgets": (
        {"tool_call_count": 10, "token_count": 1000, "elapsed_seconds": 60, "cost_usd": 1},
        "pre_tool_call",
        {"budgets": _BUDGETS},
        {"budgets": {**_BUDGETS, "cost_usd": 1}},
    ),
    "content_hash": ({"enforce": True}, "pre_tool_call", {"hash": "a"}, {"hash": "b"}),
    "mcp": ({}, "pre_tool_call", {"origin": _HTTPS}, {"origin": {**_HTTPS, "auth": "none"}}),
    "egress": (
        {"allowlist": ["ok.example"]},
        "pre_tool_call",
        {"url": "https://ok.example/x"},
        {"url": "https://no.example/x"},
    ),
    "patterns": ({"presets": ["pii_email"]}, "output", {}, {"text": "jo@corp.example"}),
    "approval": ({"required": True}, "output", {}, {}),
    "redact": ({"presets": ["pii_email"]}, "output", {}, {"text": "jo@corp.example"}),
    "drift": ({"warn_threshold": 0.5}, "output", {"drift": 0.1}, {"drift": 0.9}),
}
"""Section → its configuration, the point, and what is said of a request that passes and one that does not."""


def _snapshot(point: str, said: Any) -> dict[str, Any]:
    labels = {"source_labels": said.get("labels", []), "result_labels": said.get("labels", [])}
    text = f"{_TEXT}{said.get('text', '')}"
    return snapshot(
        point,
        envelope={"agent": {"id": "a"}, "budgets": said.get("budgets", {})},
        annotations={"confidence": {"score": said.get("score", 0)}, "drift_score": said.get("drift", 0)},
        tool_call={
            "name": "t",
            "args": {"note": _TEXT, **({"url": said["url"]} if "url" in said else {})},
            "content_hash": said.get("hash"),
        },
        response={"content": text, "ifc": labels},
    )


def _timed(work: Callable[[], object], runs: int) -> float:
    started = time.process_time_ns()
    for _ in range(runs):
        work()
    return (time.process_time_ns() - started) / runs / 1000


def cost(kind: str, sections: dict[str, Any], point: str, said: Any, runs: int) -> tuple[float, float]:
    """Return the microseconds of the engine and of the classifiers for one decision."""
    given = manifest(sections, point, kind=kind)
    policy = {"rego": REGO, "cedar": CEDAR}[kind].compile(
        CompileRequest("policies.house", given["policies"]["house"], MemorySources({}))
    )
    named = tuple(given["annotators"])
    at = InterventionPoint(point)
    tools = "tool" in point
    evaluator = policy.bind(
        PointBinding(at, "p", given["policies"]["house"], {}, "target", tools, annotations=named)
    )
    whole = _snapshot(point, said)
    target: Json = whole["tool_call"]["args"] if tools else whole["response"]["content"]
    detectors = {
        own.name: build_detector(str(own.invocation["provider"]), own.path, dict(own.invocation))
        for own in policy.statement.annotators
    }
    annotations = {**whole["annotations"], **{name: detect(target) for name, detect in detectors.items()}}
    tool = {"name": "t", "content_hash": "a", **({"mcp_origin": said["origin"]} if "origin" in said else {})}
    value: dict[str, Json] = {
        "intervention_point": point,
        "snapshot": whole,
        "annotations": annotations,
        "tool": tool if tools else None,
        "policy_target": {"kind": "target", "path": "$snap", "value": target},
    }
    written = canonical(value)

    def classify() -> None:
        for detect in detectors.values():
            detect(target)

    evaluator.evaluate(PolicyInput(value, written))
    batches = [
        (_timed(lambda: evaluator.evaluate(PolicyInput(value, written)), runs), _timed(classify, runs))
        for _ in range(9)
    ]
    engine, classifiers = zip(*batches, strict=True)
    return statistics.median(engine), statistics.median(classifiers)


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=200)
    runs = arguments.parse_args().runs
    out = sys.stdout
    out.write(f"{'section':14}{'rego µs':>18}{'cedar µs':>18}{'classifiers µs':>18}\n")
    rows = [(name, {name: config}, point, said) for name, (config, point, *said) in SECTIONS.items()]
    every = {name: config for name, (config, *_) in SECTIONS.items() if name != "approval"}
    passes = {**SECTIONS["ifc"][2], "score": 0.9, "budgets": _BUDGETS, "hash": "a", "origin": _HTTPS}
    refused = {**passes, "url": "https://no.example/x"}
    rows.append(
        ("all, at tools", every, "pre_tool_call", [{**passes, "url": "https://ok.example/x"}, refused])
    )
    rows.append(("all, output", every, "output", [passes, {**passes, "text": "jo@corp.example"}]))
    for name, config, point, said in rows:
        cells = {}
        for kind in ("rego", "cedar"):
            found = [cost(kind, config, point, one, runs) for one in said]
            cells[kind] = " / ".join(f"{engine:.0f}" for engine, _ in found)
            cells["classifiers"] = " / ".join(f"{classifiers:.0f}" for _, classifiers in found)
        out.write(f"{name:14}{cells['rego']:>18}{cells['cedar']:>18}{cells['classifiers']:>18}\n")


if __name__ == "__main__":
    main()
