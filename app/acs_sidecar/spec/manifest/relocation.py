"""Relative references of a parent, as the manifest that extends it must have them (sections 1.3, 3.2)."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import urljoin

from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.declaration import Member, MemberTable, names_file
from acs_sidecar.spec.manifest.references import References
from acs_sidecar.spec.values import Json

__all__ = ["joined", "relocated", "resolved_against", "resolved_url"]


def joined(directory: str, path: str) -> str:
    """Return `path`, which is relative to `directory`, relative to what `directory` is relative to.

    `directory` must hold no links: `..` at the beginning of `path` takes its last names away. A
    path that is absolute or blank stays, to be refused where it is used.
    """
    if not path.strip() or PurePosixPath(path).is_absolute():
        return path
    above, below = list(PurePosixPath(directory).parts), list(PurePosixPath(path).parts)
    while above and above[-1] != ".." and below and below[0] == "..":
        above.pop()
        below.pop(0)
    return "/".join([*above, *below]) or "."


def relocated(document: Document, directory: str, references: References) -> Document:
    """Rewrite the paths of a manifest in `directory`, which is relative to the top-level manifest's."""

    def change(member: Member, value: Json) -> Json:
        return _each_joined(directory, value) if names_file(member, value) else value

    return _rewritten(document, references, change)


def resolved_against(document: Document, url: str, references: References) -> Document:
    """Resolve the references of a manifest that came from `url`."""

    def change(member: Member, value: Json) -> Json:
        if member.fetched and isinstance(value, dict) and isinstance(target := value.get("url"), str):
            return {**value, "url": resolved_url(url, target)}
        return value

    return _rewritten(document, references, change)


def _rewritten(
    document: Document, references: References, change: Callable[[Member, Json], Json]
) -> Document:
    value = copy.deepcopy(document.value)
    for found in references.objects(value):
        _rewrite(found.members, found.table, change)
    return replace(document, value=value)


def _rewrite(members: dict[str, Json], table: MemberTable, change: Callable[[Member, Json], Json]) -> None:
    for name, value in members.items():
        if declared := table.get(name):
            members[name] = change(declared, value)
            if declared.members and isinstance(value, dict):
                _rewrite(value, declared.members, change)


def resolved_url(base: str, reference: str) -> str:
    """Resolve a URL reference; one that cannot be stays, to be refused where it is fetched."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def _each_joined(directory: str, paths: Json) -> Json:
    if isinstance(paths, str):
        return joined(directory, paths)
    if isinstance(paths, list):
        return [joined(directory, path) if isinstance(path, str) else path for path in paths]
    return paths
