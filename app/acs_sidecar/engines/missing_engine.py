"""The policy type of an engine that is not installed: every policy of it is refused (section 1.7)."""

from dataclasses import dataclass

from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.ports import CompiledPolicy, CompileRequest
from acs_sidecar.spec.reasons import Reason

__all__ = ["MissingEngine"]


@dataclass(frozen=True, slots=True)
class MissingEngine:
    """Stands for policy type `name`, whose engine comes with `distribution`."""

    name: str
    distribution: str
    bind_members: frozenset[str] = frozenset()

    def compile(self, request: CompileRequest) -> CompiledPolicy:
        """Refuse. Raises `ManifestError` with `adapter_unsupported`."""
        message = (
            f"`{self.name}` policies cannot be evaluated here: `{self.distribution}` has no build for this "
            "platform, or is not installed; the container documentation says how to build it"
        )
        raise ManifestError(
            [Diagnostic("engine-missing", message, f"{request.path}.type")], Reason.ADAPTER_UNSUPPORTED
        )
