"""What FastAPI's routes are given."""

from starlette.requests import Request

from app.runtime import Runtime

__all__ = ["current_runtime"]


def current_runtime(request: Request) -> Runtime:
    """Give the runtime that this application was built around."""
    runtime: Runtime = request.app.state.runtime
    return runtime
