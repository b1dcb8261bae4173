"""The README's requests, sent as written to a service that runs as written; `--write` renews the outputs.

`python -m tests.test_readme --write`
"""

import json
import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from acs_sidecar.cli.verbs import VERBS
from acs_sidecar.engines.adapters.custom import load_adapters
from acs_sidecar.spec.manifest.members import PolicyKind
from tests.conftest import ROOT, Service, Start, start_service

README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n(?P<command>\$ curl .*?)\n(?P<output>\{.*?)\n```", re.DOTALL)
ADDRESS = "http://localhost:8383"


def _run(command: str, service: Service) -> str:
    """Send what a curl of the README would, to the service that was started."""
    program, silent, url, header, content_type, data, body = shlex.split(
        command.removeprefix("$ ").replace("\\\n", " ")
    )
    assert (program, silent, header, data) == ("curl", "-s", "-H", "-d")
    assert url.startswith(ADDRESS)
    name, _, value = content_type.partition(": ")
    _, _, reply = service.request("POST", url.removeprefix(ADDRESS), body.encode(), {name: value})
    return reply.decode()


def _comparable(output: str) -> dict[str, Any]:
    """Give a response without what differs each time: where its record is."""
    response: dict[str, Any] = json.loads(output)
    response.pop("audit", None)
    return response


def _row(name: str) -> set[str]:
    """The words in code of a row of the README's table of what is supported."""
    (row,) = re.findall(rf"^\| {name} \| (.*) \|$", README.read_text(), re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", row))


def test_the_readme_names_every_command() -> None:
    """Its table lists the commands that there are, and no other policy types and adapters than there are."""
    beside = {"audit verify", "bom", "agents", "show", "export", "ship", "prune", "key", "--help"}
    assert _row("Commands") - beside == set(VERBS) - {"audit"}
    assert _row("Policies") == {*PolicyKind} | load_adapters().keys()


def test_every_request_answers_as_the_readme_says(start: Start) -> None:
    """Each curl of the README gives the output that stands below it."""
    service = start("--manifests", str(ROOT / "manifests"))
    blocks = list(BLOCK.finditer(README.read_text()))
    found = [_comparable(_run(block["command"], service)) for block in blocks]
    assert found == [_comparable(block["output"]) for block in blocks]
    decisions = {response["verdict"]["decision"] for response in found}
    assert decisions == {"allow", "warn", "deny", "escalate", "transform"}


def write() -> None:
    """Put the real outputs into the README."""
    with tempfile.TemporaryDirectory() as folder:
        service = start_service(
            Path(folder), "--manifests", str(ROOT / "manifests"), ACS_AUDIT_INSTANCE="agent-1"
        )
        try:

            def renewed(block: re.Match[str]) -> str:
                return f"```console\n{block['command']}\n{_run(block['command'], service).strip()}\n```"

            README.write_text(BLOCK.sub(renewed, README.read_text()))
        finally:
            service.stop()


if __name__ == "__main__" and "--write" in sys.argv:
    write()
