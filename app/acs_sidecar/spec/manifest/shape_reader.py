"""What every reading of a document shares: findings with their places, and the shapes of members."""

from collections.abc import Collection

from acs_sidecar.spec.document.bounds import Members
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.suggestions import did_you_mean, one_of, unknown_members
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["ShapeReader"]


class ShapeReader:
    """One reading of a document: collects findings, and gives each the place of the member it is about."""

    def __init__(self, document: Document) -> None:
        self.findings: list[Diagnostic] = []
        self._document = document

    def _source_of(self, path: Members) -> str | None:
        """Return the file or URL in which a member is written."""
        return self._document.origin(path).source

    def _wrong(self, path: Members, code: str, message: str) -> None:
        line, column = self._document.place(path)
        name = member_path(path) or None
        source = self._source_of(path)
        self.findings.append(Diagnostic(code, message, name, source=source, line=line, column=column))

    def _missing(self, path: Members, value: Json, expected: str) -> None:
        """Report a required member that is absent, or whose value is blank or of another shape."""
        absent = f"`{path[-1]}` is missing: write {expected}"
        self._wrong(path, "member-missing", absent if value is None else f"must be {expected}")

    def _only(self, value: JsonObject, allowed: Collection[str], path: Members) -> None:
        for name, message in unknown_members(value, allowed):
            self._wrong((*path, name), "member-unknown", message)

    def _one_of(self, value: Json, allowed: Collection[str], path: Members) -> None:
        if not isinstance(value, str) or value not in allowed:
            hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
            self._wrong(path, "value-not-allowed", f"{one_of(sorted(allowed))}{hint}")

    def _object(self, parent: JsonObject, name: str, path: Members = ()) -> dict[str, Json]:
        value = parent.get(name, {})
        if isinstance(value, dict):
            return value
        self._wrong((*path, name), "wrong-type", "must be an object")
        return {}
