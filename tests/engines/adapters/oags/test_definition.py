"""What a policy may say, what is refused in it, and what it compiles from (sections 9.2, 9.4, 9.5)."""

from typing import Any

import pytest

from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import Json
from tests.engines.adapters.oags.policies import (
    ID,
    STARTUP,
    TOOL_CALL,
    compiled,
    decide,
    errors_of,
    warnings_of,
)

PROMPT, TOOLS = "You are a helpful assistant.\n", '[{"name": "fetch", "parameters": {}}]'
FILES = {"agent/prompt.md": PROMPT, "agent/tools.json": TOOLS, "agent/none.json": "[]"}
OTHER = "ab" * 32
IDENTITY = """
identity: {model: gpt-4o, system_prompt_path: prompt.md, tools_path: none.json}
"""


def refused(document: Json = None, **members: Any) -> list[tuple[str, str | None]]:
    """Code and path of each error of a policy."""
    with pytest.raises(ManifestError) as caught:
        compiled({} if document is None else document, **members)
    return errors_of(caught.value)


@pytest.mark.parametrize(
    ("members", "code", "path"),
    [
        ({"mode": "loud"}, "value-not-allowed", "mode"),
        ({"mode": True}, "value-not-allowed", "mode"),
        ({"on_drift": "allow"}, "value-not-allowed", "on_drift"),
        ({"directories": "all"}, "value-not-allowed", "directories"),
        ({"symlinks": "follow"}, "value-not-allowed", "symlinks"),
        ({"declared_id": "no"}, "value-not-allowed", "declared_id"),
        ({"require_inputs": "yes"}, "wrong-type", "require_inputs"),
        ({"expected_id": "abc"}, "value-not-allowed", "expected_id"),
        ({"expected_id": ID.upper()}, "value-not-allowed", "expected_id"),
        ({"expected_id": 5}, "value-not-allowed", "expected_id"),
        ({"expected_id": None}, "value-not-allowed", "expected_id"),
        ({"root": None}, "value-not-allowed", "root"),
        ({"signers": []}, "wrong-type", "signers"),
        ({"signers": {}}, "value-not-allowed", "signers"),
        ({"actions": {"t": [{"type": "filesystem_access", "path": "policy_target.path"}]}}, "path-syntax", "actions.t[0].path"),
        ({"actions": {"t": [{"type": "network_access", "url": "snap.tool_call.args.url"}]}}, "path-syntax", "actions.t[0].url"),
        ({"signers": {"ci": "abc"}}, "value-not-allowed", "signers.ci"),
        ({"root": "work"}, "value-not-allowed", "root"),
        ({"root": "~"}, "value-not-allowed", "root"),
        ({"root": 5}, "value-not-allowed", "root"),
        ({"model": "model"}, "path-syntax", "model"),
        ({"counters": 5}, "path-syntax", "counters"),
        ({"actions": []}, "wrong-type", "actions"),
        ({"actions": {"t": {}}}, "wrong-type", "actions.t"),
        ({"actions": {"t": ["x"]}}, "wrong-type", "actions.t[0]"),
        ({"actions": {"t": [{}]}}, "value-not-allowed", "actions.t[0].type"),
        ({"actions": {"t": [{"type": "teleport"}]}}, "value-not-allowed", "actions.t[0].type"),
        ({"actions": {"t": [{"type": "api_call"}]}}, "member-missing", "actions.t[0]"),
        ({"actions": {"t": [{"type": "network_access", "protocol": "https"}]}}, "member-missing", "actions.t[0]"),
        ({"actions": {"t": [{"type": "network_access", "url": "$x", "domain": "y"}]}}, "path-syntax", "actions.t[0].url"),
        ({"actions": {"t": [{"type": "network_access", "url": "u", "domain": "y"}]}}, "member-missing", "actions.t[0]"),
        ({"actions": {"t": [{"type": "network_access", "url": "u", "protocol": "y"}]}}, "member-missing", "actions.t[0]"),
        ({"actions": {"t": [{"type": "api_call", "service": 5}]}}, "wrong-type", "actions.t[0].service"),
        ({"actions": {"t": [{"type": "api_call", "service": "s", "servce": "s"}]}}, "member-unknown", "actions.t[0].servce"),
        ({"unknown": 1}, "member-unknown", "unknown"),
    ],
)  # fmt: skip
def test_a_member_that_is_wrong(members: dict[str, Any], code: str, path: str) -> None:
    """Each is refused with its code and its path."""
    assert refused(**members) == [(code, f"policies.oags.{path}")]


def test_unknown_members_of_an_action_are_told_as_they_are_written() -> None:
    """Their order is that of the manifest, in every process."""
    names = [f"m{number}" for number in (3, 1, 4, 5, 9, 2, 6, 8)]
    action = {"type": "network_access", "url": "u", **dict.fromkeys(names, "x")}
    with pytest.raises(ManifestError) as caught:
        compiled({}, actions={"t": [action]})
    assert [f"{one.path}: {one.message}" for one in caught.value.diagnostics] == [
        f"policies.oags.actions.t[0].{name}: unknown member; must be one of `domain`, `protocol`, `url`"
        for name in names
    ]


