"""The sandbox gives the answers that the evaluators give in process (section 2.5, `sandboxed`)."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from acs_sidecar.engines.adapters.rate_card import adapter as rate_card
from acs_sidecar.engines.compilation import PolicyJob, compile_policies
from acs_sidecar.engines.registry import policy_types
from acs_sidecar.sandbox.sandbox import Sandbox, SandboxedPolicies, SandboxError, SandboxSettings
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.ports import PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError, Reason
from acs_sidecar.spec.values import Json, JsonObject
from tests.engines.sources import MemorySources
from tests.sandbox.sandboxes import (
    ALLOW,
    HOSTILE,
    hostile,
    install,
    install_hostile,
    job,
    opened,
    policy_input,
    sandboxed,
)

pytestmark = pytest.mark.usefixtures("nothing_is_left")

Run = Callable[[Coroutine[Any, Any, None]], None]

REGO: JsonObject = {
    "type": "rego",
    "query": "data.limits.verdict",
    "modules": {
        "limits.rego": """
            package limits
            import rego.v1
            default verdict := {"decision": "deny", "reason": "too_much"}
            verdict := {"decision": "allow", "message": input.snapshot.note} if input.snapshot.amount <= 100
            """
    },
}
SCHEMA: JsonObject = {
    "type": "rego",
    "query": "data.shape.verdict",
    "modules": {
        "shape.rego": """
            package shape
            import rego.v1
            wrong := json.match_schema(input.snapshot, {"properties": {"amount": {"maximum": 100}}})[1][0].desc
            verdict := {"decision": "warn", "message": wrong}
            """
    },
}
CEDAR: JsonObject = {
    "type": "cedar",
    "policy_set": """
        @id("small")
        permit(principal, action, resource) when { context.amount <= 100 };
        """,
}
RATES: JsonObject = {
    "type": "custom",
    "adapter": "rate_card",
    "prices": {"small": {"input": "0.15", "output": "0.60"}},
    "model": "$snap.model",
    "input_tokens": "$snap.amount",
    "output_tokens": "$snap.amount",
    "spent": "$snap.spent",
    "budget": "$snap.budget",
}
TRANSFORM: JsonObject = {
    "type": "test",
    "output": {
        "decision": "transform",
        "transform": {"path": "$policy_target", "value": ["\u00fc\U0001f600", 1.0, -0.0, 2**53, None, {}]},
    },
}
SNAPSHOTS: tuple[dict[str, Json], ...] = (
    {"amount": 7, "note": '\u00e9t\u00e9 \u2028 \\ "', "model": "small", "spent": 0, "budget": "1.5"},
    {"amount": 1_000, "note": "", "model": "small", "spent": "1.4999", "budget": "1.5"},
    {"amount": 10, "note": "n", "model": "large", "spent": 0.1, "budget": 1},
    {},
)


def _in_process(jobs: tuple[PolicyJob, ...], given: PolicyInput) -> PolicyOutput | tuple[Reason, str]:
    types = policy_types({"rate_card": rate_card})
    evaluator = compile_policies(jobs, types, MemorySources({})).evaluators[InterventionPoint.OUTPUT]
    try:
        return evaluator.evaluate(given)
    except EvaluationError as error:
        return error.reason, error.detail


async def _answer(policies: SandboxedPolicies, given: PolicyInput) -> PolicyOutput | tuple[Reason, str]:
    try:
        return await policies.dispatch[InterventionPoint.OUTPUT].dispatch(given)
    except EvaluationError as error:
        return error.reason, error.detail


@pytest.mark.parametrize(
    "definition", [REGO, SCHEMA, CEDAR, RATES, TRANSFORM], ids=lambda one: str(one["type"])
)
def test_answers_are_those_of_the_evaluator_in_process(definition: JsonObject) -> None:
    """Output, trace, reason and detail are the same on both sides, for each engine (2.5)."""

    async def scenario() -> None:
        async with opened() as sandbox:
            jobs = (job(definition),)
            policies = await sandbox.compile("sha256:one", jobs)
            for snapshot in SNAPSHOTS:
                given = policy_input(snapshot)
                assert await _answer(policies, given) == _in_process(jobs, given)

    asyncio.run(scenario())


def test_digests_and_warnings_are_those_of_a_compile_in_process() -> None:
    """A policy's digest does not tell where it was compiled (1.3, 2.5)."""
    jobs = (
        job(REGO, InterventionPoint.INPUT, "policies.first"),
        job(ALLOW, InterventionPoint.OUTPUT, "policies.second"),
    )
    expected = compile_policies(jobs, policy_types({}), MemorySources({}))

    async def scenario() -> SandboxedPolicies:
        async with opened() as sandbox:
            return await sandbox.compile("sha256:one", jobs)

    policies = asyncio.run(scenario())

    assert (policies.digests, policies.statement.warnings) == (expected.digests, expected.statement.warnings)
    assert policies.dispatch.keys() == {InterventionPoint.INPUT, InterventionPoint.OUTPUT}


