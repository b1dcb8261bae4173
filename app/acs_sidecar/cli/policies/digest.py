"""`acs-sidecar digest`: the digest that identifies a manifest."""

from pathlib import Path

import typer

from acs_sidecar.cli.output import fail, say, show_findings
from acs_sidecar.cli.policies.manifest import manifest_files
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.manifests.discovery import read_manifests
from acs_sidecar.spec.manifest.diagnostics import ManifestError

__all__ = ["digest"]


def digest(path: Path = typer.Argument(help="manifest file, or its directory")) -> None:
    """Print the digest of a manifest: the same whether it is written as YAML or as JSON.

    It appears as `manifest_digest` in every response and audit record of the service. It covers the manifest
    with what it extends, and no policy or data file that it names: `policy_digest` in audit records does.

    Example: `acs-sidecar digest manifests/support-agent`
    """
    manifests = read_manifests(settings_from(None).settings, manifest_files([path]), [path])
    for read in manifests:
        if isinstance(read.content, ManifestError):
            show_findings(read.content.diagnostics)
            fail(f"{path} cannot be read as a manifest")
        if read.digest is None:
            fail(f"{path} is not a mapping")
        say(read.digest if len(manifests) == 1 else f"{read.digest}  {read.file.name}")
