"""The cases beside the example manifests (contract 3.4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.document import parse_document

MANIFESTS = Path(__file__).parent.parent / "manifests"
NAMES = sorted(folder.name for folder in MANIFESTS.iterdir() if folder.is_dir())
MEMBERS = {"name", "intervention_point", "snapshot", "mode", "expect", "expect_target", "annotations"}


@dataclass(frozen=True)
class Example:
    """One case of one manifest: a snapshot, and what must be decided about it."""

    manifest: str
    case: dict[str, Any]

    @property
    def point(self) -> str:
        """The intervention point asked for."""
        return str(self.case["intervention_point"])

    @property
    def expected(self) -> dict[str, Any]:
        """The members that the verdict must have; others are not looked at."""
        members: dict[str, Any] = self.case["expect"]
        return members

    @property
    def body(self) -> dict[str, Any]:
        """The request that asks for it."""
        return {
            "manifest_ref": self.manifest,
            "intervention_point": self.point,
            "snapshot": self.case["snapshot"],
            "mode": self.case.get("mode", "enforce"),
        }

    def check(self, response: dict[str, Any]) -> None:
        """Compare a response with the case: a target is transformed when, and only when, one is expected."""
        verdict = {name: response["verdict"].get(name) for name in self.expected}
        assert verdict == self.expected, response.get("detail")
        target = [response["transformed_policy_target"]] if "transformed_policy_target" in response else []
        assert target == [self.case[name] for name in ("expect_target",) if name in self.case]


def examples(manifest: str) -> Iterator[Example]:
    """Give the cases of one manifest, in the order of its files."""
    for file in sorted((MANIFESTS / manifest / "tests").glob("*.yaml")):
        document = parse_document(file.read_text()).value
        assert isinstance(document, dict)
        assert document.keys() == {"cases"}
        cases = document["cases"]
        assert isinstance(cases, list)
        for case in cases:
            assert isinstance(case, dict)
            yield Example(manifest, case)