def test_one_document_is_needed() -> None:
    """A file or the document itself, never both or none, and a file that is there."""
    for members, error in (
        ({"file": "a.yml", "document": {}}, ("member-ambiguous", "policies.oags")),
        ({"file": "a.yml"}, ("source-unreadable", "policies.oags.file")),
        ({"file": 5}, ("wrong-type", "policies.oags.file")),
    ):
        with pytest.raises(ManifestError) as caught:
            compiled(**members)
        assert errors_of(caught.value) == [error]


@pytest.mark.parametrize("document", ["sekuire.yml", [], 5])
def test_a_document_that_is_no_object(document: Json) -> None:
    """A path belongs into `file`."""
    assert refused(document) == [("wrong-type", "policies.oags.document")]


@pytest.mark.parametrize(
    ("text", "code", "place", "reason"),
    [
        ("a: [", "document-syntax", (2, 1), Reason.MANIFEST_INVALID),
        ("permissions: {tools: {alowed_tools: []}}", "member-unknown", (1, 23), Reason.MANIFEST_INVALID),
        ("a: 1\na: 2\n", "document-syntax", (2, 1), Reason.MANIFEST_INVALID),
        ("a: &a [*a]\n", "document-syntax", (1, 8), Reason.MANIFEST_INVALID),
        ("a: !!python/object:os.system x\n", "document-syntax", (1, 4), Reason.MANIFEST_INVALID),
        ("a: 1\n---\nb: 2\n", "document-syntax", (2, 1), Reason.MANIFEST_INVALID),
        ("[" * 100 + "]" * 100, "policy-bound-exceeded", (None, None), Reason.RESOURCE_LIMIT_EXCEEDED),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
            "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
            "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
            "policy-bound-exceeded",
            (5, 36),
            Reason.RESOURCE_LIMIT_EXCEEDED,
        ),
    ],
)
def test_a_file_that_is_hostile_or_wrong(
    text: str, code: str, place: tuple[int | None, int | None], reason: Reason
) -> None:
    """Bombs, tags, cycles and slips are refused with file, line and column."""
    with pytest.raises(ManifestError) as caught:
        compiled(file="agent/sekuire.yml", files={"agent/sekuire.yml": text})
    [found] = caught.value.diagnostics
    assert (found.code, found.source, caught.value.reason) == (code, "agent/sekuire.yml", reason)
    assert (found.line, found.column) == place


def test_the_id_is_computed_from_the_files_beside_the_document() -> None:
    """Paths are relative to the document; what is computed is expected at startup."""
    policies = compiled(
        points=[STARTUP], file="agent/sekuire.yml", files={**FILES, "agent/sekuire.yml": IDENTITY}
    )
    started: Json = {"agent_init": {"identity": {"sekuire_id": ID}}}
    assert decide(policies, started, STARTUP) == ("allow", [])
    assert warnings_of(policies) == []


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        (f"project: {{sekuire_id: {OTHER}}}", "identity-stale", "project.sekuire_id"),
        ("", None, None),
    ],
)
def test_a_declared_id_must_be_that_of_the_files(more: str, code: str | None, path: str | None) -> None:
    """The message has both ids, and `declared_id: ignore` leaves the declared one out altogether."""
    files = {**FILES, "agent/sekuire.yml": IDENTITY + more}
    if code is not None:
        with pytest.raises(ManifestError) as caught:
            compiled(file="agent/sekuire.yml", files=files)
        [found] = caught.value.diagnostics
        assert (found.code, found.path, found.line) == (code, f"policies.oags.file.{path}", 3)
        assert OTHER in found.message
        assert ID in found.message
    policies = compiled(points=[STARTUP], file="agent/sekuire.yml", files=files, declared_id="ignore")
    assert decide(policies, {"agent_init": {"identity": {"sekuire_id": ID}}}, STARTUP)[0] == "allow"


def test_declared_hashes_must_be_those_of_the_files() -> None:
    """Each hash is compared with its own file, also where the id is not declared."""
    for name in ("system_prompt_hash", "tools_hash"):
        text = IDENTITY.replace("}", f", {name}: {OTHER}}}")
        with pytest.raises(ManifestError) as caught:
            compiled(file="agent/sekuire.yml", files={**FILES, "agent/sekuire.yml": text})
        assert errors_of(caught.value) == [("identity-stale", f"policies.oags.file.identity.{name}")]


