"""The approvers file: whose signatures count, and for what (section 19)."""

from pathlib import Path

from acs_sidecar.access.entries import Entry, entries_of, read_text
from acs_sidecar.access.public_keys import public_key
from acs_sidecar.approval.approvers import Approver, Approvers
from acs_sidecar.audit.format.record import rfc3339
from acs_sidecar.spec.globs import Globs

__all__ = ["parse_approvers", "read_approvers"]

TABLE = "approvers"
_MEMBERS = frozenset({"public_key", "resolvers", "agents", "manifests", "groups", "expires"})


def read_approvers(path: Path) -> Approvers:
    """Read an approvers file. Raises `AccessFileError`."""
    return parse_approvers(read_text(path), path.name)


def parse_approvers(text: str, file: str) -> Approvers:
    """Read the text of an approvers file, called `file` in messages. Raises `AccessFileError`."""
    return Approvers(tuple(_approver(entry) for entry in entries_of(text, file, TABLE, _MEMBERS)))


def _approver(entry: Entry) -> Approver:
    expires = entry.moment("expires")
    return Approver(
        name=entry.name,
        public=public_key(entry),
        resolvers=_globs(entry, "resolvers"),
        agents=_globs(entry, "agents"),
        manifests=_globs(entry, "manifests"),
        groups=frozenset(entry.texts("groups") or ()),
        until=None if expires is None else rfc3339(int(expires * 1_000_000)),
    )


def _globs(entry: Entry, member: str) -> Globs | None:
    patterns = entry.texts(member)
    return None if patterns is None else Globs(patterns)
