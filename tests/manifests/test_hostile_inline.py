"""Section 2.5: manifests that cost much to read, to compile or to keep are nobody else's cost."""

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import orjson
import pytest

from acs_sidecar.manifests.catalog import InlineManifests
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.compiled import CompiledManifest, InlineMode, InvalidManifest
from acs_sidecar.telemetry.metrics import Metrics
from acs_sidecar.transports.http.app import create_app
from acs_sidecar.transports.http.exchange import Message
from acs_sidecar.transports.http.gate import Gate
from acs_sidecar.wiring import build, build_sandbox
from tests.sandbox.sandboxes import policy_input

MIB = 1024 * 1024
BASE: dict[str, Any] = {
    "agent_control_specification_version": "0.3.1-beta",
    "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
    "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
}
pytestmark = pytest.mark.server

MODES = [InlineMode.SANDBOXED, InlineMode.TRUSTED]


@asynccontextmanager
async def opened(mode: InlineMode) -> AsyncIterator[InlineManifests]:
    """Open the manifests of callers with a sandbox of their own."""
    settings = load_settings({}).settings
    sandbox = build_sandbox(settings)
    await sandbox.start()
    compiler = build_compiler(settings, HttpClient(), sandbox, in_process=mode is not InlineMode.SANDBOXED)
    try:
        yield InlineManifests(mode, compiler, 64, Metrics())
    finally:
        await sandbox.close()


async def longest_pause(work: Callable[[], Awaitable[object]]) -> float:
    """Return the longest time for which the event loop did nothing else than `work`, in seconds.

    It is processor time of this thread: what else runs on the machine does not count.
    """
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0.01)
    longest = 0.0
    await work()
    beating.cancel()
    return longest


def read_and_write(given: Any) -> float:
    """Return how long it takes to read a body with the manifest and to write it once, in seconds."""
    body = orjson.dumps({"manifest": given, "snapshot": {}})
    started = time.thread_time()
    orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    return time.thread_time() - started


def tools(number: int) -> dict[str, Any]:
    """Make a manifest of 460 KiB with 24,000 tools."""
    return BASE | {"tools": {f"t{number:02}{n:09}": {} for n in range(24_000)}}


HOSTILE: dict[str, Any] = {
    "tools": tools(0),
    "unknown members": BASE | {f"m{n}": 1 for n in range(30_000)},
    "unknown members as YAML": "x: 1\n" + "".join(f"m{n}: 1\n" for n in range(20_000)),
    "tools as JSON text": json.dumps(tools(1)),
    "annotators": BASE | {"annotators": {f"a{n}": {"type": "endpoint", "url": "x"} for n in range(9_000)}},
    "resolvers": BASE | {"approval": {"resolvers": {f"r{n}": {"type": "token"} for n in range(9_000)}}},
    "metadata": BASE | {"metadata": {f"m{n}": [[]] for n in range(20_000)}},
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_hostile_manifest_pauses_the_loop_no_longer_than_reading_it_takes(mode: InlineMode) -> None:
    """Each known input: at most 5 ms and three times what reading its bytes and writing them once takes.

    Both are measured in the same run, each three times.
    """

    async def scenario() -> dict[str, tuple[float, float]]:
        late = {}
        async with opened(mode) as inline:
            for name, given in HOSTILE.items():
                allowed = 0.005 + 3 * max(read_and_write(given) for _ in range(3))
                changed = [_changed(given, attempt) for attempt in range(3)]
                pauses = [await longest_pause(partial(inline.find, one, 64, None)) for one in changed]
                if min(pauses) > allowed:
                    late[name] = (min(pauses), allowed)
        return late

    assert asyncio.run(scenario()) == {}


UNKNOWN = {f"m{n}": 1 for n in range(70_000)}
BODIES: dict[str, Any] = {
    "unknown members": UNKNOWN,
    "unknown members of the signature": {"manifest": {}, "manifest_signature": UNKNOWN},
    "unknown members of the statement": {"manifest": {}, "manifest_signature": {"statement": UNKNOWN}},
    "findings": {"manifest": HOSTILE["annotators"]},
}


def test_a_hostile_body_of_a_validation_pauses_the_loop_no_longer_than_reading_it_takes() -> None:
    """The whole way through the application: each body within 5 ms and three times its reading and writing."""

    async def scenario() -> dict[str, tuple[float, float]]:
        settings = load_settings(
            {"ACS_INLINE_MANIFESTS": "sandboxed", "ACS_AUDIT_DURABILITY": "none", "ACS_LOG_LEVEL": "error"}
        ).settings
        runtime = build(settings, [], None, loaded_at=0.0)
        await runtime.start()
        app, late = create_app(runtime), {}
        for name, given in BODIES.items():
            body = json.dumps(given).encode()
            allowed = 0.005 + 3 * max(read_and_write(given) for _ in range(3))
            pauses = [
                await longest_pause(partial(post, app, "/v1/manifests:validate", body)) for _ in range(3)
            ]
            if min(pauses) > allowed:
                late[name] = (min(pauses), allowed)
        await runtime.close()
        return late

    assert asyncio.run(scenario()) == {}


async def post(app: Gate, path: str, body: bytes) -> None:
    """Post a body to the application."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    await app({**scope, "headers": headers, "root_path": "", "state": {}}, receive, send)
    assert sent[0]["status"] in {200, 400}


@pytest.mark.parametrize("mode", MODES)
def test_manifests_with_many_tools_take_little_room(mode: InlineMode) -> None:
    """Three manifests of 24,000 tools each take less than 20 MiB, and no more than is counted."""

    async def scenario() -> tuple[float, float]:
        async with opened(mode) as inline:
            found = await inline.find(BASE, 64, None)
            assert isinstance(found, CompiledManifest)
            before = _resident_bytes()
            for number in range(3):
                assert isinstance(await inline.find(tools(number), 64, None), CompiledManifest)
            return _resident_bytes() - before, inline.cache.size

    grown, counted = asyncio.run(scenario())
    assert grown < 40 * MIB
    assert 3 * 24_000 * 20 < counted < 20 * MIB


@pytest.mark.parametrize("mode", MODES)
def test_what_is_counted_covers_what_is_kept(mode: InlineMode) -> None:
    """What kept manifests lead to, besides what one of them alone does, has fewer bytes than are counted."""
    long = {"metadata": {"text": "x" * 300_000}}
    kinds = {
        "tools": [BASE | {"tools": {f"t{number}{n}": {} for n in range(3_000)}} for number in range(3)],
        "metadata": [
            BASE | {"metadata": {f"m{number}{n}": [[]] for n in range(3_000)}} for number in range(2)
        ],
        "a long text": [BASE | long | {"tools": {f"t{number}": {}}} for number in range(6)],
        "small ones": [BASE | {"tools": {f"t{number}": {}}} for number in range(30)],
    }

    async def scenario() -> dict[str, tuple[int, int]]:
        uncovered = {}
        async with opened(mode) as inline:
            shared = _Reached(set())
            shared.reach((await inline.find(BASE, 64, None), inline))
            for name, given in kinds.items():
                kept, before = _Reached(shared.ids), inline.cache.size
                for one in given:
                    found = await inline.find(one, 64, None)
                    assert isinstance(found, CompiledManifest)
                    kept.reach(found)
                counted = inline.cache.size - before
                if not 0 < kept.size <= counted:
                    uncovered[name] = (kept.size, counted)
        return uncovered

    assert asyncio.run(scenario()) == {}


class _Reached:
    """The objects that values lead to, each once, and their bytes; `others` are not theirs."""

    def __init__(self, others: set[int]) -> None:
        self.size = 0
        self.ids: set[int] = set()
        self._others = others
        self._objects: list[object] = []

    def reach(self, value: object) -> None:
        """Add what a value leads to. Code and modules are nobody's, and weak references lead nowhere."""
        pending = [value]
        while pending:
            one = pending.pop()
            if id(one) in self.ids or id(one) in self._others or isinstance(one, _CODE):
                continue
            self.ids.add(id(one))
            self._objects.append(one)  # so that no other object takes its id
            self.size += sys.getsizeof(one)
            pending += gc.get_referents(one)


_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType)


