"""The callers file: who may call, by which credential, for what (contract 2.4)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.access.entries import Entry, entries_of, read_text
from app.core.caller import ALL_SCOPES, Caller, Globs, Scope

__all__ = ["Callers", "parse_callers", "read_callers"]

TABLE = "callers"
_CREDENTIALS = frozenset({"token_sha256"})
_MEMBERS = _CREDENTIALS | {"scopes", "agents", "manifests", "inline", "expires"}
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Callers:
    """Every caller, by the SHA-256 of each of its tokens, which stands beside it for the comparison."""

    by_token: Mapping[bytes, tuple[bytes, Caller]] = field(default_factory=dict)


def read_callers(path: Path) -> Callers:
    """Read a callers file. Raises `AccessFileError`."""
    return parse_callers(read_text(path), path.name)


def parse_callers(text: str, file: str) -> Callers:
    """Read the text of a callers file, called `file` in messages. Raises `AccessFileError`."""
    by_token: dict[bytes, tuple[bytes, Caller]] = {}
    for entry in entries_of(text, file, TABLE, _MEMBERS):
        caller = _caller(entry)
        if not entry.members.keys() & _CREDENTIALS:
            entry.fault(None, f"has no credential: give {_listed(_CREDENTIALS)}")
        for digest in _digests(entry):
            if by_token.setdefault(digest, (digest, caller))[1] is not caller:
                entry.fault("token_sha256", "is the token of another caller too")
    return Callers(by_token)


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
            entry.fault(None, f"has no `scopes`: give a list out of {_listed(ALL_SCOPES)}")
        return frozenset()
    if not ALL_SCOPES.issuperset(named):
        entry.fault("scopes", f"has one that is not known; known are {_listed(ALL_SCOPES)}")
    scopes = frozenset(Scope(name) for name in named if name in ALL_SCOPES)
    return ALL_SCOPES if Scope.ADMIN in scopes else scopes


def _digests(entry: Entry) -> Iterable[bytes]:
    for text in entry.texts("token_sha256", alone=True) or ():
        if _SHA256.fullmatch(text):
            yield bytes.fromhex(text)
        else:
            entry.fault("token_sha256", "must be 64 of 0-9 a-f: the SHA-256 of a token, not the token")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
