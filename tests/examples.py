"""The cases beside the example manifests, for a service that has loaded those (section 3.4)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.files import find_manifests
from acs_sidecar.spec.manifest.cases import Case, differences

MANIFESTS = Path(__file__).parent.parent / "manifests"


@dataclass(frozen=True)
class Example:
    """One case of one manifest: a snapshot, and what must be decided about it."""

    manifest: str
    case: Case

    @property
    def body(self) -> dict[str, Any]:
        """The request that asks for it."""
        return {
            "manifest_ref": self.manifest,
            "intervention_point": self.case.point.value,
            "snapshot": self.case.snapshot,
            "mode": self.case.mode.value,
        }

    def check(self, response: dict[str, Any]) -> None:
        """Compare a response with the case."""
        assert differences(self.case, response) == (), response.get("detail")


EXAMPLES = {
    file.name: [Example(file.name, case) for case in cases_beside(file)] for file in find_manifests(MANIFESTS)
}
NAMES = sorted(EXAMPLES)
