"""Documents in three vocabularies, their normal form, and what is refused in them (section 9.2)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from acs_sidecar.engines.adapters.oags.document.model import NormalPolicy
from acs_sidecar.engines.adapters.oags.document.reader import read_normal
from acs_sidecar.engines.adapters.oags.document.schema import sekuire_schema
from acs_sidecar.engines.adapters.oags.document.vocabulary_members import MEMBERS, MemberKind, children
from acs_sidecar.engines.adapters.oags.lints import document_lints
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.values import Json
from tests.engines.adapters.oags.policies import ID

VALIDATOR = Draft202012Validator(sekuire_schema())


def read(value: Json) -> tuple[NormalPolicy | None, DocumentFindings]:
    """The normal form of a document, and its findings."""
    findings = DocumentFindings(Document(value, {}))
    return read_normal(findings), findings


def normal(value: Json) -> dict[str, Any]:
    """The normal form of a valid document as JSON."""
    policy, findings = read(value)
    assert policy is not None, findings.errors
    return policy.as_json()


def test_the_three_vocabularies_have_one_normal_form() -> None:
    """What a real file, the site's sample and the enforcer write is the same policy."""
    expected: dict[str, Any] = {
        "network": {"enabled": True, "require_tls": True, "allowed": ["a.example"], "blocked": ["b.example"]},
        "filesystem": {"enabled": True, "allowed": ["/srv/*"], "blocked": ["/etc"]},
        "tools": {"allowed": ["t*"], "blocked": ["u"], "confirm": []},
        "models": {"allowed": ["m"], "blocked": ["n"], "providers": ["p"]},
        "apis": {"allowed": ["s"], "blocked": ["v"]},
        "rate": {"requests": {"minute": 1, "hour": 2}, "tokens": {"minute": 3}},
        "identity": {"model": "m"},
    }
    enforcer: dict[str, Any] = {
        "permissions": {
            "network": {
                "require_tls": True,
                "allowed_domains": ["a.example"],
                "blocked_domains": ["b.example"],
            },
            "filesystem": {"allowed_paths": ["/srv/*"], "blocked_paths": ["/etc"]},
            "tools": {"allowed_tools": ["t*"], "blocked_tools": ["u"]},
            "models": {"allowed_models": ["m"], "blocked_models": ["n"], "allowed_providers": ["p"]},
            "apis": {"allowed_services": ["s"], "blocked_services": ["v"]},
        },
        "rate_limits": {
            "requests": {"max_per_minute": 1, "max_per_hour": 2},
            "tokens": {"max_per_minute": 3},
        },
        "identity": {"model": "m"},
    }
    site: dict[str, Any] = {
        "policy": {
            "network": {
                "require_tls": True,
                "allowed_domains": ["a.example"],
                "blocked_domains": ["b.example"],
            },
            "filesystem": {"allowed_paths": ["/srv/*"], "blocked_paths": ["/etc"]},
            "tools": {"allowed": ["t*"], "blocked": ["u"]},
            "models": {"allowed": ["m"], "blocked": ["n"], "allowed_providers": ["p"]},
            "apis": {"allowed": ["s"], "blocked": ["v"]},
            "rate_limits": {
                "max_requests_per_minute": 1,
                "max_requests_per_hour": 2,
                "max_tokens_per_minute": 3,
            },
        },
        "agent": {"model": "m"},
    }
    assert normal(enforcer) == normal(site) == expected
    real: Json = {
        "permissions": {"network": {"allowed_hosts": ["a.example"], "blocked_hosts": ["b.example"]}}
    }
    assert normal(real)["network"] == {**expected["network"], "require_tls": False}
    assert normal({**enforcer, **site}) == expected


@pytest.mark.slow
@given(st.data())
def test_a_normal_form_has_one_reading_in_every_vocabulary(data: st.DataObject) -> None:
    """Members that are drawn from any vocabulary for a place give the value of that place."""
    values: dict[MemberKind, st.SearchStrategy[Json]] = {
        MemberKind.FLAG: st.booleans(),
        MemberKind.LIMIT: st.integers(1, 10**9),
        MemberKind.HOSTS: st.lists(st.sampled_from(["a.example", "*.b.example", "localhost", "10.0.0.5"])),
        MemberKind.PATHS: st.lists(st.sampled_from(["/a", "/b/*", "./c", "C:/d/"])),
        MemberKind.NAMES: st.lists(st.sampled_from(["a", "b*", "*"])),
        MemberKind.EXTENSIONS: st.lists(st.sampled_from(["txt", "json", ""])),
        MemberKind.TEXT: st.sampled_from(["a", "b"]),
        MemberKind.DIGEST: st.just(ID),
        MemberKind.ID: st.just(ID),
    }
    places = {member.place: member.kind for member in MEMBERS.values() if member.place != "network.closed"}
    chosen = {
        place: data.draw(values[kind])
        for place, kind in places.items()
        if data.draw(st.booleans(), label=place)
    }
    forms: list[NormalPolicy | None] = []
    for _ in range(2):
        document: dict[str, Any] = {}
        for place, value in chosen.items():
            paths = [path for path, member in MEMBERS.items() if member.place == place]
            for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, unique=True)):
                parent = document
                for name in path[:-1]:
                    parent = parent.setdefault(name, {})
                parent[path[-1]] = value
        forms.append(read(document)[0])
        assert VALIDATOR.is_valid(document)
    assert None not in forms
    assert forms[0] == forms[1]


