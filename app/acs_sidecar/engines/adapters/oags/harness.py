"""The operations of the public conformance harness, as JSON in and JSON out (section 9.7)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from acs_sidecar.engines.adapters.oags.actions import ACTION_MEMBERS, ActionType, check_action
from acs_sidecar.engines.adapters.oags.document.reader import read_normal
from acs_sidecar.engines.adapters.oags.enforcement import PathReading, enforcer_of
from acs_sidecar.engines.adapters.oags.identity.expected import IdentityFiles, with_stand_ins
from acs_sidecar.engines.adapters.oags.identity.hashing import (
    IdentityInputError,
    agent_identity,
    blake3_hex,
)
from acs_sidecar.engines.adapters.oags.identity.signing import SecretKeyError, sign, verify
from acs_sidecar.engines.adapters.oags.matching.paths import FilePath
from acs_sidecar.engines.document_findings import DocumentFindings
from acs_sidecar.spec.document.bounds import DocumentBoundError, check_bounds
from acs_sidecar.spec.document.suggestions import unknown_members
from acs_sidecar.spec.document.text import Document
from acs_sidecar.spec.values import Json, JsonObject

__all__ = ["OPERATIONS", "answer"]

_HASHED = ("input", "data", "message", "text")
_RENAMED = {"resolved_path": "resolved"}
_ROOT = FilePath("", ("workspace",))


class _RequestError(ValueError):
    """A request that has no result; the message says why."""


def answer(request: Json) -> dict[str, Json]:
    """Return the `result` of a request, or the `error` that says why there is none."""
    try:
        if not isinstance(request, dict):
            raise _RequestError("must be an object with `operation` and `params`")
        operation, params = request.get("operation"), request.get("params")
        known = OPERATIONS.get(operation) if isinstance(operation, str) else None
        if known is None:
            listed = ", ".join(f"`{name}`" for name in OPERATIONS)
            raise _RequestError(f"`operation` must be one of {listed}")
        if not isinstance(params, dict):
            raise _RequestError("`params` must be an object")
        return known(params)
    except (_RequestError, IdentityInputError, SecretKeyError, DocumentBoundError) as error:
        return {"error": str(error)}
    except UnicodeEncodeError:
        return {"error": "a text holds a lone surrogate"}


def _calculate(params: JsonObject) -> dict[str, Json]:
    if "tools" not in params:
        raise _RequestError("`tools` is missing")
    identity = agent_identity(_text(params, "model"), _text(params, "systemPrompt"), params["tools"])
    return {"result": identity.id}


def _hash(params: JsonObject) -> dict[str, Json]:
    name = next((name for name in _HASHED if name in params), _HASHED[0])
    return {"result": blake3_hex(_text(params, name).encode())}


def _sign(params: JsonObject) -> dict[str, Json]:
    return {"result": sign(_text(params, "message"), _text(params, "secretKey"))}


def _verify(params: JsonObject) -> dict[str, Json]:
    message, signature, key = (_text(params, name) for name in ("message", "signature", "publicKey"))
    return {"result": verify(message, signature, key)}


def _enforce(params: JsonObject) -> dict[str, Json]:
    action = params.get("action")
    kind = action.get("type") if isinstance(action, dict) else None
    if not isinstance(action, dict) or not isinstance(kind, str) or kind not in set(ActionType):
        listed = ", ".join(f"`{each}`" for each in ActionType)
        raise _RequestError(f"`action` must be an object whose `type` is one of {listed}")
    for name, message in unknown_members(action, _members_of(ActionType(kind))):
        raise _RequestError(f"`action` has `{name[:64]}`: {message}")
    for name, other in _RENAMED.items():
        if name in action and other in action:
            raise _RequestError(f"`action` names both `{name}` and `{other}`: name one of them")
    check_bounds(params.get("policy"))
    findings = DocumentFindings(Document(params.get("policy"), {}), "policy")
    policy = read_normal(findings)
    if policy is None:
        raise _RequestError("; ".join(map(str, findings.errors)))
    enforcer = enforcer_of(with_stand_ins(policy, IdentityFiles()), PathReading(_ROOT))
    values = {_RENAMED.get(name, name): value for name, value in action.items()}
    rule = check_action(enforcer, ActionType(kind), values)
    return {"result": "allow"} if rule is None else {"result": "deny", "rule": rule.value}


def _members_of(kind: ActionType) -> frozenset[str]:
    """Return the members that an action may have, under both of their names."""
    members = ACTION_MEMBERS[kind]
    return frozenset(("type", *members, *(name for name, other in _RENAMED.items() if other in members)))


def _text(params: JsonObject, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise _RequestError(f"`{name}` must be a text")
    return value


OPERATIONS: Mapping[str, Callable[[JsonObject], dict[str, Json]]] = MappingProxyType(
    {
        "calculate_sekuire_id": _calculate,
        "hash": _hash,
        "sign": _sign,
        "verify": _verify,
        "enforce_policy": _enforce,
    }
)
