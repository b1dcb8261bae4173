"""Dependencies of FastAPI's routes."""

from starlette.requests import Request

from acs_sidecar.decision.caller import Caller, Sender
from acs_sidecar.runtime import Runtime
from acs_sidecar.spec.owner import NOBODY
from acs_sidecar.transports.http.in_flight import InFlight

__all__ = ["current_caller", "current_in_flight", "current_runtime", "current_sender"]


def current_runtime(request: Request) -> Runtime:
    """Return the runtime that this application was built around."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def current_caller(request: Request) -> Caller | None:
    """Return the caller; `None` where nobody needs to say who calls."""
    caller: Caller | None = request.scope["state"]["caller"]
    return caller


def current_sender(request: Request) -> Sender:
    """Return who sent a request, and over which connection."""
    return Sender(current_caller(request), None, request.scope["state"].get("connection", NOBODY))


def current_in_flight(request: Request) -> InFlight:
    """Return the count of requests that are in flight."""
    in_flight: InFlight = request.app.state.in_flight
    return in_flight
