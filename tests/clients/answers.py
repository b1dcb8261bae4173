"""What no service would answer, with the cause and the status that every client names it by."""

import json

from tests.clients.canned import reply

__all__ = ["ALLOW", "BAD_ANSWERS"]

ALLOW = {"verdict": {"decision": "allow"}, "intervention_point": "input", "mode": "enforce"}
BAD_ANSWERS: dict[str, tuple[bytes | None, str, int | None]] = {
    "an empty object": (reply({}), "protocol", 200),
    "a list": (reply([]), "protocol", 200),
    "null": (reply(None), "protocol", 200),
    "a decision in capitals": (reply({"verdict": {"decision": "ALLOW"}}), "protocol", 200),
    "a decision that is a list": (reply({"verdict": {"decision": ["allow"]}}), "protocol", 200),
    "no point": (reply({"verdict": {"decision": "allow"}}), "protocol", 200),
    "another point": (reply(ALLOW | {"intervention_point": "agent_shutdown"}), "protocol", 200),
    "not JSON": (reply(b"allow"), "protocol", 200),
    "deep JSON": (reply(b"[" * 100_000), "protocol", 200),
    "two decisions": (
        reply(b'{"verdict": {"decision": "deny", "decision": "allow"}, "intervention_point": "input"}'),
        "protocol",
        200,
    ),
    "two verdicts": (
        reply(
            b'{"verdict": {"decision": "deny"}, "verdict": {"decision": "allow"}, "intervention_point": "input"}'
        ),
        "protocol",
        200,
    ),
    "no number": (reply(ALLOW | {"audit": {"at": float("nan")}}), "protocol", 200),
    "UTF-16": (reply(json.dumps(ALLOW).encode("utf-16")), "protocol", 200),
    "another vocabulary": (reply(ALLOW | {"dialect": "0.4"}), "protocol", 200),
    "no mode": (reply(ALLOW | {"mode": None}), "protocol", 200),
    "a transform beside an allow": (
        reply(
            ALLOW | {"verdict": {"decision": "allow", "transform": {"path": "$policy_target", "value": 1}}}
        ),
        "protocol",
        200,
    ),
    "a target that is no JSON": (
        reply(
            ALLOW
            | {
                "verdict": {"decision": "transform"},
                "transformed_policy_target_applied": True,
                "transformed_policy_target": {"x": 2**80},
            }
        ),
        "protocol",
        200,
    ),
    "a target that is too deep": (
        reply(
            ALLOW
            | {
                "verdict": {"decision": "transform"},
                "transformed_policy_target_applied": True,
                "transformed_policy_target": json.loads("[" * 210 + "]" * 210),
            }
        ),
        "protocol",
        200,
    ),
    "half a body": (reply(ALLOW)[:-9] + b"!cut", "protocol", None),
    "a redirect": (reply(ALLOW, 302, location="/elsewhere"), "status", 302),
    "an error with an allow": (reply(ALLOW, 500), "status", 500),
    "nothing": (None, "deadline", None),
    "not HTTP": (b"allow\r\n\r\n", "protocol", None),
    "an end before any byte": (b"", "unreachable", None),
    "a status line alone": (b"HTTP/1.1 200 OK\r\n", "protocol", 200),
}
