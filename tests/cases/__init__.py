"""The case files: requests and what the reference says of them, run in-process and over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acs_sidecar.spec.document.text import parse_document

HERE = Path(__file__).parent
SHARED = ("manifest", "snapshot", "intervention_point", "mode", "policy")


@dataclass(frozen=True)
class Case:
    """One request and what must come of it: `expect` members are equal, `absent` ones are not there."""

    name: str
    body: dict[str, Any]
    expect: dict[str, Any]
    absent: tuple[str, ...]

    def check(self, response: dict[str, Any]) -> None:
        """Compare a response with what the case expects."""
        assert {name: response.get(name, "absent") for name in self.expect} == self.expect
        assert [name for name in self.absent if name in response] == []


def load_file(name: str) -> dict[str, Any]:
    """Read one case file with the product's own strict reader."""
    value = parse_document((HERE / name).read_text()).value
    assert isinstance(value, dict)
    return value


def load_cases(name: str) -> Iterator[Case]:
    """Give the cases of a file, its shared members filled in."""
    shared = load_file(name)
    for case in shared["cases"]:
        merged = {key: shared[key] for key in SHARED if key in shared} | case
        manifest = dict(merged["manifest"])
        if "output" in case:
            manifest["policies"] = {"p": {"type": "test", "output": case["output"]}}
        if "policy" in merged:
            manifest["policies"] = {"p": merged["policy"]}
        body = {
            "manifest": manifest,
            "snapshot": merged["snapshot"],
            "intervention_point": merged["intervention_point"],
            **({"mode": merged["mode"]} if "mode" in merged else {}),
            **case.get("request", {}),
        }
        yield Case(case["name"], body, case["expect"], tuple(case.get("absent", ())))


def changed(manifest: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Merge a change into a manifest; `$delete` removes a member."""
    merged = dict(manifest)
    for name, value in change.items():
        if value == "$delete":
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = changed(merged[name], value)
        else:
            merged[name] = value
    return merged
