"""The files of a manifest, read once and kept with the manifest."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Self, TypeAlias

from acs_sidecar.spec.ports import NoSources, SourceError, SourceFile, SourceReader

__all__ = ["KeptSources", "Read"]

Read: TypeAlias = tuple[str, str]
"""One read: the method of `SourceReader`, and the path or URL."""

_Outcome: TypeAlias = tuple[SourceFile, ...] | str


class KeptSources:
    """Reads each path once and returns the same result afterwards, errors included.

    It can be sent to another process, where everything that was read is there and nothing else.
    """

    def __init__(self, below: SourceReader) -> None:
        self._below = below
        self._kept: dict[Read, _Outcome] = {}

    def read(self, path: str) -> SourceFile:
        """Read one file. Raises `SourceError`."""
        return self._once(("read", path), lambda: (self._below.read(path),))[0]

    def read_tree(self, path: str) -> tuple[SourceFile, ...]:
        """Read every file below a path. Raises `SourceError`."""
        return self._once(("read_tree", path), lambda: self._below.read_tree(path))

    def fetched(self, url: str) -> SourceFile:
        """Return the fetched content. Raises `SourceError`."""
        return self._once(("fetched", url), lambda: (self._below.fetched(url),))[0]

    def fetched_tree(self, url: str) -> tuple[SourceFile, ...]:
        """Return the entries of an archive that was fetched. Raises `SourceError`."""
        return self._once(("fetched_tree", url), lambda: self._below.fetched_tree(url))

    def read_ahead(self, reads: Iterable[Read]) -> None:
        """Read the files that compilation is likely to need, while blocking is allowed."""
        ways = {
            "read": self.read,
            "read_tree": self.read_tree,
            "fetched": self.fetched,
            "fetched_tree": self.fetched_tree,
        }
        for way, place in reads:
            with suppress(SourceError):
                ways[way](place)

    def digests(self) -> Mapping[Read, str]:
        """Return the SHA-256 of the result of each read."""
        return {read: _digest(outcome) for read, outcome in self._kept.items()}

    def __reduce__(self) -> tuple[Callable[[dict[Read, _Outcome]], Self], tuple[dict[Read, _Outcome]]]:
        """Leave what is below behind."""
        return type(self)._received, (self._kept,)

    @classmethod
    def _received(cls, kept: dict[Read, _Outcome]) -> Self:
        made = cls(NoSources())
        made._kept = kept
        return made

    def _once(self, read: Read, ask: Callable[[], tuple[SourceFile, ...]]) -> tuple[SourceFile, ...]:
        outcome = self._kept.get(read)
        if outcome is None:
            try:
                outcome = ask()
            except SourceError as error:
                outcome = str(error)
            self._kept[read] = outcome
        if isinstance(outcome, str):
            raise SourceError(outcome)
        return outcome


def _digest(outcome: _Outcome) -> str:
    content = hashlib.sha256()
    for part in (outcome,) if isinstance(outcome, str) else outcome:
        if isinstance(part, str):
            content.update(b"refused\0" + part.encode(errors="surrogateescape"))
        else:
            name = part.name.encode(errors="surrogateescape")
            content.update(b"%d:%b%d:%b" % (len(name), name, len(part.content), part.content))
    return content.hexdigest()
