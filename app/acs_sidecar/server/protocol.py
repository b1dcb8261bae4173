"""uvicorn's HTTP protocol, but decisions are answered directly, and each response leaves in one write."""

import asyncio
import itertools
import re
from collections.abc import Coroutine
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from acs_sidecar.audit.log.batch import RecordFuture
from acs_sidecar.server.connection_limits import UNLIMITED, ConnectionLimits
from acs_sidecar.server.connection_parts import LazyFlowControl, Pipeline
from acs_sidecar.server.direct import Decide, DirectCycle, Resumed, response
from acs_sidecar.server.held_writes import HeldWrites
from acs_sidecar.server.http_upgrade import behind_head
from acs_sidecar.server.peer import peer_of
from acs_sidecar.server.request_target import authority_of
from acs_sidecar.server.stream_connection import StreamConnection
from acs_sidecar.server.turn import Turn
from acs_sidecar.spec.owner import Owner
from acs_sidecar.transports.http.decisions import is_evaluation
from acs_sidecar.transports.http.exchange import Reply, read_headers

__all__ = ["HttpProtocol"]

_MAX_HEAD_BYTES = 65_536
_HEAD_END = re.compile(rb"\A\r?\n|\n\r?\n")  # its first half may have come before
_TOO_LONG_HEAD = b"431 Request Header Fields Too Large"
_MAX_PIPELINED = 256
# Chunks of one byte each are six on the wire.
_CHUNKING = 8
_LINGER_S = 5
_NOT_HTTP = "Invalid HTTP request received."
_CLOSE = (b"connection", b"close")
_CONNECTIONS = itertools.count(1)


class _TooManyRequestsError(Exception):
    """More requests were sent on one connection than are answered in a row."""


