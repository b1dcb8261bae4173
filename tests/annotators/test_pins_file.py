"""Section 8.7: `mcp_tool` with a file of pins: whose they are, what changed, and what is no such file."""

import asyncio
import json
from typing import Any

import pytest

from acs_sidecar.annotators.classifier.type import classifier_annotator, local_providers
from acs_sidecar.detectors.tool_pins.tool_lists import pins_of
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import AnnotatorContext, NoSources
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.sources import MemorySources

ECHO: JsonObject = {
    "name": "echo",
    "description": "Echo a message",
    "inputSchema": {"type": "object", "properties": {"message": {"type": "string"}}},
}
ONE = pins_of({"s": [ECHO]})
TWO = pins_of({"s": [ECHO], "other": [{"name": "echo"}]})
FORGED = {"schema": ONE["schema"], "servers": {"s": {"echo": {"digest": "sha256:0", "definition": ECHO}}}}
FILES = {
    "one.json": json.dumps(ONE),
    "two.json": json.dumps(TWO),
    "none.json": json.dumps({**ONE, "servers": {}}),
    "forged.json": json.dumps(FORGED),
    "tools.json": json.dumps([ECHO]),
    "text.json": "{",
    "twice.json": json.dumps(ONE)[:-1] + ', "servers": {}}',
}
OPERATOR = AnnotatorContext(
    sources=MemorySources({name: text.encode() for name, text in FILES.items()}),
    environment={},
    outbound=None,
)


def _annotated(value: Json, context: AnnotatorContext = OPERATOR, **members: Any) -> Any:
    invocation = {"type": "classifier", "provider": "mcp_tool", **members}
    built = classifier_annotator("a", "annotators.a", invocation, context, local_providers())
    return asyncio.run(built.annotate(value))


def _changed(**members: Json) -> dict[str, Json]:
    return {**ECHO, **members}


def test_a_drift_tells_its_kinds() -> None:
    """Where the pinned definition is known; digests alone tell that something changed."""
    changed = _changed(description="Obey.", title="Echo")
    drift = {"category": "definition_drift", "start": 0, "end": 4, "path": ".name"}
    kinds = ["description_changed", "title_changed"]
    found = _annotated(changed, pins_file="one.json")
    assert (found["flagged"], found["findings"]) == (True, [{**drift, "kinds": kinds}])
    assert found["kinds"] == kinds
    found = _annotated({"tools": [changed]}, pins_file="two.json", server="s")
    assert found["findings"] == [{**drift, "path": ".tools[0].name", "kinds": kinds}]
    found = _annotated(changed, pins={"echo": "sha256:" + "0" * 64})
    assert found["findings"] == [drift]
    assert "kinds" not in found
    assert "kinds" not in _annotated(changed, pins_file="one.json", categories=["padding"])
    assert "kinds" not in _annotated(dict(ECHO), pins_file="one.json")


def test_kinds_are_told_though_other_findings_fill_the_list() -> None:
    """A list of findings ends at 256, in the order of the input: `kinds` has those of every drift."""
    crowded = _changed(description="<IMPORTANT>" * 300)
    found = _annotated([crowded, _changed(title="Echo")], pins_file="one.json")
    assert (len(found["findings"]), [one for one in found["findings"] if "kinds" in one]) == (256, [])
    assert found["kinds"] == ["description_changed", "title_changed"]


def test_pins_are_those_of_the_server() -> None:
    """The same name on another server has another definition; what nobody pinned there is unpinned."""
    assert _annotated(dict(ECHO), pins_file="one.json")["categories"] == []
    assert _annotated(dict(ECHO), pins_file="two.json", server="s")["categories"] == []
    found = _annotated(dict(ECHO), pins_file="two.json", server="other")
    assert [one["kinds"] for one in found["findings"]] == [["description_changed", "nested_changed"]]
    assert _annotated({"name": "more"}, pins_file="one.json")["categories"] == ["unpinned_tool"]
    assert _annotated([], pins_file="one.json")["missing"] == ["echo"]


@pytest.mark.parametrize(
    ("members", "messages"),
    [
        ({"pins_file": "gone.json"}, ["pins_file: `gone.json` does not exist in the manifest's directory"]),
        ({"pins_file": 1}, ["pins_file: must be a string"]),
        ({"pins_file": None}, ["pins_file: must be a string"]),
        ({"pins_file": "text.json"}, ["pins_file: not JSON"]),
        ({"pins_file": "twice.json"}, ["pins_file: names a member of an object twice"]),
        (
            {"pins_file": "tools.json"},
            [
                "pins_file: is not a file of pins: `schema` must be `acs-sidecar/pins/v1`, and `servers` an object"
            ],
        ),
        (
            {"pins_file": "forged.json"},
            ["pins_file: the pin of `echo` of server `s` has another digest than its definition"],
        ),
        ({"pins_file": "two.json"}, ["pins_file: has 2 servers: say in `server` whose pins are meant"]),
        ({"pins_file": "none.json"}, ["pins_file: has 0 servers: say in `server` whose pins are meant"]),
        (
            {"pins_file": "two.json", "server": "otter"},
            ["server: `otter` is not in `pins_file`, did you mean `other`?; must be one of `s`, `other`"],
        ),
        ({"pins_file": "one.json", "server": 1}, ["server: must be a string"]),
        ({"pins_file": "one.json", "pins": {}}, ["pins_file: excludes `pins`: one of them"]),
        ({"server": "s"}, ["server: says whose pins of `pins_file`: give that"]),
        ({"server": "s", "pins": {}}, ["server: says whose pins of `pins_file`: give that"]),
    ],
)
def test_what_is_no_file_of_pins_is_refused(members: dict[str, Any], messages: list[str]) -> None:
    """When the manifest is compiled, with what is wrong."""
    with pytest.raises(ManifestError) as caught:
        _annotated({}, **members)
    assert [f"{one.path}: {one.message}" for one in caught.value.diagnostics] == [
        f"annotators.a.{message}" for message in messages
    ]


def test_a_manifest_that_may_not_name_files_has_no_pins_file() -> None:
    """As any other file of a caller's manifest."""
    nowhere = AnnotatorContext(sources=NoSources(), environment={}, outbound=None)
    with pytest.raises(ManifestError) as caught:
        _annotated({}, nowhere, pins_file="one.json")
    assert str(caught.value) == (
        "annotators.a.pins_file: `one.json` cannot be read: this manifest is not allowed to read files"
    )
