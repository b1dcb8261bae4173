"""From settings to the operator's manifests, read with all that they name, not compiled (section 3.1)."""

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import structlog

from acs_sidecar.manifests import composition
from acs_sidecar.manifests.bundle import ManifestBundle
from acs_sidecar.manifests.composition import ReadManifest
from acs_sidecar.manifests.files import ManifestFile, find_manifests
from acs_sidecar.manifests.member_tables import installed_members
from acs_sidecar.outbound.addresses import AddressPolicy
from acs_sidecar.outbound.fetch import Fetcher, OfflineFetcher
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.pinned_url import Pin, RemoteReference

__all__ = [
    "build_bundle",
    "manifest_places",
    "operator_files",
    "read_manifests",
    "read_offline",
    "read_offline_at",
    "read_operator_manifests",
]


def read_operator_manifests(
    settings: Settings, bundle: ManifestBundle | None = None, *, kept: bool = False
) -> tuple[ReadManifest, ...]:
    """Read the operator's set (section 3.1), as `read_manifests` does; with a `bundle`, out of that.

    `kept` is the bundle that served last, else the newest. Raises `ManifestError` when it cannot be
    listed. May take as long as other servers take.
    """
    if settings.fetch_allow_addresses:
        structlog.stdlib.get_logger("acs.manifests").warning(
            "fetch_addresses_allowed",
            networks=list(settings.fetch_allow_addresses),
            detail="remote manifests may be fetched from blocked addresses",
        )
    if bundle is None:
        return read_manifests(settings, operator_files(settings))
    place = bundle.kept() if kept else bundle.open()
    return _read_all(settings, find_manifests(place) if place else (), _roots(settings, place))


def operator_files(settings: Settings, kept: Path | None = None) -> tuple[ManifestFile, ...]:
    """List what is configured, or the `kept` bundle's; the default directory may be absent, for inline
    manifests alone.

    Raises `ManifestError`.
    """
    if kept:
        return find_manifests(kept)
    default_place: Path = Settings.model_fields["manifests"].default
    if settings.manifests == default_place and not settings.manifests.exists():
        return ()
    return find_manifests(settings.manifests)


def read_manifests(
    settings: Settings, files: Iterable[ManifestFile], places: Iterable[Path] = ()
) -> tuple[ReadManifest, ...]:
    """Read manifests with all that they extend and name on other servers; what is wrong is in the outcome.

    They may name what is below the `places` that a command was given, as if those were served. Runs an
    event loop of its own: not for a thread that has one.
    """
    return _read_all(settings, files, (*_roots(settings), *places))


def manifest_places(settings: Settings) -> tuple[Path, ...]:
    """Return where the operator's manifests are, and the libraries that they may read from."""
    return (settings.manifests, *(Path(root) for root in settings.policy_roots))


def _roots(settings: Settings, bundle: Path | None = None) -> tuple[Path, ...]:
    """Return where files may lie besides a manifest's own folder (section 3.2).

    A `bundle` reads itself alone.
    """
    if bundle:
        return (bundle,)
    manifests, *libraries = manifest_places(settings)
    return (*((manifests,) if manifests.is_dir() else ()), *libraries)


def _read_all(
    settings: Settings, files: Iterable[ManifestFile], roots: tuple[Path, ...]
) -> tuple[ReadManifest, ...]:
    catalog = installed_members()

    async def read() -> tuple[ReadManifest, ...]:
        async with _fetcher(settings) as fetcher:
            return await composition.read_manifests(files, fetcher, settings.limits, catalog, roots)

    return asyncio.run(read())


def read_offline(settings: Settings, kept: Path | None = None) -> tuple[ReadManifest, ...]:
    """Read what is configured, or the `kept` bundle, without fetching; what needs another server is invalid.

    Raises `ManifestError` when it cannot be listed.
    """
    return _read_offline(settings, operator_files(settings, kept), _roots(settings, kept))


def read_offline_at(
    settings: Settings, files: Iterable[ManifestFile], places: Iterable[Path]
) -> tuple[ReadManifest, ...]:
    """Read manifests as `read_manifests` does, without fetching; what needs another server is invalid."""
    return _read_offline(settings, files, (*_roots(settings), *places))


def _read_offline(
    settings: Settings, files: Iterable[ManifestFile], roots: tuple[Path, ...]
) -> tuple[ReadManifest, ...]:
    fetcher = OfflineFetcher(settings.limits, AddressPolicy())
    catalog = installed_members()
    return asyncio.run(composition.read_manifests(files, fetcher, settings.limits, catalog, roots))


def build_bundle(settings: Settings) -> ManifestBundle | None:
    """Build the source of the operator's bundle, if one is configured."""
    if settings.manifests_url is None:
        return None
    pin = Pin(bytes.fromhex(settings.manifests_url_sha256)) if settings.manifests_url_sha256 else None
    return ManifestBundle(
        settings.manifests_kept_dir,
        RemoteReference(settings.manifests_url, pin),
        partial(_fetcher, settings),
        settings.manifests_url_token_file,
    )


def _fetcher(settings: Settings) -> Fetcher:
    """Build what fetches for one load of manifests; to be closed after it."""
    addresses = AddressPolicy(settings.fetch_allow_addresses)
    return Fetcher(settings.limits, addresses, settings.fetch_ca_file)
