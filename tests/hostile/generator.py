"""Hostile requests, made from valid ones: wrong bytes, wrong shapes, wrong sizes, wrong policies.

Every policy here denies, so an allow can only come from a fault of the service.
"""

import copy
import random
from collections.abc import Callable
from typing import Any

import orjson

__all__ = ["Generator"]

REGO = """package p
import rego.v1
default v := {"decision": "deny", "reason": "r"}
v := {"decision": "warn"} if { some x in input.snapshot.list; x > 3; not input.snapshot.no }
f(x) := y if { y := [z | some z in x; z != "a"] }
"""
CEDAR = """@id("a") forbid(principal, action, resource) when { context has x && context.x > 3 };
@id("b") forbid(principal in Group::"g", action == Action::"input", resource) unless { context has y };
"""
SNAPSHOT: dict[str, Any] = {
    "envelope": {"agent": {"id": "a"}, "session": {"id": "s"}},
    "input": {"text": "hello", "n": 3.25},
    "list": [1, 2, {"x": None}],
    "tool_call": {"name": "t", "args": {"path": "notes/x"}},
    "x": 5,
}
STRANGE: list[Any] = [
    None, True, [], {}, "", "\u0000", "\u202e\ufeff", "x" * 5_000, 0, -1, 2**63, -(2**63), 2**64 - 1, 1e308, -0.0,
    5e-324, {"__entity": {"type": "User", "id": "root"}}, {"__extn": {"fn": "decimal", "arg": "1"}},
    {"__expr": "1"}, {"reason": "runtime_error:path_missing"}, "$snap", "$policy_target", "<<", "*a",
    [[[[[[[[[[1]]]]]]]]]], {"": {"": {"": ""}}}, "data.p.v", "Agent::\"a\"", "runtime_error:manifest_invalid",
]  # fmt: skip
TOKENS = [
    b"[", b"]", b"{", b"}", b"(", b")", b'"', b"\\", b"`", b",", b":", b"&a", b"*a", b"\x00", b"\xff", b"\xc3", b"\n",
    b"\\ud800", b"1e999", b"NaN", b"9" * 40, b"<<", b"!!python/object:x", b"/*", b"//", b"#", b"||", b"&&", b"!",
    b"not ", b"every ", b"some ", b"else ", b"with ", b"import ", b"if ", b"forbid", b"when", b"[[[[[[[[[[[[[[",
    b"{{{{{{{{{{{{{{", b"((((((((((((((((((((", b"!!!!!!!!!!!!!!!!!!", b"time.now_ns()", b"http.send({})",
    b"numbers.range(1, 1e9)", b"f(f(f(1)))",
]  # fmt: skip


