"""Section 1.3: findings of a text name line and column."""

from dataclasses import replace

import pytest

from acs_sidecar.spec.document.locations import placed
from acs_sidecar.spec.document.text import Document, parse_document
from acs_sidecar.spec.manifest.diagnostics import Diagnostic

TEXT = """\
policies:
  main:
    type: rego
  "a.b [c": {type: test}
"""


DOCUMENT = replace(parse_document(TEXT), source="m.yaml")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("policies.main.type", (3, 5)),
        ("policies.main.query", (2, 3)),
        ("policies.main.schema.a.b[0]", (2, 3)),
        ('policies["a.b [c"].type', (4, 14)),
        ("limits.x", (1, 1)),
        (None, (1, 1)),
    ],
)
def test_a_member_has_its_place_or_that_of_the_nearest(path: str | None, place: tuple[int, int]) -> None:
    """What the text does not have is shown where it would belong."""
    (found,) = placed([Diagnostic("code", "message", path)], DOCUMENT)
    assert ((found.line, found.column), found.source) == (place, "m.yaml")


def test_findings_with_a_place_stay_as_they_are() -> None:
    """So do those about another file, and those of a manifest that was no text."""
    own = Diagnostic("code", "message", "policies.main", source="m.yaml", line=9, column=9)
    other = Diagnostic("code", "message", "policies.main", source="policies/a.rego")
    nowhere = Diagnostic("code", "message", "policies.main")
    assert placed([own, other], DOCUMENT) == (own, other)
    assert placed([nowhere], Document({}, {})) == (nowhere,)
