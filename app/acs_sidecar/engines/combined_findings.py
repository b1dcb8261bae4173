"""Lint findings of combined policies: what holds of one need not hold of all of them (section 17.2)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from acs_sidecar.spec.document.member_path import member_path
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.manifest.lints import ANNOTATION_UNREAD

__all__ = ["of_combinations"]

_IDLE = "-point-idle"


def of_combinations(
    findings: Iterable[Diagnostic], combined: Mapping[str, Sequence[str]]
) -> Iterator[Diagnostic]:
    """Yield findings without those of single members of a combination that are none of the whole.

    `combined` has the names of the combined policies by the path of the binding. An annotation is unread
    where no member reads it; that one member is idle is no finding, for `combine-idle` says that all are.
    """
    unread: dict[tuple[str, str], list[Diagnostic]] = defaultdict(list)
    for found in findings:
        member = _member(found, combined)
        if member is None:
            yield found
        elif found.code == ANNOTATION_UNREAD:
            unread[member].append(found)
        elif not found.code.endswith(_IDLE):
            yield found
    for (binding, suffix), same in unread.items():
        if len(same) == len(combined[binding]):
            yield replace(same[0], path=binding.removesuffix(".policy") + suffix)


def _member(found: Diagnostic, combined: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """Return the binding whose member a finding is about, and what follows the member in its path."""
    for binding, names in combined.items():
        for name in names:
            path = f"{binding}.{member_path(('members', name))}"
            if found.path == path or (found.path or "").startswith(f"{path}."):
                return binding, (found.path or "").removeprefix(path)
    return None