class HttpProtocol(HttpToolsProtocol):
    """One connection, which is closed at once when too many are open already.

    A request for one decision that has arrived whole is answered by `decide`, any other by the application.
    `watch` must be called once in a while: a connection costs no timer.
    """

    # In slots: beside uvicorn's own attributes they are too many for a table of names that connections share.
    __slots__ = (
        "_begun", "_bodiless", "_decide", "_direct", "_head_whole", "_held", "_idle_since", "_limits",
        "_lingers", "_owing_since", "_owner", "_received", "_stream", "_turn", "_whole",
    )  # fmt: skip
    _held: HeldWrites
    _stream: StreamConnection

    def __init__(
        self,
        *,
        limits: ConnectionLimits = UNLIMITED,
        decide: Decide | None = None,
        turn: Turn | None = None,
        **parts: Any,  # noqa: ANN401  # uvicorn's own
    ) -> None:
        super().__init__(**parts)
        self.pipeline = Pipeline()  # type: ignore[assignment]  # as much of a deque as is needed
        self._limits = limits
        self._decide = decide
        self._turn = turn or Turn()
        self._owner = Owner(f"connection {next(_CONNECTIONS)}")
        # How many messages began and how many are whole; whether the head of the last is.
        self._begun = self._whole = 0
        self._head_whole = False
        # The headers of what may be answered directly, if its body comes with its head, and what came of it.
        self._direct: list[tuple[bytes, bytes]] | None = None
        self._direct_body: list[bytes] = []
        # Since when the peer owes the rest of a message, on the loop's clock; 0 while it owes nothing.
        self._owing_since = 0.0
        # Since when nothing is asked for, after an answer; 0 while something is.
        self._idle_since = 0.0
        # Bytes of a message, and those since the last of its body: both bounded.
        self._received = self._bodiless = 0
        # Whether what still arrives is dropped, after an answer that ends the connection.
        self._lingers = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Put the holding of writes between uvicorn and the transport."""
        super().connection_made(transport)
        self.flow = LazyFlowControl(transport)
        self._owing_since = self.loop.time()
        self._held = HeldWrites(transport)
        self._stream = StreamConnection(self._held)
        self.app_state = {**self.app_state, "connection": self._owner, "stream": self._stream}
        if peer := peer_of(transport):
            self.app_state["peer"] = peer
        if len(self.connections) > self._limits.most_connections:
            transport.abort()
        self.transport = self._held  # type: ignore[assignment]  # it is a transport by delegation

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that what the connection has belongs to nobody any more."""
        super().connection_lost(exc)
        self._owner.gone = True
        self._stream.gone()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn closes every such connection
        """True keeps the connection of a peer that ended its side and waits for answers; the last closes it.

        A message of which the end is missing ends the connection, as TLS does: there both sides end at once.
        """
        self._held.release()
        waits = self.cycle is not None and not self.cycle.response_complete
        if not waits or self._begun != self._whole or self.transport.get_extra_info("ssl_object"):
            return False
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        """Parse what came, and bound what is not yet a whole message."""
        if self._lingers:
            return
        self._idle_since = 0.0
        whole = self._whole
        if not self._owing_since:
            self._owing_since = self.loop.time()
            self._received = self._bodiless = 0
        if self._received + len(data) > _MAX_HEAD_BYTES and self._is_long_head(data):
            self._give_up(_TOO_LONG_HEAD)
            return
        self._bodiless += len(data)
        is_http = self._parse(data)
        self._stream.arrived()
        if not is_http:
            return
        if self._whole != whole:
            if self._begun == self._whole:
                self._owing_since = 0.0
                return
            # What a message began in was for the most part the end of another.
            self._owing_since = self.loop.time()
            self._received, self._bodiless = 1, 0
            return
        self._received += len(data)
        bound = self._limits.max_body_bytes * _CHUNKING if self._in_body else 0
        is_long = self._received > bound + _MAX_HEAD_BYTES and not self._stream.is_open
        if is_long or (self._in_body and self._bodiless > _MAX_HEAD_BYTES):
            self._give_up(_TOO_LONG_HEAD)
            self._stream.arrived()

    def _is_long_head(self, data: bytes) -> bool:
        """True if what came goes on with a head that does not end within its bound."""
        rest = max(1, _MAX_HEAD_BYTES - self._received)
        return not self._in_body and _HEAD_END.search(data, 0, rest) is None

    def _parse(self, data: bytes) -> bool:
        """Parse what came, as uvicorn does, without another protocol; False if it is no HTTP."""
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as wish:
                self.parser, head = behind_head(self)
                data = head + data[wish.args[0] :]
                continue
            except httptools.HttpParserError:
                self._leave_to_application()
                self.logger.warning(_NOT_HTTP)
                if not self._ends_behind_answers():
                    self.send_400_response(_NOT_HTTP)
                return False
            self._leave_to_application()
            return True
        return True

    def on_message_begin(self) -> None:
        """Note that a message arrives; what the application needs is made when it is to answer."""
        self._begun += 1
        self._head_whole = False
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the body may decide how.

        What calls itself a header from now on came behind the body: it is none.
        """
        self._head_whole, self._bodiless = True, 0
        authority = None if self.url.startswith(b"/") else authority_of(self.url)
        if authority is not None and (b"host", authority) not in self.headers:
            self.headers.append((b"host", authority))
        if self._decide is not None and self._is_direct():
            self._direct = self.headers
        else:
            self._begin_cycle(self.headers)
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Store the body of what may be answered directly."""
        self._bodiless = 0
        if self._direct is not None:
            self._direct_body.append(body)
        else:
            HttpToolsProtocol.on_body(self, body)

    def on_message_complete(self) -> None:
        """Note which message is whole, and stop before too many are."""
        if self._direct is not None and self._decide is not None:
            self._whole = self._begun
            arrived, body = self._direct, b"".join(self._direct_body)
            self._direct, self._direct_body = None, []
            self._answer_directly(self._decide, arrived, body)
            return
        if self.parser.should_upgrade():
            return  # only its head is
        self._whole = self._begun
        self._stream.body_whole, self._held.lingers = True, False
        HttpToolsProtocol.on_message_complete(self)
        if len(self.pipeline) > _MAX_PIPELINED:
            raise _TooManyRequestsError

    def on_response_complete(self) -> None:
        """Send the response now, or behind the decisions of other connections that are due in this turn.

        As uvicorn's, but without a timer for each response: `watch` closes connections that are idle.
        """
        if len(self.connections) > 1:
            self._turn.write(self._held.release)
        else:
            self._held.release()
        self.server_state.total_requests += 1
        self._stream.end()
        if self._held.lingers and not self.pipeline:
            self._linger()
        if self._held.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()

    def _is_direct(self) -> bool:
        """True if the message whose head arrived is a decision that has nobody to wait for."""
        return (
            is_evaluation(self.parser.get_method(), self.url)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and self.parser.get_http_version() == "1.1"
        )

    def _begin_cycle(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Start the application on the message whose head is whole."""
        self._stream.body_whole = False
        url, expects = self.url, self.expect_100_continue
        HttpToolsProtocol.on_message_begin(self)
        self.url, self.expect_100_continue = url, expects
        self.scope["headers"] = self.headers = headers
        HttpToolsProtocol.on_headers_complete(self)

    def _leave_to_application(self) -> None:
        """Start the application on a body of which the rest has yet to come."""
        if self._direct is not None:
            arrived, body = self._direct, self._direct_body
            self._direct, self._direct_body = None, []
            self._begin_cycle(arrived)
            self.headers = []
            for part in body:
                HttpToolsProtocol.on_body(self, part)

    def _answer_directly(self, decide: Decide, arrived: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Decide now, or at the end of this turn of the loop when there are other connections."""
        headers = read_headers(arrived)
        headers.state = self.app_state
        cycle = DirectCycle(keep_alive=self.parser.should_keep_alive())
        self.cycle = cycle  # type: ignore[assignment]  # as much of one as is needed
        deciding = decide("POST", self.url.decode(), headers, body)
        decision = partial(self._run, cycle, deciding)
        if len(self.connections) == 1:
            self._turn.decide_now(decision)
        else:
            self._turn.decide(decision)

    def _run(
        self, cycle: DirectCycle, deciding: Coroutine[Any, Any, Reply | None], _recorded: object = None
    ) -> None:
        """Run a decision until it ends or waits for more than its record."""
        try:
            waited = deciding.send(None)
        except StopIteration as done:
            self._write_reply(cycle, done.value)
        except Exception as error:  # noqa: BLE001  # a parser calls this, which must not take it for its own
            self._fail(error)
        else:
            if isinstance(waited, RecordFuture):
                waited.add_done_callback(partial(self._run, cycle, deciding))
                return
            task = self.loop.create_task(self._finish(cycle, Resumed(deciding, waited)))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    async def _finish(self, cycle: DirectCycle, resumed: Resumed) -> None:
        try:
            reply = await resumed
        except Exception as error:  # noqa: BLE001  # as above: the connection ends, and the log has it
            self._fail(error)
        else:
            self._write_reply(cycle, reply)

    def _write_reply(self, cycle: DirectCycle, reply: Reply | None) -> None:
        """Write a response, as a cycle of uvicorn's would."""
        cycle.response_complete = True
        if reply is not None:
            cycle.keep_alive = cycle.keep_alive and _CLOSE not in reply.headers
            default_headers = self.server_state.default_headers
            self._held.hold(response(reply, default_headers, keep_alive=cycle.keep_alive))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _fail(self, error: Exception) -> None:
        """Close the connection of a request that nobody answers."""
        self.logger.error("the decision failed", exc_info=error)
        self.transport.close()

    def watch(self, now: float) -> None:
        """Close the connection of a peer that sends or reads too slowly; `now` is the loop's time."""
        self._stream.expire()
        streams = self._stream.is_open and self._in_body
        # The stream has bounds of its own, and a peer that sends may read later.
        sends = streams and self._stream.has_received(self._received)
        if self._held.is_unread(now, self._limits.request_timeout_s, sends=sends):
            self._held.abort()
        if self._lingers or streams:
            return
        if self._idle_since and now - self._idle_since >= self.timeout_keep_alive:
            self.transport.close()
        if not self._owing_since or now - self._owing_since <= self._limits.request_timeout_s:
            return
        cycle = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if self.pipeline or self.flow.read_paused or (answering and not self._in_body):
            # The peer waits for the service, and not the service for it.
            self._owing_since = now
        elif answering:
            # The application answers for a body that does not come.
            cycle.scope["state"]["late"] = True
            cycle.more_body = False
            cycle.message_event.set()
            self._owing_since = now
        else:
            self._give_up(b"408 Request Timeout" if self._received and not self._in_body else None)

    @property
    def _in_body(self) -> bool:
        """True if the head of the message that arrives is whole, and its body is not."""
        return self._head_whole and self._begun != self._whole

    def _give_up(self, status: bytes | None) -> None:
        if self.transport.is_closing() or self._ends_behind_answers():
            return
        if not status:
            self.transport.close()
            return
        self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self._linger()

    def _ends_behind_answers(self) -> bool:
        """True if answers are due: the connection then ends behind them, and what still arrives is dropped.

        A status written now would stand in front of them, or within one that is under way. Who reads a body
        that is not whole hears that it broke off.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        if self._in_body:
            cycle.scope["state"]["broken"] = True
            cycle.more_body = False
            cycle.message_event.set()
        self._begun = self._whole
        cycle.keep_alive = False
        self._lingers = self._held.lingers = True
        return True

    def _linger(self) -> None:
        """End the answers and drop what still arrives, until the peer has read them or time is up."""
        self._lingers = True
        self._held.end()
        self.loop.call_later(_LINGER_S, self._held.abort)

    def shutdown(self) -> None:
        """Close after what is being answered, and end a stream early."""
        super().shutdown()
        self._stream.stop()
