"""Mutants of the library, each of which a case or a vector must catch: `python -m tests.engines.stock.mutations`.

A mutant in Rego lacks one statement of a rule that a section is decided by, or has one condition the other way round;
one in Cedar lacks a policy, or has one operator changed. Functions that only policies of one's own call are no part of it: the published tests are
theirs. Prints the mutants that nothing catches; none are, but those that mean the same, which are listed.
"""

import re
import sys
from collections.abc import Iterator
from unittest.mock import patch

from acs_sidecar.engines.cedar.stock import library as cedar_library
from acs_sidecar.engines.rego import library as rego_library
from acs_sidecar.engines.stock.library import library_texts
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from tests.engines.stock.test_cases import CASES, differences

_GATES = re.compile(
    r"(?:gate|found|clear|ambiguous|expects_host|authenticated|auth|secure|is_loopback|counters|same_hash|deny_if_mismatch)\b"
)
_SECTION = re.compile(r"(?!pattern_text|pattern_reason|redact_replacement)")
_PATCHED = {"rego": rego_library, "cedar": cedar_library}
_STATEMENT = re.compile(r"^\t(?![\"}])(?!some )(.+)$")
_SAME = {
    ("egress_gate.rego", "is_array(input.annotations.stock_egress.categories)"),
    ("egress_gate.rego", "is_array(input.annotations.stock_egress.hosts)"),
    ("content_hash.rego", "deny_if_mismatch"),
    ("approval.rego", "count(section.approvers) > 0"),
    ("mcp.rego", "is_string(input.tool.mcp_origin.url)"),
}
"""Conditions that only an annotation can fail that no local classifier gives, and those that what follows implies."""

_CHANGES = (
    (r"!(?=[(c])", ""),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r">=", ">"),
    (r"(?<=score )<", "<="),
    (r"containsAll\(", "containsAny("),
    (r"containsAny\(", "containsAll("),
    (r"\.isEmpty\(\)", ".contains(1)"),
)
"""What stands in a policy of Cedar, and what a mutant has there."""


def cedar_mutants() -> Iterator[tuple[str, str, str]]:
    """Yield the file, what was changed, and the text with it."""
    for name, text in library_texts("cedar").items():
        policies = re.split(r"\n(?=@id)", text)
        for at, policy in enumerate(policies):
            if policy.startswith("@id"):
                without = "\n".join([*policies[:at], *policies[at + 1 :]])
                yield name, f"without {policy.split()[0]}", without
        start = text.find("@id")
        for pattern, replacement in _CHANGES:
            for found in re.finditer(pattern, text):
                if found.start() > start:
                    line = text.count("\n", 0, found.start()) + 1
                    changed = text[: found.start()] + replacement + text[found.end() :]
                    yield name, f"line {line}: {found[0]} -> {replacement}", changed


def rego_mutants() -> Iterator[tuple[str, str, str]]:
    """Yield the file, what was changed, and the text with it."""
    for name, text in library_texts("rego").items():
        lines = text.split("\n")
        decides = name.startswith("defaults")
        for number, line in enumerate(lines):
            if line and line[0].isalpha():
                decides = bool((_SECTION if name.startswith("defaults") else _GATES).match(line))
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


def caught(kind: str, name: str, text: str) -> bool:
    """True if a case of a section that has the file is decided otherwise."""
    section = name.removesuffix(f".{kind}").removeprefix("defaults_").removesuffix("_gate")
    texts = {**library_texts(kind), name: text}
    blocks = CASES.get(section) or [block for blocks in CASES.values() for block in blocks]
    with patch.object(_PATCHED[kind], "library_texts", lambda _language: texts):
        for block in blocks:
            try:
                if next(differences(block, kind), None):
                    return True
            except ManifestError:
                return True
    return False


def main() -> int:
    """Try every mutant; the number of those that nothing catches."""
    survived = 0
    for kind, mutants in (("rego", rego_mutants), ("cedar", cedar_mutants)):
        count = found = 0
        for name, what, text in mutants():
            count += 1
            if caught(kind, name, text):
                continue
            found += 1
            sys.stdout.write(f"{name} {what}\n")
            sys.stdout.flush()
        sys.stdout.write(f"{kind}: {count} mutants, {found} not caught\n")
        survived += found
    return survived


if __name__ == "__main__":
    sys.exit(main() > 0)
