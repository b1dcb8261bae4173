"""Finds and reads the test cases beside a manifest (section 3.4)."""

from acs_sidecar.manifests.files import SUFFIXES, ManifestFile, read_document
from acs_sidecar.spec.manifest.cases import Case, read_cases
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError

__all__ = ["FOLDER", "cases_beside"]

FOLDER = "tests"
"""The folder of test cases, beside the manifest."""


def cases_beside(file: ManifestFile) -> tuple[Case, ...]:
    """Read the cases of a manifest from `tests/*.yaml` (or `.yml`, `.json`), files in order of name.

    Raises `ManifestError` with the findings of all files; two cases of one name are among them.
    """
    folder = file.path.parent / FOLDER
    cases: list[Case] = []
    findings: list[Diagnostic] = []
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in places:
        if path.suffix not in SUFFIXES or path.name.startswith((".", "_")):
            continue
        try:
            cases.extend(read_cases(read_document(path, str(path)), str(path), file.name))
        except ManifestError as error:
            findings.extend(error.diagnostics)
    findings.extend(_same_names(cases))
    if findings:
        raise ManifestError(findings)
    return tuple(cases)


def _same_names(cases: list[Case]) -> list[Diagnostic]:
    """Find names that two files use: reports could not tell the cases apart."""
    first: dict[str, Case] = {}
    findings = []
    for case in cases:
        other = first.setdefault(case.name, case)
        if other is not case:
            message = f"the name `{case.name}` is already used by a case of `{other.source}`"
            findings.append(
                Diagnostic("name-twice", message, source=case.source, line=case.line, column=case.column)
            )
    return findings
