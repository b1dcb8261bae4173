"""The tests that the Agent Governance Toolkit publishes for its library, run against `stock-1`.

`python -m tests.engines.stock.published FOLDER`: FOLDER is `policy-engine/policy/lib` of a checkout of the toolkit. Each
`test_` rule of each `_test.rego` file must hold, but for those that `published.yaml` lists, each with the hole that it
asserts; a listed one that holds is an error as well.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from acs_sidecar.engines.rego.type import REGO
from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import CompileRequest, PointBinding, PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.sources import MemorySources
from tests.engines.stock.listed import report

__all__ = ["EXCEPTIONS", "failing"]

EXCEPTIONS: dict[str, str] = yaml.safe_load(Path(__file__).with_name("published.yaml").read_text())
_TEST = re.compile(r"^(test_\w+)", re.MULTILINE)
_PACKAGE = re.compile(r"^package (?:agt|agent_control_specification\.lib)\.(\w+)$", re.MULTILINE)


def failing(file: Path) -> Iterator[tuple[str, str | None]]:
    """Yield each test of a file, and why it does not hold, `None` if it does."""
    text = _PACKAGE.sub(r"package published.\1", file.read_text())
    found = re.search(r"^package (published\.\w+)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{file} is not a test of the library")
    names = _TEST.findall(text)
    given: JsonObject = {
        "type": "rego",
        "library": "stock-1",
        "modules": {file.name: text},
        "query": f"data.{found[1]}.{names[0]}",
    }
    try:
        policy = REGO.compile(CompileRequest("policies.published", given, MemorySources({})))
    except ManifestError as error:
        yield file.name, str(error.diagnostics[0])
        return
    value: dict[str, Json] = {
        "snapshot": {},
        "annotations": {},
        "tool": None,
        "policy_target": {"value": None},
    }
    for name in names:
        query: JsonObject = {"query": f"data.{found[1]}.{name}"}
        binding = PointBinding(InterventionPoint.INPUT, "p", given, query, None, projects_tool=False)
        try:
            held = policy.bind(binding).evaluate(PolicyInput(value, canonical(value))).value is True
            yield f"{file.stem}.{name}", None if held else "is not true"
        except EvaluationError as error:
            yield f"{file.stem}.{name}", error.detail


def main(folder: Path) -> int:
    """Run all tests of a folder; the number of those that do not do what is listed."""
    cases = (case for file in sorted(folder.glob("*_test.rego")) for case in failing(file))
    return report(cases, EXCEPTIONS, "holds")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) > 0)
