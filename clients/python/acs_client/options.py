"""The keyword arguments of sessions and clients, for type checkers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from acs_client.calls import Manifest
from acs_client.decision import Decision
from acs_client.mediation import Approver
from acs_client.snapshot.clock import Clock
from acs_client.snapshot.envelope import Brought

__all__ = [
    "CallOptions",
    "ClientOptions",
    "PostToolOptions",
    "PreToolOptions",
    "RestoreOptions",
    "SessionOptions",
    "ToolOptions",
]


class ClientOptions(TypedDict, total=False):
    """What `Client` takes beside the URL."""

    uds: str
    token: str
    token_file: str
    ca_file: str
    cert_file: str
    key_file: str
    manifest: str | Mapping[str, Any]
    timeout: float
    pool: int


class CallOptions(TypedDict, total=False):
    """What `Client.evaluate` takes beside point and snapshot."""

    mode: str
    manifest: Manifest
    request_id: str
    include: Iterable[str]


class RestoreOptions(TypedDict, total=False):
    """What `Client.restore` takes beside the export; `Session` says what each is."""

    name: str | None
    version: str | None
    framework: str | None
    tenant: Mapping[str, Any] | str | None
    manifest: Manifest
    points: Iterable[str] | str
    mode: str
    labels: Iterable[str] | None
    context: Mapping[str, Any] | None
    tools: Iterable[str]
    capabilities: Iterable[str]
    model: Mapping[str, Any] | None
    approver: Approver | None
    approval_window_seconds: int | None
    cost: Callable[[Any, Mapping[str, int]], float] | None
    init: Brought
    envelope: Brought
    history: bool
    counters: bool
    provenance: int
    on_decision: Callable[[Decision], None] | None
    clock: Clock | None


class SessionOptions(RestoreOptions, total=False):
    """What `Session` takes beside the agent."""

    id: str | None


class ToolOptions(TypedDict, total=False):
    """What `Session.tool` takes beside name, arguments and id."""

    ticket: Mapping[str, Any] | None
    approval: str | None


class PreToolOptions(ToolOptions, total=False):
    """What `Session.pre_tool_call` takes beside name, arguments and id."""

    content_hash: str | None


class PostToolOptions(TypedDict, total=False):
    """What `Session.post_tool_call` takes beside name, arguments and value."""

    id: str | None
    error: str | None
    duration_ms: float | None
