"""The sandbox: strangers' policies, compiled and evaluated in children that can be killed (section 2.5).

`zygote` forks children, `confinement` drops their privileges, `child` compiles and evaluates in them,
`wire` is the protocol, `processes` holds the service's ends, `pool` schedules calls, `turns` says which is
next, and `shares` who loses a place where there are too many.
"""

import asyncio
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from acs_sidecar.engines.compilation import PolicyJob
from acs_sidecar.sandbox.calls import (
    SandboxCall,
    SandboxProgram,
    compile_call,
    evaluate_call,
    explain_call,
    identity_call,
    prepare_call,
)
from acs_sidecar.sandbox.pool import Pool, PoolBounds, PoolCounts, SandboxStartError
from acs_sidecar.sandbox.preparation import InlineRules
from acs_sidecar.sandbox.wire import CompileReport, Preparation, write_jobs
from acs_sidecar.sandbox.zygote import ZygoteOptions
from acs_sidecar.spec.explanation import unavailable
from acs_sidecar.spec.limits import Limits
from acs_sidecar.spec.manifest.identity import ManifestIdentity
from acs_sidecar.spec.owner import NOBODY, Owner
from acs_sidecar.spec.points import InterventionPoint
from acs_sidecar.spec.policy_statement import PolicyStatement
from acs_sidecar.spec.ports import PolicyDispatch, PolicyInput, PolicyOutput
from acs_sidecar.spec.reasons import EvaluationError
from acs_sidecar.spec.values import Json
from acs_sidecar.startup import StartError

__all__ = ["Sandbox", "SandboxError", "SandboxSettings", "SandboxedPolicies"]

Answer = TypeVar("Answer")

_DEFAULTS = Limits()
_POINT_INDEX = {point: index for index, point in enumerate(InterventionPoint)}


