"""One worker: the runtime and uvicorn around it, on one event loop."""

import socket
from types import FrameType

import uvicorn

from app.config import Settings
from app.http.app import create_app
from app.runtime import Runtime

__all__ = ["run_worker"]


class Server(uvicorn.Server):
    """uvicorn, but any second signal ends it at once, and a graceful end exits with 0."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """Stop gracefully at the first signal, at once at the next."""
        self.force_exit = self.should_exit
        self.should_exit = True


def run_worker(runtime: Runtime, settings: Settings, listener: socket.socket) -> None:
    """Serve until a signal ends it; requests in flight get `shutdown_timeout_s` to finish."""
    config = uvicorn.Config(
        create_app(runtime),
        interface="asgi3",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )
    Server(config).run(sockets=[listener])
