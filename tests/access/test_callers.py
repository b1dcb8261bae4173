"""Section 2.4: the callers file, read strictly."""

from hashlib import sha256
from pathlib import Path

import pytest

from acs_sidecar.access.callers import parse_callers, read_callers
from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.decision.caller import ALL_SCOPES, Scope

A, B = "a" * 64, "b" * 64
KNOWN = "must be one of `agents`, `dns_name`, `expires`, `inline`, `manifests`, `scopes`, `spiffe_id`, `token_sha256`, `uid`"


def test_a_caller_has_what_its_entry_says() -> None:
    """Every member has its meaning, and a caller may have several tokens while one replaces another."""
    text = f"""
callers:
  support-host:
    token_sha256: [{A}, {B}]
    scopes: [evaluate, metrics]
    agents: ["support-*"]
    manifests: ["support-*"]
    inline: true
    expires: "2027-01-31T01:00:00+01:00"
"""
    callers = parse_callers(text, "callers.yaml").by_token
    digest, caller = callers[bytes.fromhex(A)]
    assert (digest, callers[bytes.fromhex(B)][1]) == (bytes.fromhex(A), caller)
    assert (caller.name, caller.inline, caller.expires) == ("support-host", True, 1_801_353_600.0)
    assert caller.scopes == {Scope.EVALUATE, Scope.METRICS}
    assert caller.may_use("support-agent")
    assert not caller.may_use("payments")


