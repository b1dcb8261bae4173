"""One call of the service: what is asked, and the blocks that stand for its failure (section 12.2)."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acs_client.connection.exchange import Response
from acs_client.decision import UNAVAILABLE, Decision, ProtocolError, read_bare, read_decision, read_denial
from acs_client.errors import Denied, Unavailable
from acs_client.values import SnapshotError, decode, encode, to_json

__all__ = ["Call", "Manifest", "denied"]

Manifest = str | Mapping[str, Any] | None
_OK, _FORBIDDEN = 200, 403
DIALECT = "0.3"  # five decisions, whatever the version of the manifest


def _random_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Call:
    """An evaluation that is asked for: of `manifest`, or of the client's where it is `None`."""

    point: str
    mode: str = "enforce"
    manifest: Manifest = None
    include: Iterable[str] = ()
    request_id: str = field(default_factory=_random_id)

    def members(self, snapshot: Any, default_manifest: Manifest) -> dict[str, Any]:
        """Return the body of the request; `snapshot` is JSON already."""
        body: dict[str, Any] = {
            "dialect": DIALECT,
            "intervention_point": self.point,
            "request_id": self.request_id,
            "snapshot": snapshot,
        }
        if self.mode != "enforce":
            body["mode"] = self.mode
        manifest = default_manifest if self.manifest is None else self.manifest
        if isinstance(manifest, str):
            body["manifest_ref"] = manifest
        elif manifest is not None:
            body["manifest"] = to_json(manifest)
        asked = list(self.include)
        if asked:
            body["include"] = asked
        return body

    def encoded(self, body: Any) -> bytes:
        """Return the bytes of a body; raise `Denied` for what is not JSON."""
        try:
            return encode(body)
        except (SnapshotError, ValueError) as error:
            raise self.not_json(error) from None

    def decision(self, response: Response) -> Decision:
        """Return the verdict of a response; raise `Blocked` when it has none."""
        body = self.json(response)
        if response.status == _OK:
            return self.read(body)
        raise self.without_verdict(response, body)

    def read(self, body: Any) -> Decision:
        """Return the verdict of the body of a response with status 200."""
        try:
            return read_decision(body, self.point, self.mode, self.request_id)
        except ProtocolError as error:
            raise self.unavailable("protocol", str(error), _OK) from None

    def bare(self, response: Response) -> dict[str, Any]:
        """Return the bare verdict of a response; raise `Blocked` when it has none."""
        body = self.json(response)
        if response.status != _OK:
            raise self.without_verdict(response, {"verdict": body})
        try:
            return read_bare(body)
        except ProtocolError as error:
            raise self.unavailable("protocol", str(error), _OK) from None

    def refusal(self, body: Any) -> Decision:
        """Return the deny of a problem document."""
        return read_denial(body, self.point, self.mode, self.request_id)

    def json(self, response: Response) -> Any:
        """Return the body of a response, or `None` for one of an error that is not JSON."""
        try:
            return decode(response.body)
        except (ValueError, RecursionError):
            if response.status != _OK:
                return None
            raise self.unavailable("protocol", "the answer is not JSON", _OK) from None

    def without_verdict(self, response: Response, body: Any) -> Denied | Unavailable:
        """Return the block of a response that is no verdict."""
        refusal = self.refusal(body)
        if response.status == _FORBIDDEN:
            return Denied(refusal, cause="service", status=_FORBIDDEN)
        message = refusal.message or f"the service answered with status {response.status}"
        return self.unavailable("protocol" if response.status == _OK else "status", message, response.status)

    def unavailable(self, cause: str, message: str, status: int | None = None) -> Unavailable:
        """Return the block of a call without a verdict."""
        decision = Decision(
            self.point, "deny", UNAVAILABLE, message, mode=self.mode, request_id=self.request_id
        )
        return Unavailable(decision, cause=cause, status=status)

    def not_json(self, error: Exception) -> Denied:
        """Return the block of a value that cannot be sent."""
        return denied(self.point, "request_invalid", "snapshot", str(error), self.mode)


def denied(point: str, reason: str, cause: str, message: str, mode: str = "enforce") -> Denied:
    """Return the deny of something that the client itself refuses: nothing was sent, or nothing applied."""
    decision = Decision(point, "deny", f"runtime_error:{reason}", message, mode=mode)
    return Denied(decision, cause=cause)
