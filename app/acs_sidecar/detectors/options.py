"""Reads a detector's options, so that every mistake is found when the manifest is compiled."""

from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import NoSources, SourceError, SourceReader
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["Options"]


class Options:
    """The members of an annotator, read one by one; `finish` raises what was wrong with any of them.

    `path` names the annotator in diagnostics; `table` declares every member that may be read; `sources` reads
    the files that they name.
    """

    def __init__(
        self, path: str, members: JsonObject, table: MemberTable, sources: SourceReader | None = None
    ) -> None:
        self._path = path
        self._members = members
        self._sources = sources or NoSources()
        self._known = {"type", "provider", *table}
        self._findings: list[Diagnostic] = []

    def wrong(self, member: str, message: str) -> None:
        """Note that a member is wrong."""
        self._findings.append(Diagnostic("annotator-member-invalid", message, f"{self._path}.{member}"))

    @property
    def has_faults(self) -> bool:
        """Whether anything was noted so far."""
        return bool(self._findings)

    def is_given(self, name: str) -> bool:
        """True if a member is there, be it `null`."""
        return name in self._members

    def member(self, name: str) -> Json:
        """Return a member unchecked, `None` if it is absent. Raises `KeyError` for an undeclared one."""
        if name not in self._known:
            raise KeyError(name)
        return self._members.get(name)

    def text(self, name: str) -> str | None:
        """Read a string, blank or not; `None` when it is absent."""
        value = self.member(name)
        if (value is None and name not in self._members) or isinstance(value, str):
            return value if isinstance(value, str) else None
        self.wrong(name, "must be a string")
        return None

    def file(self, name: str) -> bytes | None:
        """Read the file of a path that is relative to the manifest; `None` when it is absent or not read."""
        path = self.text(name)
        if path is None:
            return None
        try:
            return self._sources.read(path).content
        except SourceError as error:
            self.wrong(name, str(error))
            return None

    def flag(self, name: str, *, default: bool) -> bool:
        """Read a boolean."""
        value = self.member(name)
        if value is None and name not in self._members:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
            return default
        return value

    def fraction(self, name: str, *, default: float) -> float:
        """Read a number above 0 and at most 1."""
        value = self.member(name)
        if value is None and name not in self._members:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            self.wrong(name, "must be a number above 0 and at most 1")
            return default
        return float(value)

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Read a list of strings that are not blank; `None` when it is absent."""
        value = self.member(name)
        if value is None and name not in self._members:
            return None
        if isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value):
            return tuple(item for item in value if isinstance(item, str))
        self.wrong(name, "must be a list of non-blank strings")
        return ()

    def choices(self, name: str, known: tuple[str, ...]) -> frozenset[str]:
        """Read a list of some of the `known` names; all of them when it is absent."""
        chosen = self.texts(name)
        if chosen is None:
            return frozenset(known)
        unknown = [each for each in chosen if each not in known]
        if unknown or not chosen:
            listed = ", ".join(f"`{each}`" for each in known)
            self.wrong(name, f"must be a list of at least one of {listed}")
        return frozenset(chosen)

    def finish(self) -> None:
        """Raise `ManifestError` when anything was wrong, undeclared members included."""
        for name, message in unknown_members(self._members, self._known):
            self._findings.append(Diagnostic("annotator-member-unknown", message, f"{self._path}.{name}"))
        if self._findings:
            raise ManifestError(self._findings)
