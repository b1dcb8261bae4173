"""The members of a policy, read and checked (section 11.7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.soul.controls import Tier
from acs_sidecar.engines.adapters.soul.guard.characters import Alphabet
from acs_sidecar.engines.adapters.soul.guard.names import segments_of
from acs_sidecar.engines.adapters.soul.guard.places import WILDCARD
from acs_sidecar.engines.adapters.soul.guard.spelling import folded
from acs_sidecar.engines.adapters.soul.members import CONTENT_MEMBERS, MEMBERS, PATH_DEFAULTS
from acs_sidecar.engines.adapters.soul.score import GovernanceLevel
from acs_sidecar.engines.findings import SourceLocation, finding
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.path import Path, PathSyntaxError, parse_path
from acs_sidecar.spec.values import JsonObject

__all__ = ["SoulDefinition", "plain_digest", "read_definition"]

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def plain_digest(text: str) -> str | None:
    """Return the 64 lower-case digits of a digest, with or without its prefix; `None` for what is none."""
    found = _DIGEST.fullmatch(text.lower())
    return found[1] if found else None


@dataclass(slots=True)
class SoulDefinition:
    """What a policy says besides its file."""

    tier: Tier = Tier.MULTI_AGENT
    minimum: GovernanceLevel = GovernanceLevel.ESSENTIAL
    recommended: GovernanceLevel = GovernanceLevel.STANDARD
    sha256: str | None = None
    on_drift: str = "deny"
    read_tools: tuple[str, ...] = ()
    guard: tuple[str, ...] = ()
    content_members: tuple[str, ...] = CONTENT_MEMBERS
    paths: Mapping[str, Path] = field(default_factory=dict)
    errors: list[Diagnostic] = field(default_factory=list)


def read_definition(path: str, definition: JsonObject) -> SoulDefinition:
    """Read the members of a policy; what is wrong is in `errors`."""
    reader = _SoulReader(path, definition)
    read = SoulDefinition(
        minimum=GovernanceLevel(reader.choice("minimum_level", GovernanceLevel.ESSENTIAL)),
        recommended=GovernanceLevel(reader.choice("recommended_level", GovernanceLevel.STANDARD)),
        sha256=reader.digest(),
        on_drift=reader.choice("on_drift", "deny"),
        read_tools=reader.read_tools(),
        guard=reader.guard(),
        content_members=reader.texts("content_members", CONTENT_MEMBERS),
        paths=reader.paths(),
        errors=reader.errors,
    )
    if "tier" in definition:
        read.tier = Tier(reader.choice("tier", Tier.MULTI_AGENT))
    else:
        message = f"must be what the agent can do: {reader.allowed('tier')}"
        reader.error("member-missing", message, "tier")
    return read


@dataclass(slots=True)
class _SoulReader:
    path: str
    definition: JsonObject
    errors: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, member: str) -> None:
        self.errors.append(finding(code, message, SourceLocation(f"{self.path}.{member}")))

    def allowed(self, name: str) -> str:
        listed = MEMBERS[name].shape["enum"]
        return ", ".join(f"`{each}`" for each in listed) if isinstance(listed, list) else ""

    def choice(self, name: str, default: str) -> str:
        listed = MEMBERS[name].shape["enum"]
        given = self.definition.get(name, default)
        if isinstance(given, str) and isinstance(listed, list) and given in listed:
            return given
        self.error("value-not-allowed", f"must be one of {self.allowed(name)}", name)
        return default

    def digest(self) -> str | None:
        if "sha256" not in self.definition:
            return None
        given = self.definition["sha256"]
        found = plain_digest(given) if isinstance(given, str) else None
        if found is None:
            self.error("value-not-allowed", "must be a SHA-256 digest: 64 hex digits", "sha256")
        return found

    def texts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        if name not in self.definition:
            return default
        given = self.definition[name]
        if not isinstance(given, list):
            self.error("wrong-type", "must be a list of names", name)
            return default
        found = []
        for index, item in enumerate(given):
            if isinstance(item, str) and item.strip():
                found.append(item)
            else:
                self.error("wrong-type", "must be a name", f"{name}[{index}]")
        return tuple(found)

    def read_tools(self) -> tuple[str, ...]:
        found = self.texts("read_tools", ())
        for index, name in enumerate(found):
            if "*" in name[:-1]:
                message = "must be a name, or end in its only `*`"
                self.error("value-not-allowed", message, f"read_tools[{index}]")
        return found

    def guard(self) -> tuple[str, ...]:
        """Read the files that are guarded. Stops: an entry that no call can name, which guards nothing."""
        found = self.texts("guard", ())
        alphabet = Alphabet(())
        for index, name in enumerate(found):
            segments = segments_of(folded(name, alphabet))
            if name.endswith(("/", "\\")) or WILDCARD.search(name) or not segments:
                message = "must be the path of one file, without `*`, `?` and `[`"
                self.error("value-not-allowed", message, f"guard[{index}]")
        return found

    def paths(self) -> Mapping[str, Path]:
        found = {}
        for name, default in PATH_DEFAULTS.items():
            given = self.definition.get(name, default)
            try:
                found[name] = parse_path(given if isinstance(given, str) else "")
            except PathSyntaxError as error:
                self.error("path-syntax", str(error), name)
        return found
