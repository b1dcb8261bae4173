"""Relative references of a parent, as the manifest that extends it must have them (sections 1.3, 3.2)."""

import copy
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import urljoin

from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.manifest.references import annotator_objects, names_file, policy_objects
from acs_sidecar.spec.values import Json

__all__ = ["joined", "relocated", "resolved_against", "resolved_url"]


def joined(directory: str, path: str) -> str:
    """Give `path`, which is relative to `directory`, relative to what `directory` is relative to.

    `directory` must hold no links: `..` at the beginning of `path` takes its last names away. A
    path that is absolute or blank stays, to be refused where it is used.
    """
    if not path.strip() or PurePosixPath(path).is_absolute():
        return path
    above, below = list(PurePosixPath(directory).parts), list(PurePosixPath(path).parts)
    while above and below and below[0] == "..":
        above.pop()
        below.pop(0)
    return "/".join([*above, *below]) or "."


def relocated(document: Document, directory: str) -> Document:
    """Rewrite the paths of a manifest in `directory`, which is relative to the top-level manifest's."""
    value = copy.deepcopy(document.value)
    for _, members in (*policy_objects(value), *annotator_objects(value)):
        for name, member in members.items():
            if names_file(name, member):
                members[name] = _each_joined(directory, member)
    return replace(document, value=value)


def resolved_against(document: Document, url: str) -> Document:
    """Resolve the references of a manifest that came from `url`."""
    value = copy.deepcopy(document.value)
    for _, members in (*policy_objects(value), *annotator_objects(value)):
        for name in ("bundle_url", "system_prompt_url"):
            reference = members.get(name)
            if isinstance(reference, dict) and isinstance(target := reference.get("url"), str):
                members[name] = {**reference, "url": resolved_url(url, target)}
    return replace(document, value=value)


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