def test_findings_of_a_compile_are_those_in_process() -> None:
    """A manifest that the engines refuse gives the same diagnostics, with their places (2.5)."""
    broken: JsonObject = {**REGO, "modules": {"limits.rego": "package limits\n\nverdict := {"}}
    jobs = (
        job(broken, InterventionPoint.INPUT, "policies.first"),
        job({"type": "test", "delay_ms": "long"}, InterventionPoint.OUTPUT, "policies.second"),
    )
    with pytest.raises(ManifestError) as expected:
        compile_policies(jobs, policy_types({}), MemorySources({}))

    async def scenario() -> None:
        async with opened() as sandbox:
            await sandbox.compile("sha256:one", jobs)

    with pytest.raises(ManifestError) as raised:
        asyncio.run(scenario())
    assert raised.value.diagnostics == expected.value.diagnostics
    assert raised.value.reason == Reason.MANIFEST_INVALID


def test_too_many_findings_are_counted() -> None:
    """A child sends a hundred findings, errors before warnings, and says how many more there are."""
    jobs = (job({"type": "test", "output": 1, **{f"member_{n}": n for n in range(120)}}),)

    async def scenario() -> None:
        async with opened() as sandbox:
            await sandbox.compile("sha256:one", jobs)

    with pytest.raises(ManifestError) as raised:
        asyncio.run(scenario())
    assert len(raised.value.diagnostics) == 101
    assert raised.value.diagnostics[-1].message == "20 more findings are not shown"


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "rego", "query": "data.a.verdict", "bundle": "policy"},
        {"type": "cedar", "policy_path": "policy.cedar"},
    ],
    ids=lambda one: str(one["type"]),
)
def test_files_are_refused(definition: JsonObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child reads no file, whatever the definition names (2.5)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.cedar").write_text("permit(principal, action, resource);")
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "a.rego").write_text('package a\nverdict := {"decision": "allow"}')

    async def scenario() -> None:
        async with opened() as sandbox:
            await sandboxed(sandbox, definition)

    with pytest.raises(ManifestError, match="this manifest is not allowed to read files") as raised:
        asyncio.run(scenario())
    assert raised.value.reason == Reason.MANIFEST_INVALID


def test_adapters_are_reached_only_where_the_operator_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed adapter of others that is not listed is unknown to an inline manifest (1.7)."""
    install_hostile(tmp_path, monkeypatch)

    async def scenario() -> None:
        async with opened() as sandbox:
            await sandboxed(sandbox, hostile("nothing"))

    with pytest.raises(ManifestError) as raised:
        asyncio.run(scenario())
    assert [str(finding) for finding in raised.value.diagnostics] == [
        "policies.main.adapter: `hostile` is not one that manifests in requests may use; must be one of "
        "`agt_rules`, `combine`, `oags`, `rate_card`, `soul`"
    ]


def test_an_error_of_the_policy_comes_back_as_it_is() -> None:
    """The reason and the detail of an `EvaluationError` cross the border (2.5)."""

    async def scenario() -> None:
        async with opened() as sandbox:
            policy = await sandboxed(sandbox, {"type": "test", "error": "on purpose"})
            await policy.dispatch(policy_input())

    with pytest.raises(EvaluationError) as raised:
        asyncio.run(scenario())
    assert raised.value.reason == Reason.POLICY_INVOCATION_FAILED
    assert raised.value.detail == "`policies.main` is configured to fail by `error`"


@pytest.mark.parametrize(
    ("of", "reason", "detail"),
    [
        (
            "long",
            Reason.RESOURCE_LIMIT_EXCEEDED,
            "the policy output exceeds `max_policy_output_bytes` (262144)",
        ),
        ("deep", Reason.RESOURCE_LIMIT_EXCEEDED, "the policy output exceeds `max_policy_input_depth` (120)"),
        ("no JSON", Reason.POLICY_OUTPUT_INVALID, "the policy output is not JSON"),
    ],
)
def test_an_output_that_cannot_cross_fails_as_it_would_in_process(
    of: str, reason: Reason, detail: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs past a limit, or that JSON cannot hold, have the reasons of 1.10 and 1.11."""
    install_hostile(tmp_path, monkeypatch)

    async def scenario() -> None:
        async with opened(inline_adapters=HOSTILE) as sandbox:
            policy = await sandboxed(sandbox, hostile("output", of=of))
            with pytest.raises(EvaluationError) as raised:
                await policy.dispatch(policy_input())
            assert (raised.value.reason, raised.value.detail) == (reason, detail)
            assert sandbox.counts().killed == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_inputs_and_outputs_of_every_size_pass(run: Run) -> None:
    """Frames that fill the channel's buffers many times over arrive whole, also at the same time."""
    echo: JsonObject = {
        "type": "rego",
        "query": "data.echo.verdict",
        "modules": {
            "echo.rego": "package echo\nimport rego.v1\n"
            'verdict := {"decision": "allow", "message": input.snapshot.text}'
        },
    }

    async def scenario() -> None:
        async with opened(max_policy_output_bytes=2_000_000, policy_timeout_ms=30_000) as sandbox:
            policy = await sandboxed(sandbox, echo)
            sizes = [0, 1, 65_500, 65_536, 70_000, 300_000, 1_500_000]
            outputs = await asyncio.gather(
                *(policy.dispatch(policy_input({"text": "x" * size})) for size in sizes)
            )
            assert [output.value for output in outputs] == [
                {"decision": "allow", "message": "x" * size} for size in sizes
            ]
            assert (sandbox.counts().killed, sandbox.counts().died) == (0, 0)

    run(scenario())