class SandboxError(StartError):
    """The sandbox does not start, or is used while it is not open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """Bounds of the sandbox. Times are wall-clock milliseconds, but `compile_timeout_ms`: processor time.

    A compile that others keep from the processor may take four times as long.
    `warm_children` are kept ready; more start while some are slow, to `max_children` at most, and
    end after `surplus_idle_ms` without work.
    `max_policy_memory_bytes` is each child's, beyond what the engines take: all of them together may
    use `max_children` times that. `inline_adapters` are the adapters of others that inline
    manifests may use, `rules` what such a manifest is held to.
    """

    warm_children: int = 2
    max_children: int = 8
    policy_timeout_ms: int = _DEFAULTS.policy_timeout_ms
    compile_timeout_ms: int = 5_000
    surplus_idle_ms: int = 30_000
    max_policy_memory_bytes: int = _DEFAULTS.max_policy_memory_bytes
    max_policy_output_bytes: int = _DEFAULTS.max_policy_output_bytes
    inline_adapters: frozenset[str] = frozenset()
    rules: InlineRules = field(default_factory=InlineRules.nothing)

    def __post_init__(self) -> None:
        """Refuse numbers that make no pool. Raises `ValueError`."""
        if not 1 <= self.warm_children <= self.max_children:
            raise ValueError("`warm_children` must be at least 1 and at most `max_children`")


@dataclass(frozen=True, slots=True)
class SandboxedPolicies:
    """The dispatch to an evaluator and the policy digest per point, and what the policies state."""

    dispatch: Mapping[InterventionPoint, PolicyDispatch]
    digests: Mapping[InterventionPoint, str]
    statement: PolicyStatement


class Sandbox:
    """Children for the policies of inline manifests. Belongs to the event loop that starts it."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._numbers = itertools.count(1)
        self._programs: WeakValueDictionary[str, SandboxProgram] = WeakValueDictionary()
        self._pool: Pool | None = None

    async def start(self) -> None:
        """Start the warm children. Raises `SandboxError` when they do not start."""
        settings = self._settings
        longest_ms = max(settings.policy_timeout_ms, settings.compile_timeout_ms)
        orders = ZygoteOptions(
            inline_adapters=sorted(settings.inline_adapters),
            rules=settings.rules.write(),
            memory_bytes=settings.max_policy_memory_bytes,
            request_seconds=math.ceil(longest_ms / 1000) + 1,
            max_output_bytes=settings.max_policy_output_bytes,
        )
        bounds = PoolBounds(
            warm=settings.warm_children,
            most=settings.max_children,
            compile_s=settings.compile_timeout_ms / 1000,
            idle_s=settings.surplus_idle_ms / 1000,
        )
        self._pool = Pool(bounds, orders, asyncio.get_running_loop())
        self._pool.open()
        try:
            await self._pool.ready
        except SandboxStartError as error:
            await self.close()
            raise SandboxError(f"the sandbox cannot start: {error}") from None

    async def close(self) -> None:
        """End all children; calls that are under way or waiting fail."""
        if self._pool:
            await self._pool.close()

    def counts(self) -> PoolCounts:
        """Count the children, for readiness and metrics. Raises `SandboxError` before the start."""
        return self._open_pool().counts()

    async def compile(
        self, key: str, jobs: tuple[PolicyJob, ...], policy_timeout_ms: int | None = None
    ) -> SandboxedPolicies:
        """Compile and bind a manifest's policies in a child.

        `key` names the content (the manifest digest): the same key means the same jobs. A
        `policy_timeout_ms` below the settings' counts. Raises `ManifestError`: the compilers' own, or
        one with `resource_limit_exceeded` when the child dies or takes too long.
        """
        pool = self._open_pool()
        settings = self._settings
        timeout_ms = min(policy_timeout_ms or settings.policy_timeout_ms, settings.policy_timeout_ms)
        program = self._programs.get(key)
        if program is None:
            points = frozenset(binding.point for job in jobs for binding in job.bindings)
            jobs_text = write_jobs(jobs)
            program = SandboxProgram(next(self._numbers), jobs_text, points, timeout_ms / 1000, key)
            program.proven = pool.is_proven(key)
            self._programs[key] = program
        loop = asyncio.get_running_loop()
        call = compile_call(program, loop, loop.time() + settings.compile_timeout_ms / 1000)
        pool.submit(call)
        report = await call.answer
        return self._bound(pool, program, report)

    async def prepare(self, document: bytes, owner: Owner = NOBODY) -> tuple[Preparation, SandboxProgram]:
        """Read, validate and compile a manifest as it came (`document_bytes`). Raises as `compile` does.

        The same content gives the same program. `owner` is who brings it: a caller, or a connection.
        """
        timeout_s = self._settings.policy_timeout_ms / 1000
        program = SandboxProgram(next(self._numbers), b"", frozenset(), timeout_s, owner=owner)
        prepared = await self._read(partial(prepare_call, program, document))
        if known := self._programs.get(prepared.digest):
            if known.owner.gone:
                known.owner = owner
            return prepared, known
        program.key, program.jobs = prepared.digest, prepared.jobs
        program.points = frozenset(prepared.report.digests)
        program.proven = self._open_pool().is_proven(prepared.digest)
        self._programs[prepared.digest] = program
        return prepared, program

    async def identity(self, document: bytes, owner: Owner = NOBODY) -> ManifestIdentity:
        """Return digest and name of a manifest as it came. Raises as `compile` does."""
        program = SandboxProgram(next(self._numbers), b"", frozenset(), 0, owner=owner)
        return await self._read(partial(identity_call, program, document))

    def bind(
        self, prepared: Preparation, program: SandboxProgram, policy_timeout_ms: int
    ) -> SandboxedPolicies:
        """Return the policies of a manifest that was prepared; a timeout below the settings' counts."""
        program.timeout_s = min(policy_timeout_ms, self._settings.policy_timeout_ms) / 1000
        return self._bound(self._open_pool(), program, prepared.report)

    async def _read(
        self, call_for: Callable[[asyncio.AbstractEventLoop, float], SandboxCall[Answer]]
    ) -> Answer:
        pool, loop = self._open_pool(), asyncio.get_running_loop()
        call = call_for(loop, loop.time() + self._settings.compile_timeout_ms / 1000)
        pool.submit(call)
        return await call.answer

    def _bound(self, pool: Pool, program: SandboxProgram, report: CompileReport) -> SandboxedPolicies:
        loop = asyncio.get_running_loop()
        dispatch: dict[InterventionPoint, PolicyDispatch] = {
            point: _SandboxedPolicy(pool, program, _POINT_INDEX[point], loop) for point in program.points
        }
        return SandboxedPolicies(dispatch, report.digests, report.statement)

    def _open_pool(self) -> Pool:
        if self._pool is None:
            raise SandboxError("the sandbox is not started")
        return self._pool


@dataclass(frozen=True, slots=True)
class _SandboxedPolicy:
    """The `PolicyDispatch` of one point: its calls go to whichever child is free."""

    pool: Pool
    program: SandboxProgram
    point: int
    loop: asyncio.AbstractEventLoop = field(repr=False)

    async def dispatch(self, policy_input: PolicyInput) -> PolicyOutput:
        """Evaluate in a child. Raises `EvaluationError`."""
        loop = self.loop
        waits_until = loop.time() + self.program.timeout_s
        call = evaluate_call(self.program, self.point, policy_input.canonical, loop, waits_until)
        self.pool.submit(call)
        return await call.answer

    async def explain(self, policy_input: PolicyInput) -> dict[str, Json] | None:
        """Explain in a child."""
        loop = self.loop
        waits_until = loop.time() + self.program.timeout_s
        call = explain_call(self.program, self.point, policy_input.canonical, loop, waits_until)
        self.pool.submit(call)
        try:
            return await call.answer
        except EvaluationError as error:
            return unavailable(error.detail)
