"""Sections 3.1 to 3.3: manifests that extend others, from files and from a real HTTPS server."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.annotators.llm.type import llm_annotator
from acs_sidecar.manifests.composition import MAX_PARENTS, ReadManifest, read_manifests
from acs_sidecar.manifests.files import ManifestFile, find_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.outbound.fetch import Fetcher
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.model import document_digest
from acs_sidecar.spec.ports import Annotator, AnnotatorContext, SourceError
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import JsonObject
from tests.engines.sources import tar_gz
from tests.https import HttpsServer, Names, sha256
from tests.members import MEMBERS

TOP = "agent_control_specification_version: 0.3.1-beta\n"
POLICY = b"policies: {main: {type: test, output: 1}}\n"


def write(folder: Path, **files: str | bytes | dict[str, Any]) -> None:
    """Write files: `a__b` is `a/b`, and `.yaml` is added where a name has no dot."""
    for name, content in files.items():
        relative = name.replace("__", "/")
        path = folder / (relative if "." in relative else f"{relative}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


PROBE: MemberTable = {"rules": Member("Rules, or files.", file=True), "note": Member("A text.")}


def read_all(
    *files: ManifestFile,
    server: HttpsServer | None = None,
    limits: Limits | None = None,
    catalog: MemberCatalog = MEMBERS,
) -> tuple[ReadManifest, ...]:
    """Read manifests; `manifests.test` is the server."""
    known = limits or Limits(manifest_url_timeout_ms=5_000)
    fetcher = Fetcher(
        known,
        AddressPolicy(["127.0.0.1/32"]),
        server.ca_file if server else None,
        Names(manifests_test=["127.0.0.1"], other_test=["127.0.0.1"]),
    )

    async def run() -> tuple[ReadManifest, ...]:
        async with fetcher:
            return await read_manifests(files, fetcher, known, catalog)

    return asyncio.run(run())


def read(
    path: Path,
    server: HttpsServer | None = None,
    limits: Limits | None = None,
    catalog: MemberCatalog = MEMBERS,
) -> ReadManifest:
    """Read one manifest."""
    return read_all(*find_manifests(path), server=server, limits=limits, catalog=catalog)[0]


def merged(path: Path, server: HttpsServer | None = None, limits: Limits | None = None) -> Any:
    """Read one that must be good; give its value."""
    found = read(path, server, limits)
    assert isinstance(found.content, Document), str(found.content)
    return found.content.value


def findings(path: Path, server: HttpsServer | None = None, limits: Limits | None = None) -> list[str]:
    """Read one that must be bad; give its findings."""
    found = read(path, server, limits)
    assert isinstance(found.content, ManifestError)
    return [str(finding) for finding in found.content.diagnostics]


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
        "annotators": {"a": {"type": "llm", "system_prompt_file": "p.txt", "model": "m.txt"}},
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
        "annotators": {"a": {"type": "llm", "system_prompt_file": "parts/deep/p.txt", "model": "m.txt"}},
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


# -- URLs ----------------------------------------------------------------------------------------------


def test_a_parent_comes_from_a_url_once(tmp_path: Path, server: HttpsServer) -> None:
    """Pinned or not, a URL is fetched once in a load of several manifests; relative references follow its URL."""
    root = server.serve("/policies/root.yaml?v=1", b"metadata: {root: 1}\n")
    server.serve("/policies/root.yaml", b"metadata: {root: 1}\n")
    left = b"extends: [root.yaml?v=1]\nmetadata: {left: 1}\n"
    server.serve("/policies/left.yaml", left)
    entry = {"url": server.url("/policies/left.yaml"), "sha256": sha256(left)}
    write(
        tmp_path,
        one={"agent_control_specification_version": "0.3.1-beta", "extends": [entry, root]},
        two={"extends": [server.url("/policies/left.yaml")], "metadata": {"two": 2}},
    )
    first, second = read_all(*find_manifests(tmp_path), server=server)
    assert isinstance(first.content, Document)
    assert isinstance(second.content, Document)
    assert first.content.value == {
        "agent_control_specification_version": "0.3.1-beta",
        "metadata": {"root": 1, "left": 1},
    }
    assert second.content.value == {"metadata": {"root": 1, "left": 1, "two": 2}}
    assert server.paths == ["/policies/left.yaml", "/policies/root.yaml?v=1"]
    assert first.content.origin(("metadata", "root")).source == server.url("/policies/root.yaml")


def test_a_fetch_that_fails_makes_the_manifest_invalid(tmp_path: Path, server: HttpsServer) -> None:
    """The finding is at the entry, with the reason; a bound is `resource_limit_exceeded`."""
    server.serve("/base.yaml", POLICY)
    server.serve("/long.yaml", b"#" * 2_000)
    server.serve("/broken.yaml", b"a: [\n")
    server.redirect("/moved.yaml", "https://169.254.169.254/latest?secret=1")
    cases = {
        json.dumps({"url": server.url("/base.yaml"), "sha256": "0" * 64}): (
            "fetch-pin-mismatch",
            f"`{server.url('/base.yaml')}` does not match its pinned hash",
        ),
        server.url("/none.yaml?token=secret"): (
            "fetch-status",
            f"`{server.url('/none.yaml')}` returned status 404",
        ),
        server.url("/long.yaml"): (
            "fetch-too-large",
            f"`{server.url('/long.yaml')}` returned more than 1000 bytes, which is `max_manifest_url_bytes`",
        ),
        server.url("/moved.yaml"): (
            "fetch-address-refused",
            f"`{server.url('/moved.yaml')}` redirects to `https://169.254.169.254`, which resolves to the cloud "
            "metadata address 169.254.169.254, which the fetch address blocklist refuses",
        ),
    }
    for entry, (code, message) in cases.items():
        write(tmp_path, main=TOP + f"extends:\n  - {entry}\n")
        found = read(tmp_path / "main.yaml", server, Limits(max_manifest_url_bytes=1_000))
        assert isinstance(found.content, ManifestError)
        (finding,) = found.content.diagnostics
        assert (finding.code, finding.path, finding.line, finding.message) == (code, "extends[0]", 3, message)
        limit = found.content.reason is Reason.RESOURCE_LIMIT_EXCEEDED
        assert limit is (code == "fetch-too-large")
    write(tmp_path, main=TOP + f"extends: ['{server.url('/broken.yaml')}']\n")
    assert findings(tmp_path / "main.yaml", server)[0].startswith(
        f"{server.url('/broken.yaml')}:2:1: not YAML"
    )


FORBIDDEN = {
    "policies: {p: {type: rego, bundle: x}}": "policies.p.bundle",
    "policies: {p: {type: rego, data: x.json}}": "policies.p.data",
    "policies: {p: {type: rego, data_paths: [x.json]}}": "policies.p.data_paths",
    "policies: {p: {type: cedar, policy_path: x}}": "policies.p.policy_path",
    "policies: {p: {type: cedar, schema_path: x}}": "policies.p.schema_path",
    "policies: {p: {type: cedar, entities_path: x}}": "policies.p.entities_path",
    "policies: {p: {type: custom, adapter: rate_card}}": "policies.p.type",
    "intervention_points: {input: {policy: {id: p, data: x.json}}}": "intervention_points.input.policy.data",
    "intervention_points: {input: {policy: {id: p, data_paths: x}}}": "intervention_points.input.policy.data_paths",
    "intervention_points: {input: {policy: {id: p, entities_path: x}}}": "intervention_points.input.policy.entities_path",
    "annotators: {a: {type: llm, system_prompt_file: x}}": "annotators.a.system_prompt_file",
    "annotators: {a: {type: llm, api_key_env: HOME}}": "annotators.a.api_key_env",
    "annotators: {a: {type: llm, aws_secret_access_key_env: HOME}}": "annotators.a.aws_secret_access_key_env",
    "annotators: {a: {type: classifier, api_key_env: HOME}}": "annotators.a.api_key_env",
    "approval: {resolvers: {r: {type: webhook, auth: {env: HOME}}}}": "approval.resolvers.r.auth.env",
    "approval: {resolvers: {r: {type: command, command: [/bin/true]}}}": "approval.resolvers.r.type",
    "intervention_points: {input: {annotations: {a: {from: $, url: 'https://x/'}}}}": "intervention_points.input.annotations.a.url",
}


@pytest.mark.parametrize(("text", "path"), FORBIDDEN.items())
@pytest.mark.parametrize("indirect", [False, True])
def test_a_manifest_from_a_url_reaches_nothing_local(
    tmp_path: Path, server: HttpsServer, text: str, path: str, indirect: bool
) -> None:
    """No local files, no environment, no custom adapters, no annotator fed with members: pinned or not."""
    content = text.encode()
    server.serve("/base.yaml", content)
    outer = b"extends: [{url: base.yaml, sha256: %s}]\n" % sha256(content).encode()
    server.serve("/outer.yaml", outer)
    name, pin = ("/outer.yaml", sha256(outer)) if indirect else ("/base.yaml", sha256(content))
    write(tmp_path, main={"extends": [{"url": server.url(name), "sha256": pin}]})
    found = read(tmp_path / "main.yaml", server)
    assert isinstance(found.content, ManifestError)
    assert [(finding.code, finding.path, finding.source) for finding in found.content.diagnostics] == [
        ("remote-forbidden", path, server.url("/base.yaml"))
    ]
    local = tmp_path / "local"
    write(local, _base=text, main=TOP + "extends: [_base.yaml]\n")
    assert isinstance(read(local / "main.yaml").content, Document)


def test_a_url_may_bind_a_custom_policy_but_give_it_nothing(tmp_path: Path, server: HttpsServer) -> None:
    """A member of such a binding could be the name of a file: only the adapter knows."""
    server.serve("/plain.yaml", b"intervention_points: {input: {policy: {id: p}}}\n")
    server.serve("/more.yaml", b"intervention_points: {input: {policy: {id: p, table: /etc/passwd}}}\n")
    local: dict[str, Any] = {"policies": {"p": {"type": "custom", "adapter": "rate_card"}}}
    write(tmp_path, main={**local, "extends": [server.url("/plain.yaml")]})
    assert merged(tmp_path / "main.yaml", server)["policies"] == local["policies"]
    write(tmp_path, main={**local, "extends": [server.url("/more.yaml")]})
    assert findings(tmp_path / "main.yaml", server) == [
        f"{server.url('/more.yaml')}:1:47: intervention_points.input.policy.table: a manifest from a URL cannot "
        "use custom adapters: declare it in a local manifest"
    ]


def test_bundles_are_fetched_when_the_manifest_is_read(tmp_path: Path, server: HttpsServer) -> None:
    """A pinned bundle is there when the policy is compiled; a wrong one is found before."""
    bundle = tar_gz({"a.rego": b"package a\nx := 1\n"})
    url = server.serve("/b.tar.gz", bundle)
    policy = {"type": "rego", "bundle_url": {"url": url, "sha256": sha256(bundle)}, "query": "data.a.x"}
    write(tmp_path, main={"policies": {"p": policy, "q": policy}})
    found = read(tmp_path / "main.yaml", server)
    assert [file.name for file in found.sources.fetched_tree(url)] == ["a.rego"]
    assert server.paths == ["/b.tar.gz"]
    with pytest.raises(SourceError, match=r"`https://manifests\.test/other` was not fetched"):
        found.sources.fetched("https://manifests.test/other?secret")
    server.serve("/b.tar.gz", bundle + b"\0")
    text = TOP + "policies:\n  p:\n    type: rego\n    bundle_url: " + json.dumps(policy["bundle_url"]) + "\n"
    write(tmp_path, main=text)
    assert findings(tmp_path / "main.yaml", server) == [
        f"main.yaml:5:5: policies.p.bundle_url: `{url}` does not match its pinned hash"
    ]


def test_prompts_are_fetched_when_the_manifest_is_read(tmp_path: Path, server: HttpsServer) -> None:
    """Those of `llm` annotators, of declarations and bindings; a wrong one makes the manifest invalid."""
    pinned = [
        {"url": server.serve(f"/{name}.txt", name.encode()), "sha256": sha256(name.encode())}
        for name in ("declared", "bound", "other")
    ]
    binding = {"j": {"from": "$", "system_prompt_url": pinned[1]}}
    content: dict[str, Any] = {
        "annotators": {
            "i": {"type": "llm", "system_prompt_url": pinned[0]},
            "j": {"type": "llm"},
            "k": {"type": "endpoint", "system_prompt_url": pinned[2]},
        },
        "intervention_points": {"input": {"annotations": binding}},
    }
    write(tmp_path, main=content)
    found = read(tmp_path / "main.yaml", server)
    assert [found.sources.fetched(str(each["url"])).content for each in pinned[:2]] == [b"declared", b"bound"]
    assert server.paths == ["/declared.txt", "/bound.txt"]
    server.serve("/bound.txt", b"changed")
    (finding,) = findings(tmp_path / "main.yaml", server)
    assert finding.endswith(
        "intervention_points.input.annotations.j.system_prompt_url: "
        f"`{pinned[1]['url']}` does not match its pinned hash"
    )


@pytest.mark.parametrize("unpinned", [None, "outer", "inner"])
def test_a_bundle_behind_urls_needs_every_fetch_pinned(
    tmp_path: Path, server: HttpsServer, unpinned: str | None
) -> None:
    """Whoever can change one manifest on the way could change the bundle's pin with it."""
    bundle = tar_gz({"a.rego": b"package a\nx := 1\n"})
    server.serve("/inner/b.tar.gz", bundle)
    reference = {"url": "b.tar.gz", "sha256": sha256(bundle)}
    inner = json.dumps({"policies": {"p": {"type": "rego", "bundle_url": reference}}}).encode()
    server.serve("/inner/base.yaml", inner)
    inner_entry = {"url": "inner/base.yaml", "sha256": sha256(inner)}
    outer = json.dumps(
        {"extends": [inner_entry if unpinned != "inner" else "inner/base.yaml"], "metadata": {}}
    ).encode()
    outer_url = server.serve("/outer.yaml", outer)
    outer_entry = {"url": outer_url, "integrity": f"sha256-{_base64(outer)}"}
    write(tmp_path, main={"extends": [outer_entry if unpinned != "outer" else outer_url]})
    if unpinned is None:
        value = merged(tmp_path / "main.yaml", server)
        assert value["policies"]["p"]["bundle_url"]["url"] == server.url("/inner/b.tar.gz")
        assert server.paths == ["/outer.yaml", "/inner/base.yaml", "/inner/b.tar.gz"]
    else:
        (finding,) = findings(tmp_path / "main.yaml", server)
        assert finding.endswith(
            "policies.p.bundle_url: is allowed in a manifest from a URL only when each fetch up to it was pinned, "
            "and one was not"
        )
        assert "/inner/b.tar.gz" not in server.paths