def test_more_manifests_than_a_child_keeps_stay_apart() -> None:
    """Each manifest gets its own policy's answer, however often a child had to compile it again."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=2) as sandbox:
            policies = [
                await sandboxed(sandbox, {"type": "test", "output": {"of": number}}, f"sha256:{number}")
                for number in range(80)
            ]
            for _ in range(2):
                outputs = await asyncio.gather(*(policy.dispatch(policy_input()) for policy in policies))
                assert [output.value for output in outputs] == [{"of": number} for number in range(80)]

    asyncio.run(scenario())


def test_a_compile_that_fails_leaves_other_manifests_alone() -> None:
    """The place of a manifest in a child never becomes another's (2.5)."""

    async def scenario() -> None:
        async with opened(warm_children=1, max_children=1) as sandbox:
            first = await sandboxed(sandbox, {"type": "test", "output": "first"}, "sha256:1")
            second = await sandboxed(sandbox, {"type": "test", "output": "second"}, "sha256:2")
            with pytest.raises(ManifestError):
                await sandboxed(sandbox, {"type": "test", "delay_ms": -1}, "sha256:3")
            third = await sandboxed(sandbox, {"type": "test", "output": "third"}, "sha256:4")
            outputs = [await policy.dispatch(policy_input()) for policy in (first, second, third)]
            assert [output.value for output in outputs] == ["first", "second", "third"]

    asyncio.run(scenario())


def test_a_manifest_may_lower_the_time_limit() -> None:
    """`policy_timeout_ms` of a manifest counts when it is below the server's (1.11)."""

    async def scenario() -> None:
        async with opened() as sandbox:
            slow: JsonObject = {"type": "test", "output": 1, "delay_ms": 400}
            policy = await sandboxed(sandbox, slow, timeout_ms=50)
            with pytest.raises(EvaluationError) as raised:
                await policy.dispatch(policy_input())
            assert raised.value.detail == "the policy exceeded `policy_timeout_ms` (50) and was stopped"

    asyncio.run(scenario())


def test_a_closed_sandbox_fails_closed() -> None:
    """After `close`, an evaluation is `policy_invocation_failed` and a compile is refused (2.5)."""

    async def scenario() -> None:
        async with opened() as sandbox:
            policy = await sandboxed(sandbox, ALLOW)
        with pytest.raises(EvaluationError) as raised:
            await policy.dispatch(policy_input())
        assert raised.value.reason == Reason.POLICY_INVOCATION_FAILED
        assert raised.value.detail == "the policy was requested while the sandbox was closed"
        with pytest.raises(ManifestError) as refused:
            await sandboxed(sandbox, ALLOW)
        assert refused.value.reason == Reason.RESOURCE_LIMIT_EXCEEDED

    asyncio.run(scenario())


def test_a_sandbox_that_is_not_started_says_so() -> None:
    """Using it before `start` is an error of its own."""

    async def scenario() -> None:
        await sandboxed(Sandbox(SandboxSettings()), ALLOW)

    with pytest.raises(SandboxError, match="the sandbox is not started"):
        asyncio.run(scenario())


def test_a_sandbox_that_cannot_start_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An adapter that does not load in the zygote stops the start, and its message is shown."""
    install(tmp_path, monkeypatch, "absent", {"absent": "no_such_module:ADAPTER"})

    async def scenario() -> None:
        async with opened(inline_adapters=frozenset({"absent"})):
            pass

    with pytest.raises(SandboxError, match="the sandbox cannot start"):
        asyncio.run(scenario())
    assert (
        "adapter `absent` of `absent` 1.0 (`no_such_module:ADAPTER`) does not load" in capfd.readouterr().err
    )


@pytest.mark.parametrize(("warm", "most"), [(0, 1), (3, 2)])
def test_numbers_that_make_no_pool_are_refused(warm: int, most: int) -> None:
    """The settings check themselves."""
    with pytest.raises(ValueError, match="`warm_children` must be at least 1 and at most `max_children`"):
        SandboxSettings(warm_children=warm, max_children=most)


def test_a_child_loads_no_web_framework() -> None:
    """The zygote, and so each child, holds the engines and no more of the service than it needs."""

    async def scenario() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import sys; import acs_sidecar.sandbox.zygote;"
            "sys.exit(bool({'fastapi', 'pydantic', 'asyncio', 'uvicorn', 'aiohttp'} & set(sys.modules)))",
        )
        return await process.wait()

    assert asyncio.run(scenario()) == 0
