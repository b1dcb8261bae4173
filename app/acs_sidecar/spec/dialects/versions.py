"""The versions of the specification that manifests may name, and the dialect of each (section 6.1)."""

import re
from dataclasses import replace

from acs_sidecar.spec.dialects.adapter_output import newer_output, same_output
from acs_sidecar.spec.dialects.dialect import Dialect, Vocabulary
from acs_sidecar.spec.dialects.policy_output import normalise_output
from acs_sidecar.spec.path import POLICY_TARGET_PATHS, TARGET_PATHS
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import Json
from acs_sidecar.spec.verdict import normalise

__all__ = [
    "DIALECTS",
    "DIALECT_03",
    "DIALECT_04",
    "DIALECT_05",
    "SUPPORTED_VERSIONS",
    "VERSION",
    "VERSION_RULE",
    "dialect_of",
    "document_dialect",
    "same_version",
    "settled_members",
    "version_pattern",
]

DIALECT_03 = Dialect(
    name="0.3",
    vocabulary=Vocabulary.FIVE_DECISIONS,
    paths=POLICY_TARGET_PATHS,
    normalise=normalise,
    adapter_output=same_output,
)
DIALECT_04 = Dialect(
    name="0.4",
    vocabulary=Vocabulary.AGENT_HOOKS,
    paths=TARGET_PATHS,
    normalise=normalise_output,
    adapter_output=newer_output,
    untransformed=frozenset({InterventionPoint.AGENT_STARTUP, InterventionPoint.AGENT_SHUTDOWN}),
    agent_contexts=True,
)
DIALECT_05 = replace(DIALECT_04, name="0.5", needs=True)

_SUFFIXED = ("0.3.0-alpha", "0.3.1-beta")
_PLAIN = {"0.4.0-alpha.1": DIALECT_04, "0.5.0-alpha.1": DIALECT_05}
_SUFFIX = r"(?:-agt(?:\+[A-Za-z0-9._-]+)?)?"
_WITH_SUFFIX = rf"(?:{'|'.join(map(re.escape, _SUFFIXED))}){_SUFFIX}"
_SUFFIXED_VERSION = re.compile(_WITH_SUFFIX)
# The property White_Space of Unicode: `str.strip` strips four control characters more.
_WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

VERSION = "agent_control_specification_version"
SUPPORTED_VERSIONS = (*_SUFFIXED, *_PLAIN)
DIALECTS = (DIALECT_03, DIALECT_04, DIALECT_05)

VERSION_RULE = (
    f"must be one of {', '.join(f'`{name}`' for name in SUPPORTED_VERSIONS)}; "
    "one of 0.3 may be followed by `-agt` or `-agt+<revision>`"
)


def version_pattern(*dialects: Dialect) -> str:
    """Return a regular expression of JSON Schema for versions, no stricter than `dialect_of`."""
    plain = [re.escape(version) for version, dialect in _PLAIN.items() if dialect in dialects]
    suffixed = [f"^{_WITH_SUFFIX}$"] if DIALECT_03 in dialects else []
    return "|".join([*suffixed, *([rf"^[\s\x85]*(?:{'|'.join(plain)})[\s\x85]*$"] if plain else [])])


def dialect_of(version: Json) -> Dialect | None:
    """Return the dialect of a version, `None` if it is not supported."""
    if not isinstance(version, str):
        return None
    if _SUFFIXED_VERSION.fullmatch(version):
        return DIALECT_03
    return _PLAIN.get(version.strip(_WHITE_SPACE))


def document_dialect(value: Json) -> Dialect:
    """Return the dialect of a manifest that need not be valid; of one that names none, the oldest."""
    return (dialect_of(value.get(VERSION)) if isinstance(value, dict) else None) or DIALECT_03


def settled_members(value: Json) -> Json:
    """Return a manifest as its digest and its merging see it.

    From 0.4 on its version stands without the white space around it, and `metadata: null` is absent.
    """
    if not isinstance(value, dict) or not document_dialect(value).agent_contexts:
        return value
    version = value[VERSION]
    members = {**value, VERSION: version.strip(_WHITE_SPACE) if isinstance(version, str) else version}
    if members.get("metadata", ...) is None:
        del members["metadata"]
    return members


def same_version(first: Json, second: Json) -> bool:
    """True if manifests that become one may name both versions: they differ in a suffix at most."""
    if first == second:
        return True
    if dialect_of(first) is not DIALECT_03 or dialect_of(second) is not DIALECT_03:
        return False
    return str(first).partition("-agt")[0] == str(second).partition("-agt")[0]
