"""The life of a document: what each step makes of it (section 10.5). Values in, values out; no clock."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.engines.adapters.workspace_policy.document.members import DOCUMENT, SCHEME, PolicyStatus
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.statement import content_hash, statement
from acs_sidecar.spec.document.public_keys import key_name
from acs_sidecar.spec.policy_statement import UNVERSIONED, Revision
from acs_sidecar.spec.values import Json

__all__ = ["LifecycleError", "activated", "draft", "resigned", "revisions", "revoked", "superseded"]

_HIGHEST = 10**18 - 1


class LifecycleError(ValueError):
    """A step that a document cannot take; the message says why and what to do."""


def draft(policy_id: str, workspace: str, version: str) -> dict[str, Json]:
    """Return a draft without rules."""
    content: dict[str, Json] = {
        "agent": {
            "models": {"allowed_providers": [], "allowed_models": [], "denied_models": []},
            "capabilities": {"allowed_tools": [], "denied_tools": [], "require_tool_approval": False},
        },
        "compliance": {"frameworks": [], "require_audit_logging": False},
    }
    return {
        "policy_id": policy_id,
        "workspace_id": workspace,
        "version": version,
        "status": PolicyStatus.DRAFT.value,
        "content": content,
        "hash": content_hash(content),
    }


def resigned(policy: WorkspacePolicy, key: Ed25519PrivateKey, **changes: str) -> dict[str, Json]:
    """Return a document with changes, its hash, and a signature by a key; one that travelled with it goes."""
    value = {**policy.value, **changes}
    value.pop("signing_public_key", None)
    value["hash"] = content_hash(policy.content_value)
    value["signing_key_id"] = key_name(key.public_key().public_bytes_raw())
    value["signature_scheme"] = SCHEME
    value["signature"] = key.sign(statement(value)).hex()
    return _ordered(value)


def activated(
    policy: WorkspacePolicy, key: Ed25519PrivateKey, now: str, before: WorkspacePolicy | None
) -> dict[str, Json]:
    """Return a draft put in force, in the place of `before` where there is one. Raises `LifecycleError`."""
    if policy.status is not PolicyStatus.DRAFT:
        advice = (
            "`acs-sidecar policy sign` signs it anew"
            if policy.status is PolicyStatus.ACTIVE
            else "create the next version"
        )
        raise LifecycleError(f"is `{policy.status}`, and only a draft is activated: {advice}")
    changes = {"status": PolicyStatus.ACTIVE.value, "activated_at": now}
    if before is None:
        return resigned(policy, key, **changes)
    for name in ("workspace_id", "policy_id"):
        if policy.value[name] != before.value[name]:
            raise LifecycleError(f"its `{name}` is not that of the policy before")
    if before.status is PolicyStatus.DRAFT:
        raise LifecycleError("the policy before is a draft, which nothing supersedes")
    if policy.version <= before.version:
        raise LifecycleError(f"version {policy.version} does not rise over version {before.version}")
    if content_hash(before.content_value) != before.hash:
        raise LifecycleError("the `hash` of the policy before is not that of its content")
    return resigned(policy, key, **changes, supersedes=before.hash)


def superseded(policy: WorkspacePolicy, key: Ed25519PrivateKey, now: str) -> dict[str, Json] | None:
    """Return an active document taken out of force, `None` for one that is out of it already."""
    if policy.is_withdrawn:
        return None
    return resigned(policy, key, status=PolicyStatus.SUPERSEDED.value, updated_at=now)


def revoked(policy: WorkspacePolicy, key: Ed25519PrivateKey, now: str) -> dict[str, Json]:
    """Return the next version of a document, which denies everything. Raises `LifecycleError`."""
    if policy.status not in (PolicyStatus.ACTIVE, PolicyStatus.SUPERSEDED):
        raise LifecycleError(f"is `{policy.status}`: there is nothing to revoke")
    if content_hash(policy.content_value) != policy.hash:
        raise LifecycleError("its `hash` is not that of its content")
    if policy.version >= _HIGHEST:
        raise LifecycleError("has the highest version that there is")
    version = str(policy.version + 1)
    return resigned(policy, key, version=version, status=PolicyStatus.REVOKED.value, updated_at=now)


def revisions(path: str, policy: WorkspacePolicy) -> tuple[Revision, ...]:
    """Return the version that a document is; that of the original's documents is unprotected."""
    version = UNVERSIONED if policy.is_legacy else policy.version
    revision = Revision(path, policy.workspace_id, version, policy.hash, policy.is_withdrawn)
    return (revision,)


def _ordered(value: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value[name] for name in DOCUMENT.members if name in value}
