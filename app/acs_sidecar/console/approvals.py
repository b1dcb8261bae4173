"""The page of approvals: what a challenge asks for, signed in the browser by a person's key (section 15.5).

The key never reaches this process: the page decodes the challenge and signs the answer by itself.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from acs_sidecar.console.rendering import page

__all__ = ["approval_routes"]


def approval_routes() -> list[Route]:
    """Return the route of the page."""
    return [Route("/approvals", _page)]


async def _page(request: Request) -> Response:
    return page(request, "approvals.html", here="approvals")
