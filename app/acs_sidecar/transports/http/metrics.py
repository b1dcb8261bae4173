"""`GET /metrics`: what Prometheus scrapes (sections 2.3, 5)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

import acs_sidecar
from acs_sidecar.runtime import Runtime
from acs_sidecar.telemetry.exposition import render
from acs_sidecar.transports.http.dependencies import current_runtime

__all__ = ["router"]

router = APIRouter(tags=["operation"])
Current = Annotated[Runtime, Depends(current_runtime)]


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "the metrics of all workers, added up",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/openmetrics-text": {"schema": {"type": "string"}},
            },
        }
    },
)
async def get_metrics(
    runtime: Current, accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """Show the metrics as Prometheus text, or as OpenMetrics to those who accept it."""
    runtime.metrics.refresh()
    build = {"version": acs_sidecar.__version__, **runtime.engines}
    body, content_type = render(runtime.metrics.shared, build, accept)
    return Response(body, headers={"content-type": content_type})
