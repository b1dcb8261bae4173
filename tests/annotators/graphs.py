"""Scripted annotators that read one another, and what comes of them one after the other."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from acs_sidecar.annotators.runner import AnnotatorRunner
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.model import AnnotatorUse
from acs_sidecar.spec.path import TARGET_PATHS, parse_path
from acs_sidecar.spec.ports import Annotator
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.trace import Trace
from acs_sidecar.spec.values import Json

PRELIMINARY: dict[str, Json] = {
    "intervention_point": "input",
    "policy_target": {"kind": None, "path": "$.text", "value": "hello"},
    "snapshot": {"text": "hello"},
    "annotations": {},
    "tool": None,
}


@dataclass(frozen=True)
class Node:
    """One annotator: what it needs, after how many turns of the loop it is done, its result or its failure."""

    source: str = "$target"
    needs: tuple[str, ...] = ()
    turns: int = 0
    outcome: Any = 1


Graph = dict[str, Node]


@dataclass
class Seen:
    """What was asked, in order, with the value that each was given, and how many had failed by then."""

    asked: list[str] = field(default_factory=list)
    values: dict[str, Json] = field(default_factory=dict)
    failed: int = 0
    asked_late: list[str] = field(default_factory=list)


class _Scripted:
    def __init__(self, name: str, node: Node, seen: Seen) -> None:
        self._name, self._node, self._seen = name, node, seen

    async def annotate(self, value: Json) -> Json:
        """Do as scripted."""
        seen = self._seen
        seen.asked.append(self._name)
        seen.values[self._name] = value
        if seen.failed:
            seen.asked_late.append(self._name)
        for _ in range(self._node.turns):
            await asyncio.sleep(0)
        if isinstance(self._node.outcome, Reason):
            seen.failed += 1
            raise EvaluationError(self._node.outcome, "scripted")
        return self._node.outcome  # type: ignore[no-any-return]  # JSON by construction


def evaluated(graph: Graph, limits: Limits | None = None) -> tuple[dict[str, Json] | Reason, Seen]:
    """Run a graph: the annotations, or the reason that was reported."""
    seen = Seen()
    annotators: list[tuple[AnnotatorUse, Annotator]] = []
    for name, node in sorted(graph.items()):
        source = parse_path(node.source, grammar=TARGET_PATHS)
        use = AnnotatorUse(name, "classifier", source, {}, needs=node.needs)
        annotators.append((use, _Scripted(name, node, seen)))
    try:
        return asyncio.run(AnnotatorRunner(tuple(annotators), limits or Limits())(PRELIMINARY, Trace())), seen
    except EvaluationError as error:
        return error.reason, seen


def one_after_the_other(graph: Graph) -> tuple[dict[str, Json] | Reason, list[str]]:
    """Evaluate a graph naively: the smallest name whose needs are done, again and again."""
    done: dict[str, Json] = {}
    asked: list[str] = []
    while len(done) < len(graph):
        name = min(name for name in graph.keys() - done.keys() if set(graph[name].needs) <= done.keys())
        node = graph[name]
        if node.source == "$.missing":
            return Reason.PATH_MISSING, asked
        asked.append(name)
        if isinstance(node.outcome, Reason):
            return node.outcome, asked
        done[name] = node.outcome
    return done, asked


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph without a cycle, whose names say nothing about its order."""
    names = draw(st.lists(st.text("abcdz", min_size=1, max_size=2), max_size=8, unique=True))
    graph: Graph = {}
    for at, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=3)) if at else []
        source = draw(
            st.sampled_from(
                ["$target", "$pi", "$.missing", *[f'$pi.annotations["{need}"]' for need in needs]]
            )
        )
        outcome = draw(
            st.sampled_from([1, None, {"a": 2}, 3, 4, Reason.ANNOTATION_FAILED, Reason.ANNOTATION_TIMEOUT])
        )
        graph[name] = Node(source, tuple(needs), draw(st.integers(0, 9)), outcome)
    return graph
