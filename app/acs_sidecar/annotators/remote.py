"""One annotator's way to its server: deadline, connections, retries and breaker (section 1.6)."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson

from acs_sidecar.annotators.members import Members
from acs_sidecar.outbound.breaker import Breaker, BreakerSettings
from acs_sidecar.outbound.client import HttpClient, HttpPool
from acs_sidecar.outbound.failures import TooLargeError, UnreachableError, UntrustedCertificateError
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json

__all__ = ["MAX_REPLY_BYTES", "HttpRequest", "Remote", "remote"]

MAX_REPLY_BYTES = 1024 * 1024
FIRST_PAUSE_SECONDS = 0.1
_SUCCESS = range(200, 300)
_ABOUT_THE_INPUT = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Statuses that a caller's value can bring about: the breaker takes them for answers."""
_WORTH_ANOTHER_TRY = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST. The URL goes out as it is written; `headers` are added to those of every request."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


class _CallError(Exception):
    """A call that failed: what the server did, whether it is to blame, and whether to try again."""

    def __init__(self, what: str, *, server: bool = True, again: bool = False) -> None:
        super().__init__(what)
        self.server = server
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Calls one server on behalf of one annotator, and fails closed."""

    name: str
    pool: HttpPool
    breaker: Breaker
    max_in_flight: int
    timeout_ms: int
    retries: int

    async def call(self, prepare: Callable[[], HttpRequest]) -> Json:
        """Send what `prepare` makes (anew for each try) and return the JSON of a 2xx reply.

        Raises `EvaluationError`: `annotation_timeout` when the deadline for all of it passes,
        `annotation_failed` for anything else; at once while the breaker is open, with the reason that
        opened it, and when too many calls are under way, so that they take no room from other requests.
        """
        if self.pool.in_flight >= self.max_in_flight:
            raise self.failed(f"already has {self.max_in_flight} calls in flight")
        epoch = self.breaker.admit()
        if epoch is None:
            raise EvaluationError(
                self.breaker.reason,
                f"annotator `{self.name}` failed repeatedly; its circuit breaker is open",
            )
        self.pool.in_flight += 1
        try:
            async with asyncio.timeout(self.timeout_ms / 1000) as deadline:
                reply = await self._tries(prepare, deadline.when() or 0)
        except TimeoutError:
            self.breaker.failed(epoch, Reason.ANNOTATION_TIMEOUT)
            raise EvaluationError(
                Reason.ANNOTATION_TIMEOUT,
                f"annotator `{self.name}` did not answer within {self.timeout_ms} ms",
            ) from None
        except _CallError as error:
            if error.server:
                self.breaker.failed(epoch, Reason.ANNOTATION_FAILED)
            else:
                self.breaker.answered(epoch)
            raise self.failed(str(error)) from None
        except BaseException:
            self.breaker.abandoned(epoch)
            raise
        finally:
            self.pool.in_flight -= 1
        self.breaker.answered(epoch)
        return reply

    def failed(self, what: str) -> EvaluationError:
        """Make the error of an annotator whose server `what`; to be free of what the server said."""
        return EvaluationError(Reason.ANNOTATION_FAILED, f"annotator `{self.name}` {what}")

    async def _tries(self, prepare: Callable[[], HttpRequest], deadline: float) -> Json:
        loop = asyncio.get_running_loop()
        for tried in range(self.retries):
            pause = FIRST_PAUSE_SECONDS * 2**tried
            try:
                return await self._try(prepare())
            except _CallError as error:
                if not error.again or loop.time() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)
        return await self._try(prepare())

    async def _try(self, request: HttpRequest) -> Json:
        try:
            status, reply = await self.pool.post(
                request.url, request.headers, request.body, expected=_SUCCESS, max_bytes=MAX_REPLY_BYTES
            )
        except UntrustedCertificateError:
            raise _CallError("has no trusted certificate") from None
        except UnreachableError:
            raise _CallError("could not be reached", again=True) from None
        except TooLargeError:
            raise _CallError(f"returned more than {MAX_REPLY_BYTES} bytes") from None
        if status not in _SUCCESS:
            raise _CallError(
                f"returned status {status}",
                server=status not in _ABOUT_THE_INPUT,
                again=status in _WORTH_ANOTHER_TRY,
            )
        try:
            value: Json = orjson.loads(reply)
        except orjson.JSONDecodeError:
            raise _CallError("returned a body that is not JSON") from None
        return value


def remote(name: str, members: Members, client: HttpClient) -> Remote:
    """Read the members that every remote annotator takes."""
    failures, cooldown_ms = members.integers(
        "breaker", {"failures": (5, 1, 1_000_000), "cooldown_ms": (10_000, 1, 600_000)}
    )
    is_callers = members.context.outbound is not None
    opened = client.breaker_counters(None if is_callers else name)
    return Remote(
        name=name,
        pool=client.pool(members.integer("max_connections", 32, 1, 1_000)),
        breaker=Breaker(BreakerSettings(failures, cooldown_ms), time.monotonic, opened),
        max_in_flight=members.integer("max_in_flight", 256, 1, 100_000),
        timeout_ms=members.integer("timeout_ms", 10_000, 1, 600_000),
        retries=members.integer("retries", 0, 0, 5),
    )