def test_relative_references_never_reach_the_disk(tmp_path: Path, server: HttpsServer) -> None:
    """What a manifest from a URL extends is on a server, whatever its path looks like."""
    write(tmp_path, _base="metadata: {}\n")
    for entry in (str(tmp_path / "_base.yaml"), "../_base.yaml", "_base.yaml"):
        server.serve("/top.yaml", json.dumps({"extends": [entry]}).encode())
        write(tmp_path, main={"extends": [server.url("/top.yaml")]})
        (finding,) = findings(tmp_path / "main.yaml", server)
        assert "returned status 404" in finding
    server.serve("/top.yaml", b"extends: ['file:///etc/passwd']\n")
    (finding,) = findings(tmp_path / "main.yaml", server)
    assert finding == f"{server.url('/top.yaml')}:1:11: extends[0]: the URL is not an HTTPS URL"


def _base64(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_an_annotator_from_a_url_gets_no_credential_that_is_lying_about(
    tmp_path: Path, server: HttpsServer
) -> None:
    """A provider's default variable does not serve it; one that a local binding names does."""
    base = {
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "annotators": {"a": {"type": "llm", "provider": "openai", "model": "m", "prompt": "Judge."}},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
    }
    server.serve("/base.yaml", json.dumps(base).encode())
    (tmp_path / "_base.json").write_text(json.dumps(base))
    given: list[Mapping[str, str]] = []

    def probe(name: str, path: str, invocation: JsonObject, context: AnnotatorContext) -> Annotator:
        given.append(dict(context.environment))
        return llm_annotator(name, path, invocation, context, client=HttpClient())

    compiler = replace(
        build_compiler(load_settings({}).settings, HttpClient(), None),
        environment={"OPENAI_API_KEY": "k", "OWN_KEY": "k"},
        annotator_types={"llm": probe},
    )

    def environment(parent: str) -> Mapping[str, str]:
        point = {"input": {"annotations": {"a": {"from": "$", "api_key_env": "OWN_KEY"}}}}
        version = "0.3.1-beta"
        main = {
            "agent_control_specification_version": version,
            "extends": [parent],
            "intervention_points": point,
        }
        write(tmp_path, main=main)
        assert not isinstance(
            compile_manifest(read(tmp_path / "main.yaml", server), compiler), InvalidManifest
        )
        return given[-1]

    assert environment("_base.json") == {"OPENAI_API_KEY": "k", "OWN_KEY": "k"}
    assert environment(server.url("/base.yaml")) == {"OWN_KEY": "k"}
