"""Finding rule documents below files and folders, for the commands."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acs_sidecar.cli.output import fail
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.spec.dialects.versions import VERSION
from acs_sidecar.spec.document.bounds import DocumentError
from acs_sidecar.spec.document.text import parse_document
from acs_sidecar.spec.values import Json

__all__ = ["FoundDocuments", "find_documents"]

_SUFFIXES = (".yaml", ".yml", ".json")
_MANIFEST = "is a manifest, which is served as it is: check it with `acs-sidecar validate`"


@dataclass(frozen=True, slots=True)
class FoundDocuments:
    """Rule documents, and what else folders have: other files, and links to folders."""

    documents: tuple[Path, ...]
    others: tuple[Path, ...]


def find_documents(places: Sequence[Path]) -> FoundDocuments:
    """List the files that are given and, of folders, those that are rule documents or cannot be parsed."""
    documents: dict[Path, None] = {}
    others: dict[Path, None] = {}
    for place in places:
        if place.is_file():
            if _is_manifest(place):
                fail(f"{place}: {_MANIFEST}")
            documents[place] = None
            continue
        if not place.is_dir():
            fail(f"{place}: does not exist")
        for path in _below(place):
            (documents if path.is_file() and _is_rule_document(path) else others)[path] = None
    if not documents:
        if manifest := next((path for path in others if path.is_file() and _is_manifest(path)), None):
            fail(f"{manifest}: {_MANIFEST}")
        listed = ", ".join(map(str, places))
        fail(f"{listed}: no rule document exists there: expected a mapping with `rules`, as YAML or JSON")
    return FoundDocuments(tuple(documents), tuple(other for other in others if other not in documents))


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files that can be rule documents, and links to folders, which are not followed.

    What cannot be read ends the command.
    """
    found: list[Path] = []
    for where, folders, files in os.walk(folder, onerror=_unread):
        found += [path for name in folders if (path := Path(where, name)).is_symlink()]
        found += [path for name in files if (path := Path(where, name)).suffix.lower() in _SUFFIXES]
    for path in sorted(found):
        if not (path.is_file() or path.is_dir()):
            fail(f"{path}: is no file that can be read: remove it, or name the documents")
        yield path


def _unread(error: OSError) -> None:
    fail(f"{error.filename}: {error.strerror}")


def _is_rule_document(path: Path) -> bool:
    """True if a file is a mapping with rules that have conditions; and for one that cannot be parsed."""
    try:
        value = _parsed(path)
    except (DocumentError, UnicodeDecodeError):
        return True
    rules = value.get("rules") if isinstance(value, dict) else None
    return isinstance(rules, list) and (
        _says_its_form(value) or any(isinstance(rule, dict) and "condition" in rule for rule in rules)
    )


def _is_manifest(path: Path) -> bool:
    try:
        value = _parsed(path)
    except (DocumentError, UnicodeDecodeError):
        return False
    return isinstance(value, dict) and VERSION in value


def _parsed(path: Path) -> Json:
    return parse_document(read_user_file(path).decode()).value


def _says_its_form(value: Json) -> bool:
    return isinstance(value, dict) and not {"apiVersion", "defaults"}.isdisjoint(value)
