"""Which rule depends on which, the circles in that, and the longest way through it (section 1.7).

A node is a path below `data`: of a rule, or of a folder of the document tree, which stands for
every rule below it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from acs_sidecar.engines.rego.documents import Segments

__all__ = ["DocumentTree", "Edges", "Longest", "Node", "components", "longest", "reached_from"]

Node = tuple[str, Segments]
"""`("rule", path)` or `("folder", path)`."""

Edges = Mapping[Node, Collection[Node]]


@dataclass(slots=True)
class DocumentTree:
    """The rules of a policy as the tree that `data` shows."""

    _rules: set[Segments] = field(default_factory=set)
    _members: dict[Segments, set[str]] = field(default_factory=dict)

    def add(self, path: Segments) -> None:
        """Put a rule into the tree."""
        self._rules.add(path)
        for length in range(len(path)):
            self._members.setdefault(path[:length], set()).add(path[length])

    def holds(self, path: Segments) -> bool:
        """True if `path` is a rule, is below one, or has one below it."""
        return path in self._members or any(path[:length] in self._rules for length in range(len(path) + 1))

    def is_rule_alone(self, path: Segments) -> bool:
        """True if `path` is a rule, with none below it or above."""
        return list(self.read(path)) == [("rule", path)]

    def read(self, path: Segments) -> Iterator[Node]:
        """Yield what a reference to `path` depends on: the rules above and at it, and those below."""
        for length in range(len(path) + 1):
            if path[:length] in self._rules:
                yield "rule", path[:length]
        if path in self._members:
            yield "folder", path

    def folders(self) -> Iterator[tuple[Node, list[Node]]]:
        """Yield each folder with what is directly in it."""
        for path, names in self._members.items():
            inside: list[Node] = []
            for name in names:
                member = (*path, name)
                if member in self._rules:
                    inside.append(("rule", member))
                if member in self._members:
                    inside.append(("folder", member))
            yield ("folder", path), inside


def reached_from(start: Iterable[Node], edges: Edges) -> set[Node]:
    """Return the nodes themselves and all that they depend on."""
    reached: set[Node] = set()
    pending = list(start)
    while pending:
        node = pending.pop()
        if node not in reached:
            reached.add(node)
            pending.extend(edges.get(node, ()))
    return reached


def components(edges: Edges) -> Iterator[list[Node]]:
    """Yield the strongly connected components, each after those that it depends on (Tarjan)."""
    order: dict[Node, int] = {}
    low: dict[Node, int] = {}
    open_nodes: list[Node] = []
    is_open: set[Node] = set()
    for start in edges:
        if start in order:
            continue
        order[start] = low[start] = len(order)
        open_nodes.append(start)
        is_open.add(start)
        path = [(start, iter(edges[start]))]
        while path:
            node, following = path[-1]
            for target in following:
                if target not in order:
                    order[target] = low[target] = len(order)
                    open_nodes.append(target)
                    is_open.add(target)
                    path.append((target, iter(edges.get(target, ()))))
                    break
                if target in is_open:
                    low[node] = min(low[node], order[target])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    component = [open_nodes.pop()]
                    while component[-1] != node:
                        component.append(open_nodes.pop())
                    is_open.difference_update(component)
                    yield component


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest way that begins at a node: rules on it, and stack in bytes. Each at its worst."""

    rules: int
    stack: int


def longest(edges: Edges, stacks: Mapping[Segments, int]) -> dict[Node, Longest]:
    """Measure the ways from every node; a circle counts as all of its rules one after the other."""
    measured: dict[Node, Longest] = {}
    for component in components(edges):
        inside = set(component)
        beyond = [
            measured[target] for node in component for target in edges.get(node, ()) if target not in inside
        ]
        own = [stacks[path] for kind, path in component if kind == "rule"]
        found = Longest(
            len(own) + max((way.rules for way in beyond), default=0),
            sum(own) + max((way.stack for way in beyond), default=0),
        )
        measured.update(dict.fromkeys(component, found))
    return measured
