"""Small manifests to attack, and the command in this process."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner, Result

from acs_sidecar.cli.policies.redteam.commands import redteam

__all__ = ["ALLOW_ALL", "attack", "carrier", "entry", "report", "write_corpus", "write_manifest"]

ALLOW_ALL = 'verdict := {"decision": "allow"}'


def carrier(target: Any, expect: str = "allow", name: str = "a carrier") -> dict[str, Any]:
    """A test case at `input` with this target."""
    return {
        "name": name,
        "intervention_point": "input",
        "snapshot": {"input": target},
        "expect": {"decision": expect},
    }


def write_manifest(
    folder: Path, rule: str, cases: Iterable[dict[str, Any]] = (carrier("hello"),), **members: Any
) -> Path:
    """Write a manifest whose policy at `input` is this rule, with its cases; return its folder."""
    manifest = {
        "agent_control_specification_version": "0.3.1-beta",
        "metadata": {"name": folder.name},
        "policies": {"p": {"type": "rego", "modules": {"p.rego": f"package p\n\n{rule}\n"}, "query": "data.p.verdict"}},
        "intervention_points": {"input": {"policy_target": "$snap.input", "policy": {"id": "p"}}},
    }  # fmt: skip
    manifest["intervention_points"]["input"] |= members.pop("point", {})  # type: ignore[index]  # an object
    (folder / "tests").mkdir(parents=True)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest | members))
    (folder / "tests" / "cases.yaml").write_text(yaml.safe_dump({"cases": list(cases)}))
    return folder


def entry(
    identifier: str, payload: str | None = None, expect: str = "stop", **members: Any
) -> dict[str, Any]:
    """An entry of a corpus."""
    given = {} if payload is None else {"payload": payload}
    return {"id": identifier, "technique": "shell", "owasp": ["ASI05"], "expect": expect} | given | members


def write_corpus(folder: Path, *entries: Any, name: str = "attacks.jsonl") -> Path:
    """Write entries, or lines as they are, into a file of a corpus; return its folder."""
    folder.mkdir(exist_ok=True)
    lines = [each if isinstance(each, str) else json.dumps(each) for each in entries]
    (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return folder


def attack(*arguments: str | Path) -> Result:
    """Run `redteam run`."""
    return CliRunner().invoke(redteam, ["run", *map(str, arguments)])


def report(*arguments: str | Path) -> dict[str, Any]:
    """The report of a run in JSON."""
    done = attack(*arguments, "--format", "json")
    value: dict[str, Any] = json.loads(done.stdout)
    return value
