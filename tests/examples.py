"""The cases beside the example manifests, for a service that has loaded those (section 3.4)."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acs_sidecar.manifests.case_files import cases_beside
from acs_sidecar.manifests.files import find_manifests
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.manifest.cases import Case, differences
from acs_sidecar.spec.path import POLICY_TARGET_PATHS, TARGET_PATHS
from acs_sidecar.spec.verdict import Decision

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
            "dialect": Vocabulary.FIVE_DECISIONS.value,
        }

    def check(self, response: dict[str, Any]) -> None:
        """Compare a response with the case."""
        assert differences(self._told, response) == (), response.get("detail")

    @property
    def _told(self) -> Case:
        """The case as a response in five decisions can be compared with it."""
        expected = dict(self.case.expected)
        expected.pop("approval", None)
        if expected.pop("warnings", None) and expected["decision"] == Decision.ALLOW:
            expected["decision"] = Decision.WARN.value
        if isinstance(transform := expected.get("transform"), dict):
            path = str(transform["path"]).replace(TARGET_PATHS.target_root, POLICY_TARGET_PATHS.target_root)
            expected["transform"] = {**transform, "path": path}
        return replace(self.case, expected=expected)


EXAMPLES = {
    file.name: [Example(file.name, case) for case in cases_beside(file)] for file in find_manifests(MANIFESTS)
}
NAMES = sorted(EXAMPLES)
