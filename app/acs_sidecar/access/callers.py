"""The callers file: who may call, by which credential, for what (section 2.4)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acs_sidecar.access.entries import Entry, entries_of, read_text
from acs_sidecar.decision.caller import ALL_SCOPES, Caller, Scope
from acs_sidecar.spec.globs import Globs

__all__ = ["CALLER_MEMBERS", "TABLE", "Callers", "parse_callers", "read_callers"]

TABLE = "callers"
_CREDENTIALS = frozenset({"token_sha256", "spiffe_id", "dns_name", "uid"})
CALLER_MEMBERS = _CREDENTIALS | {"scopes", "agents", "manifests", "inline", "expires"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)*")
_DNS_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_MAX_UID = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Callers:
    """Every caller, by the SHA-256 of each of its tokens, which stands beside it for the comparison.

    `by_peer` has them by what their connections prove, as in `Peer.names`.
    """

    by_token: Mapping[bytes, tuple[bytes, Caller]] = field(default_factory=dict)
    by_peer: Mapping[str, Caller] = field(default_factory=dict)

    def of_peer(self, names: Iterable[str]) -> Caller | None:
        """Find the one caller that these names are those of; `None` for none, and for several."""
        found = {caller.name: caller for name in names if (caller := self.by_peer.get(name))}
        return found.popitem()[1] if len(found) == 1 else None


def read_callers(path: Path) -> Callers:
    """Read a callers file. Raises `AccessFileError`."""
    return parse_callers(read_text(path), path.name)


def parse_callers(text: str, file: str) -> Callers:
    """Read the text of a callers file, called `file` in messages. Raises `AccessFileError`."""
    by_token: dict[bytes, tuple[bytes, Caller]] = {}
    by_peer: dict[str, Caller] = {}
    for entry in entries_of(text, file, TABLE, CALLER_MEMBERS):
        caller = _caller(entry)
        if not entry.members.keys() & _CREDENTIALS:
            entry.fault(None, f"has no credential: set one of {_listed(_CREDENTIALS)}")
        for digest in _digests(entry):
            if by_token.setdefault(digest, (digest, caller))[1] is not caller:
                entry.fault("token_sha256", "is already the token of another caller")
        for member, name in _peer_names(entry):
            if by_peer.setdefault(name, caller) is not caller:
                entry.fault(member, "already belongs to another caller")
    return Callers(by_token, by_peer)


def _caller(entry: Entry) -> Caller:
    agents, manifests = entry.texts("agents"), entry.texts("manifests")
    return Caller(
        name=entry.name,
        scopes=_scopes(entry),
        agents=None if agents is None else Globs(agents),
        manifests=None if manifests is None else Globs(manifests),
        # Who is held to some manifests must not get around them by bringing another.
        inline=entry.flag("inline", manifests is None),
        expires=entry.moment("expires"),
    )


def _scopes(entry: Entry) -> frozenset[Scope]:
    named = entry.texts("scopes")
    if named is None:
        if "scopes" not in entry.members:
            entry.fault(None, f"has no `scopes`: set a list of {_listed(ALL_SCOPES)}")
        return frozenset()
    if not ALL_SCOPES.issuperset(named):
        entry.fault("scopes", f"has an unknown scope; must be from {_listed(ALL_SCOPES)}")
    scopes = frozenset(Scope(name) for name in named if name in ALL_SCOPES)
    return ALL_SCOPES if Scope.ADMIN in scopes else scopes


def _digests(entry: Entry) -> Iterable[bytes]:
    for text in entry.texts("token_sha256", alone=True) or ():
        if _SHA256.fullmatch(text):
            yield bytes.fromhex(text)
        else:
            entry.fault("token_sha256", "must be the SHA-256 of the token: 64 lower-case hexadecimal digits")


def _peer_names(entry: Entry) -> Iterable[tuple[str, str]]:
    for name in entry.texts("spiffe_id", alone=True) or ():
        if _SPIFFE_ID.fullmatch(name):
            yield "spiffe_id", name
        else:
            entry.fault("spiffe_id", "must be a SPIFFE ID, such as spiffe://example.org/agent-host")
    for name in entry.texts("dns_name", alone=True) or ():
        if _DNS_NAME.fullmatch(name):
            yield "dns_name", f"dns:{name}"
        else:
            entry.fault("dns_name", "must be a DNS name in lower case, without `*`")
    uid = entry.members.get("uid")
    if isinstance(uid, int) and not isinstance(uid, bool) and 0 <= uid < _MAX_UID:
        yield "uid", f"uid:{uid}"
    elif "uid" in entry.members:
        entry.fault("uid", "must be a numeric user ID")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
