"""The members of a policy, read and checked (section 10.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acs_sidecar.engines.adapters.workspace_policy.document.members import HEX_64, IDENTIFIER, TextShape
from acs_sidecar.engines.adapters.workspace_policy.document.reader import matches
from acs_sidecar.engines.adapters.workspace_policy.members import PATHS, REQUIRED
from acs_sidecar.engines.adapters.workspace_policy.verification import Expected
from acs_sidecar.engines.findings import SourceLocation, finding
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.path import Path, PathSyntaxError, parse_path
from acs_sidecar.spec.values import JsonObject

__all__ = ["WorkspaceDefinition", "read_definition"]


@dataclass(frozen=True, slots=True)
class WorkspaceDefinition:
    """What a policy says besides its document; `paths` are those that it sets."""

    file: str = ""
    trust_file: str = ""
    expected: Expected = field(default_factory=Expected)
    compliance_denies: bool = False
    paths: Mapping[str, Path] = field(default_factory=dict)

    def path(self, name: str, default: str) -> Path:
        """Return where a value is read."""
        return self.paths.get(name) or parse_path(default)


def read_definition(path: str, definition: JsonObject) -> tuple[WorkspaceDefinition, list[Diagnostic]]:
    """Read the members of a policy, with what is wrong."""
    reader = _MemberReader(path, definition)
    reader.require()
    read = WorkspaceDefinition(
        reader.file("file"),
        reader.file("trust_file"),
        Expected(
            reader.shaped("workspace", IDENTIFIER), reader.version(), reader.shaped("content_hash", HEX_64)
        ),
        reader.denies(),
        reader.paths(),
    )
    return read, reader.errors


@dataclass(frozen=True, slots=True)
class _MemberReader:
    path: str
    definition: JsonObject
    errors: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, name: str) -> None:
        self.errors.append(finding(code, message, SourceLocation(f"{self.path}.{name}")))

    def require(self) -> None:
        for name in REQUIRED:
            if name not in self.definition:
                self.error("member-missing", f"`{name}` is missing", name)

    def file(self, name: str) -> str:
        given = self.definition.get(name, "")
        if not isinstance(given, str):
            self.error("wrong-type", "must be the path of a file", name)
            return ""
        return given

    def shaped(self, name: str, shape: TextShape) -> str | None:
        given = self.definition.get(name)
        if isinstance(given, str) and matches(shape, given):
            return given
        if name in self.definition:
            self.error("value-not-allowed", f"must be {shape.form}", name)
        return None

    def version(self) -> int | None:
        given = self.definition.get("min_version")
        if type(given) is int and given >= 1:
            return given
        if "min_version" in self.definition:
            self.error("value-not-allowed", "must be an integer of at least 1", "min_version")
        return None

    def denies(self) -> bool:
        given = self.definition.get("compliance", "warn")
        if given not in ("warn", "deny"):
            self.error("value-not-allowed", "must be one of `warn`, `deny`", "compliance")
        return given == "deny"

    def paths(self) -> Mapping[str, Path]:
        found = {}
        for name in PATHS:
            if name not in self.definition:
                continue
            given = self.definition[name]
            try:
                found[name] = parse_path(given if isinstance(given, str) else "")
            except PathSyntaxError as error:
                self.error("path-syntax", str(error), name)
        return found
