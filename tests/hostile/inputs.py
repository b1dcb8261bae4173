"""Every hostile input that is known, as bodies of requests: each is answered within its own cost."""

import json
from typing import Any

__all__ = ["PLAIN", "hostile_bodies", "inline", "slow_body", "thrashing_body"]

VERSION = "0.3.1-beta"
LOOP = """package p
import rego.v1
v := {"decision": "allow"} if { count([1 | some x in numbers.range(1, 4000); some y in numbers.range(1, 4000); x == y * 7]) > 0 }
"""
MEMORY = """package p
import rego.v1
v := {"decision": "allow"} if count(numbers.range(1, 1000000000)) > 0
"""
RECURSION = 'package p\nimport rego.v1\nf(x) := f(x)\nv := {"decision": "allow"} if f(1)'
SCHEMAS = """package p
import rego.v1
v := {"decision": "deny"} if json.match_schema(input.snapshot.args, input.snapshot.schema)[0]
"""
CONCAT = """package p
import rego.v1
v := {"decision": "deny"} if contains(replace(input.snapshot.text, "a", input.snapshot.text), "b")
"""
PLAIN: dict[str, Any] = {
    "manifest_ref": "plain",
    "snapshot": {
        "envelope": {"agent": {"id": "agent-1"}, "session": {"id": "s"}},
        "tool_call": {"name": "read_file", "args": {"path": "notes/today.md"}},
    },
}


def inline(policy: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Make a manifest with one policy at `input`."""
    return {
        "agent_control_specification_version": VERSION,
        "policies": {"p": policy},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
        **members,
    }


def _rego(text: str) -> dict[str, Any]:
    return {"type": "rego", "modules": {"m": text}, "query": "data.p.v"}


def _custom(adapter: str, **members: Any) -> dict[str, Any]:
    return {"type": "custom", "adapter": adapter, **members}


def _rules(number: int) -> dict[str, Any]:
    """Make a document of rules whose expressions are all different."""
    rules = [
        {"name": f"r{n}", "condition": f"args.a matches '(a|b)*a(a|b){{12}}{number}x{n}'", "action": "deny"}
        for n in range(3_000)
    ]
    return {
        "apiVersion": "governance.toolkit/v1",
        "name": "d",
        "agents": ["*"],
        "default_action": "deny",
        "rules": rules,
    }


def _adapters(number: int) -> list[dict[str, Any]]:
    """Make policies of adapters that cost much to read, to compile or to ask, or have many findings."""

    def rules(*conditions: str, **members: Any) -> dict[str, Any]:
        listed = [
            {"name": f"r{number}x{n}", "condition": condition, "action": "deny"}
            for n, condition in enumerate(conditions)
        ]
        return _rules(number) | {"rules": listed} | members

    permissions: dict[str, Any] = {f"allowed_host{number}x{n}": [] for n in range(9_000)}
    paths = {"enabled": True, "allowed_paths": [f"/{number}/{n}{'/b' * 100}" for n in range(900)]}
    hosts = {"enabled": True, "allowed_hosts": [f"\u00e4{number}x{n}.example" for n in range(900)]}
    return [
        _custom("agt_rules", documents=[rules(*["args" + ".a" * 2_000 + " == 'x'"] * 90)]),
        _custom("agt_rules", documents=[rules(*[f"unknown{n} == 'x'" for n in range(6_000)])]),
        _custom("agt_rules", documents=[rules("true", agents=[f"*a*b{n}*c*" for n in range(9_000)])]),
        _custom("agt_rules", documents=[rules(extends=[f"x{n}" for n in range(30_000)])]),
        _custom("oags", document={"permissions": {"network": permissions}}),
        _custom("oags", document={"permissions": {"network": hosts, "filesystem": paths}}),
    ]


def slow_body(number: int) -> bytes:
    """Return a request whose policy takes its whole time; each number is another manifest."""
    return _body(
        inline({"type": "test", "output": {"decision": "deny"}, "delay_ms": 1_000}, metadata={"n": number})
    )


def thrashing_body(number: int) -> bytes:
    """Return a request with a tiny invalid manifest that nobody has sent before."""
    return _body({"agent_control_specification_version": VERSION, "n": number})


def hostile_bodies(number: int) -> list[bytes]:
    """Return one body of each known kind; those of another `number` have other manifests."""
    unique = {"metadata": {"n": number}}
    test = {"type": "test", "output": {"decision": "deny"}}
    bomb = "\n".join(
        [
            "l0: &l0 [x, x]",
            *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 20)),
            f"n: {number}",
        ]
    )
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    manifests: list[Any] = [
        inline(test, tools={f"t{number}{n:09}": {} for n in range(24_000)}),
        inline(test, **{f"m{number}{n}": 1 for n in range(30_000)}),
        f"x: {number}\n" + "".join(f"m{n}: 1\n" for n in range(20_000)),
        inline(test, annotators={f"a{number}{n}": {"type": "endpoint", "url": "x"} for n in range(9_000)}),
        inline(test, approval={"resolvers": {f"r{number}{n}": {"type": "token"} for n in range(9_000)}}),
        inline(test, metadata={f"m{number}{n}": [[]] for n in range(20_000)}),
        bomb,
        inline(_rego(LOOP), **unique),
        inline(_rego(MEMORY), **unique),
        inline(_rego(RECURSION), **unique),
        inline(_rego("package p\nv := " + "[" * 40 + "]" * 40), **unique),
        inline(
            {"type": "cedar", "policy_set": "permit(principal, action, resource) when { " + "(" * 900},
            **unique,
        ),
        inline(_custom("combine", policies=[f"a{n}" for n in range(16)]), **unique),
        inline(_custom("agt_rules", documents=[_rules(number)]), **unique),
        inline(
            {
                "type": "cedar",
                "policy_set": '@id("t") permit(principal == ?principal, action, resource);',
                "template_links": [
                    {
                        "template_id": "t",
                        "new_id": f"l{n}",
                        "values": {"?principal": {"type": "A", "id": f"{n}"}},
                    }
                    for n in range(3_000)
                ],
            },
            **unique,
        ),
    ]
    combination = manifests[-3]["policies"]
    combination.update({f"a{n}": _rego(LOOP) for n in range(16)})
    snapshots: list[dict[str, Any]] = [
        {"args": {"a": 1}, "schema": schema},
        {"text": "a" * 100_000},
        {"list": [{"k": n, "v": [n]} for n in range(40_000)]},
    ]
    policies = [_rego(SCHEMAS), _rego(CONCAT), _rego(CONCAT)]
    return [
        *(_body(manifest) for manifest in manifests),
        *(
            _body(inline(policy, **unique), {"envelope": {"agent": {"id": "ab" * 100_000}}})
            for policy in _adapters(number)
        ),
        *(
            _body(inline(policy, **unique), snapshot)
            for policy, snapshot in zip(policies, snapshots, strict=True)
        ),
        *(json.dumps({"manifest_ref": "plain", "snapshot": snapshot}).encode() for snapshot in snapshots),
        b'{"manifest_ref":"plain","snapshot":{"input":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        b'{"manifest_ref":"plain","snapshot":{"a":1,"a":2}}',
        b'{"manifest_ref":"plain","snapshot":{'
        + b",".join(b'"k%d":%d' % (n % 9, n) for n in range(50_000))
        + b"}}",
        b'{"manifest_ref":"plain","snapshot":{"a":' + b"9" * 300_000 + b"}}",
    ]


def _body(manifest: Any, snapshot: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"manifest": manifest, "snapshot": snapshot or {}}).encode()
