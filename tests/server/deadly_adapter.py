"""An adapter that ends its process, or holds it for ever, when the snapshot says so."""

import ctypes
import time
from typing import ClassVar

from acs_sidecar.spec.manifest.declaration import Member, MemberTable
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import CompileRequest, Evaluator, PointBinding, PolicyInput, PolicyOutput

__all__ = ["DEADLY"]


class _Deadly:
    name = "deadly"
    inline_safe = False
    members: ClassVar[MemberTable] = {"level": Member("A number.")}
    statement = PolicyStatement()

    def compile(self, request: CompileRequest) -> "_Deadly":
        return self

    def bind(self, binding: PointBinding) -> Evaluator:
        return self

    def evaluate(self, policy_input: PolicyInput) -> PolicyOutput:
        target = policy_input.value["policy_target"]
        assert isinstance(target, dict)
        if target["value"] == "segfault":
            ctypes.string_at(0)
        while target["value"] == "hang":
            time.sleep(3_600)
        return PolicyOutput({"decision": "allow"})


DEADLY = _Deadly()
