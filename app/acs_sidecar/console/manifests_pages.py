"""The pages of manifests: what is bound where, what was found, what the cases say (section 15.2)."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from acs_sidecar.console.manifest_set import ManifestSet, ShownManifest, point_rows
from acs_sidecar.console.rendering import page
from acs_sidecar.spec.values import JsonObject
from acs_sidecar.trials.case_run import CaseResult, run_cases

__all__ = ["manifest_routes", "manifest_row"]

_YAML = "yaml"


def manifest_routes(manifests: ManifestSet) -> list[Route]:
    """Return the routes."""
    return [
        Route("/manifests", partial(_all, manifests)),
        Route("/manifests/{name:path}", partial(_one, manifests), methods=["GET", "POST"]),
    ]


def manifest_row(loaded: ShownManifest) -> dict[str, object]:
    """Return what a list says of a manifest."""
    return {
        "name": loaded.name,
        "valid": loaded.compiled is not None,
        "digest": loaded.manifest.digest,
        "points": len(loaded.compiled.points) if loaded.compiled else 0,
        "cases": len(loaded.cases),
        "errors": sum(one.severity == "error" for one in loaded.findings),
        "warnings": sum(one.severity != "error" for one in loaded.findings),
    }


async def _all(manifests: ManifestSet, request: Request) -> Response:
    by_name = await manifests.by_name()
    rows = [manifest_row(one) for _, one in sorted(by_name.items())]
    return page(request, "manifests.html", here="manifests", rows=rows, problem=manifests.problem)


async def _one(manifests: ManifestSet, request: Request) -> Response:
    """Show a manifest; on `POST` also what its cases give."""
    loaded = (await manifests.by_name()).get(request.path_params["name"])
    if loaded is None:
        problem = "no manifest of this name is loaded"
        return page(request, "problem.html", HTTPStatus.NOT_FOUND, here="manifests", problem=problem)
    results: list[CaseResult] | None = None
    if request.method == "POST" and loaded.compiled:
        results = await run_cases(loaded.compiled, loaded.cases, lambda: None)
    return page(
        request,
        "manifest.html",
        here="manifests",
        loaded=loaded,
        rows=[*point_rows(loaded)],
        tools=_tools(loaded),
        results=results,
        language=_YAML if loaded.path.suffix != ".json" else "json",
    )


def _tools(loaded: ShownManifest) -> Mapping[str, JsonObject]:
    return loaded.compiled.manifest.tools if loaded.compiled else {}
