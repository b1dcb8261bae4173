"""Several policies at one point are one call of a child (section 17.3)."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from acs_sidecar.engines.compilation import PolicyJob
from acs_sidecar.sandbox.processes import Worker
from acs_sidecar.sandbox.wire import REQUEST, RequestKind
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.values import JsonObject
from tests.sandbox.sandboxes import job, opened, policy_input

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def _jobs(members: int) -> tuple[PolicyJob, ...]:
    """The jobs of policies that warn, and of their combination."""
    names = tuple(f"m{number}" for number in range(members))
    double: JsonObject = {"type": "test", "output": {"decision": "warn"}}
    combination: JsonObject = {"type": "custom", "adapter": "combine", "policies": list(names)}
    bound = job(combination, path="policies.all")
    return (
        *(PolicyJob(f"policies.{name}", "test", double, (), name=name) for name in names),
        PolicyJob(bound.path, "custom", combination, bound.bindings, combines=names),
    )


@pytest.mark.parametrize("members", [1, 2, 16])
def test_all_members_are_asked_in_one_call(members: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, one request goes to one child for each decision."""
    sent: Counter[RequestKind] = Counter()
    send = Worker.send

    def counting(worker: Worker, frame: bytes) -> None:
        sent[RequestKind(REQUEST.unpack_from(frame)[1])] += 1
        send(worker, frame)

    monkeypatch.setattr(Worker, "send", counting)

    async def scenario() -> list[Any]:
        async with opened(inline_adapters=frozenset({"combine"})) as sandbox:
            policies = await sandbox.compile("sha256:one", _jobs(members))
            policy = policies.dispatch[InterventionPoint.OUTPUT]
            sent.clear()
            return [await policy.dispatch(policy_input()) for _ in range(3)]

    outputs = asyncio.run(scenario())
    assert [output.value for output in outputs] == [{"decision": "warn"}] * 3
    assert [len(output.trace["policies"]) for output in outputs] == [members] * 3
    assert sent == {RequestKind.EVALUATE: 3}
