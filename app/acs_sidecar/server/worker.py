"""One worker: the runtime and uvicorn around it, on one event loop."""

import asyncio
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import structlog
import uvicorn

from acs_sidecar.access.reread import Reread
from acs_sidecar.access.tls import RenewableContext
from acs_sidecar.audit.log.keys import AuditKey
from acs_sidecar.engines.fatal_inputs import FatalInputs
from acs_sidecar.manifests.discovery import manifest_places
from acs_sidecar.manifests.reload import unpack
from acs_sidecar.runtime import Runtime
from acs_sidecar.server.channel import Channel
from acs_sidecar.server.connection_limits import ConnectionLimits
from acs_sidecar.server.descriptors import connections_within, open_files_limit
from acs_sidecar.server.handed_file import take
from acs_sidecar.server.orders import WorkerCommands
from acs_sidecar.server.protocol import HttpProtocol
from acs_sidecar.server.reload_rounds import Served
from acs_sidecar.server.supervisor import BEATS
from acs_sidecar.server.tether import Tether
from acs_sidecar.server.turn import Turn
from acs_sidecar.settings.tree import Settings
from acs_sidecar.startup import StartError, return_memory, settle_memory, without_modules
from acs_sidecar.telemetry.shared import SharedNumbers
from acs_sidecar.transports.http.app import create_app
from acs_sidecar.wiring import build

__all__ = ["Inherited", "run_worker"]

_MAX_MESSAGE = 16_384
_ContextFactory = Callable[[uvicorn.Config, Callable[[], ssl.SSLContext]], ssl.SSLContext]
_WATCH_S = 1.0
_MANY_CONNECTIONS = 100


