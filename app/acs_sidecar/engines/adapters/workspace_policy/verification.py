"""The verification of a document, step by step (section 10.3). Values in, values out."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from acs_sidecar.engines.adapters.workspace_policy.document.members import PolicyStatus
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.statement import content_hash, is_signed_by
from acs_sidecar.engines.adapters.workspace_policy.trust import PolicyKey, PolicyKeys

__all__ = ["Expected", "Failure", "Step", "Verification", "verify_policy"]


class Step(StrEnum):
    """What is checked, in this order; the form comes first, when the document is read."""

    FORM = "form"
    HASH = "hash"
    SIGNED = "signed"
    SCHEME = "scheme"
    KEY = "key"
    SIGNATURE = "signature"
    WORKSPACE = "workspace"
    VERSION = "version"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a document; `None` for what is not."""

    workspace: str | None = None
    min_version: int | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The step that failed, and why; `member` is the one of the document that it is about."""

    step: Step
    code: str
    message: str
    member: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The first failure, or the key that signed."""

    failure: Failure | None
    key: PolicyKey | None = None


def verify_policy(policy: WorkspacePolicy, trust: PolicyKeys, expected: Expected) -> Verification:
    """Verify a document of the right form; the first step that fails ends it."""
    candidates = [key for key in _candidates(policy, trust) if key.may_sign(policy.workspace_id)]
    key = next((key for key in candidates if policy.signature and is_signed_by(policy, key.public)), None)
    for step in Step:
        if found := _problem(step, policy, trust, expected, key):
            return Verification(Failure(step, *found))
    return Verification(None, key)


def _candidates(policy: WorkspacePolicy, trust: PolicyKeys) -> Iterator[PolicyKey]:
    """Yield the keys that may have signed; the key's name in the original's documents is not signed."""
    yield from trust.keys if policy.is_legacy else trust.named(policy.key_id)


def _problem(
    step: Step, policy: WorkspacePolicy, trust: PolicyKeys, expected: Expected, key: PolicyKey | None
) -> tuple[str, str, str] | None:
    """Return code, message and member of what is wrong at a step."""
    match step:
        case Step.FORM:
            return None
        case Step.HASH:  # stops: an edited content under a signature of the hash
            return _hash_problem(policy, expected)
        case Step.SIGNED:
            if policy.signature is None:
                command = "activate" if policy.status is PolicyStatus.DRAFT else "sign"
                return "policy-unsigned", f"is not signed: run `acs-sidecar policy {command}`", "signature"
            return None
        case Step.SCHEME:  # stops: status, version and workspace edited under a signature of the content
            if policy.is_legacy and expected.content_hash is None:
                return "policy-legacy", _legacy_advice(policy), "signature"
            return None
        case Step.KEY:  # stops: a key that travels with the document, and one for other workspaces
            return _key_problem(policy, trust)
        case Step.SIGNATURE:
            if key is None:
                message = "is not a signature of this document by that key"
                return "policy-signature-invalid", message, "signature"
            return None
        case Step.WORKSPACE:  # stops: a policy that was signed for somebody else
            if expected.workspace not in (None, policy.workspace_id):
                message = f"is `{policy.workspace_id}`, and `{expected.workspace}` is expected"
                return "policy-workspace", message, "workspace_id"
            return None
        case Step.VERSION:  # stops: an old policy that was valid once
            return _version_problem(policy, expected)
        case Step.STATUS:
            if policy.status is PolicyStatus.ACTIVE or (policy.is_withdrawn and not policy.is_legacy):
                return None
            message = f"is `{policy.status}`: run `acs-sidecar policy activate`"
            return "policy-not-active", message, "status"
        case _:
            assert_never(step)


def _hash_problem(policy: WorkspacePolicy, expected: Expected) -> tuple[str, str, str] | None:
    if content_hash(policy.content_value) != policy.hash:
        return "policy-hash-mismatch", "is not the hash of `content`", "hash"
    if expected.content_hash not in (None, policy.hash):
        return "policy-hash-mismatch", "is not the content hash that is expected", "hash"
    return None


def _legacy_advice(policy: WorkspacePolicy) -> str:
    return (
        "binds the content alone, for `signature_scheme` is missing: run `acs-sidecar policy sign`, "
        f"or pin the content with `content_hash: {policy.hash}`"
    )


def _key_problem(policy: WorkspacePolicy, trust: PolicyKeys) -> tuple[str, str, str] | None:
    candidates = [*_candidates(policy, trust)]
    if not candidates:
        what = "no key is trusted" if policy.is_legacy else f"`{policy.key_id}` is not a trusted key"
        return "policy-key-untrusted", f"{what}: add it to the trust file", "signing_key_id"
    if not any(key.may_sign(policy.workspace_id) for key in candidates):
        message = f"is not trusted for `{policy.workspace_id}`: see `workspaces` in the trust file"
        return "policy-key-untrusted", message, "signing_key_id"
    return None


def _version_problem(policy: WorkspacePolicy, expected: Expected) -> tuple[str, str, str] | None:
    if expected.min_version is None:
        return None
    if policy.is_legacy:
        message = "is not signed, so that it cannot meet a minimum: run `acs-sidecar policy sign`"
        return "policy-rollback", message, "version"
    if policy.version < expected.min_version:
        return (
            "policy-rollback",
            f"is {policy.version}, below the minimum of {expected.min_version}",
            "version",
        )
    return None
