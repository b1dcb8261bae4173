"""What a detector finds, and the annotation that tells it (section 1.6)."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import prod
from operator import itemgetter
from typing import TypeAlias

from acs_sidecar.spec.values import Json

__all__ = ["MAX_LISTED_FINDINGS", "Detector", "Finding", "Found", "annotation", "merged", "standing"]

MAX_LISTED_FINDINGS = 256
"""An annotation lists so many findings, in the order of the input; the others count and are not listed."""


Found: TypeAlias = tuple[int, int, str, float]
"""Something found in a text: its start and end in code points, its category, and how sure that is (0 to 1).

A plain tuple, as there can be thousands; so is a finding.
"""

Finding: TypeAlias = tuple[int, int, str, float, str, bool]
"""Something found in a value: as `Found`, then the path to the text, and whether that is the name of a member.

The path leads there from the value (section 1.4, without the root) and is empty where the value is a text.
"""

Detector = Callable[[Json], dict[str, Json]]
"""Gives the annotation of a value: a pure function, in time linear in the size of the value."""


def annotation(found: Sequence[Found], listed: Sequence[Finding], threshold: float) -> dict[str, Json]:
    """Sum up what was found: `{flagged, score, label, categories, findings}`. What is `listed` is placed.

    `score` takes the strongest finding of each category as independent grounds: 1 - (1 - a)(1 - b)….
    `flagged` is a score of `threshold` or more. `label` is the strongest category, `none` without findings.
    """
    strongest: dict[str, float] = {}
    for category, score in sorted({(each[2], each[3]) for each in found}):
        strongest[category] = max(score, strongest.get(category, 0.0))
    total = round(1 - prod(1 - each for each in strongest.values()), 4)
    categories: list[Json] = [*sorted(strongest)]
    result: dict[str, Json] = {
        "flagged": bool(found) and total >= threshold,
        "score": total,
        "label": max(sorted(strongest), key=strongest.__getitem__) if strongest else "none",
        "categories": categories,
        "findings": [_as_json(finding) for finding in listed[:MAX_LISTED_FINDINGS]],
    }
    if len(found) > MAX_LISTED_FINDINGS:
        result["findings_total"] = len(found)
    return result


def _as_json(finding: Finding) -> Json:
    start, end, category, _, path, of_name = finding
    value: dict[str, Json] = {"category": category, "start": start, "end": end}
    if path:
        value["path"] = path
    if of_name:
        value["of_name"] = True
    return value


def standing(found: Sequence[Found]) -> Sequence[Found]:
    """Leave out what is taken back: a finding of score 0, and those of its category that start in it or at its end."""
    if all(score for _, _, _, score in found):
        return found
    back: dict[str, tuple[list[int], list[int]]] = {}
    for start, end, category, score in sorted(found):
        if not score:
            starts, ends = back.setdefault(category, ([], []))
            starts.append(start)
            ends.append(max(end, ends[-1] if ends else end))

    def stands(each: Found) -> bool:
        starts, ends = back.get(each[2], ((), ()))
        index = bisect_right(starts, each[0])
        return bool(each[3]) and not (index and each[0] <= ends[index - 1])

    return [each for each in found if stands(each)]


def merged(found: Iterable[Found]) -> list[Found]:
    """Make one of those that overlap in one text: their union, named after the longest (of equals the surest).

    In the order of their starts; nothing that any of them covered is left out.
    """
    kept: list[Found] = []
    start = end = 0
    name, sure = "", 0.0
    for first, last, category, score in sorted(found, key=itemgetter(0, 1)):
        if first < end:
            if (last - first, score) > (end - start, sure):
                name = category
            end, sure = max(end, last), max(sure, score)
            continue
        if name:
            kept.append((start, end, name, sure))
        start, end, name, sure = first, last, category, score
    if name:
        kept.append((start, end, name, sure))
    return kept
