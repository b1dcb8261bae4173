"""Every local detector by the name of its provider."""

from collections.abc import Callable, Mapping

from acs_sidecar.detectors import egress, pii, secret_keys, shell
from acs_sidecar.detectors.findings import Detector
from acs_sidecar.detectors.injection import detector as injection
from acs_sidecar.detectors.mcp_tool import detector as mcp_tool
from acs_sidecar.detectors.members import DETECTOR_MEMBERS
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.own_patterns import detector as patterns
from acs_sidecar.spec.ports import SourceReader
from acs_sidecar.spec.values import JsonObject

__all__ = ["DETECTORS", "LOCAL_PROVIDERS", "build_detector"]

DETECTORS: Mapping[str, Callable[[Options], Detector]] = {
    "egress": egress.detector,
    "mcp_tool": mcp_tool.detector,
    "pii": pii.detector,
    "prompt_injection": injection.detector,
    "secrets": secret_keys.detector,
    "shell_risk": shell.detector,
}
"""Those that know themselves what to look for."""

LOCAL_PROVIDERS: Mapping[str, Callable[[Options], Detector]] = {**DETECTORS, "patterns": patterns.detector}
"""All of them, with the one that is told."""


def build_detector(
    provider: str, path: str, members: JsonObject, sources: SourceReader | None = None
) -> Detector:
    """Build one of `LOCAL_PROVIDERS` from the members of an annotator, named `path` in diagnostics.

    It is ready: its expressions are compiled, and its files are read from `sources`, where there are any. Raises
    `ManifestError`.
    """
    detector = LOCAL_PROVIDERS[provider](Options(path, members, DETECTOR_MEMBERS[provider], sources))
    detector("")
    return detector
