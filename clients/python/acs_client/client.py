"""The client (section 12.2): evaluates, resolves and reads; it never decides and never caches a verdict."""

import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeGuard, Unpack
from urllib.parse import quote

from acs_client.calls import Call, Manifest
from acs_client.connection.endpoint import Endpoint, FileText, url_of
from acs_client.connection.exchange import Exchange, ExchangeError, Response
from acs_client.connection.sockets import Deadline
from acs_client.decision import Decision
from acs_client.errors import ConfigurationError
from acs_client.tracing import current_trace
from acs_client.values import SnapshotError, to_json

if TYPE_CHECKING:
    from acs_client.options import RestoreOptions, SessionOptions
    from acs_client.session import Session

__all__ = ["POINTS", "Client"]

POINTS = (
    "agent_startup",
    "input",
    "pre_model_call",
    "post_model_call",
    "pre_tool_call",
    "post_tool_call",
    "output",
    "agent_shutdown",
)
_BATCH_MEMBERS = {"point", "snapshot", "mode", "manifest", "request_id", "include"}
_OK, _FORBIDDEN = 200, 403


class Client:
    """A connection to the service, safe for threads; close it, or use it as a context manager.

    `url` is `http://…`, `https://…` or `unix:///path`, `uds` the path of a Unix socket. `manifest` is what
    calls are evaluated against unless they name another: the name or digest of a loaded manifest, or a
    manifest itself as a mapping; without it, the service's default. `timeout` bounds a whole call in
    seconds, retries included. What is not given comes from the environment (`ACSCLIENT_URL`, `_TOKEN_FILE`,
    `_CA_FILE`, `_CERT_FILE`, `_KEY_FILE`, `_MANIFEST`, `_TIMEOUT_S`, then the service's `ACS_UDS`,
    `ACS_HOST` and `ACS_PORT`).

    Raises `ConfigurationError` for what cannot be used, a token over an unprotected network included.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        uds: str | os.PathLike[str] | None = None,
        token: str | None = None,
        token_file: str | None = None,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        manifest: str | Mapping[str, Any] | None = None,
        timeout: float | None = None,
        pool: int = 16,
    ) -> None:
        environ = os.environ
        if url is not None and uds is not None:
            raise ConfigurationError("`url` and `uds` are both set: set one")
        if uds is not None:
            url = "unix://" + os.path.abspath(uds)  # noqa: PTH100  # symbolic links stay
        self.endpoint = Endpoint.parse(
            url or url_of(environ),
            ca_file=ca_file or environ.get("ACSCLIENT_CA_FILE"),
            cert_file=cert_file or environ.get("ACSCLIENT_CERT_FILE"),
            key_file=key_file or environ.get("ACSCLIENT_KEY_FILE"),
        )
        self.manifest = manifest if manifest is not None else environ.get("ACSCLIENT_MANIFEST") or None
        self.timeout = _timeout(timeout, environ)
        if pool < 1:
            raise ConfigurationError("`pool` is not at least 1")
        self.pool = pool
        self._token = self._checked_token(token, token_file or environ.get("ACSCLIENT_TOKEN_FILE"))
        self._exchange = Exchange(self.endpoint, pool)

    def _checked_token(self, token: str | None, token_file: str | None) -> "str | FileText | None":
        if token is not None and token_file is not None:
            raise ConfigurationError("`token` and `token_file` are both set: set one")
        if token is None and token_file is None:
            return None
        if not self.endpoint.is_private:
            raise ConfigurationError(
                "a token is sent to loopback, a Unix socket or https, and to nothing else"
            )
        if token is not None:
            if not _is_token(token):
                raise ConfigurationError("the token is empty or has characters that a header cannot hold")
            return token
        file = FileText(token_file or "")
        try:
            text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"the token file cannot be read: {error}") from None
        if not _is_token(text):
            raise ConfigurationError("the token file is empty or has characters that a header cannot hold")
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def session(self, agent: str | None = None, **options: "Unpack[SessionOptions]") -> "Session":
        """Return a session of `agent`, or of `ACSCLIENT_AGENT`; `Session` has the options."""
        from acs_client.session import Session  # noqa: PLC0415  # a session needs a client, not the reverse

        return Session(self, agent or os.environ.get("ACSCLIENT_AGENT"), **options)

    def restore(self, exported: Mapping[str, Any], **options: "Unpack[RestoreOptions]") -> "Session":
        """Return the session that `Session.export` wrote, perhaps in another process."""
        from acs_client.session import Session  # noqa: PLC0415  # same

        return Session.restored(self, exported, **options)

    def evaluate(
        self,
        point: str,
        snapshot: Mapping[str, Any],
        *,
        mode: str = "enforce",
        manifest: str | Mapping[str, Any] | None = None,
        request_id: str | None = None,
        include: Iterable[str] = (),
    ) -> Decision:
        """Return the verdict on `snapshot` at the intervention point, whatever it is.

        Raises `Denied` when the service refuses the call (403) or `snapshot` is not JSON, and `Unavailable`
        when no verdict can be had.
        """
        call = _call(point, mode=mode, manifest=manifest, include=include, request_id=request_id)
        try:
            sent = to_json(snapshot)
        except SnapshotError as error:
            raise call.not_json(error) from None
        return self.evaluate_json(call, sent)

    def evaluate_json(self, call: Call, snapshot: dict[str, Any]) -> Decision:
        """Evaluate a snapshot that `to_json` gave."""
        path = f"/v1/evaluate/{call.point}" if call.point in POINTS else "/v1/evaluate"
        return call.decision(self._post(call, path, self._members(call, snapshot)))

    def evaluate_batch(self, requests: Sequence[Mapping[str, Any]]) -> list[Decision]:
        """Return the verdicts on several requests, in order.

        A request has `point` and `snapshot`, and the keyword arguments of `evaluate` as members. An item that
        the service refuses gives a deny; what raises concerns all of them.
        """
        calls, bodies = [], []
        for index, request in enumerate(requests):
            unknown = sorted(request.keys() - _BATCH_MEMBERS)
            if unknown or "point" not in request or "snapshot" not in request:
                raise ValueError(
                    f"item {index} lacks `point` or `snapshot`, or has unknown members: {unknown}"
                )
            options = {name: value for name, value in request.items() if name not in {"point", "snapshot"}}
            call = _call(request["point"], **options)
            try:
                bodies.append(self._members(call, to_json(request["snapshot"])))
            except SnapshotError as error:
                raise call.not_json(error) from None
            calls.append(call)
        whole = Call("input")
        response = self._post(whole, "/v1/evaluate:batch", {"requests": bodies})
        body = whole.json(response)
        results = body.get("results") if isinstance(body, dict) and response.status == _OK else None
        if not isinstance(results, list) or len(results) != len(calls):
            raise whole.without_verdict(response, body)
        return [
            call.refusal(result) if isinstance(result, dict) and "status" in result else call.read(result)
            for call, result in zip(calls, results, strict=True)
        ]

    def intercept(
        self, point: str, context: Mapping[str, Any], *, manifest: Manifest = None
    ) -> dict[str, Any]:
        """Return the bare verdict on an agent context of Agent Hooks, which is sent as it is.

        Its decisions are `allow`, `deny` and `transform`, and a transform is the host's to apply. Raises as
        `evaluate` does, and `TypeError` for a manifest that is not named.
        """
        call = Call(point)
        name = manifest if manifest is not None else self.manifest
        if isinstance(name, Mapping):
            raise TypeError("an agent context is evaluated against a loaded manifest: name it")
        query = "" if name is None else f"?manifest_ref={quote(name, safe='')}"
        try:
            body = to_json(context)
        except SnapshotError as error:
            raise call.not_json(error) from None
        return call.bare(self._post(call, f"/v1/intercept{query}", body))

    def resolve(
        self, ticket: Mapping[str, Any], approval: str | None = None, outcome: str | None = None
    ) -> Decision:
        """Return the verdict on an escalated action with its approval, or the host's `deny` or `suspend`.

        `ticket` is that of `Escalated`. Raises as `evaluate` does; a session checks the ticket before it
        asks.
        """
        call = Call(ticket["point"], manifest=ticket["manifest"], request_id=ticket["request_id"])
        body = self._members(call, ticket["snapshot"])
        body["challenge"] = ticket["approval"]["challenge"]
        body |= {
            name: text for name, text in (("approval", approval), ("outcome", outcome)) if text is not None
        }
        return call.decision(self._post(call, "/v1/approvals:resolve", body))

    def points(self, manifest: str | None = None) -> frozenset[str]:
        """Return the intervention points that a loaded manifest binds; needs the scope `manifests:read`.

        Raises `Unavailable` when that cannot be learnt.
        """
        return frozenset(self.listed(manifest)["points"])

    def listed(self, manifest: str | Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what the service lists of a loaded manifest: of `manifest`, the client's, or the default.

        Raises `Unavailable` when it is not loaded, not valid, or not to be seen.
        """
        wanted = manifest if manifest is not None else self.manifest
        body = self.get("/v1/manifests")
        entries = body.get("manifests") if isinstance(body, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if not _is_entry(entry):
                continue
            if wanted is None and (entry.get("default") or entries == [entry]):
                return entry
            if wanted is not None and wanted in (entry.get("name"), entry.get("digest")):
                return entry
        what = "default manifest: name one" if wanted is None else f"valid manifest `{wanted}`"
        raise Call("agent_startup").unavailable("protocol", f"the service lists no {what}")

    def get(self, path: str) -> Any:
        """Return the JSON that the service gives at `path`; raise `Unavailable` when it gives none."""
        call = Call("agent_startup")
        response = self._send(call, "GET", path, None)
        if response.status != _OK:
            hint = ": it needs the scope `manifests:read`" if response.status == _FORBIDDEN else ""
            message = f"`GET {path}` has status {response.status}{hint}"
            raise call.unavailable("status", message, response.status)
        return call.json(response)

    def _members(self, call: Call, snapshot: dict[str, Any]) -> dict[str, Any]:
        try:
            return call.members(snapshot, self.manifest)
        except SnapshotError as error:
            raise call.not_json(error) from None

    def _post(self, call: Call, path: str, body: dict[str, Any]) -> Response:
        return self._send(call, "POST", path, call.encoded(body))

    def _send(self, call: Call, method: str, path: str, body: bytes | None) -> Response:
        try:
            return self._exchange.send(method, path, body, self._headers(body), Deadline(self.timeout))
        except ExchangeError as error:
            raise call.unavailable(error.cause, str(error)) from error
        except (OSError, ValueError) as error:  # the token file, read anew
            message = f"the token file cannot be used: {type(error).__name__}"
            raise call.unavailable("unreachable", message) from error

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        if self._token is not None:
            token = self._token if isinstance(self._token, str) else self._token.read()
            if not _is_token(token):
                raise ValueError("the token file holds no token")
            headers["authorization"] = f"Bearer {token}"
        current = current_trace()
        if current is not None:
            headers["traceparent"] = current.traceparent
            if current.tracestate and _is_token(current.tracestate.replace(" ", "")):
                headers["tracestate"] = current.tracestate
        return headers


def _call(point: str, *, request_id: str | None = None, **options: Any) -> Call:
    return Call(point, **options) if request_id is None else Call(point, request_id=request_id, **options)


def _timeout(timeout: float | None, environ: Mapping[str, str]) -> float:
    text = environ.get("ACSCLIENT_TIMEOUT_S")
    try:
        seconds = timeout if timeout is not None else float(text) if text else 5.0
    except ValueError:
        raise ConfigurationError(
            f"`ACSCLIENT_TIMEOUT_S` is `{text}`: set it to a number of seconds"
        ) from None
    if not 0 < seconds <= 3600:
        raise ConfigurationError("the timeout is not between 0 and 3600 seconds")
    return seconds


def _is_entry(entry: Any) -> TypeGuard[dict[str, Any]]:
    """True for a valid manifest in the list: it has a name, and binds something."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return False
    points = entry.get("points")
    return isinstance(points, list) and bool(points) and all(isinstance(point, str) for point in points)


def _is_token(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
