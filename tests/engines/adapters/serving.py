"""A service that evaluates inline manifests with an adapter, for tests."""

from collections.abc import Iterator
from pathlib import Path

from tests.conftest import Service, start_service

__all__ = ["inline_service"]


def inline_service(place: Path, mode: str, adapter: str) -> Iterator[Service]:
    """Start a service that allows the adapter in inline manifests, and stop it in the end."""
    running = start_service(
        place, ACS_INLINE_MANIFESTS=mode, ACS_INLINE_ADAPTERS=adapter, ACS_TELEMETRY_EVENTS="off"
    )
    yield running
    running.stop()
