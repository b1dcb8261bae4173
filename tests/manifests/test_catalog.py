"""Section 2.5: what is kept of manifests that came with requests, so that later ones need not be compiled."""

import asyncio
import json
import tracemalloc
from typing import Any

import pytest

from acs_sidecar.manifests.catalog import InlineManifests
from acs_sidecar.manifests.loading import build_compiler
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.compiled import InlineMode
from acs_sidecar.spec.points import POINT_NAMES
from acs_sidecar.telemetry.metrics import Metrics

CACHED = 8


def _manifest(number: int, **members: Any) -> dict[str, Any]:
    return {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {"p": {"type": "test", "output": {"decision": "allow"}}},
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
        "metadata": {"number": number},
    } | members


def _deep(number: int) -> dict[str, Any]:
    """Many members far down, whose places are long."""
    value: Any = [1] * 20_000
    for _ in range(55):
        value = [value]
    return _manifest(number, metadata={"number": number, "value": value})


def _wrong(number: int) -> dict[str, Any]:
    """An annotator with many members that are refused, at every point."""
    bound = {"policy_target": "$", "policy": {"id": "p"}, "annotations": {"a": {"from": "$"}}}
    declared = {"type": "endpoint", "url": "http://a.test/"} | {f"x{n}_env": 1 for n in range(5_000)}
    return _manifest(
        number, annotators={"a": declared}, intervention_points=dict.fromkeys(sorted(POINT_NAMES), bound)
    )


@pytest.mark.slow
@pytest.mark.parametrize("made", [_deep, _wrong])
def test_a_cached_manifest_takes_little_more_room_than_its_text(made: Any) -> None:
    """Neither places nor findings are kept of a manifest that only decides."""
    compiler = build_compiler(load_settings({}).settings, HttpClient(), None)
    cache = InlineManifests(InlineMode.TRUSTED, compiler, CACHED, Metrics())
    texts = [json.dumps(made(number)) for number in range(CACHED)]

    async def fill() -> int:
        await cache.find(json.dumps(_manifest(-1)), 64, None)
        tracemalloc.start()
        try:
            for text in texts:
                await cache.find(text, 64, None)
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    kept = asyncio.run(fill())
    assert kept < 10 * sum(map(len, texts))