@pytest.mark.parametrize("mode", MODES)
def test_a_tool_of_many_is_found(mode: InlineMode) -> None:
    """The tools of a manifest that a child read are looked up by their whole names."""
    given = BASE | {"tools": {'a"b': {"x": 1}, "a": {}, "b\n": {"y": [2]}, "\u00e9": {"z": None}}}

    async def scenario() -> CompiledManifest:
        async with opened(mode) as inline:
            found = await inline.find(given, 64, None)
            assert isinstance(found, CompiledManifest)
            return found

    point = asyncio.run(scenario()).points["input"]
    for name, members in given["tools"].items():
        tool = point.tools[name]
        assert (tool.name, tool.value) == (name, {**members, "name": name})
        assert orjson.loads(tool.canonical) == tool.value
    assert point.tools.get("nothing") is None
    assert sorted(point.tools) == sorted(given["tools"])
    assert len(point.tools) == 4


def test_more_points_than_the_service_reads_again_are_refused() -> None:
    """What the service itself reads of a manifest is bounded, with the reason that says so."""
    given = HOSTILE["resolvers"]

    async def scenario() -> InvalidManifest:
        async with opened(InlineMode.SANDBOXED) as inline:
            found = await inline.find(given, 64, None)
            assert isinstance(found, InvalidManifest)
            assert len(inline.cache) == 0
            return found

    error = asyncio.run(scenario()).error
    assert error.reason == "runtime_error:resource_limit_exceeded"
    assert str(error) == "more than 2000 nodes in points, their annotators and approval"


def test_a_proven_manifest_stays_proven_when_nothing_is_kept_of_it() -> None:
    """A flood that pushes out the compiled form does not put its policies among the unproven again."""

    async def scenario() -> None:
        settings = load_settings({}).settings
        sandbox = build_sandbox(settings)
        await sandbox.start()
        try:
            written = b"v" + orjson.dumps(BASE, option=orjson.OPT_SORT_KEYS)
            first, program = await sandbox.prepare(written)
            assert sandbox.counts().died == 0
            policies = sandbox.bind(first, program, 1_000)
            (dispatch,) = policies.dispatch.values()
            await dispatch.dispatch(policy_input())
            assert program.proven is True
            del program, policies, dispatch
            _, again = await sandbox.prepare(written)
            assert again.proven
        finally:
            await sandbox.close()

    asyncio.run(scenario())


def _changed(given: Any, number: int) -> Any:
    """Make another manifest of the same kind."""
    if isinstance(given, str):
        return f"{given}\n# {number}" if given.startswith("x") else f"{given} {' ' * number}"
    return given | {"metadata": given.get("metadata", {}) | {"number": number}}


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
