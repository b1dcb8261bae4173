"""One worker: the runtime and uvicorn around it, on one event loop."""

import asyncio
import gc
import signal
import socket
from types import FrameType

import structlog
import uvicorn

from app.config import Settings
from app.http.app import create_app
from app.server.protocol import HttpProtocol
from app.stores.keys import AuditKey
from app.telemetry.shared import SharedNumbers
from app.wiring import build, read_operator_manifests

__all__ = ["run_worker"]


class Server(uvicorn.Server):
    """uvicorn, but any second signal ends it at once, and a graceful end exits with 0."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """Stop gracefully at the first signal, at once at the next."""
        self.force_exit = self.should_exit
        self.should_exit = True


def run_worker(
    settings: Settings, key: AuditKey | None, number: int, listener: socket.socket, shared: SharedNumbers
) -> None:
    """Serve until a signal ends it; requests in flight get `shutdown_timeout_s` to finish.

    `shared` holds the metrics of all workers.
    Raises `ManifestError` and `AdapterError` as `app.wiring.build` does.
    """
    factory = uvicorn.Config(app="", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(settings, key, number, listener, shared))


async def _serve(
    settings: Settings, key: AuditKey | None, number: int, listener: socket.socket, shared: SharedNumbers
) -> None:
    manifests = await asyncio.to_thread(read_operator_manifests, settings)
    runtime = build(settings, manifests, key, number, shared)
    config = uvicorn.Config(
        create_app(runtime),
        interface="asgi3",
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )
    structlog.stdlib.get_logger("acs").info(
        "listening",
        address=str(settings.uds) if settings.uds else "http://{}:{}".format(*listener.getsockname()[:2]),
        worker=number,
        manifests=sorted(runtime.catalog.operator.by_name),
        inline_manifests=runtime.catalog.inline.mode.value,
    )
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.ensure_future(runtime.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    # What is loaded stays: no collection needs to look at it again while requests wait.
    gc.collect()
    gc.freeze()
    await Server(config).serve(sockets=[listener])
