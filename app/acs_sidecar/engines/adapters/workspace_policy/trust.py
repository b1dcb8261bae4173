"""The keys that may sign policies, from the file beside the manifest (section 10.5)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from acs_sidecar.engines.adapters.workspace_policy.document.members import IDENTIFIER
from acs_sidecar.engines.adapters.workspace_policy.document.reader import matches
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.spec.document.public_keys import is_weak, key_name, read_public_key
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.globs import Globs
from acs_sidecar.spec.values import Json

__all__ = ["PolicyKey", "PolicyKeys", "read_trusted_keys"]

_HEX = re.compile("[0-9a-f]{64}")
_FINGERPRINT = "ed25519:"
_MEMBERS = ("public_key", "workspaces")


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """A public key, 32 bytes, under the name that the operator gave it; `workspaces` is `None` for all."""

    name: str
    public: bytes
    workspaces: tuple[str, ...] | None = None

    def may_sign(self, workspace: str) -> bool:
        """True if the key is trusted for a workspace."""
        return self.workspaces is None or Globs(self.workspaces).match(workspace)


@dataclass(frozen=True, slots=True)
class PolicyKeys:
    """All keys of a file of trust."""

    keys: tuple[PolicyKey, ...]

    def named(self, key_id: str | None) -> Sequence[PolicyKey]:
        """Return the key of that name, or else those with that fingerprint."""
        by_name = [key for key in self.keys if key.name == key_id]
        return by_name or [key for key in self.keys if key_name(key.public) == key_id]


def read_trusted_keys(findings: DocumentFindings) -> PolicyKeys:
    """Read the file of trust of `findings`; what is wrong is an error there, and trusts nothing."""
    value = findings.document.value
    entries = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.keys() != {"keys"} or not isinstance(entries, dict):
        findings.error("wrong-type", "must have the single member `keys`, a mapping of names to keys", ())
        return PolicyKeys(())
    read = [_key(findings, name, entry) for name, entry in entries.items()]
    return PolicyKeys(() if findings.errors else tuple(key for key in read if key is not None))


def _key(findings: DocumentFindings, name: str, entry: Json) -> PolicyKey | None:
    path = ("keys", name)
    if not matches(IDENTIFIER, name):
        findings.error("value-not-allowed", f"a name must be {IDENTIFIER.form}", path)
    if not isinstance(entry, dict):
        findings.error("wrong-type", "must be a mapping with `public_key`", path)
        return None
    for unknown, message in unknown_members(entry, _MEMBERS):
        findings.error("member-unknown", message, (*path, unknown))
    given = entry.get("public_key")
    public = _public_key(given) if isinstance(given, str) else None
    if "public_key" not in entry:
        findings.error("member-missing", "`public_key` is missing", path)
    elif public is None:
        message = "must be an Ed25519 public key: PEM, its 32 bytes in base64, or 64 lower-case hex digits"
        findings.error("value-not-allowed", message, (*path, "public_key"))
    elif name.startswith(_FINGERPRINT) and name != key_name(public):
        message = f"is the name of another key: the fingerprint of this one is `{key_name(public)}`"
        findings.error("value-not-allowed", message, path)
    workspaces = _workspaces(findings, entry["workspaces"], path) if "workspaces" in entry else None
    return None if public is None else PolicyKey(name, public, workspaces)


def _public_key(text: str) -> bytes | None:
    if _HEX.fullmatch(text):
        public = bytes.fromhex(text)
        return None if is_weak(public) else public
    return read_public_key(text)


def _workspaces(findings: DocumentFindings, given: Json, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns; what is wrong is an error."""
    listed = given if isinstance(given, list) else []
    texts = tuple(text for text in listed if isinstance(text, str) and text)
    if not texts or len(texts) != len(listed):
        message = "must be a list of patterns such as `ws_*`; leave it out for every workspace"
        findings.error("wrong-type", message, (*path, "workspaces"))
    return texts