@pytest.mark.parametrize(
    ("text", "code", "path", "place", "message"),
    [
        (
            "permissions:\n  network:\n    alowed_domains: ['*']\n",
            "member-unknown",
            "permissions.network.alowed_domains",
            (3, 5),
            "unknown member `alowed_domains`, did you mean `allowed_domains`?; known are",
        ),
        ("policy: {tools: {allowed: [a*b]}}", "value-not-allowed", "policy.tools.allowed[0]", (1, 28), "`a*b`: `*` may stand at the end alone"),
        ("policy: {tools: {allowed: [' ']}}", "value-not-allowed", "policy.tools.allowed[0]", (1, 28), "` `: must not be blank"),
        ("policy: {tools: {allowed: a}}", "wrong-type", "policy.tools.allowed", (1, 18), "must be a list of texts"),
        ("policy: {tools: {allowed: [1]}}", "wrong-type", "policy.tools.allowed[0]", (1, 28), "must be a text"),
        ("policy: []", "wrong-type", "policy", (1, 1), "must be an object"),
        ("policy: {network: }", "wrong-type", "policy.network", (1, 10), "must be an object"),
        ("identity: 5", "wrong-type", "identity", (1, 1), "must be an object"),
        ("identity: {model: ''}", "wrong-type", "identity.model", (1, 12), "must be a text that is not blank"),
        ("identity: {tools_hash: ABC}", "value-not-allowed", "identity.tools_hash", (1, 12), "must be 64 lower-case hex digits"),
        ("project: {sekuire_id: abc}", "value-not-allowed", "project.sekuire_id", (1, 11), "must be an id: 64 lower-case hex digits"),
        ("permissions: {network: {enabled: 'no'}}", "wrong-type", "permissions.network.enabled", (1, 25), "must be `true` or `false`"),
        ("rate_limits: {requests: {max_per_minute: 0}}", "value-not-allowed", "rate_limits.requests.max_per_minute", (1, 26), "must be an integer of at least 1"),
        ("rate_limits: {requests: {max_per_minute: 1.5}}", "wrong-type", "rate_limits.requests.max_per_minute", (1, 26), "must be an integer of at least 1"),
        ("rate_limits: {requests: {max_per_minute: true}}", "wrong-type", "rate_limits.requests.max_per_minute", (1, 26), "must be an integer of at least 1"),
        ("rate_limits: {request: {max_per_minute: 1}}", "member-unknown", "rate_limits.request", (1, 15), "unknown member `request`, did you mean `requests`?; known are"),
        ("permissions: {filesystem: {allowed_extensions: [tar/gz]}}", "value-not-allowed", "permissions.filesystem.allowed_extensions[0]", (1, 49), "`tar/gz`: must be an extension, such as `txt`"),
        ("permissions: {filesystem: {allowed_paths: [/tmp/**]}}", "value-not-allowed", "permissions.filesystem.allowed_paths[0]", (1, 44), "`/tmp/**`: must be a path, or one with `/*` at its end: without `~`, `$`, escapes and other wildcards"),
        ("permissions: {network: {allowed_hosts: ['https://a.example']}}", "value-not-allowed", "permissions.network.allowed_hosts[0]", (1, 41), "`https://a.example`: must be a host, `*.` and a host, or `*`: without protocol, path, user and escapes"),
        ("permissions: {network: {blocked_hosts: ['*.10.0.0.5']}}", "value-not-allowed", "permissions.network.blocked_hosts[0]", (1, 41), "`*.10.0.0.5`: nothing lies below an address: list the address itself"),
        ("apiVersion: v1\nkind: Agent\n", "oags-vocabulary", "", (1, 1), "is a document of another specification: `sekuire.yml` has"),
        ("Version: '1'\nStatement: []\n", "oags-vocabulary", "", (1, 1), "is a document of another specification: `sekuire.yml` has"),
        ("[]", "wrong-type", "", (1, 1), "must be one mapping"),
        (
            "permissions: {tools: {allowed_tools: [a]}}\npolicy: {tools: {allowed: [b]}}\n",
            "member-conflict",
            "policy.tools.allowed",
            (2, 18),
            "says something else than `permissions.tools.allowed_tools`: keep one, or make them equal",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_place(
    text: str, code: str, path: str, place: tuple[int, int], message: str
) -> None:
    """Each error names the member, line and column, and what to write."""
    findings = DocumentFindings(parse_document(text), source="sekuire.yml")
    assert read_normal(findings) is None
    [error] = findings.errors
    assert (error.code, error.path, error.source) == (code, path, "sekuire.yml")
    assert (error.line, error.column) == place
    assert error.message.startswith(message)


def test_lists_are_bounded() -> None:
    """1,000 entries of 255 characters pass, one more of either does not."""
    assert normal({"policy": {"tools": {"allowed": ["a" * 255] * 1000}}})
    for entries, path, message in (
        (["a"] * 1001, "policy.tools.allowed", "must have at most 1000 entries"),
        (["a" * 256], "policy.tools.allowed[0]", "must have at most 255 characters"),
    ):
        policy, findings = read({"policy": {"tools": {"allowed": [*entries]}}})
        assert policy is None
        assert [(error.path, error.message) for error in findings.errors] == [(path, message)]


def test_what_is_not_interpreted_is_left_alone() -> None:
    """Sections of others, and members of open sections, may be anything."""
    document: Json = {
        "project": {"name": 5},
        "agent": "x",
        "deployment": [{"permissions": 1}],
        "identity": {"owner": []},
    }
    policy, findings = read(document)
    assert policy is not None
    assert (policy.as_json(), findings.warnings) == ({}, [])


def test_a_member_that_is_nearly_one_is_a_warning() -> None:
    """A misspelt hash or path of the identity would not be compared, and nobody would know."""
    document: Json = {
        "identity": {"tools_pth": "tools.json", "tools_hsah": "ab" * 32},
        "project": {"sekuire_Id": "ab" * 32},
    }
    _, findings = read(document)
    assert [(found.code, found.path) for found in findings.warnings] == [
        ("oags-member-unknown", "identity.tools_pth"),
        ("oags-member-unknown", "identity.tools_hsah"),
        ("oags-member-unknown", "project.sekuire_Id"),
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("permission", "permissions"),
        ("PERMISSIONS", "permissions"),
        ("policies", "policy"),
        ("rate_limit", "rate_limits"),
        ("rate-limits", "rate_limits"),
        ("identities", "identity"),
    ],
)
def test_a_section_that_is_nearly_one_is_refused(name: str, meant: str) -> None:
    """What it allows and blocks would vanish."""
    policy, findings = read({name: {}, "deployment": {}, "capabilities": []})
    assert policy is None
    assert [(found.code, found.path, found.message) for found in findings.errors] == [
        ("oags-section-unknown", name, f"`{name}` is not read, did you mean `{meant}`?")
    ]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("tools", "blocked_tools"),
        ("network", "blocked_domains"),
        ("filesystem", "enabled"),
        ("models", "blocked"),
    ],
)
def test_a_section_that_is_not_inside_permissions_is_refused(name: str, member: str) -> None:
    """Its list blocks nothing there; a section of that name with members of its own is another one."""
    policy, findings = read({name: {member: []}})
    assert policy is None
    assert [(found.code, found.path, found.message) for found in findings.errors] == [
        ("oags-section-unknown", name, f"`{name}` is not read here, did you mean `permissions.{name}`?")
    ]
    others: list[Json] = [[{"name": "search"}], {"path": "tools.json"}, None]
    assert all(read({name: other})[0] is not None for other in others)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("blocked_tools", "permissions.tools.blocked_tools"),
        ("blocked_paths", "permissions.filesystem.blocked_paths"),
        ("require_confirmation", "policy.tools.require_confirmation"),
    ],
)
def test_a_list_that_is_not_inside_its_section_is_refused(name: str, meant: str) -> None:
    """It blocks nothing there."""
    policy, findings = read({name: ["rm"], "permissions": {}})
    assert policy is None
    assert [(found.code, found.path, found.message) for found in findings.errors] == [
        ("oags-section-unknown", name, f"`{name}` is not read here, did you mean `{meant}`?")
    ]


