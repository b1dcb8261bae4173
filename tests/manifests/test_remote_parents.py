"""Section 3.3: manifests that extend URLs, from a real HTTPS server."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.annotators.llm.type import llm_annotator
from acs_sidecar.manifests.files import find_manifests
from acs_sidecar.manifests.loading import build_compiler, compile_manifest
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import Annotator, AnnotatorContext, SourceError
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import JsonObject
from tests.engines.sources import tar_gz
from tests.https import HttpsServer, sha256
from tests.manifests.composed import TOP, findings, merged, read, read_all, write

POLICY = b"policies: {main: {type: test, output: 1}}\n"


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
    "policies: {p: {type: custom, adapter: somebody's}}": "policies.p.type",
    "policies: {p: {type: custom, adapter: [agt_rules]}}": "policies.p.type",
    "policies: {p: {type: custom, adapter: agt_rules, documents: [{}, x.yaml]}}": "policies.p.documents",
    "policies: {p: {type: custom, adapter: soul, file: SOUL.md}}": "policies.p.file",
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
    """No local files, no environment, no adapters of others, no annotator fed with members: pinned or not."""
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
        "give members to the adapter of a local policy: write them there"
    ]


def test_a_manifest_from_a_url_uses_built_in_adapters_with_its_own_documents(
    tmp_path: Path, server: HttpsServer
) -> None:
    """What reaches no file is evaluated as if it stood in a local manifest, with members of its own binding."""
    document = "{name: d, rules: []}"
    server.serve(
        "/rules.yaml",
        f"policies: {{p: {{type: custom, adapter: agt_rules, document: {document}}}}}\n"
        "intervention_points: {input: {policy: {id: p, conflict_strategy: allow_overrides}}}\n".encode(),
    )
    write(tmp_path, main={"extends": [server.url("/rules.yaml")]})
    found = merged(tmp_path / "main.yaml", server)
    assert found["policies"]["p"]["document"] == {"name": "d", "rules": []}
    assert found["intervention_points"]["input"]["policy"]["conflict_strategy"] == "allow_overrides"


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


ANNOTATORS = b"annotators: {away: {type: llm, provider: openai, model: m, prompt: p}}\n"


@pytest.mark.parametrize(
    ("version", "remote", "binding", "found"),
    [
        ("0.3.1-beta", b"approval: {timeout_seconds: 5}\n", {"api_key_env": "KEY"}, []),
        ("0.4.0-alpha.1", b"", {"from": "$snap"}, []),
        ("0.4.0-alpha.1", b"approval: {timeout_seconds: 5}\n", {}, ["approval"]),
        ("0.4.0-alpha.1", b"", {"api_key": "k"}, ["intervention_points.input.annotations.away.api_key"]),
        ("0.4.0-alpha.1", b"", {"api_key_env": "KEY"}, ["intervention_points.input.annotations.away.api_key_env"]),
        ("0.4.0-alpha.1", b"", {"headers": {"a": "b"}}, ["intervention_points.input.annotations.away.headers"]),
        ("0.4.0-alpha.1", b"", {"aws_session_token": "t"}, ["intervention_points.input.annotations.away.aws_session_token"]),
        ("0.5.0-alpha.1", b"", {"needs": ["local"]}, ["intervention_points.input.annotations.away.needs"]),
    ],
)  # fmt: skip
def test_from_0_4_on_a_manifest_from_a_url_is_given_less(
    tmp_path: Path,
    server: HttpsServer,
    version: str,
    remote: bytes,
    binding: dict[str, Any],
    found: list[str],
) -> None:
    """Section 6.2: it brings no approval, and an annotator that it declares gets no credential and no result."""
    server.serve("/parent.yaml", ANNOTATORS + remote)
    manifest = {
        "agent_control_specification_version": version,
        "extends": [server.url("/parent.yaml")],
        "policies": {"p": {"type": "test", "output": 1}},
        "annotators": {"local": {"type": "endpoint", "url": "http://127.0.0.1:1/"}},
        "intervention_points": {
            "input": {
                "policy_target": "$snap",
                "policy": {"id": "p"},
                "annotations": {"away": {"from": "$snap", **binding}, "local": {"from": "$snap"}},
            }
        },
    }
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    read = read_all(*find_manifests(tmp_path), server=server)[0]
    named = read.content.diagnostics if isinstance(read.content, ManifestError) else ()
    assert [finding.path for finding in named] == found
    assert {finding.code for finding in named} <= {"remote-forbidden"}
