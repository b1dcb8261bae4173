"""`acs-sidecar digest`: the digest that identifies a manifest."""

from pathlib import Path

import typer

from app.cli.manifest import manifest_files
from app.cli.output import fail, show_findings
from app.core.diagnostics import ManifestError
from app.core.manifest import document_digest
from app.stores.manifest_files import read_manifest_file

__all__ = ["digest"]


def digest(path: Path = typer.Argument(help="Manifest file, or its directory.")) -> None:
    """Print the digest of a manifest: the same whether it is written as YAML or as JSON.

    It appears in every response and audit record of the service.
    """
    files = manifest_files([path])
    for file in files:
        try:
            value = document_digest(read_manifest_file(file))
        except ManifestError as error:
            show_findings(error.diagnostics)
            fail(f"{path} cannot be read as a manifest")
        if value is None:
            fail(f"{path} is not one mapping")
        typer.echo(value if len(files) == 1 else f"{value}  {file.name}")
