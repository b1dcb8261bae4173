"""Alive, ready, and what this service is (section 2.3)."""

import dataclasses
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

import acs_sidecar
from acs_sidecar.manifests.reload import ReloadOutcome
from acs_sidecar.runtime import Runtime
from acs_sidecar.spec.dialects.dialect import Vocabulary
from acs_sidecar.spec.dialects.versions import SUPPORTED_VERSIONS
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InlineMode
from acs_sidecar.transports.http.dependencies import current_runtime

__all__ = ["router"]

CONTRACT_VERSION = "0.3.1-beta-agt"

router = APIRouter(tags=["operation"])
Current = Annotated[Runtime, Depends(current_runtime)]


class Health(BaseModel):
    """Liveness of the process."""

    status: Literal["alive"]


class Check(BaseModel):
    """One condition of readiness."""

    name: str
    state: Literal["ok", "warning", "failed"]
    detail: str


class Readiness(BaseModel):
    """Ready when no check failed."""

    ready: bool
    checks: list[Check]


class LastReload(BaseModel):
    """Outcome of the last reload of the operator's manifests."""

    outcome: ReloadOutcome
    at: datetime
    detail: str = Field(description="rules and files, or why it failed; see the service log")


class InlineCacheState(BaseModel):
    """Size and limit of this worker's cache of inline manifests."""

    manifests: int
    bytes: int = Field(description="an upper bound on the memory that they take")
    most_bytes: int


class Info(BaseModel):
    """Version, engines and limits of the service."""

    name: str
    version: str
    contract: str
    specification_versions: list[str]
    vocabularies: list[str]
    engines: dict[str, str] = Field(description="engine distributions and their versions")
    inline_manifests: InlineMode
    inline_cache: InlineCacheState
    last_reload: LastReload | None = Field(description="null while there was none")
    limits: dict[str, int]


@router.get("/healthz", response_description="the process is alive")
async def get_health() -> Health:
    """Report that the process is alive."""
    return Health(status="alive")


@router.get(
    "/readyz",
    response_description="every check passed",
    responses={503: {"model": Readiness, "description": "a check failed"}},
)
async def get_readiness(runtime: Current, response: Response) -> Readiness:
    """Report whether decisions can be made, each check by name."""
    checks = [_manifests_check(runtime), _audit_check(runtime), _access_check(runtime)]
    ready = all(check.state != "failed" for check in checks)
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(ready=ready, checks=checks)


@router.get("/v1/info", response_description="version, engines and limits")
async def get_info(runtime: Current) -> Info:
    """Show the version, the engines and the limits in force."""
    inline = runtime.catalog.inline
    return Info(
        name="acs-sidecar",
        version=acs_sidecar.__version__,
        contract=CONTRACT_VERSION,
        specification_versions=list(SUPPORTED_VERSIONS),
        vocabularies=[vocabulary.value for vocabulary in Vocabulary],
        engines=runtime.engines,
        inline_manifests=runtime.catalog.inline.mode,
        inline_cache=InlineCacheState(
            manifests=len(inline.cache),
            bytes=inline.cache.size,
            most_bytes=runtime.settings.inline_cache_bytes,
        ),
        last_reload=_last_reload(runtime),
        limits=dataclasses.asdict(runtime.settings.limits),
    )


def _last_reload(runtime: Runtime) -> LastReload | None:
    last = runtime.manifests.last
    return LastReload(outcome=last.outcome, at=_utc(last.at), detail=last.detail) if last else None


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _manifests_check(runtime: Runtime) -> Check:
    check, last = _loaded_check(runtime), _last_reload(runtime)
    if check.state == "failed" or last is None or last.outcome is not ReloadOutcome.FAILED:
        return check
    since = _utc(runtime.catalog.operator.loaded_at)
    detail = (
        f"{check.detail}; those of {since:%FT%TZ} in force, reload at {last.at:%FT%TZ} failed: {last.detail}"
    )
    return Check(name=check.name, state="warning", detail=detail)


def _loaded_check(runtime: Runtime) -> Check:
    loaded = runtime.catalog.operator.by_name
    valid = [name for name, manifest in loaded.items() if isinstance(manifest, CompiledManifest)]
    invalid = sorted(loaded.keys() - valid)
    if invalid and valid:
        return Check(
            name="manifests", state="warning", detail=f"invalid, requests are denied: {', '.join(invalid)}"
        )
    if valid:
        return Check(name="manifests", state="ok", detail=f"{len(valid)} loaded")
    if runtime.catalog.inline.mode is not InlineMode.DENY:
        return Check(name="manifests", state="ok", detail="none loaded; inline manifests are accepted")
    return Check(name="manifests", state="failed", detail="no valid manifest is loaded")


def _audit_check(runtime: Runtime) -> Check:
    audit = runtime.audit
    if audit is None:
        return Check(
            name="audit", state="warning", detail="no audit log is written (ACS_AUDIT_DURABILITY=none)"
        )
    if audit.failure:
        return Check(name="audit", state="failed", detail=audit.failure)
    if audit.damage:
        damaged = ", ".join(one.log for one in audit.damage)
        return Check(name="audit", state="warning", detail=f"damaged and left unchanged: {damaged}")
    if audit.warning:
        return Check(name="audit", state="warning", detail=audit.warning)
    return Check(name="audit", state="ok", detail=f"{audit.records} records written")


def _access_check(runtime: Runtime) -> Check:
    refused = runtime.access.refused
    if refused:
        detail = f"changed but invalid, the previous version stays in force: {', '.join(refused)}"
        return Check(name="access", state="warning", detail=detail)
    return Check(name="access", state="ok", detail=runtime.access.summary)
