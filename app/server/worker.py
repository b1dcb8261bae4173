"""One worker: the runtime and uvicorn around it, on one event loop."""

import signal
import socket
from types import FrameType

import uvicorn

from app.config import Settings
from app.http.app import create_app
from app.runtime import Runtime

__all__ = ["run_worker"]


class Server(uvicorn.Server):
    """uvicorn, but a second SIGTERM ends it at once, as a second SIGINT does."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully at the first signal, at once at the next."""
        if self.should_exit and sig == signal.SIGTERM:
            self.force_exit = True
            return
        super().handle_exit(sig, frame)


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
