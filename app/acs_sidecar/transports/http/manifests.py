"""What is loaded, and the check of a manifest that is not (section 2.3)."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from acs_sidecar.decision.caller import Caller, Sender
from acs_sidecar.decision.refusal import Cause, RefusalError
from acs_sidecar.decision.request import only_members, parse_object
from acs_sidecar.manifests.schema import manifest_schema
from acs_sidecar.runtime import Runtime
from acs_sidecar.spec.document.bounds import MAX_DEPTH
from acs_sidecar.spec.manifest.compiled import AnyManifest, InlineMode, InvalidManifest, Provenance
from acs_sidecar.spec.manifest.diagnostics import Diagnostic, ManifestError
from acs_sidecar.spec.manifest.merge import member_sources
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.manifest.redaction import redacted
from acs_sidecar.spec.policy_statement import PolicyStatement, Window
from acs_sidecar.spec.values import Json, JsonObject
from acs_sidecar.transports.http.dependencies import (
    current_caller,
    current_in_flight,
    current_runtime,
    current_sender,
)
from acs_sidecar.transports.http.in_flight import InFlight

__all__ = ["router"]

_SCHEMA_TYPE = "application/schema+json"
_SCHEMA_RESPONSE: dict[str, Any] = {
    "description": "the schema",
    "content": {_SCHEMA_TYPE: {"schema": {"type": "object"}}},
}


class _StrictRoute(APIRoute):
    """Reads JSON as decisions do: no manifest is valid here that could not be sent there."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the request handler of FastAPI, with strict JSON parsing."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if request.method == "POST":
                members = parse_object(
                    await request.body(), current_runtime(request).settings.duplicate_members
                )
                _refuse_unknown(members)
                request._json = members  # where `json()` keeps what it has read
            return await handle(request)

        return strictly


router = APIRouter(tags=["manifests"], route_class=_StrictRoute)
Current = Annotated[Runtime, Depends(current_runtime)]
Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
CurrentInFlight = Annotated[InFlight, Depends(current_in_flight)]
CurrentCaller = Annotated[Caller | None, Depends(current_caller)]
CurrentSender = Annotated[Sender, Depends(current_sender)]


class SignatureStatement(BaseModel):
    """What a signature says of a manifest besides its content."""

    model_config = ConfigDict(extra="forbid")

    digest: Digest
    name: str = Field(
        default_factory=str, min_length=1, description="the `metadata.name` that the manifest must have"
    )
    not_before: str = Field(default_factory=str, description="when the signature becomes valid")
    expires: str = Field(default_factory=str, description="when the signature expires")


class Signature(BaseModel):
    """Who signed a manifest, and the signature in base64."""

    model_config = ConfigDict(extra="forbid")

    key_id: str
    signature: str
    statement: SignatureStatement | None = Field(None, description="signed instead of the digest alone")


class ManifestToValidate(BaseModel):
    """A manifest that is not loaded."""

    model_config = ConfigDict(extra="forbid")

    manifest: str | dict[str, Any] = Field(description="the manifest as an object, or as YAML or JSON text")
    manifest_signature: Signature | None = Field(None, description="where manifests must be signed")


_PARTS: tuple[tuple[type[BaseModel], str], ...] = (
    (ManifestToValidate, "manifest_signature"),
    (Signature, "statement"),
    (SignatureStatement, ""),
)
"""The objects of a body, from the outermost inwards, each with the member that holds the next."""


class Finding(BaseModel):
    """One diagnostic; `path` names the member, `line` and `column` count from 1."""

    severity: Literal["error", "warning"]
    code: str
    message: str
    path: str | None
    line: int | None = Field(ge=1)
    column: int | None = Field(ge=1)
    source: str | None


class Validation(BaseModel):
    """The findings of a validated manifest."""

    valid: bool
    digest: Digest | None
    diagnostics: list[Finding] = Field(description="the first 100, then one with the number of the others")


class LoadedManifest(BaseModel):
    """A manifest of the operator's."""

    name: str
    valid: bool
    digest: Digest | None
    default: bool
    points: list[str]
    policies: dict[str, str] = Field(description="policy name and type")


class ManifestList(BaseModel):
    """Every manifest of the operator's that the caller may use, by name."""

    loaded_at: datetime = Field(description="when this set began to serve")
    set_digest: Digest = Field(description="names the content of all of them, policy files included")
    manifests: list[LoadedManifest]


class ListedCounter(BaseModel):
    """A count that a policy reads at `envelope.counters.<group>.<name>`."""

    group: str
    name: str
    window: Window = Field(description="how long a count lasts, from the first action that is counted")


class ManifestDetail(LoadedManifest):
    """One manifest, merged with those that it extends, credentials redacted."""

    source: Provenance
    manifest: dict[str, Any] | None
    provenance: dict[str, str] = Field(
        description="path of each member that has a name, and the file or URL that it came from"
    )
    counters: list[ListedCounter] = Field(description="what the host counts for the policies")
    diagnostics: list[Finding]


