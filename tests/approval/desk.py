"""Approvals in this process: the real service, keys that are known, and a clock that tests set."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.approval.approval import approve
from acs_sidecar.approval.approvers import Approver, Approvers
from acs_sidecar.approval.challenge import inspect_challenge
from acs_sidecar.approval.ports import ApprovalKey
from acs_sidecar.approval.resolution import Approvals
from acs_sidecar.decision.admission import Admission
from acs_sidecar.decision.answer import recorded_json, resolved_json
from acs_sidecar.decision.caller import Sender
from acs_sidecar.decision.refusal import RefusalError, Refused
from acs_sidecar.decision.request import INCLUDES
from acs_sidecar.decision.service import DecisionService
from acs_sidecar.manifests.catalog import Catalog, InlineManifests, OperatorManifests
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.manifest.model import document_of
from acs_sidecar.spec.ports import NoSources
from acs_sidecar.telemetry.event_sink import EventSink
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.telemetry.options import EventFilter
from acs_sidecar.transports.http.bodies import parse_evaluate, parse_resolve
from acs_sidecar.transports.http.problems import refusal_json

NOW = 1_800_000_000_000_000
SECOND = 1_000_000
NOBODY = Sender(None, None)

MISMATCH = "runtime_error:approval_action_mismatch"
FAILED = "runtime_error:approval_resolver_failed"

SERVICE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ALICE = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
MALLORY = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))

SNAPSHOT: dict[str, Any] = {
    "envelope": {"agent": {"id": "agent-7"}, "session": {"id": "s-1"}, "tenant": {"id": "t-1"}},
    "tool_call": {"name": "pay", "args": {"amount": 900, "to": "acme"}},
}


def manifest(approval: Any = None, **members: Any) -> dict[str, Any]:
    """A manifest that escalates every payment over 100, with one resolver."""
    policy = (
        'package p\nimport rego.v1\ndefault v := {"decision": "allow"}\n'
        'v := {"decision": "deny", "reason": "too_much"} if input.policy_target.value.amount > 5000\n'
        'v := {"decision": "escalate", "reason": "large", "result_labels": ["money"]} if {\n'
        "  input.policy_target.value.amount > 100; input.policy_target.value.amount <= 5000 }\n"
    )
    point = {
        "policy_target": "$.tool_call.args",
        "tool_name_from": "$.tool_call.name",
        "policy": {"id": "p", "query": "data.p.v"},
    }
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "rego", "modules": {"p.rego": policy}}},
        "tools": {"pay": {}, "refund": {}},
        "intervention_points": {"pre_tool_call": point, "post_tool_call": point},
        "approval": approval
        or {
            "default_resolver": "officer",
            "timeout_seconds": 60,
            "resolvers": {"officer": {"type": "token"}},
        },
    } | members


@dataclass
class Keys:
    """What the ports give, as a test puts it here."""

    private: Ed25519PrivateKey = SERVICE_KEY
    trusted: Approvers | None = field(default_factory=lambda: Approvers((approver(),)))

    def key(self) -> ApprovalKey:
        """Give the signing key."""
        return ApprovalKey(self.private, (self.private.public_key().public_bytes_raw(),))

    def approvers(self) -> Approvers | None:
        """Give the approvers."""
        return self.trusted


def approver(name: str = "alice", private: Ed25519PrivateKey = ALICE, **members: Any) -> Approver:
    """An approver as the operator lists it."""
    return Approver(name, private.public_key().public_bytes_raw(), **members)


class Desk:
    """A service without HTTP: bodies in, responses out."""

    def __init__(
        self,
        keys: Keys | None = None,
        service: str = "acs",
        operator: dict[str, Any] | None = None,
        **settings: str,
    ) -> None:
        self.now = NOW
        self.keys = keys or Keys()
        self._client = HttpClient()
        self._runner: asyncio.Runner | None = None
        compiler = build_compiler(load_settings(settings).settings, self._client, None)
        loaded = {
            name: compiler.compile_operator(name, document_of(value), NoSources())
            for name, value in (operator or {}).items()
        }
        catalog = Catalog(
            OperatorManifests(loaded, None, 0), InlineManifests(InlineMode.TRUSTED, compiler, 256, Metrics())
        )
        approvals = Approvals(service, self.keys.key, self.keys.approvers, lambda: self.now)
        self._service = DecisionService(
            Admission(catalog, INCLUDES), None, EventSink(EventFilter.OFF), lambda: 0, approvals=approvals
        )

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        return self

    def __exit__(self, *_: object) -> None:
        if self._runner:
            self._runner.run(self._closed())
            self._runner.close()
        # The service's clock is of this object: without the circle its engines end here, on their own thread.
        del self._service

    async def _closed(self) -> None:
        await self._client.close()
        await asyncio.sleep(0.01)  # transports close on the loop's next round

    def _run(self, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Run on the loop of a `with`, which connections need, or on one of its own."""
        return self._runner.run(work) if self._runner else asyncio.run(work)

    def evaluate(self, **members: Any) -> dict[str, Any]:
        """Evaluate; every member has a default."""
        return self._run(self._evaluate(_body(members)))

    def resolve(self, **members: Any) -> dict[str, Any]:
        """Resolve; every member of the evaluation has a default."""
        return self._run(self._resolve(_body(members)))

    def resolve_at_once(
        self, requests: list[dict[str, Any]], when: Callable[[], bool], then: Callable[[], None]
    ) -> list[dict[str, Any]]:
        """Resolve many at the same time, doing `then` as soon as it is the time for it."""

        async def together() -> dict[str, Any]:
            tasks = [asyncio.create_task(self._resolve(_body(request))) for request in requests]
            while not when():  # noqa: ASYNC110  # what is waited for happens in another thread
                await asyncio.sleep(0.01)
            then()
            return {"responses": await asyncio.gather(*tasks)}

        responses: list[dict[str, Any]] = self._run(together())["responses"]
        return responses

    def challenge(self, **members: Any) -> str:
        """Give the challenge of an escalation."""
        text = self.evaluate(**members)["approval"]["challenge"]
        assert isinstance(text, str)
        return text

    def approval(
        self,
        challenge: str,
        outcome: ApprovalOutcome = ApprovalOutcome.ALLOW,
        private: Ed25519PrivateKey = ALICE,
    ) -> str:
        """Sign an answer as an approver."""
        return approve(inspect_challenge(challenge), outcome, self.now, private)

    async def _evaluate(self, body: bytes) -> dict[str, Any]:
        request = parse_evaluate(body, None)
        recorded = await self._service.decide(request, NOBODY)
        assert not isinstance(recorded, Refused)
        return recorded_json(recorded, request.include)

    async def _resolve(self, body: bytes) -> dict[str, Any]:
        try:
            resolved = await self._service.resolve(*parse_resolve(body), NOBODY)
        except RefusalError as error:
            return refusal_json(error)
        if isinstance(resolved, Refused):
            return refusal_json(resolved.error)
        return resolved_json(resolved, frozenset())


def refusal(response: dict[str, Any]) -> tuple[str, str]:
    """Return the reason and the detail of a deny."""
    assert response["verdict"]["decision"] == "deny"
    return response["verdict"]["reason"], response["detail"]


def _body(members: dict[str, Any]) -> bytes:
    named = {} if "manifest_ref" in members else {"manifest": manifest()}
    return orjson.dumps({"intervention_point": "pre_tool_call", "snapshot": SNAPSHOT} | named | members)
