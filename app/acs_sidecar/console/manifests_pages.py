"""The pages of manifests: what is bound where, and what their cases say and reach (section 15.2)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from acs_sidecar.console.manifest_set import ManifestAccess, ShownManifest, TriedManifest
from acs_sidecar.console.merged_text import merged_parts
from acs_sidecar.console.rendering import page, rendered
from acs_sidecar.engines.adapters.agt_rules.coverage import RuleCoverage
from acs_sidecar.engines.rego.coverage import RegoCoverage
from acs_sidecar.manifests.compiler import ManifestCompiler
from acs_sidecar.manifests.loading import compile_manifest
from acs_sidecar.spec.manifest.cases import Case
from acs_sidecar.spec.manifest.compiled import InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.printable import printable
from acs_sidecar.spec.values import JsonObject
from acs_sidecar.trials.case_coverage import Coverage, coverage_of, line_ranges, with_coverage
from acs_sidecar.trials.case_run import CaseResult, run_cases

__all__ = ["manifest_routes", "manifest_row"]


def manifest_routes(manifests: ManifestAccess, compiler: ManifestCompiler) -> list[Route]:
    """Return the routes; `compiler` is for manifests whose cases are run."""
    return [
        Route("/manifests", partial(_all, manifests)),
        Route("/manifests/{name:path}", partial(_one, manifests)),
        Route("/manifests/{name:path}", partial(_cases, manifests, compiler), methods=["POST"]),
    ]


def manifest_row(loaded: ShownManifest) -> dict[str, object]:
    """Return what a list says of a manifest."""
    return {
        "name": loaded.name,
        "valid": loaded.valid,
        "digest": loaded.digest,
        "points": len(loaded.points),
        "cases": None if loaded.text is None else len(loaded.cases),
        "errors": sum(one.severity == "error" for one in loaded.findings),
        "warnings": sum(one.severity != "error" for one in loaded.findings),
    }


async def _all(manifests: ManifestAccess, request: Request) -> Response:
    by_name = await manifests.by_name()
    rows = [manifest_row(one) for _, one in sorted(by_name.items())]
    return page(request, "manifests.html", here="manifests", rows=rows, problem=manifests.problem)


async def _one(manifests: ManifestAccess, request: Request) -> Response:
    loaded = (await manifests.by_name()).get(request.path_params["name"])
    if loaded is None:
        problem = manifests.problem or "no manifest of this name is loaded"
        return page(request, "problem.html", HTTPStatus.NOT_FOUND, here="manifests", problem=problem)
    return page(
        request,
        "manifest.html",
        here="manifests",
        loaded=loaded,
        tools=_named(loaded, "tools"),
        annotators=_named(loaded, "annotators"),
        merged=merged_parts(loaded.value, loaded.sources) if loaded.value else [],
        language="json" if loaded.place.endswith(".json") else "yaml",
    )


async def _cases(manifests: ManifestAccess, compiler: ManifestCompiler, request: Request) -> Response:
    """Answer with the part of the page that shows what the cases of a manifest give and reach."""
    loaded = (await manifests.by_name()).get(request.path_params["name"])
    if loaded is None or loaded.tried is None:
        return JSONResponse({"problem": "no valid manifest of this name is loaded"}, HTTPStatus.NOT_FOUND)
    try:
        run = await asyncio.to_thread(_run, loaded.tried, loaded.cases, compiler)
    except ManifestError as error:
        return JSONResponse({"problem": printable(str(error))}, HTTPStatus.CONFLICT)
    return JSONResponse({"html": rendered(request, "cases.html", run=run, line_ranges=line_ranges)})


@dataclass(frozen=True, slots=True)
class _Run:
    """What the cases of a manifest gave, and what they reach of it."""

    results: list[CaseResult]
    coverage: Coverage


def _run(tried: TriedManifest, cases: tuple[Case, ...], compiler: ManifestCompiler) -> _Run:
    """Compile a manifest once more, to see what is reached, and run its cases: all in one thread."""
    lines, rules = RegoCoverage(), RuleCoverage()
    manifest = compile_manifest(tried.read, with_coverage(compiler, lines, rules))
    if isinstance(manifest, InvalidManifest):  # a file of it has changed since it was loaded
        raise manifest.error
    results = asyncio.run(run_cases(manifest, cases, lambda: None))
    return _Run(results, coverage_of(manifest, results, lines.modules, rules.documents))


def _named(loaded: ShownManifest, member: str) -> Mapping[str, JsonObject]:
    named = (loaded.value or {}).get(member)
    return cast("Mapping[str, JsonObject]", named) if isinstance(named, dict) else {}
