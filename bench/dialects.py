"""What a manifest of 0.4 costs beside the same one of 0.3: `python -m bench.dialects` (section 6).

Both are served by one process; rounds alternate, and who begins alternates too. Figures are of the processor
time of the service for a request, each the median of rounds, and the ratio that of neighbours in time.
"""

import http.client
import json
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated, Any

import typer

from bench import servers, workload
from bench.processes import processor_seconds

OLDER, NEWER = "0.3.1-beta", "0.4.0-alpha.1"
_REGO = workload.REGO_MODULE.replace(
    '"allow"', '"transform", "transform": {"path": "ROOT.currency", "value": "EUR"}'
)
_CEDAR = """
@id("large-refund")
forbid(principal, action == Action::"pre_tool_call", resource == Tool::"refund")
when { context.tool_call.args.amount_cents > 50000 };

@id("cleared")
permit(principal, action == Action::"pre_tool_call", resource)
when { ["EUR", "USD", "GBP"].contains(context.tool_call.args.currency) };
"""
POLICIES: dict[str, dict[str, Any]] = {
    "test": workload.TEST,
    "rego": workload.REGO,
    "rego, transform": {**workload.REGO, "modules": {"bench.rego": _REGO}},
    "cedar": {"type": "cedar", "policy_set": _CEDAR},
}
POINT = "pre_tool_call"


def _manifest(policy: dict[str, Any], version: str) -> str:
    root = "$policy_target" if version == OLDER else "$target"
    manifest = {**workload.manifest(policy), "agent_control_specification_version": version}
    return json.dumps(manifest).replace("ROOT", root)


def _round(connection: http.client.HTTPConnection, body: bytes, requests: int, pid: int) -> float:
    """Return the microseconds of processor time of a request."""
    spent = processor_seconds(pid)
    for _ in range(requests):
        connection.request("POST", f"/v1/evaluate/{POINT}", body, {"content-type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200 or b"runtime_error" in answer:
            raise RuntimeError(answer)
    return (processor_seconds(pid) - spent) / requests * 1e6


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of each.")] = 40,
    requests: Annotated[int, typer.Option(help="Requests of one round.")] = 300,
) -> None:
    """Print the medians of the rounds, and the quartiles of their ratios."""
    with tempfile.TemporaryDirectory() as folder:
        for number, policy in enumerate(POLICIES.values()):
            for version in (OLDER, NEWER):
                (Path(folder) / f"{number}-{version[:3]}.json").write_text(_manifest(policy, version))
        port = servers.free_port()
        settings = {"ACS_PORT": str(port), "ACS_MANIFESTS": folder, "ACS_LOG_LEVEL": "warning"}
        first = workload.request() | {"manifest_ref": "0-0.3"}
        with servers.serving(settings, first, POINT) as pid:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            for number, name in enumerate(POLICIES):
                bodies = [
                    json.dumps(workload.request() | {"manifest_ref": f"{number}-{version[:3]}"}).encode()
                    for version in (OLDER, NEWER)
                ]
                spent: tuple[list[float], list[float]] = ([], [])
                for turn in range(rounds):
                    for which in (turn % 2, 1 - turn % 2):
                        spent[which].append(_round(connection, bodies[which], requests, pid))
                low, middle, high = quantiles((b / a for a, b in zip(*spent, strict=True)), n=4)
                print(  # noqa: T201  # its output
                    f"{name}: {median(spent[0]):.0f} us under 0.3, {median(spent[1]):.0f} us under 0.4, "
                    f"ratio {middle:.3f} ({low:.3f} to {high:.3f})"
                )


if __name__ == "__main__":
    typer.run(main)