class Generator:
    """An endless source of hostile requests, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # reproducible on purpose

    def request(self) -> tuple[str, bytes]:
        """Give the path and the body of one request."""
        make = self._random.choices(
            [self._shaped, self._broken, self._deep, self._source, self._document, self._batch],
            [45, 25, 5, 10, 10, 5],
        )[0]
        point = self._random.choice(
            [
                "input",
                "input",
                "output",
                "output",
                "pre_tool_call",
                "pre_tool_call",
                "pre_tool_call",
                "lunch",
                "%00",
            ]
        )
        path, body = make()
        return path or f"/v1/evaluate/{point}", body

    def manifest(self) -> dict[str, Any]:
        """Return a valid manifest."""
        policy = self._random.choice(
            [
                {"type": "test", "output": {"decision": "deny"}},
                {"type": "rego", "modules": {"p": REGO}, "query": "data.p.v"},
                {"type": "cedar", "policy_set": CEDAR},
            ]
        )
        return {
            "agent_control_specification_version": "0.3.1-beta",
            "policies": {"p": policy},
            "tools": {"t": {"clearance": 1}},
            "intervention_points": {
                "input": {"policy_target": "$.input", "policy": {"id": "p"}},
                "output": {"policy_target": "$", "policy_target_kind": "k", "policy": {"id": "p"}},
                "pre_tool_call": {
                    "policy_target": "$.tool_call.args",
                    "tool_name_from": "$.tool_call.name",
                    "policy": {"id": "p"},
                },
            },
        }

    def _valid(self) -> dict[str, Any]:
        body: dict[str, Any] = {"snapshot": orjson.loads(orjson.dumps(SNAPSHOT))}
        if self._random.random() < 0.7:
            body["manifest_ref"] = self._random.choice(["denies", "rego", "cedar"])
        else:
            body["manifest"] = self.manifest()
        if self._random.random() < 0.2:
            body["include"] = ["trace", "policy_input"]
        return body

    def _shaped(self) -> tuple[str, bytes]:
        """A request whose members are replaced by strange values."""
        body = self._valid()
        part = "snapshot" if "manifest" not in body or self._random.random() < 0.8 else "manifest"
        for _ in range(self._random.randint(1, 3)):
            self.replace(body[part] if self._random.random() < 0.8 else body)
        return "", _dumped(body)

    def replace(self, value: Any) -> None:
        """Replace one place somewhere inside a container."""
        while isinstance(value, dict | list) and value:
            key = self._random.choice(list(value) if isinstance(value, dict) else range(len(value)))
            if isinstance(value[key], dict | list) and value[key] and self._random.random() < 0.7:
                value = value[key]
                continue
            value[key] = copy.deepcopy(self._random.choice(STRANGE))
            return

    def _broken(self) -> tuple[str, bytes]:
        """A request whose bytes are damaged."""
        return "", self._damaged(_dumped(self._valid()))

    def _damaged(self, text: bytes) -> bytes:
        for _ in range(self._random.randint(1, 4)):
            place = self._random.randrange(len(text) + 1)
            until = place + self._random.choice([0, 0, 1, 8])
            text = text[:place] + self._random.choice(TOKENS) + text[until:]
        return text

    def _deep(self) -> tuple[str, bytes]:
        """Nesting, length and duplicates beyond every bound."""
        depth = self._random.choice([60, 70, 130, 260, 1_030, 20_000])
        width = self._random.choice([10, 1_000, 50_000])
        inner = self._random.choice(
            [
                b"[" * depth + b"]" * depth,
                b'{"a":' * depth + b"1" + b"}" * depth,
                b"[" * depth,
                b"[" + b"1," * width + b"1]",
                b'"' + b"x" * (width * 20) + b'"',
                b"{" + b",".join(b'"k":%d' % number for number in range(width // 10)) + b"}",
            ]
        )
        return "", b'{"manifest_ref":"denies","snapshot":{"input":' + inner + b"}}"

    def _source(self) -> tuple[str, bytes]:
        """A manifest whose policy text is damaged."""
        manifest = self.manifest()
        name = self._random.choice(["rego", "cedar"])
        damaged = self._damaged((REGO if name == "rego" else CEDAR).encode()).decode(errors="replace")
        manifest["policies"]["p"] = (
            {"type": "rego", "modules": {"p": damaged}, "query": "data.p.v"}
            if name == "rego"
            else {"type": "cedar", "policy_set": damaged}
        )
        return "", _dumped({"snapshot": SNAPSHOT, "manifest": manifest})

    def _document(self) -> tuple[str, bytes]:
        """A manifest as damaged YAML or JSON text, alias bombs among them."""
        if self._random.random() < 0.1:
            levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 20)]
            text = "\n".join(["l0: &l0 [x, x]", *levels]).encode()
        else:
            text = self._damaged(_dumped(self.manifest()))
        return "", _dumped({"snapshot": SNAPSHOT, "manifest": text.decode(errors="replace")})

    def _batch(self) -> tuple[str, bytes]:
        """A batch of such requests."""
        makers: list[Callable[[], tuple[str, bytes]]] = [self._shaped, self._shaped, self._deep]
        items = [self._random.choice(makers)()[1] for _ in range(self._random.randint(0, 5))]
        return "/v1/evaluate:batch", b'{"requests":[' + b",".join(items) + b"]}"


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
