"""The page that verifies a whole log, a receipt from a file, and keeps the person's key (section 15.3)."""

import asyncio
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from acs_sidecar.console.decisions import damage
from acs_sidecar.console.log_access import LogAccess
from acs_sidecar.console.rendering import page

__all__ = ["whole_log_routes"]


def whole_log_routes(logs: LogAccess) -> list[Route]:
    """Return the route of the page; the raw bytes are those of single records."""
    return [Route("/verify", partial(_page, logs))]


async def _page(logs: LogAccess, request: Request) -> Response:
    try:
        summaries = await asyncio.to_thread(logs.summaries)
    except OSError as error:
        return page(request, "problem.html", HTTPStatus.CONFLICT, here="verify", problem=damage(error))
    chosen = request.query_params.get("log", "")
    return page(request, "verify.html", here="verify", logs=summaries, chosen=chosen, audit=logs.place)