class Server(uvicorn.Server):
    """uvicorn, but its signals are the worker's, and it says when it serves."""

    def __init__(self, config: uvicorn.Config, handshake_timeout_s: float) -> None:
        super().__init__(config)
        self._handshake_timeout_s = handshake_timeout_s
        self._most_connections = 0
        self._draining = False
        self.on_serving: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """Stop accepting connections, finish in-flight requests and exit."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the worker."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve; uvicorn itself would give a TLS handshake a whole minute."""
        config = self.config
        parts = {"config": config, "server_state": self.server_state, "app_state": {}}
        protocol = partial(config.http_protocol_class, **parts)
        self.servers = [
            await asyncio.get_running_loop().create_server(
                protocol,
                sock=listener,
                ssl=config.ssl,
                backlog=config.backlog,
                ssl_handshake_timeout=self._handshake_timeout_s if config.ssl else None,
            )
            for listener in sockets or ()
        ]
        self.started = True
        self.on_serving()

    async def on_tick(self, counter: int) -> bool:
        """Look at every connection once a second; uvicorn counts tenths of one."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, HttpProtocol):
                    connection.watch(now)
            self._return_memory(len(self.server_state.connections))
        return await super().on_tick(counter)

    def _return_memory(self, connections: int) -> None:
        """Return the memory of many connections once they are gone, and again when the last one is.

        The allocators would keep it.
        """
        self._most_connections = max(self._most_connections, connections)
        gone = self._most_connections - connections
        if gone >= _MANY_CONNECTIONS or (gone and self._draining and not connections):
            self._draining = connections > 0
            self._most_connections = connections
            return_memory()


@dataclass(frozen=True, slots=True)
class Inherited:
    """What every worker takes over from its supervisor.

    `numbers` are the metrics of all of them, `fatal_inputs` what none of them evaluates any more.
    """

    settings: Settings
    key: AuditKey | None
    listener: socket.socket
    numbers: SharedNumbers
    fatal_inputs: FatalInputs


def run_worker(inherited: Inherited, number: int, channel: Channel, served: Served) -> None:
    """Serve `served`, and the sets that replace it, until SIGTERM or the end of the supervisor.

    Requests in flight get `shutdown_timeout_s` to finish. What prevents the start is told to the
    supervisor; the exit code is then 1.
    """
    factory = uvicorn.Config(app="", log_config=None).get_loop_factory()
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(_serve(inherited, number, channel, served))
    except StartError as error:
        channel.send({"kind": "failed", "message": str(error)[:_MAX_MESSAGE]})
        raise SystemExit(1) from None
    finally:
        logging.shutdown()


async def _serve(inherited: Inherited, number: int, channel: Channel, served: Served) -> None:
    """Build, start and serve; whatever was opened until a failure or the end is closed, last first."""
    settings, listener = inherited.settings, inherited.listener
    async with AsyncExitStack() as opened:
        try:
            packed = take(served.file)
        finally:
            os.close(served.file)
        turn = Turn()
        runtime = build(
            settings,
            unpack(packed),  # the documents go with the call: what serves is compiled
            inherited.key,
            number,
            inherited.numbers,
            loaded_at=served.since,
            policies=served.policies,
            guard=inherited.fatal_inputs.guard(number),
            more_follow=turn.more_follow,
        )
        served.policies.clear()  # what a reload replaces is freed
        opened.push_async_callback(runtime.close)
        runtime.manifests.last = served.last
        server = Server(_server_config(settings, runtime, turn), settings.request_timeout_s)
        turn.connections = server.server_state.connections
        # However often it comes: who wants an end at once kills.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        await runtime.start()
        hang_timeout_s = settings.worker_hang_timeout_s
        # Orders wait until they can be recorded.
        places = manifest_places(settings)
        orders = WorkerCommands(channel, runtime.manifests, runtime.refresh, places, served.seen)
        lost = partial(_orphaned, server)
        tether = Tether(channel, hang_timeout_s / BEATS, hang_timeout_s, orders.take, lost)
        server.on_serving = tether.serving
        structlog.stdlib.get_logger("acs").info(
            "listening",
            address=_address(settings, listener),
            worker=number,
            manifests=sorted(runtime.catalog.operator.by_name),
            inline_manifests=runtime.catalog.inline.mode.value,
        )
        # What is loaded stays: no collection needs to look at it again while requests wait.
        settle_memory()
        if number == 0 and (looking := _looking_for_changes(settings, runtime, orders)):
            opened.callback(asyncio.create_task(looking).cancel)
        await server.serve(sockets=[listener])


def _server_config(settings: Settings, runtime: Runtime, turn: Turn) -> uvicorn.Config:
    limits = ConnectionLimits(
        connections_within(open_files_limit()), settings.request_timeout_s, settings.max_body_bytes
    )
    with without_modules("pydantic.v1"):  # FastAPI would load it to find that nothing is of it
        gate = create_app(runtime)
    return uvicorn.Config(
        gate,
        interface="asgi3",
        http=partial(HttpProtocol, limits=limits, decide=gate.decide, turn=turn),  # type: ignore[arg-type]  # makes one
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
        ssl_context_factory=_renewable(runtime.access.tls),
    )


def _looking_for_changes(
    settings: Settings, runtime: Runtime, orders: WorkerCommands
) -> Coroutine[None, None, None] | None:
    """Return the work that looks for other manifests, where any is configured."""
    if runtime.bundle:
        return orders.poll(runtime.bundle, settings.manifests_poll_s)
    return orders.watch(_WATCH_S) if settings.manifests_watch else None


def _renewable(tls: Reread[ssl.SSLContext] | None) -> _ContextFactory | None:
    if tls is None:
        return None
    context = RenewableContext(lambda: tls.value)
    return lambda _config, _default: context


def _address(settings: Settings, listener: socket.socket) -> str:
    if settings.uds:
        return str(settings.uds)
    scheme = "https" if settings.tls_cert_file else "http"
    return "{}://{}:{}".format(scheme, *listener.getsockname()[:2])


def _orphaned(server: Server) -> None:
    structlog.stdlib.get_logger("acs").error("supervisor_gone", detail="finishing in-flight requests")
    server.stop()
