"""The application: the gate, and behind it the pages (section 15)."""

from dataclasses import dataclass
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from acs_sidecar.console.approvals import approval_routes
from acs_sidecar.console.decisions import decision_routes
from acs_sidecar.console.gate import ConsoleGate, Pass
from acs_sidecar.console.log_access import LogAccess
from acs_sidecar.console.manifest_set import ManifestAccess
from acs_sidecar.console.manifests_pages import manifest_routes
from acs_sidecar.console.overview import overview_routes
from acs_sidecar.console.playground import Playground, playground_routes
from acs_sidecar.console.record import record_routes
from acs_sidecar.console.rendering import STATIC, page
from acs_sidecar.console.service_state import ServiceState
from acs_sidecar.console.whole_log import whole_log_routes
from acs_sidecar.manifests.compiler import ManifestCompiler

__all__ = ["Parts", "build_app"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pages show, and try.

    `compiler` compiles the operator's manifests for their cases; `service` is there where one is asked.
    """

    logs: LogAccess
    manifests: ManifestAccess
    compiler: ManifestCompiler
    playground: Playground
    service: ServiceState | None = None


def build_app(parts: Parts, own: Pass, hosts: frozenset[str]) -> ConsoleGate:
    """Build the application for the values of `Host` that are its own."""
    routes = [
        *overview_routes(parts.logs, parts.manifests, parts.service),
        *decision_routes(parts.logs),
        *record_routes(parts.logs, parts.manifests),
        *whole_log_routes(parts.logs),
        *approval_routes(),
        *playground_routes(parts.playground, parts.manifests),
        *manifest_routes(parts.manifests, parts.compiler),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    app = Starlette(
        routes=[Mount(own.path, routes=routes)],
        exception_handlers={HTTPException: _problem, ClientDisconnect: _left, Exception: _fault},
    )
    return ConsoleGate(app, own, hosts)


async def _problem(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    problem = "there is no such page"
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        problem = f"this page does not take the method {request.method}"
    answer = page(request, "problem.html", status, here="", problem=problem)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


async def _left(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the page that asked was left."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _fault(request: Request, _error: Exception) -> Response:
    problem = "the console failed: the terminal that it was started in has the details"
    return page(request, "problem.html", HTTPStatus.INTERNAL_SERVER_ERROR, here="", problem=problem)
