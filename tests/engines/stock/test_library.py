"""The texts of the library: their digest, what they call, and that the documents tell the same."""

import re

from acs_sidecar.engines.rego.library import verdict_text
from acs_sidecar.engines.stock.library import library_digest, library_texts
from acs_sidecar.engines.stock.sections import SECTIONS
from tests.conftest import ROOT

DIGESTS = {
    "cedar": "sha256:340dcdaa5d3db75c2d469d2a42787d85b3f800e06692061a784a3144742eab32",
    "rego": "sha256:e7fd5ceb58e9b50fb2bbe2cfc3010516893ab77c4b8214d31a0e41e6d325ccbc",
}
"""What is under the name `stock-1`. A change of a text is another library: `stock-2`."""


def test_a_text_never_changes_under_its_name() -> None:
    """The digest of each language is that of its release."""
    assert {language: library_digest(language) for language in DIGESTS} == DIGESTS


def test_a_decision_calls_no_regular_expression() -> None:
    """Gates call none; the functions for policies of one's own do, and no gate calls them."""
    of_own = {
        "agt.patterns": {"matches_any", "first_match", "deny_if_pattern"},
        "agt.redact": {"apply_patterns", "redact_text"},
    }
    called = set().union(*of_own.values()) | {"host_of", "deny_egress"}
    for name, text in library_texts("rego").items():
        for rule in re.split(r"\n(?=\w)", text):
            if rule.startswith(("gate", "found", "clear", "ambiguous", "expects_host")) or name.startswith(
                "defaults"
            ):
                assert "regex." not in rule, name
                assert not called & set(re.findall(r"\w+", rule)), name
    assert "regex." not in verdict_text(SECTIONS)


def test_the_reference_names_every_section_and_reason() -> None:
    """Sections in the order in which they are asked, and each reason that a text has."""
    page = (ROOT / "docs" / "reference" / "8-stock.md").read_text()
    assert re.findall(r"^\| `(\w+)` `\{", page, re.MULTILINE) == [*SECTIONS]
    gates = {name: text for name, text in library_texts("rego").items() if not name.startswith("defaults")}
    reasons = {
        found
        for text in gates.values()
        for found in re.findall(
            r'"((?:\w+_)+(?:missing|exceeded|invalid|allowed|mismatch|violation|ambiguous|insufficient|insecure|detected|threshold|required|applied|blocked))"',
            text,
        )
    }
    in_cedar = re.findall(r'^@id\("(\w+)"\)', "\n".join(library_texts("cedar").values()), re.MULTILINE)
    assert reasons - {"not_allowed"} | {"redaction_with_approval", "ifc_labels_missing"} == {*in_cedar}
    assert len(reasons) >= 20
    assert {reason for reason in reasons if f"`{reason}`" not in page} == {"redaction_missing", "not_allowed"}
