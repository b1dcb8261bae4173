"""A constant index means the member that its text names, however the text is written."""

import pytest

from acs_sidecar.spec.values import Json
from tests.engines.rego.policies import definition, evaluate

MEMBERS: dict[str, Json] = {
    "C:\\secrets": 1,
    "a": 1,
    "\u00e9": 1,
    'q"': 1,
    "t\tb": 1,
    "/": 1,
    "\U0001f600": 1,
}
RULES = """package a
import rego.v1
ha := 1
names contains "C:\\\\s"
pair(name) := {name: 1}
default x := false
"""


@pytest.mark.parametrize(
    "reference",
    [
        r'input.snapshot["C:\\secrets"]',
        r'input.snapshot["\u0061"]',
        r'input.snapshot["\u00e9"]',
        r'input.snapshot["q\""]',
        r'input.snapshot["t\tb"]',
        r'input.snapshot["t\u0009b"]',
        r'input.snapshot["\/"]',
        r'input.snapshot["\ud83d\ude00"]',
        r"input.snapshot[`C:\secrets`]",
        r'input["snap\u0073hot"]["C:\\secrets"]',
        r'{"C:\\secrets": 1}["C:\\secrets"]',
        r'object.get(input, ["snapshot", "C:\\secrets"], 0) == 1',
        r'input.snapshot["C:\\secrets"] == 1 with input.snapshot as {"C:\\secrets": 1}',
        r'data.a["h\u0061"]',
        r'names["C:\\s"]',
        r'pair("C:\\s")["C:\\s"]',
        r'not input.snapshot["C:\\other"]',
    ],
)
def test_an_escape_in_an_index_is_read(reference: str) -> None:
    """The engine alone compares the text as it is written, so that a deny behind such an index never fires."""
    assert evaluate(definition({"a.rego": f"{RULES}x if {reference}\n"}), MEMBERS) is True
