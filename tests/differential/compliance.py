"""OPA's compliance cases, asked of the service's engine.

`python -m tests.differential.compliance PATH` reads the cases below a folder, JSON files as OPA's test
suite and its Swift port publish them, and prints each outcome that differs from `compliance.json`;
`--write` brings that file up to date. The cases themselves are not kept here.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acs_sidecar.spec.canonical import canonical
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.ports import PolicyInput
from acs_sidecar.spec.reasons import EvaluationError
from tests.differential.comparison import shown
from tests.engines.rego.policies import INDEXED, bound, definition

KNOWN = Path(__file__).with_name("compliance.json")
_QUERY = re.compile(r"(?P<query>data(?:\.\w+)+) = x")


def outcomes(folder: Path) -> dict[str, str]:
    """Return the outcome of each case by its note."""
    return {str(case["note"]): _outcome(case) for case in _cases(folder)}


def _cases(folder: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        document = json.loads(path.read_text())
        if isinstance(document, dict):
            yield from document.get("cases", ())


def _outcome(case: Mapping[str, Any]) -> str:
    query = _QUERY.fullmatch(case["query"])
    if query is None or "input_term" in case:
        return "not asked: another query, or an input that is no JSON"
    given = case.get("input", {})
    modules = {f"m{at}.rego": text for at, text in enumerate(case.get("modules") or ())}
    data = {"data": case["data"]} if case.get("data") else {}
    try:
        evaluator = bound(definition(modules, query["query"], **data), rego=INDEXED)
        value = evaluator.evaluate(PolicyInput(given, canonical(given))).value
    except ManifestError as error:
        return f"refused: {error.diagnostics[0].code}"
    except EvaluationError as error:
        expected = not case.get("want_result")
        undefined = error.detail.endswith("is undefined for this input")
        return "equal" if expected else "undefined" if undefined else "fails closed"
    wanted = case.get("want_result")
    if not wanted:
        return "a value where OPA has none"
    return "equal" if _sorted(value, case) == _sorted(wanted[0]["x"], case) else "another value"


def _sorted(value: Any, case: Mapping[str, Any]) -> str:
    return shown(sorted(value, key=shown) if case.get("sort_bindings") and isinstance(value, list) else value)


def main() -> int:
    """Compare with what is known, and print the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = outcomes(options.folder)
    differing = {note: outcome for note, outcome in sorted(found.items()) if outcome != "equal"}
    if options.write:
        KNOWN.write_text(json.dumps(differing, indent=1, ensure_ascii=False) + "\n")
    known = json.loads(KNOWN.read_text())
    changed = [note for note in found if known.get(note, "equal") != found[note]]
    for note in changed:
        print(f"{note}: {known.get(note, 'equal')} -> {found[note]}")
    for outcome, count in Counter(found.values()).most_common():
        print(f"{count:6} {outcome}")
    return 1 if changed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
