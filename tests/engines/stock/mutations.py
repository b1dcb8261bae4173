"""Mutants of the library, each of which a case or a vector must catch: `python -m tests.engines.stock.mutations`.

A mutant lacks one statement of a rule that a section is decided by, has one condition the other way round, or one
word of a result changed. Functions that only policies of one's own call are no part of it: the published tests are
theirs. Prints the mutants that nothing catches; none are, but those that mean the same, which are listed.
"""

import re
import sys
from collections.abc import Iterator
from unittest.mock import patch

from acs_sidecar.engines.rego import library
from acs_sidecar.engines.stock.library import library_texts
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.engines.stock.test_cases import CASES, differences

_GATES = re.compile(
    r"(?:gate|found|clear|ambiguous|expects_host|authenticated|auth|secure|is_loopback|counters|same_hash|deny_if_mismatch)\b"
)
_STATEMENT = re.compile(r"^\t(?![\"}])(?!some )(.+)$")
_SAME = {
    ("egress.rego", "is_array(input.annotations.stock_egress.categories)"),
    ("egress.rego", "is_array(input.annotations.stock_egress.hosts)"),
}
"""Conditions that only an annotation can fail that no local classifier gives."""


def mutants() -> Iterator[tuple[str, str, str]]:
    """Yield the file, what was changed, and the text with it."""
    for name, text in library_texts("rego").items():
        lines = text.split("\n")
        decides = name.startswith("defaults")
        for number, line in enumerate(lines):
            if line and line[0].isalpha():
                decides = name.startswith("defaults") or bool(_GATES.match(line))
            found = _STATEMENT.match(line)
            if (
                not decides
                or not found
                or ":=" in line
                or line.rstrip().endswith("{")
                or (name, found[1]) in _SAME
            ):
                continue
            for changed in (
                "\ttrue",
                f"\tnot {found[1]}" if not found[1].startswith("not ") else f"\t{found[1][4:]}",
            ):
                yield (
                    name,
                    f"line {number + 1}: {changed.strip()}",
                    "\n".join([*lines[:number], changed, *lines[number + 1 :]]),
                )


def caught(name: str, text: str) -> bool:
    """True if a case of a section that has the file is decided otherwise."""
    section = name.removesuffix(".rego").removeprefix("defaults_")
    texts = {**library_texts("rego"), name: text}
    blocks = CASES.get(section) or [block for blocks in CASES.values() for block in blocks]
    with patch.object(library, "library_texts", lambda _language: texts):
        for block in blocks:
            try:
                if next(differences(block), None):
                    return True
            except ManifestError:
                return True
    return False


def main() -> int:
    """Try every mutant; the number of those that nothing catches."""
    survivors = [(name, what) for name, what, text in mutants() if not caught(name, text)]
    for name, what in survivors:
        sys.stdout.write(f"{name} {what}\n")
    sys.stdout.write(f"{sum(1 for _ in mutants())} mutants, {len(survivors)} not caught\n")
    return len(survivors)


if __name__ == "__main__":
    sys.exit(main() > 0)
