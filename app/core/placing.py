"""Where in a manifest's text the members are that findings name (contract 1.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.core.diagnostics import Diagnostic
from app.core.document import Document, Place
from app.core.manifest import member_path

__all__ = ["placed"]

_MAX_STEPS = 8
"""How far around a member that the text does not have to look for one that it has."""


def placed(
    findings: Iterable[Diagnostic], document: Document, source: str | None = None
) -> tuple[Diagnostic, ...]:
    """Give each finding about the manifest itself its line and column, and the name of its file.

    Findings that have a place, or are about another file, stay as they are. A member that the text
    does not have gets the place of the nearest one around it.
    """
    given = tuple(findings)
    if all(_has_place(finding, source) for finding in given):
        return given
    places = {member_path(members): place for members, place in document.places.items()}
    return tuple(
        finding if _has_place(finding, source) else _placed(finding, places, source) for finding in given
    )


def _has_place(finding: Diagnostic, source: str | None) -> bool:
    return finding.line is not None or finding.source not in (None, source)


def _placed(finding: Diagnostic, places: Mapping[str, Place], source: str | None) -> Diagnostic:
    path = finding.path or ""
    for _ in range(_MAX_STEPS):
        if path in places:
            break
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    line, column = places.get(path) or places.get("") or (None, None)
    return replace(finding, source=source, line=line, column=column)