def test_a_blocked_name_that_looks_like_a_command_or_a_pattern_is_a_warning() -> None:
    """It blocks that very name; one with `*` at its end, or an allowed one, is what it looks like."""
    names: Json = ["rm -rf", "delete?", "file_[ab]", "^shell$", "shell.*", "shell*", "a.b-c_d/e:f"]
    permissions: Json = {"tools": {"allowed_tools": ["a b"], "blocked_tools": names}}
    _, findings = read({"permissions": permissions})
    document_lints(findings)
    place = "permissions.tools.blocked_tools"
    assert [(found.code, found.path) for found in findings.warnings] == [
        ("oags-name-doubtful", f"{place}[{index}]") for index in range(5)
    ]
    assert [found.message for found in findings.warnings][:2] == [
        "`rm -rf` has a space, and names have none: what a command does is not compared",
        "`delete?` is compared as it is written: `*` at the end is the only pattern",
    ]


def test_an_allowed_host_with_a_port_is_a_warning() -> None:
    """Every port is allowed, which its author may not mean; as a block entry that is wide, and silent."""
    hosts: Json = ["localhost:8080", "[::1]:443", "::1", "a.example", "10.0.0.5:1"]
    document: Json = {"permissions": {"network": {"allowed_hosts": hosts, "blocked_hosts": ["b.example:1"]}}}
    _, findings = read(document)
    place = "permissions.network.allowed_hosts"
    expected = [("network-port", f"{place}[{index}]") for index in (0, 1, 4)]
    assert [(found.code, found.path) for found in findings.warnings] == expected
    assert normal({"agent": {"llm": "x"}}) == {}


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ({"policy": {"network": {"deny_all_other": False}}}, "network-open", "policy.network.deny_all_other"),
        ({"project": {"sekuire_id": f"sekuire://blake3:{ID}"}}, "oags-id-prefix", "project.sekuire_id"),
        (
            {"identity": {"model": "a"}, "agent": {"llm": {"model": "b"}}},
            "model-disagrees",
            "agent.llm.model",
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(document: Json, code: str, path: str) -> None:
    """The document stays valid, and the member is named."""
    policy, findings = read(document)
    assert policy is not None
    assert [(warning.code, warning.path) for warning in findings.warnings] == [(code, path)]


@pytest.mark.parametrize("value", ["base.yml", ["base.yml"], None])
def test_a_document_that_would_inherit_is_refused(value: Json) -> None:
    """What a base blocks is not lost in silence."""
    policy, findings = read({"extends": value, "permissions": {}})
    assert policy is None
    assert [(found.code, found.path, found.message) for found in findings.errors] == [
        ("member-not-allowed", "extends", "is not read: write what the document inherits into it")
    ]


def test_an_open_network_is_a_star() -> None:
    """`deny_all_other: false` adds `*` once; `true` adds nothing."""
    for hosts, expected in ((["a.example"], ["a.example", "*"]), (["*"], ["*"])):
        document: Json = {"policy": {"network": {"allowed_domains": [*hosts], "deny_all_other": False}}}
        assert normal(document)["network"]["allowed"] == expected
    closed: Json = {"policy": {"network": {"deny_all_other": True}}}
    assert normal(closed)["network"]["allowed"] == []


def test_relative_paths_need_something_to_be_relative_to() -> None:
    """Without a root, a relative entry is an error that says what to set."""
    findings = DocumentFindings(Document({"policy": {"filesystem": {"blocked_paths": ["./a", "/b"]}}}, {}))
    assert read_normal(findings, relative_paths=False) is None
    [error] = findings.errors
    assert error.path == "policy.filesystem.blocked_paths[0]"
    assert error.message == "`./a`: is relative: set `root` in the policy, or write an absolute path"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(sorted({name for path in MEMBERS for name in path})), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_any_value_is_read_or_refused(value: Json) -> None:
    """No document ends in anything but a policy or errors, and the JSON Schema refuses nothing that is read."""
    policy, findings = read(value)
    assert (policy is None) == bool(findings.errors)
    if policy is not None:
        json.dumps(policy.as_json())
        assert VALIDATOR.is_valid(value)


def test_the_schema_knows_every_member() -> None:
    """Each member is there with its text, and closed sections refuse others."""
    Draft202012Validator.check_schema(sekuire_schema())
    for path, member in MEMBERS.items():
        shape = sekuire_schema()
        for name in path:
            shape = shape["properties"][name]
        assert shape["description"] == member.text
    assert not VALIDATOR.is_valid({"policy": {"network": {"enabled": True}}})
    assert not VALIDATOR.is_valid({"rate_limits": {"requests": {"max_per_minute": 0}}})
    assert children(("policy", "tools")) == {
        "allowed": False,
        "blocked": False,
        "require_confirmation": False,
    }
