"""Checks of the operator's manifests: found, compiled, and the ones that requests will ask for."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from acs_sidecar.doctor.files import quoted, secret_file, writable_directory
from acs_sidecar.doctor.result import Result, counted, ok, problem, warning
from acs_sidecar.manifests.discovery import build_bundle, read_offline
from acs_sidecar.manifests.loading import build_compiler, compile_manifest, inline_mode
from acs_sidecar.manifests.reload import compile_set
from acs_sidecar.outbound.client import HttpClient
from acs_sidecar.outbound.fetch_outcome import FetchFault
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.compiled import AnyManifest, CompiledManifest, InlineMode, InvalidManifest
from acs_sidecar.spec.manifest.diagnostics import ManifestError

__all__ = ["Manifests", "check_manifests", "compiled_manifests"]

Manifests = dict[str, AnyManifest]


def compiled_manifests(settings: Settings) -> Manifests:
    """Compile what would serve, without asking other servers. Raises `ManifestError`, `AdapterError`."""
    bundle = build_bundle(settings)
    compiler = build_compiler(settings, HttpClient(), None, serving=True)
    read = read_offline(settings, bundle.kept() if bundle else None)
    return dict(compile_set(read, partial(compile_manifest, compiler=compiler)).by_name)


def check_manifests(settings: Settings) -> Iterator[Result]:
    """Look at the place of the manifests, at each of them, and at the default."""
    place = settings.manifests
    if settings.manifests_url:
        yield from _bundle(settings)
        kept = build_bundle(settings)
        place = (kept.kept() if kept else None) or place
        if kept is None or kept.kept() is None:
            return
    try:
        found = compiled_manifests(settings)
    except ManifestError as error:
        for finding in error.diagnostics:
            yield problem("manifests", str(finding), "set ACS_MANIFESTS to a directory of manifests")
        return
    yield from _each(found, place)
    default = settings.default_manifest
    if default is not None and default not in found:
        known = ", ".join(sorted(found)) or "none"
        fix = "set ACS_DEFAULT_MANIFEST to a manifest of ACS_MANIFESTS"
        yield problem(
            "manifests", f"ACS_DEFAULT_MANIFEST `{default}` is not among the manifests: {known}", fix
        )
    if not found and inline_mode(settings, found) is InlineMode.DENY:
        yield problem(
            "manifests",
            "no manifest is loaded and inline manifests are refused",
            "add manifests to ACS_MANIFESTS",
        )


def _each(found: Manifests, place: Path) -> Iterator[Result]:
    sound = 0
    for name, manifest in sorted(found.items()):
        if isinstance(manifest, CompiledManifest):
            sound += 1
            continue
        codes = {finding.code for finding in manifest.error.diagnostics}
        if codes == {FetchFault.UNREACHABLE}:
            yield warning(
                "manifests",
                f"`{name}` is not checked: it refers to other servers",
                f"acs-sidecar validate {quoted(place)}",
            )
            continue
        yield _invalid(name, manifest, place)
    if sound:
        yield ok("manifests", f"{sound} valid")


def _invalid(name: str, manifest: InvalidManifest, place: Path) -> Result:
    findings = manifest.error.diagnostics
    count = counted(len(findings), "finding")
    detail = f"`{name}` is invalid: {count}, first: {findings[0].message}"
    return problem("manifests", detail, f"acs-sidecar validate {quoted(place)}")


def _bundle(settings: Settings) -> Iterator[Result]:
    bundle = build_bundle(settings)
    if bundle and bundle.kept() is None:
        yield warning(
            "bundle",
            "no bundle of ACS_MANIFESTS_URL is stored: a start requires its server",
            "acs-sidecar serve, once, while the server is reachable",
        )
    yield from writable_directory("bundle", settings.manifests_kept_dir, "ACS_MANIFESTS_KEPT_DIR")
    if (token := settings.manifests_url_token_file) is None:
        return
    if token.exists():
        yield from secret_file("bundle", token)
    else:
        yield problem("bundle", f"`{token}` is missing", "write the token to ACS_MANIFESTS_URL_TOKEN_FILE")