def test_what_is_left_out_restricts_nothing_but_scopes() -> None:
    """Agents and manifests are free by default; who is held to some manifests brings none of its own."""
    text = f"callers: {{a: {{token_sha256: {A}, scopes: [admin]}}, b: {{token_sha256: {B}, scopes: [evaluate], manifests: ['*']}}}}"
    callers = parse_callers(text, "f").by_token
    free, held = callers[bytes.fromhex(A)][1], callers[bytes.fromhex(B)][1]
    assert (free.scopes, free.agents, free.manifests, free.inline, free.expires) == (
        ALL_SCOPES,
        None,
        None,
        True,
        None,
    )
    assert held.inline is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "f:2:1: not YAML or JSON: did not find expected node content"),
        ("", "f: the document is empty"),
        ("[]", "f: must have the single member `callers`, a mapping of names to entries"),
        ("callers: {}", "f: must have the single member `callers`, a mapping of names to entries"),
        ("callers: [a]", "f: must have the single member `callers`, a mapping of names to entries"),
        ("callers: {a: {}}\nmore: 1", "f: must have the single member `callers`, a mapping of names to entries"),
        ("callers: {a: 1}", "f:1:11: callers.a: must be a mapping"),
        ("callers: {'a b': {}}", 'f:1:11: callers["a b"]: a name must be 1 to 96 characters from A-Z a-z 0-9 _ - . : /'),
        ("callers:\n  a: {scopes: [evaluate]}", "f:2:3: callers.a: has no credential: set one of dns_name, spiffe_id, token_sha256, uid"),
        (f"callers: {{a: {{token_sha256: {A}}}}}", "f:1:11: callers.a: has no `scopes`: set a list of admin, "
         "audit:read, evaluate, manifests:read, metrics"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate, root]}}}}", "f:1:95: callers.a.scopes: has an unknown "
         "scope; must be from admin, audit:read, evaluate, manifests:read, metrics"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: []}}}}", "f:1:95: callers.a.scopes: must be a list of non-empty "
         "strings"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: evaluate}}}}", "f:1:95: callers.a.scopes: must be a list of non-empty "
         "strings"),
        ("callers: {a: {token_sha256: acs_secret, scopes: [evaluate]}}", "f:1:15: callers.a.token_sha256: must be the "
         "SHA-256 of the token: 64 lower-case hexadecimal digits"),
        (f"callers: {{a: {{token_sha256: {A.upper()}, scopes: [evaluate]}}}}", "f:1:15: callers.a.token_sha256: must be "
         "the SHA-256 of the token: 64 lower-case hexadecimal digits"),
        ("callers: {a: {token_sha256: 1, scopes: [evaluate]}}", "f:1:15: callers.a.token_sha256: must be a string or a "
         "list of non-empty strings"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate]}}, b: {{token_sha256: {A}, scopes: [evaluate]}}}}",
         "f:1:120: callers.b.token_sha256: is already the token of another caller"),
        ("callers: {a: {scopes: [evaluate], spiffe_id: 'https://x'}}", "f:1:35: callers.a.spiffe_id: must be a SPIFFE ID, "
         "such as spiffe://example.org/agent-host"),
        ("callers: {a: {scopes: [evaluate], spiffe_id: 'spiffe://x/*'}}", "f:1:35: callers.a.spiffe_id: must be a SPIFFE "
         "ID, such as spiffe://example.org/agent-host"),
        ("callers: {a: {scopes: [evaluate], dns_name: '*.x'}}", "f:1:35: callers.a.dns_name: must be a DNS name in lower "
         "case, without `*`"),
        ("callers: {a: {scopes: [evaluate], uid: -1}}", "f:1:35: callers.a.uid: must be a numeric user ID"),
        ("callers: {a: {scopes: [evaluate], uid: true}}", "f:1:35: callers.a.uid: must be a numeric user ID"),
        ("callers: {a: {scopes: [evaluate], uid: 1}, b: {scopes: [evaluate], uid: 1}}", "f:1:68: callers.b.uid: already "
         "belongs to another caller"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], agent: x}}}}", f"f:1:115: callers.a.agent: unknown member, did you mean `agents`?; {KNOWN}"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], agents: []}}}}", "f:1:115: callers.a.agents: must be a "
         "list of non-empty strings"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], manifests: [1]}}}}", "f:1:115: callers.a.manifests: must "
         "be a list of non-empty strings"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], inline: no}}}}", "f:1:115: callers.a.inline: must be true "
         "or false"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], expires: soon}}}}", "f:1:115: callers.a.expires: must be "
         "a date and time with a time zone, such as 2027-01-31T00:00:00Z"),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], expires: '2027-01-31'}}}}", "f:1:115: callers.a.expires: "
         "must be a date and time with a time zone, such as 2027-01-31T00:00:00Z"),
        *(
            (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], expires: '{moment}'}}}}", "f:1:115: "
             "callers.a.expires: must be a date and time with a time zone, such as 2027-01-31T00:00:00Z")
            for moment in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0206-01-01T00:00:00Z")
        ),
        (f"callers: {{a: {{token_sha256: {A}, scopes: [evaluate], expires: null}}}}", "f:1:115: callers.a.expires: must be "
         "a non-empty string"),
    ],
)  # fmt: skip
def test_a_fault_names_its_place(text: str, message: str) -> None:
    """Whatever is not exactly as it must be is refused, with line, column and member."""
    with pytest.raises(AccessFileError) as caught:
        parse_callers(text, "f")
    assert str(caught.value) == message


def test_every_fault_is_told_at_once() -> None:
    """A file is corrected in one go."""
    with pytest.raises(AccessFileError) as caught:
        parse_callers("callers:\n  a: 1\n  b: {scopes: [x]}\n", "f")
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "callers.a",
        "callers.b.scopes",
        "callers.b",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, not UTF-8, or too long."""
    path = tmp_path / "callers.yaml"
    faults = []
    for content in (None, b"\xff", b" " * 1_048_577):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(AccessFileError) as caught:
            read_callers(path)
        faults.append(str(caught.value))
    assert faults == [
        f"`{path}` cannot be read: No such file or directory",
        f"`{path}` is not UTF-8 at byte 0",
        f"`{path}` exceeds 1048576 bytes",
    ]


def test_a_token_is_found_by_its_hash(tmp_path: Path) -> None:
    """The file holds no secret: its SHA-256 leads to the caller."""
    path = tmp_path / "callers.json"
    digest = sha256(b"secret")
    path.write_text(
        f'{{"callers": {{"a": {{"token_sha256": "{digest.hexdigest()}", "scopes": ["evaluate"]}}}}}}'
    )
    assert read_callers(path).by_token[digest.digest()][1].name == "a"
