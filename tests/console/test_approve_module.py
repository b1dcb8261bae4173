"""The module of the page of approvals, by Node: what it signs, and what it refuses (section 15.5)."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import PrivateFormat

from acs_sidecar.approval.token import CHALLENGE, seal, unseal
from acs_sidecar.audit.format.note import VerifierKey
from tests.approval.desk import MALLORY, NOW, SERVICE_KEY, Desk
from tests.clients.typescript.node import skip_without_node
from tests.command import run
from tests.console.approver_keys import WORDS, pem
from tests.console.node import run_jobs

pytestmark = pytest.mark.server
skip_without_node()

SERVICE = str(VerifierKey("approvals", SERVICE_KEY.public_key().public_bytes_raw()))


def job(pasted: str, **members: Any) -> dict[str, Any]:
    """Return a job that answers a challenge at the time of the desk."""
    defaults = {"now": NOW // 1000, "pem": pem(), "passphrase": WORDS, "outcome": "allow", "service": SERVICE}
    return {"kind": "answer", "pasted": pasted, **defaults, **members}


def answered(*jobs: dict[str, Any]) -> list[dict[str, Any]]:
    """Run jobs of approvals."""
    return run_jobs(jobs, "approve")


@pytest.mark.parametrize(
    ("outcome", "decision"), [("allow", "allow"), ("deny", "deny"), ("suspend", "escalate")]
)
def test_what_the_page_signs_the_service_takes(outcome: str, decision: str) -> None:
    """A response, its challenge alone, or a ticket around it, is answered as the command would."""
    desk = Desk()
    response = desk.evaluate()
    challenge = response["approval"]["challenge"]
    for pasted in (challenge, json.dumps(response), json.dumps({"challenge": challenge})):
        (found,) = answered(job(pasted, outcome=outcome))
        resolved = desk.resolve(challenge=challenge, approval=found["value"]["token"])
        assert resolved["verdict"]["decision"] == decision, resolved
    assert json.loads(found["value"]["covers"])["outcome"] == outcome


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"passphrase": "wrong"}, "the passphrase does not open this key, or it is not an Ed25519 key"),
        ({"pem": "x"}, "the file is no PEM key"),
        ({"pem": pem(words=None)}, "a `PRIVATE KEY` is not taken here: encrypt the key as PKCS#8"),
        ({"now": NOW // 1000 + 60_000}, "the challenge expired at 2027-01-15T08:01:00.000000Z"),
        ({"outcome": "yes"}, "no such answer"),
        (
            {"service": "x"},
            "the service's key is `name+hash+base64`, as `acs-sidecar approvals key` prints it",
        ),
        (
            {"service": str(VerifierKey("approvals", MALLORY.public_key().public_bytes_raw()))},
            "the service's key did not sign this challenge",
        ),
        ({"pasted": ""}, "this is no challenge"),
        ({"pasted": "{}"}, "there is no challenge in it: only an escalation that can be approved has one"),
        ({"pasted": "{"}, "this is neither a challenge nor JSON"),
        ({"pasted": "acs-approval-v1.e30.AAAA"}, "this is no challenge"),
        ({"pasted": "acs-challenge-v1.e30.AAAA"}, "the challenge lacks members"),
        ({"pasted": "acs-challenge-v1.eyB9.AAAA"}, "the challenge does not hold canonical JSON"),
        ({"pasted": "acs-challenge-v1.e31.AAAA"}, "the challenge is not in its one form"),
        ({"pasted": "acs-challenge-v1.e!0.AAAA"}, "the challenge is not two parts of base64url"),
    ],
)
def test_what_cannot_be_signed_is_refused_by_name(members: dict[str, Any], problem: str) -> None:
    """Nothing is signed, and the reason is exact."""
    (found,) = answered(job(Desk().challenge()) | members)
    assert found == {"error": problem, "kind": "Refused"}


def test_only_the_service_s_own_challenge_passes_its_key() -> None:
    """Somebody else's signature over the same terms does not."""
    forged = seal(CHALLENGE, {**_body(Desk().challenge())}, MALLORY)
    (found,) = answered(job(forged))
    assert found["error"] == "the service's key did not sign this challenge"


def test_other_keys_are_refused_by_name() -> None:
    """Forms that WebCrypto could not open safely, and keys of other kinds."""
    private = Ed25519PrivateKey.generate()
    rsa = generate_private_key(65537, 2048)
    jobs = [
        {"kind": "parts", "pem": pem(private, None, PrivateFormat.OpenSSH)},
        {"kind": "parts", "pem": pem(rsa, kind=PrivateFormat.TraditionalOpenSSL)},
        {"kind": "parts", "pem": pem().replace("M", "A", 3)},
    ]
    assert [found["error"] for found in answered(*jobs)] == [
        "a `OPENSSH PRIVATE KEY` is not taken here: encrypt the key as PKCS#8",
        "the file is no PEM key",
        "the key file is damaged",
    ]
    (found,) = answered(job(Desk().challenge(), pem=pem(rsa)))
    assert found["error"] == "the passphrase does not open this key, or it is not an Ed25519 key"


def test_keys_as_another_program_encrypts_them_open_or_are_named() -> None:
    """Every form of OpenSSL's that the page takes signs; every other is named."""
    keys = json.loads((Path(__file__).parents[1] / "vectors" / "encrypted-keys.json").read_text())["keys"]
    challenge = Desk().challenge()
    opening = {"passphrase": "x"}
    found = answered(*(job(challenge, pem=one["pem"], **opening) for one in keys.values()))
    problems = {name: one.get("error") for name, one in zip(keys, found, strict=True)}
    assert problems == {name: one["problem"] for name, one in keys.items()}
    assert None in problems.values()


def test_the_command_writes_a_key_that_the_page_opens(tmp_path: Path) -> None:
    """And opens it itself; without its passphrase it says what to do."""
    (tmp_path / "words").write_text(f"{WORDS}\n")
    arguments = ["--key", "key.pem", "--passphrase-file", "words"]
    made = run(tmp_path, "approvals", "approver", "alice", "--generate", "--encrypt", *arguments)
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "key.pem").read_text()
    assert text.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    again = run(tmp_path, "approvals", "approver", "alice", *arguments)
    assert again.stdout == made.stdout
    challenge = Desk().challenge()
    (found,) = answered(job(challenge, pem=text))
    signed = run(tmp_path, "approve", "--yes", *arguments, given=challenge)
    assert signed.stdout.startswith("acs-approval-v1.")
    assert found["value"]["token"].startswith("acs-approval-v1.")
    for words, problem in (
        (["--key", "key.pem"], "the key needs a passphrase and there is no terminal to ask at"),
        (
            ["--key", "key.pem", "--passphrase-file", "key.pem"],
            "`key.pem` does not open with this passphrase",
        ),
        (["--key", "key.pem", "--passphrase-file", "none"], "--passphrase-file none cannot be read"),
        (["--key", "key.pem", "--encrypt"], "--encrypt needs --generate"),
    ):
        failed = run(tmp_path, "approvals", "approver", "alice", *words)
        assert failed.returncode == 2
        assert problem in failed.stderr
    (tmp_path / "short").write_text("1234567")
    short = ["--key", "other.pem", "--generate", "--encrypt", "--passphrase-file", "short"]
    assert (
        "a passphrase must have 8 characters or more"
        in run(tmp_path, "approvals", "approver", "a", *short).stderr
    )


def _body(challenge: str) -> dict[str, Any]:
    return unseal(CHALLENGE, challenge).body
