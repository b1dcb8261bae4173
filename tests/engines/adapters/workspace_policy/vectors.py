"""The vectors of section 10.8."""

import json
from dataclasses import dataclass
from typing import Any

from acs_sidecar.engines.adapters.workspace_policy.verification import Expected
from tests.conftest import ROOT

__all__ = ["DECISIONS", "EXPECTED", "FOLDER", "VERIFICATIONS", "Verified", "content", "document"]

FOLDER = ROOT / "tests" / "vectors" / "workspace-policy"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
DECISIONS: list[dict[str, Any]] = EXPECTED["decisions"]["cases"]


@dataclass(frozen=True)
class Verified:
    """A file, what is expected of it, and the result: `ok`, a diagnostic's code, or `deny-all:REASON`."""

    file: str
    expected: Expected
    result: str

    @property
    def members(self) -> dict[str, Any]:
        """What is expected, as members of a policy."""
        given = {
            "workspace": self.expected.workspace,
            "min_version": self.expected.min_version,
            "content_hash": self.expected.content_hash,
        }
        return {name: value for name, value in given.items() if value is not None}


def content(file: str) -> bytes:
    """The bytes of a file."""
    return (FOLDER / file).read_bytes()


def document(file: str) -> dict[str, Any]:
    """The document of a file."""
    found: dict[str, Any] = json.loads(content(file))
    return found


def _verifications() -> list[Verified]:
    verification = EXPECTED["verification"]
    workspace = verification["workspace"]
    plain = [Verified(file, Expected(workspace), result) for file, result in verification["files"].items()]
    return plain + [
        Verified(
            case["file"],
            Expected(case.get("workspace", workspace), case.get("min_version"), case.get("content_hash")),
            case["result"],
        )
        for case in verification["with"]
    ]


VERIFICATIONS = _verifications()
