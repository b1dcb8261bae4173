"""Strict reader of a small file of named entries: unknown and malformed members are refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from acs_sidecar.bounded_files import read_at_most
from acs_sidecar.spec.codes import is_code
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.values import Json
from acs_sidecar.startup import StartError

__all__ = ["AccessFileError", "Entry", "entries_of", "read_text"]

MAX_BYTES = 1_048_576


class AccessFileError(StartError):
    """A file of trust that cannot be used; a line for each fault, with its place in the file."""


def read_text(path: Path) -> str:
    """Read a file of at most 1 MiB. Raises `AccessFileError`."""
    try:
        content = read_at_most(path, MAX_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise AccessFileError(f"`{path}` cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise AccessFileError(f"`{path}` is not UTF-8 at byte {error.start}") from None
    if len(content) > MAX_BYTES:
        raise AccessFileError(f"`{path}` exceeds {MAX_BYTES} bytes")
    return text


@dataclass(frozen=True, slots=True)
class Entry:
    """One named entry, whose members are read one by one; faults are collected, never raised."""

    name: str
    members: Mapping[str, Json]
    faults: "_Faults"
    place: tuple[str, ...]

    def fault(self, member: str | None, message: str) -> None:
        """Note a fault of a member, or of the whole entry."""
        self.faults.add((*self.place, member) if member else self.place, message)

    def texts(self, member: str, *, alone: bool = False) -> tuple[str, ...] | None:
        """Read a list of non-empty strings; with `alone`, one text stands for a list of one."""
        value = self.members.get(member)
        if alone and isinstance(value, str):
            value = [value]
        if value is None and member not in self.members:
            return None
        if isinstance(value, list):
            found = tuple(text for text in value if isinstance(text, str) and text)
            if len(found) == len(value) and found:
                return found
        expected = "a string or a list of non-empty strings" if alone else "a list of non-empty strings"
        self.fault(member, f"must be {expected}")
        return None

    def text(self, member: str) -> str | None:
        """Read a text that is not empty."""
        value = self.members.get(member)
        if isinstance(value, str) and value:
            return value
        if member in self.members:
            self.fault(member, "must be a non-empty string")
        return None

    def flag(self, member: str, default: bool) -> bool:
        """Read a boolean."""
        value = self.members.get(member, default)
        if not isinstance(value, bool):
            self.fault(member, "must be true or false")
            return default
        return value

    def moment(self, member: str) -> float | None:
        """Read a date and time in RFC 3339, as a Unix time in seconds."""
        text = self.text(member)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            seconds = moment.astimezone(UTC).timestamp() if moment.tzinfo else None
        except (ValueError, OverflowError):
            seconds = None
        if seconds is None or seconds < 0:
            self.fault(member, "must be a date and time with a time zone, such as 2027-01-31T00:00:00Z")
            return None
        return seconds


@dataclass(slots=True)
class _Faults:
    document: Document
    file: str
    found: list[str] = field(default_factory=list)

    def add(self, place: tuple[str, ...], message: str) -> None:
        line, column = self.document.places.get(place) or self.document.places.get(place[:-1]) or (None, None)
        self.found.append(
            str(
                Diagnostic(
                    "access-file", message, member_path(place), source=self.file, line=line, column=column
                )
            )
        )


def entries_of(text: str, file: str, table: str, known: frozenset[str]) -> Iterator[Entry]:
    """Yield a reader for each entry of the mapping `table`, the only member of the document.

    Entries have no members but the `known`. Raises `AccessFileError` at once for a text that is not
    such a document, and after the last entry for every fault that was noted.
    """
    try:
        document = parse_document(text)
    except DocumentError as error:
        place = Diagnostic("access-file", error.message, source=file, line=error.line, column=error.column)
        raise AccessFileError(str(place)) from None
    value = document.value
    entries = value.get(table) if isinstance(value, dict) and value.keys() == {table} else None
    if not isinstance(entries, dict) or not entries:
        raise AccessFileError(f"{file}: must have the single member `{table}`, a mapping of names to entries")
    faults = _Faults(document, file)
    for name, members in entries.items():
        if not is_code(name):
            faults.add((table, name), "a name must be 1 to 96 characters from A-Z a-z 0-9 _ - . : /")
        elif not isinstance(members, dict):
            faults.add((table, name), "must be a mapping")
        else:
            entry = Entry(name, members, faults, (table, name))
            for unknown, message in unknown_members(members, known):
                entry.fault(unknown, message)
            yield entry
    if faults.found:
        raise AccessFileError("\n".join(faults.found))