@router.post(
    "/v1/manifests:validate",
    response_description="whether the manifest is valid, and what was found",
    responses={429: {"description": "too many requests are in flight"}},
)
async def validate_manifest(
    body: ManifestToValidate, runtime: Current, sender: CurrentSender, in_flight: CurrentInFlight
) -> Validation:
    """Validate and lint a manifest as if it came with a request."""
    with in_flight:
        return await _validation(body, runtime, sender)


@router.get("/v1/manifest.schema.json", response_class=Response, responses={200: _SCHEMA_RESPONSE})
async def get_manifest_schema(runtime: Current) -> Response:
    """Return the JSON Schema of the manifest, for editors."""
    return Response(orjson.dumps(manifest_schema(runtime.compiler.members)), media_type=_SCHEMA_TYPE)


@router.get("/v1/manifests", response_description="the loaded manifests by name")
async def list_manifests(runtime: Current, caller: CurrentCaller) -> ManifestList:
    """List what is loaded and the caller may use."""
    operator = runtime.catalog.operator
    names = sorted(name for name in operator.by_name if caller is None or caller.may_use(name))
    return ManifestList(
        loaded_at=datetime.fromtimestamp(operator.loaded_at, UTC),
        set_digest=runtime.manifests.digest,
        manifests=[LoadedManifest(**_summary(name, runtime)) for name in names],
    )


@router.get(
    "/v1/manifests/{name}",
    response_description="the merged manifest, its origin and its findings",
    responses={404: {"description": "no manifest of this name is loaded"}},
)
async def get_manifest(name: str, runtime: Current, caller: CurrentCaller) -> ManifestDetail:
    """Show one manifest that the caller may use, credentials redacted."""
    manifest = runtime.catalog.operator.by_name.get(name)
    if manifest is None or (caller is not None and not caller.may_use(name)):
        raise RefusalError(Cause.NOT_FOUND, "no manifest of this name is loaded")
    if isinstance(manifest, InvalidManifest):
        shown, provenance = None, {}
        statement = PolicyStatement(manifest.error.diagnostics)
    else:
        shown, statement = redacted(manifest.manifest.value, runtime.compiler.members), manifest.statement
        provenance = member_sources(manifest.manifest.document)
    return ManifestDetail(
        **_summary(name, runtime),
        source=manifest.provenance,
        manifest=shown,
        provenance=provenance,
        counters=[
            ListedCounter.model_validate(counter, from_attributes=True) for counter in statement.counters
        ],
        diagnostics=_findings(statement.warnings),
    )


async def _validation(body: ManifestToValidate, runtime: Runtime, sender: Sender) -> Validation:
    caller, inline = sender.caller, runtime.catalog.inline
    if caller is not None and not caller.inline:
        raise RefusalError(Cause.FORBIDDEN, "this caller is not allowed to send inline manifests")
    if inline.mode is InlineMode.DENY:
        raise RefusalError(
            Cause.FORBIDDEN,
            "inline manifests are not accepted; run `acs-sidecar validate` on the file instead",
        )
    claim = body.manifest_signature
    signature: JsonObject | None = claim.model_dump(exclude_unset=True) if claim else None
    admitted = await inline.admit(body.manifest, MAX_DEPTH + 1, signature, sender.owner)
    try:
        if admitted is None:
            document_of(body.manifest)  # says at which bound it is refused
            raise TypeError("a manifest that nests too deep was read")
        compiled = await runtime.compiler.compile_inline(body.manifest, admitted.written, owner=sender.owner)
        found = compiled.manifest
    except ManifestError as error:
        return Validation(valid=False, digest=error.digest, diagnostics=_findings(error.diagnostics))
    return Validation(valid=True, digest=found.digest, diagnostics=_findings(found.warnings))


def _refuse_unknown(body: dict[str, Json]) -> None:
    """Raise `RefusalError` for the first unknown member: a model would list each of many thousands."""
    part: Json = body
    for model, inner in _PARTS:
        if not isinstance(part, dict):
            return
        only_members(part, frozenset(model.model_fields))
        part = part.get(inner)


def _summary(name: str, runtime: Runtime) -> dict[str, Any]:
    operator = runtime.catalog.operator
    manifest: AnyManifest = operator.by_name[name]
    compiled = None if isinstance(manifest, InvalidManifest) else manifest
    return {
        "name": name,
        "valid": compiled is not None,
        "digest": manifest.digest,
        "default": name == operator.default or len(operator.by_name) == 1,
        "points": sorted(compiled.points) if compiled else [],
        "policies": {
            policy: str(definition["type"]) for policy, definition in compiled.manifest.policies.items()
        }
        if compiled
        else {},
    }


def _findings(diagnostics: tuple[Diagnostic, ...]) -> list[Finding]:
    return [Finding.model_validate(finding, from_attributes=True) for finding in diagnostics]
