"""The approvers file: whose signatures count, read strictly (section 19)."""

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acs_sidecar.access.approvers import parse_approvers, read_approvers
from acs_sidecar.access.entries import AccessFileError
from tests.approval.desk import ALICE

PUBLIC = ALICE.public_key().public_bytes_raw()
BASE64 = base64.b64encode(PUBLIC).decode()
PEM = ALICE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
OTHER_KIND = (
    generate_private_key(SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def text(**members: Any) -> str:
    """A file with one approver."""
    return orjson.dumps({"approvers": {"alice": {"public_key": BASE64} | members}}).decode()


@pytest.mark.parametrize("key", [BASE64, PEM])
def test_a_key_in_either_form(key: str) -> None:
    """Base64 of the 32 bytes, or PEM; without globs everything may be approved."""
    (alice,) = parse_approvers(text(public_key=key), "approvers.yaml").entries
    assert (alice.name, alice.public, alice.until) == ("alice", PUBLIC, None)
    assert (alice.resolvers, alice.agents, alice.manifests) == (None, None, None)
    assert alice.groups == frozenset()


def test_what_an_approver_is_held_to(tmp_path: Path) -> None:
    """Globs, and an end in any zone."""
    path = tmp_path / "approvers.yaml"
    path.write_text(
        f'approvers:\n  alice:\n    public_key: "{BASE64}"\n    resolvers: [treasury]\n'
        "    agents: ['pay-*']\n    manifests: [m]\n    groups: [cfo, on-call@acme]\n    expires: 2027-06-30T02:00:00+02:00\n"
    )
    (alice,) = read_approvers(path).entries
    assert alice.resolvers and alice.agents and alice.manifests
    assert (alice.resolvers.match("treasury"), alice.agents.match("pay-1"), alice.manifests.match("n")) == (
        True,
        True,
        False,
    )
    assert alice.groups == {"cfo", "on-call@acme"}
    assert alice.until == "2027-06-30T00:00:00.000000Z"


BAD_KEY = "must be an Ed25519 public key, in PEM or its 32 bytes in base64"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"public_key": BASE64[:-4]}, BAD_KEY),
        ({"public_key": "A" + BASE64}, BAD_KEY),
        ({"public_key": "ö" * 44}, BAD_KEY),
        ({"public_key": OTHER_KIND}, BAD_KEY),
        ({"public_key": PEM.replace("M", "N", 1)}, BAD_KEY),
        ({"public_key": 1}, "must be a non-empty string"),
        ({"agents": []}, "must be a list of non-empty strings"),
        ({"agents": "pay-*"}, "must be a list of non-empty strings"),
        ({"groups": "finance"}, "must be a list of non-empty strings"),
        ({"groups": []}, "must be a list of non-empty strings"),
        ({"groups": ["finance", 1]}, "must be a list of non-empty strings"),
        ({"expires": "2027-06-30"}, "must be a date and time with a time zone, such as 2027-01-31T00:00:00Z"),
        (
            {"agent": ["x"]},
            "unknown member, did you mean `agents`?; must be one of `agents`, `expires`, `groups`, `manifests`, `public_key`, `resolvers`",
        ),
    ],
)
def test_a_fault_is_named(members: dict[str, Any], message: str) -> None:
    """Whatever is not as it must be is refused, with its member."""
    with pytest.raises(AccessFileError) as refusal:
        parse_approvers(text(**members), "approvers.yaml")
    (member,) = members
    assert str(refusal.value).startswith("approvers.yaml:")
    assert str(refusal.value).endswith(f"approvers.alice.{member}: {message}")


@pytest.mark.parametrize("broken", ["", "approvers: []", "approvers: {}", "callers: {a: {}}", "approvers: {"])
def test_a_file_that_is_none(broken: str) -> None:
    """A file without approvers is refused: it would trust nobody."""
    with pytest.raises(AccessFileError):
        parse_approvers(broken, "approvers.yaml")


def test_a_missing_key() -> None:
    """An approver without a key approves nothing."""
    with pytest.raises(AccessFileError, match="has no `public_key`"):
        parse_approvers('{"approvers": {"alice": {}}}', "approvers.yaml")
