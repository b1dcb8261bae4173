"""What a detector finds, and the annotation that tells it (contract 1.6)."""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from operator import itemgetter
from typing import NamedTuple

from app.core.values import Json

__all__ = ["MAX_LISTED_FINDINGS", "Detector", "Finding", "annotation", "merged"]

MAX_LISTED_FINDINGS = 256
"""An annotation lists so many findings, in the order of the input; the others count and are not listed."""


class Finding(NamedTuple):
    """One span of one text, `start` to `end` in code points, and how sure its category is (0 to 1).

    `path` leads to the text inside of an object or list (contract 1.4, without the root) and is empty
    where the input is itself a text; with `of_name` the text is the name of the member there.
    """

    category: str
    start: int
    end: int
    score: float
    path: str = ""
    of_name: bool = False


Detector = Callable[[Json], dict[str, Json]]
"""Gives the annotation of a value: a pure function, in time linear in the size of the value."""


def annotation(findings: Sequence[Finding], threshold: float) -> dict[str, Json]:
    """Sum findings up: `{flagged, score, label, categories, findings}`.

    `score` takes the strongest finding of each category as independent grounds: 1 - (1 - a)(1 - b)….
    `flagged` is a score of `threshold` or more. `label` is the strongest category, `none` without findings.
    """
    strongest: dict[str, float] = {}
    for finding in findings:
        strongest[finding.category] = max(finding.score, strongest.get(finding.category, 0.0))
    score = round(1 - prod(1 - each for each in strongest.values()), 4)
    categories: list[Json] = [*sorted(strongest)]
    result: dict[str, Json] = {
        "flagged": bool(findings) and score >= threshold,
        "score": score,
        "label": max(sorted(strongest), key=strongest.__getitem__) if strongest else "none",
        "categories": categories,
        "findings": [_as_json(finding) for finding in findings[:MAX_LISTED_FINDINGS]],
    }
    if len(findings) > MAX_LISTED_FINDINGS:
        result["findings_total"] = len(findings)
    return result


def _as_json(finding: Finding) -> Json:
    value: dict[str, Json] = {
        "category": finding.category,
        "start": finding.start,
        "end": finding.end,
    }
    if finding.path:
        value["path"] = finding.path
    if finding.of_name:
        value["of_name"] = True
    return value


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Make one finding of those that overlap in one text: their union, named after the longest (of equals the surest).

    In the order of their starts; nothing that any of them covered is left out.
    """
    kept: list[Finding] = []
    for finding in sorted(findings, key=itemgetter(1, 2)):
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
            continue
        last = kept[-1]
        longer = max(last, finding, key=lambda each: (each.end - each.start, each.score))
        end = max(last.end, finding.end)
        kept[-1] = longer._replace(start=last.start, end=end, score=max(last.score, finding.score))
    return kept
