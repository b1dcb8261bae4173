"""`provider: host`: an annotation that the host brings in the snapshot, whatever its type (section 1.6)."""

from dataclasses import dataclass

from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.host_annotations import HOST
from acs_sidecar.spec.ports import Annotator, AnnotatorContext, AnnotatorType
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["HOST", "HostAnnotator", "or_host"]


@dataclass(frozen=True, slots=True)
class HostAnnotator:
    """The value at `from` is the annotation; where that may lie is checked with the manifest."""

    async def annotate(self, value: Json) -> Json:
        """Return the value."""
        return value


def or_host(other: AnnotatorType) -> AnnotatorType:
    """Return a type that is `other` unless the invocation has `provider: host`."""

    def build(name: str, path: str, invocation: JsonObject, context: AnnotatorContext) -> Annotator:
        if invocation.get("provider") != HOST:
            return other(name, path, invocation, context)
        if unknown := [*unknown_members(invocation, ("type", "provider"))]:
            raise ManifestError(
                [Diagnostic("annotator-member-unknown", why, f"{path}.{member}") for member, why in unknown]
            )
        return HostAnnotator()

    return build
