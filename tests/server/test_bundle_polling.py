"""Services whose manifests come from a real HTTPS server: polls, bad bundles, starts without the server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acs_sidecar.manifests.discovery import build_bundle, read_operator_manifests
from acs_sidecar.manifests.loading import load_operator_manifests
from acs_sidecar.manifests.reload import pack, unpack
from acs_sidecar.settings.tree import load_settings
from acs_sidecar.spec.manifest.diagnostics import ManifestError
from acs_sidecar.wiring import build
from tests.command import start_refused
from tests.conftest import Service, Start
from tests.https import HttpsServer, https_server, sha256
from tests.manifests.bundles import archive, offer
from tests.waiting import wait_for


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    """The server of the bundles."""
    with https_server(tmp_path) as server:
        yield server


def manifests(generation: int) -> bytes:
    """A bundle of one manifest, whose verdicts name the generation."""
    document = {
        "agent_control_specification_version": "0.3.1-beta",
        "policies": {
            "p": {"type": "test", "output": {"decision": "allow", "reason": f"generation_{generation}"}}
        },
        "intervention_points": {"input": {"policy_target": "$", "policy": {"id": "p"}}},
    }
    return archive(("one/manifest.json", json.dumps(document).encode()))


def settings(server: HttpsServer, **more: str) -> dict[str, str]:
    """A service that looks once a second."""
    return {
        "ACS_MANIFESTS_URL": server.url("/agents.tar.gz", host="127.0.0.1"),
        "ACS_MANIFESTS_POLL_S": "1",
        "ACS_FETCH_CA_FILE": str(server.ca_file),
        "ACS_FETCH_ALLOW_ADDRESSES": "127.0.0.1/32",
        **more,
    }


def answer(service: Service) -> str:
    """Which generation decides."""
    _, body = service.post("/v1/evaluate/input", {"snapshot": {}, "manifest_ref": "one"})
    return str(body["verdict"].get("reason"))


def manifests_check(service: Service) -> dict[str, Any]:
    """What `/readyz` says of the manifests."""
    _, body = service.get("/readyz")
    return next(check for check in body["checks"] if check["name"] == "manifests")


def test_a_new_bundle_serves_in_all_workers_and_a_bad_one_in_none(server: HttpsServer, start: Start) -> None:
    """A poll finds the new bundle; one that cannot serve leaves the old one, with a warning until it is mended."""
    offer(server, manifests(1))
    service = start("--workers", "2", **settings(server))
    assert answer(service) == "generation_1"
    wait_for(lambda: len(server.received) >= 3)
    assert service.log().count("manifests_reloaded") == 0
    offer(server, manifests(2))
    wait_for(lambda: {answer(service) for _ in range(12)} == {"generation_2"})
    offer(server, archive(("one/manifest.json", b"{")))
    wait_for(lambda: all(manifests_check(service)["state"] == "warning" for _ in range(12)))
    assert (
        "document-syntax in one: one/manifest.json; see the service log" in manifests_check(service)["detail"]
    )
    assert {answer(service) for _ in range(12)} == {"generation_2"}
    server.answers.clear()
    wait_for(lambda: "fetch-status; see the service log" in manifests_check(service)["detail"])
    offer(server, manifests(2))
    wait_for(lambda: manifests_check(service)["state"] == "ok")
    assert service.stop() == 0


def test_a_start_without_the_server_takes_the_kept_bundle(server: HttpsServer, start: Start) -> None:
    """The last bundle that served does so again, with a warning, whether the server is away or has a bad one."""
    offer(server, manifests(1))
    assert start(**settings(server)).stop() == 0
    offer(server, archive(("one/manifest.json", b"{")))
    service = start(**settings(server))
    assert answer(service) == "generation_1"
    assert service.stop() == 0
    server.answers.clear()
    service = start(**settings(server))
    assert answer(service) == "generation_1"
    assert "failed: fetch-status at start; see the service log" in manifests_check(service)["detail"]
    assert '"event":"manifests_kept"' in service.log()
    offer(server, manifests(2))
    wait_for(lambda: answer(service) == "generation_2")
    assert manifests_check(service)["state"] == "ok"


@pytest.mark.parametrize("pin", [None, "0" * 64])
def test_a_start_with_nothing_kept_fails_and_says_why(
    pin: str | None, server: HttpsServer, tmp_path: Path
) -> None:
    """Without the server, or with other content than was pinned, nothing serves."""
    given = settings(server)
    if pin:
        offer(server, manifests(1))
        given["ACS_MANIFESTS_URL_SHA256"] = pin
    stderr = start_refused(tmp_path, **given)
    wrong = "does not match its pinned hash" if pin else "returned status 404"
    assert f"`{given['ACS_MANIFESTS_URL']}` {wrong}" in stderr
    assert "error: ACS_MANIFESTS_URL has no valid bundle, and no earlier one is stored" in stderr


def test_a_pinned_bundle_serves(server: HttpsServer, start: Start) -> None:
    """The content that was pinned is served; inline manifests are refused beside it."""
    content = manifests(1)
    offer(server, content)
    service = start(**settings(server, ACS_MANIFESTS_URL_SHA256=sha256(content)))
    assert answer(service) == "generation_1"
    assert service.get("/v1/info")[1]["inline_manifests"] == "deny"


def test_what_another_worker_read_is_not_taken_for_ones_own(
    server: HttpsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that once looked at a bad bundle does not keep that one when another worker's set takes over."""
    monkeypatch.chdir(tmp_path)
    given = load_settings(settings(server)).settings
    offer(server, manifests(1))
    loaded = load_operator_manifests(given)
    assert loaded.fault is None

    async def reloads() -> None:
        runtime = build(given, unpack(loaded.packed), None, loaded_at=0.0)
        offer(server, archive(("one/manifest.json", b"{")))
        with pytest.raises(ManifestError, match=r"one/manifest\.json"):
            await runtime.manifests.read()
        offer(server, manifests(2))
        other = build_bundle(given)
        assert other
        read = await asyncio.to_thread(read_operator_manifests, given, other)
        candidate = await runtime.manifests.prepare(pack(read))
        other.keep()
        await runtime.manifests.commit(candidate, 1.0, speaks=True)
        await runtime.close()

    asyncio.run(reloads())
    kept = build_bundle(given)
    assert kept
    assert kept.kept_name() == sha256(manifests(2))


def test_a_look_that_breaks_ends_no_looking(server: HttpsServer, start: Start, tmp_path: Path) -> None:
    """A token file that becomes a folder, and is mended, is a warning that goes away."""
    token = tmp_path / "token"
    token.write_text("t")
    offer(server, manifests(1))
    service = start(**settings(server, ACS_MANIFESTS_URL_TOKEN_FILE=str(token)))
    token.unlink()
    token.mkdir()
    wait_for(lambda: "bundle-refused" in manifests_check(service)["detail"])
    token.rmdir()
    token.write_text("t")
    wait_for(lambda: manifests_check(service)["state"] == "ok")
    assert answer(service) == "generation_1"
