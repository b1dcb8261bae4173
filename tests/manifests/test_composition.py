"""Sections 3.1 and 3.2: manifests that extend files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.manifests.composition import MAX_PARENTS
from acs_sidecar.manifests.files import ManifestFile, find_manifests
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.model import document_digest
from acs_sidecar.spec.ports import SourceError
from acs_sidecar.spec.reasons import Reason
from tests.manifests.composed import TOP, findings, merged, read, read_all, write
from tests.members import MEMBERS

PROBE: MemberTable = {"rules": Member("Rules, or files.", file=True), "note": Member("A text.")}


def test_parents_come_before_children_in_order(tmp_path: Path) -> None:
    """Depth first and in list order; every file once, and no `extends` is left."""
    write(
        tmp_path,
        _left="extends: [_root.yaml]\nmetadata: {left: 1}\n",
        _right="extends: [_root.yaml]\nmetadata: {right: 1}\n",
        _root="metadata: {root: 1}\n",
        main=TOP + "extends: [_left.yaml, ./_right.yaml]\nmetadata: {main: 1}\n",
    )
    value = merged(tmp_path / "main.yaml")
    assert list(value["metadata"]) == ["root", "left", "right", "main"]
    assert value.keys() == {"metadata", "agent_control_specification_version"}


def test_paths_become_relative_to_the_top_level_manifest(tmp_path: Path) -> None:
    """What a parent in another folder names is found from there; the digest is that of one flat manifest."""
    parent = {
        "policies": {
            "r": {"type": "rego", "bundle": "rules", "data": ["../d.json"], "data_paths": "x/y.json"},
            "c": {
                "type": "cedar",
                "policy_path": "./c.cedar",
                "schema_path": "../../s",
                "template_links": "l.json",
                "data": {"p": "q"},
            },
        },
        "annotators": {
            "a": {"type": "llm", "system_prompt_file": "p.txt", "model": "m.txt"},
            "b": {"type": "classifier", "provider": "mcp_tool", "pins_file": "pins.json"},
        },
        "intervention_points": {
            "input": {"policy": {"id": "r", "data_paths": "e.json", "query": "data.x"}},
            "output": {"policy": {"id": "c", "entities_path": "e.json", "context": "e.json"}},
        },
    }
    write(tmp_path, parts__deep__base=parent, main=TOP + "extends: [parts/deep/base.yaml]\n")
    write(tmp_path, **{"parts__deep__rules__a.rego": "package a"})
    flat: dict[str, Any] = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {
            "r": {
                "type": "rego",
                "bundle": "parts/deep/rules",
                "data": ["parts/d.json"],
                "data_paths": "parts/deep/x/y.json",
            },
            "c": {
                "type": "cedar",
                "policy_path": "parts/deep/c.cedar",
                "schema_path": "s",
                "template_links": "parts/deep/l.json",
                "data": {"p": "q"},
            },
        },
        "annotators": {
            "a": {"type": "llm", "system_prompt_file": "parts/deep/p.txt", "model": "m.txt"},
            "b": {"type": "classifier", "provider": "mcp_tool", "pins_file": "parts/deep/pins.json"},
        },
        "intervention_points": {
            "input": {"policy": {"id": "r", "data_paths": "parts/deep/e.json", "query": "data.x"}},
            "output": {"policy": {"id": "c", "entities_path": "parts/deep/e.json", "context": "e.json"}},
        },
    }
    found = read(tmp_path / "main.yaml")
    assert isinstance(found.content, Document)
    assert found.content.value == flat
    assert found.digest == document_digest(Document(flat, {}))
    assert [file.name for file in found.sources.read_tree("parts/deep/rules")] == ["a.rego"]


def test_a_binding_is_relocated_by_the_declarations_of_its_policy(tmp_path: Path) -> None:
    """The policy may stand in another file than its binding: its type tells what is a path."""
    parent = {
        "intervention_points": {
            "input": {"policy": {"id": "probe", "rules": ["a.txt", {"of": "a.txt"}], "note": "a.txt"}},
            "output": {"policy": {"id": "model", "rules": "a.txt", "entities_path": "e.json"}},
        }
    }
    policies = {"probe": {"type": "custom", "adapter": "probe"}, "model": {"type": "cedar", "policy_set": ""}}
    main = {
        "agent_control_specification_version": "0.3.1-beta",
        "extends": ["parts/base.yaml"],
        "policies": policies,
    }
    write(tmp_path, parts__base=parent, main=main)
    found = read(tmp_path / "main.yaml", catalog=replace(MEMBERS, adapters={"probe": PROBE}))
    assert isinstance(found.content, Document)
    assert isinstance(found.content.value, dict)
    assert found.content.value["intervention_points"] == {
        "input": {"policy": {"id": "probe", "rules": ["parts/a.txt", {"of": "a.txt"}], "note": "a.txt"}},
        "output": {"policy": {"id": "model", "rules": "a.txt", "entities_path": "parts/e.json"}},
    }


def test_findings_name_the_file_that_declares(tmp_path: Path) -> None:
    """A conflict is told at the child, with the parent's place; the label is relative like the manifest's."""
    write(
        tmp_path,
        agent__parts__base="policies:\n  main: {type: test, output: 1}\n",
        agent__manifest=TOP + "extends: [parts/base.yaml]\npolicies:\n  main: {type: test, output: 2}\n",
    )
    assert findings(tmp_path / "agent" / "manifest.yaml") == [
        "agent/manifest.yaml:4:3: policies.main: is defined differently in `agent/parts/base.yaml` "
        "(line 2): make both identical, or remove one"
    ]
    write(tmp_path, agent__parts__base="policies: [\n")
    assert findings(tmp_path / "agent" / "manifest.yaml")[0].startswith("agent/parts/base.yaml:2:1: not YAML")


EXTENDS = [
    ("[nothing.yaml]", "extends[0]: `nothing.yaml` does not exist in the manifest's directory"),
    (
        "[../outside.yaml]",
        "extends[0]: `../outside.yaml` is outside the manifest's directory, the manifests' root and ACS_POLICY_ROOTS",
    ),
    (
        "[link.yaml]",
        "extends[0]: `link.yaml` is outside the manifest's directory, the manifests' root and ACS_POLICY_ROOTS",
    ),
    ("[/etc/passwd]", "extends[0]: `/etc/passwd` is absolute: paths are relative to the manifest"),
    ("['']", "extends[0]: the path must not be blank"),
    ("[folder]", "extends[0]: `folder` is not a file"),
    ("[1]", "extends[0]: must be a path, an HTTPS URL, or an object of `url` and `sha256`"),
    ("[{sha256: x}]", "extends[0]: `url` must be an HTTPS URL"),
    (
        "[{url: 'https://a.test/', sha256: x}]",
        "extends[0]: `sha256` must be 64 hexadecimal digits",
    ),
    ("base.yaml", "extends: must be a list of paths and HTTPS URLs"),
    ("[{url: base.yaml}]", "extends[0]: the URL is not an HTTPS URL"),
    ("['http://manifests.test/a']", "extends[0]: `http://manifests.test/a` is not an HTTPS URL"),
    ("['file:///etc/passwd']", "extends[0]: the URL is not an HTTPS URL"),
    ("[main.yaml]", "extends[0]: extends itself: main.yaml → main.yaml"),
]


@pytest.mark.parametrize(("entries", "expected"), EXTENDS)
def test_entries_that_cannot_be_used(tmp_path: Path, entries: str, expected: str) -> None:
    """Outside, missing or not understood: the entry is named with its place, and no path is shown."""
    write(tmp_path, outside="metadata: {}\n", agent__main=TOP + f"extends: {entries}\n")
    (tmp_path / "agent" / "folder").mkdir()
    (tmp_path / "agent" / "link.yaml").symlink_to("../outside.yaml")
    (found,) = read_all(ManifestFile("main", tmp_path / "agent" / "main.yaml"))
    assert isinstance(found.content, ManifestError)
    (finding,) = found.content.diagnostics
    assert str(finding).partition(": ")[2] == expected
    assert (finding.source, finding.line) == ("main.yaml", 2)
    assert found.digest is None
    with pytest.raises(SourceError):
        found.sources.read("main.yaml")


def test_a_circle_is_shown_and_loads_nothing(tmp_path: Path) -> None:
    """Every manifest on a circle is invalid; one that merely extends into it is too."""
    write(tmp_path, a=TOP + "extends: [b.yaml]\n", b="extends: [a.yaml]\n", c=TOP + "extends: [a.yaml]\n")
    found = {manifest.file.name: manifest.content for manifest in read_all(*find_manifests(tmp_path))}
    assert {name: str(content) for name, content in found.items()} == {
        "c": "b.yaml:1:11: extends[0]: extends itself: a.yaml → b.yaml → a.yaml",
    }
    (tmp_path / "c.yaml").unlink()
    found = {manifest.file.name: manifest.content for manifest in read_all(*find_manifests(tmp_path))}
    assert {name: str(content) for name, content in found.items()} == {
        "a": "b.yaml:1:11: extends[0]: extends itself: a.yaml → b.yaml → a.yaml",
        "b": "a.yaml:2:11: extends[0]: extends itself: b.yaml → a.yaml → b.yaml",
    }


def test_the_depth_is_limited(tmp_path: Path) -> None:
    """As many levels as allowed, and not one more, also where a parent is reached by a longer way later."""
    for level in range(4):
        write(tmp_path, **{f"_{level}": f"extends: [_{level + 1}.yaml]\n", f"_{level + 1}": "metadata: {}\n"})
        (tmp_path / f"_{level + 1}.yaml").write_text("metadata: {}\n")
    write(tmp_path, main=TOP + "extends: [_2.yaml, _0.yaml]\n")
    assert merged(tmp_path / "main.yaml", limits=Limits(max_extends_depth=5))["metadata"] == {}
    for entries in ("[_0.yaml]", "[_2.yaml, _0.yaml]"):
        write(tmp_path, main=TOP + f"extends: {entries}\n")
        found = read(tmp_path / "main.yaml", limits=Limits(max_extends_depth=4))
        assert isinstance(found.content, ManifestError)
        assert found.content.reason is Reason.RESOURCE_LIMIT_EXCEEDED
        (finding,) = found.content.diagnostics
        assert finding.message == "manifests extend one another deeper than `max_extends_depth` (4)"


def test_the_number_of_parents_is_limited(tmp_path: Path) -> None:
    """A manifest cannot make a load read without end."""
    for number in range(MAX_PARENTS + 1):
        write(tmp_path, **{f"_{number}": "metadata: {}\n"})
    entries = [f"_{number}.yaml" for number in range(MAX_PARENTS)]
    write(tmp_path, main={"extends": entries})
    assert merged(tmp_path / "main.yaml") == {"metadata": {}}
    write(tmp_path, main={"extends": [*entries, f"_{MAX_PARENTS}.yaml"]})
    assert findings(tmp_path / "main.yaml")[0].endswith(f"more than {MAX_PARENTS} manifests are extended")


def test_what_another_extends_is_not_loaded_on_its_own(tmp_path: Path) -> None:
    """Files named `_*` and files that are extended are parts; a part that is invalid on its own is no fault."""
    write(
        tmp_path,
        _hidden="metadata: {}\n",
        base="extends: [_hidden.yaml]\n",
        one=TOP + "extends: [base.yaml]\n",
        two=TOP + "extends: [base.yaml, sub/manifest.yaml]\n",
        sub__manifest="metadata: {}\n",
    )
    assert [manifest.file.name for manifest in read_all(*find_manifests(tmp_path))] == ["one", "two"]
    # A manifest that is broken still keeps its parts from being taken for manifests.
    write(tmp_path, two=TOP + "extends: [base.yaml, sub/manifest.yaml, nothing.yaml]\n")
    assert [manifest.file.name for manifest in read_all(*find_manifests(tmp_path))] == ["one", "two"]
