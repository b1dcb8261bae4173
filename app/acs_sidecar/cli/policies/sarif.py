"""Findings as SARIF 2.1.0, which code hosts show as annotations (section 3.4)."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import acs_sidecar
from acs_sidecar.spec.manifest.diagnostics import Diagnostic
from acs_sidecar.spec.printable import printable

__all__ = ["sarif_log"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_log(findings: Iterable[Diagnostic], names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return one SARIF run; every finding's `source` is a path, relative to the working directory.

    `names` says what the rule of a code is called, where the code itself does not.
    """
    all_findings = list(findings)
    codes = sorted({finding.code for finding in all_findings})
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "acs-sidecar",
                        "semanticVersion": acs_sidecar.__version__,
                        "rules": [_rule(code, (names or {}).get(code), all_findings) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, codes.index(finding.code)) for finding in all_findings],
            }
        ],
    }


def _rule(code: str, called: str | None, findings: list[Diagnostic]) -> dict[str, Any]:
    level = next(finding.severity for finding in findings if finding.code == code)
    name = called or code.replace("-", " ")
    return {
        "id": code,
        "shortDescription": {"text": f"{name[0].upper()}{name[1:]}"},
        "defaultConfiguration": {"level": level},
    }


def _result(finding: Diagnostic, rule: int) -> dict[str, Any]:
    path = f"`{finding.path}`: " if finding.path else ""
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": printable(path + finding.message)},
        "locations": [_location(finding)],
        # The same finding keeps its identity when lines above it change.
        "partialFingerprints": {"acsSidecarFinding/v1": _fingerprint(finding)},
    }
    return result


def _location(finding: Diagnostic) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.source or "")}}
    if finding.line is not None:
        column = {} if finding.column is None else {"startColumn": finding.column}
        physical["region"] = {"startLine": finding.line, **column}
    logical = {"logicalLocations": [{"fullyQualifiedName": finding.path}]} if finding.path else {}
    return {"physicalLocation": physical, **logical}


def _uri(source: str) -> str:
    path = Path(source)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def _fingerprint(finding: Diagnostic) -> str:
    text = "\n".join((finding.code, finding.source or "", finding.path or "", finding.message))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