@pytest.mark.parametrize(
    ("files", "member"),
    [
        ({"agent/none.json": "[]"}, "system_prompt_path"),
        ({"agent/prompt.md": "x"}, "tools_path"),
        ({"agent/prompt.md": "x" * (1024 * 1024 + 1), "agent/none.json": "[]"}, "system_prompt_path"),
    ],
)
def test_a_file_of_the_identity_that_cannot_be_read(files: dict[str, str], member: str) -> None:
    """The member that names it is at fault."""
    with pytest.raises(ManifestError) as caught:
        compiled(file="agent/sekuire.yml", files={**files, "agent/sekuire.yml": IDENTITY})
    assert errors_of(caught.value) == [("source-unreadable", f"policies.oags.file.identity.{member}")]


def test_tools_that_nest_too_deep_are_refused() -> None:
    """They have no identity."""
    files = {**FILES, "agent/none.json": "[" * 70 + "]" * 70, "agent/sekuire.yml": IDENTITY}
    with pytest.raises(ManifestError) as caught:
        compiled(file="agent/sekuire.yml", files=files)
    assert errors_of(caught.value) == [("value-not-allowed", "policies.oags.file.identity.tools_path")]


def test_the_file_of_tools_and_the_model_stand_in_for_absent_sections() -> None:
    """Names of tools, functions' too, and both models; a name with `*` stands for nothing."""
    text = '[{"name": "fetch"}, {"type": "function", "function": {"name": "save"}}, {"name": "x*"}, 5, {"name": 5}]'
    document = "identity: {tools_path: t.json, model: a}\nagent: {llm: {model: b}}\n"
    files = {"sekuire.yml": document, "t.json": text}
    policies = compiled(points=[STARTUP], file="sekuire.yml", files=files, expected_id=ID)
    for tool, rules in (
        ("fetch", []),
        ("save", []),
        ("xy", ["tool.not_allowed"]),
        ("x*", ["tool.not_allowed"]),
    ):
        started: Json = {"agent_init": {"identity": {"sekuire_id": ID}, "tools_registered": [tool]}}
        assert decide(policies, started, STARTUP)[1] == rules
    for model, rules in (("a", []), ("b", []), ("c", ["model.not_allowed"])):
        started = {"agent_init": {"identity": {"sekuire_id": ID}, "model": {"name": model}}}
        assert decide(policies, started, STARTUP)[1] == rules
    files["sekuire.yml"] += "permissions: {tools: {}, models: {}}\n"
    policies = compiled(points=[STARTUP], file="sekuire.yml", files=files, expected_id=ID)
    started = {
        "agent_init": {"identity": {"sekuire_id": ID}, "tools_registered": ["fetch"], "model": {"name": "a"}}
    }
    assert decide(policies, started, STARTUP)[1] == ["tool.not_allowed", "model.not_allowed"]


@pytest.mark.parametrize("text", ["search, fetch", '{"a": 1}', "5", '{"tools": 5}'])
def test_a_file_of_tools_without_a_list_allows_none(text: str) -> None:
    """What lists no tools stands in for nothing."""
    files = {"sekuire.yml": "identity: {tools_path: t.json}\n", "t.json": text}
    policies = compiled(file="sekuire.yml", files=files)
    assert decide(policies, {"tool_call": {"name": "fetch"}})[1][0] == "tool.missing"


def test_lints() -> None:
    """What a reviewer would ask: consent that nobody gives, an id that nobody expects, prefixes and doubts."""
    confirm: Json = {"policy": {"tools": {"require_confirmation": ["wire"]}}}
    assert warnings_of(compiled(confirm, can_escalate=False)) == [
        ("oags-approval-unresolvable", "policies.oags")
    ]
    assert warnings_of(compiled(confirm)) == []
    at_startup = "intervention_points.agent_startup.policy"
    assert warnings_of(compiled({}, [STARTUP])) == [("oags-identity-undeclared", at_startup)]
    prefixed = compiled({}, [TOOL_CALL], expected_id=f"sekuire://blake3:{ID}")
    assert warnings_of(prefixed) == [("oags-id-prefix", "policies.oags.expected_id")]
    files = {
        **FILES,
        "agent/sekuire.yml": IDENTITY.replace("none.json", "odd.json"),
        "agent/odd.json": "[1.0]",
        "agent/prompt.md": "\ufeffBe brief.",
    }
    doubted = compiled(file="agent/sekuire.yml", files=files)
    assert warnings_of(doubted) == [
        ("identity-ambiguous", "policies.oags.file.identity.tools_path"),
        ("identity-ambiguous", "policies.oags.file.identity.system_prompt_path"),
    ]


def test_tool_calls_whose_records_name_no_tool() -> None:
    """A point of tools without `tool_name_from` is found; others, and one that has it, are not."""
    expected = [("oags-tool-unnamed", f"intervention_points.{TOOL_CALL}")]
    assert (
        warnings_of(compiled({}, [TOOL_CALL, InterventionPoint.PRE_MODEL_CALL], projects_tool=False))
        == expected
    )
    assert warnings_of(compiled({}, [TOOL_CALL, InterventionPoint.PRE_MODEL_CALL])) == []
