"""The policy type of an engine that is not installed: every policy of it is refused (section 1.7)."""

from dataclasses import dataclass

from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import CompiledPolicy, SourceReader
from acs_sidecar.spec.reasons import Reason
from acs_sidecar.spec.values import JsonObject

__all__ = ["MissingEngine"]


@dataclass(frozen=True, slots=True)
class MissingEngine:
    """Stands for policy type `name`, whose engine comes with `distribution`."""

    name: str
    distribution: str
    bind_members: frozenset[str] = frozenset()

    def compile(self, path: str, definition: JsonObject, sources: SourceReader) -> CompiledPolicy:  # noqa: ARG002  # the port's signature
        """Refuse. Raises `ManifestError` with `adapter_unsupported`."""
        message = (
            f"`{self.name}` policies cannot be evaluated here: `{self.distribution}` has no build for this "
            "platform, or is not installed; the container documentation says how to build it"
        )
        raise ManifestError(
            [Diagnostic("engine-missing", message, f"{path}.type")], Reason.ADAPTER_UNSUPPORTED
        )
