"""`json.filter` and `json.remove`: paths as OPA reads them, with or without a `/` in front.

A name in a path stands for a member of an object, a place in an array, and a text in a set. A path without
names stands for nothing.
"""

from collections.abc import Iterable

from acs_sidecar.spec.values import Json

__all__ = ["filtered", "removed"]

_Tree = dict[str, "_Tree | None"]
"""Names, each with those below it; `None` stands for everything below."""


def filtered(document: Json, paths: Iterable[Json]) -> object:
    """Return what of a document lies at the paths."""
    return _filter(_object(document), _tree(paths))


def removed(document: Json, paths: Iterable[Json]) -> object:
    """Return a document without what lies at the paths."""
    return _remove(_object(document), _tree(paths))


def _object(document: Json) -> Json:
    if not isinstance(document, dict):
        raise TypeError("not an object")
    return document


def _filter(value: object, tree: _Tree) -> object:
    if isinstance(value, dict):
        kept = {name: tree[name] for name in value if name in tree}
        return {
            name: value[name] if below is None else _filter(value[name], below)
            for name, below in kept.items()
        }
    if isinstance(value, list):
        places = [(item, tree[str(index)]) for index, item in enumerate(value) if str(index) in tree]
        return [item if below is None else _filter(item, below) for item, below in places]
    if isinstance(value, set):
        return {item for item in value if isinstance(item, str) and item in tree}
    return value


def _remove(value: object, tree: _Tree) -> object:
    if isinstance(value, dict):
        return {
            name: member if name not in tree else _remove(member, below)
            for name, member in value.items()
            if (below := tree.get(name, {})) is not None
        }
    if isinstance(value, list):
        return [
            item if str(index) not in tree else _remove(item, below)
            for index, item in enumerate(value)
            if (below := tree.get(str(index), {})) is not None
        ]
    if isinstance(value, set):
        return {item for item in value if not isinstance(item, str) or tree.get(item, {}) is not None}
    return value


def _tree(paths: Iterable[Json]) -> _Tree:
    if not isinstance(paths, list | set):
        raise TypeError("neither an array nor a set of paths")
    tree: _Tree = {}
    for path in paths:
        node: _Tree | None = tree
        if not (segments := _segments(path)):
            continue
        *above, last = segments
        for name in above:
            node = node.setdefault(name, {}) if node is not None else None
        if node is not None:
            node[last] = None
    return tree


def _segments(path: Json) -> list[str]:
    if isinstance(path, str):
        if not path:
            return []
        return [part.replace("~1", "/").replace("~0", "~") for part in path.lstrip("/").split("/")]
    if isinstance(path, list) and all(isinstance(part, str) for part in path):
        return [str(part) for part in path]
    raise TypeError("not a path")
