"""`acs-sidecar token`: a new token, and its entry in the callers file."""

import os
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import orjson
import typer

from acs_sidecar.access.callers import parse_callers
from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.cli.output import fail
from acs_sidecar.decision.caller import Scope

__all__ = ["token"]

PREFIX = "acs_"


def token(
    name: str = typer.Argument(help="Name of the caller, as it will stand in audit records."),
    scope: list[Scope] = typer.Option([Scope.EVALUATE], help="What it may do; may be repeated."),
    agent: list[str] = typer.Option(
        [], help="Agents that it may speak for, as `support-*`; may be repeated. Without: any."
    ),
    manifest: list[str] = typer.Option([], help="Manifests that it may use; may be repeated. Without: any."),
    days: int | None = typer.Option(None, min=1, help="Days until it expires. Without: never."),
    secret_file: Path | None = typer.Option(None, help="New file for the token, instead of showing it."),
) -> None:
    """Make a token for a caller and print its entry for the file of ACS_AUTH_TOKENS_FILE.

    The token itself is shown once, on the error stream, and kept nowhere: the file holds its SHA-256.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    entry: dict[str, object] = {
        "token_sha256": sha256(secret.encode()).hexdigest(),
        "scopes": [one.value for one in scope],
    }
    if agent:
        entry["agents"] = agent
    if manifest:
        entry["manifests"] = manifest
    if days:
        end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        entry["expires"] = end.isoformat()
    lines = [f"  {_json(name)}:", *(f"    {member}: {_json(value)}" for member, value in entry.items())]
    try:
        parse_callers("\n".join(["callers:", *lines]), "the entry")
    except AccessFileError as error:
        fail(str(error))
    if secret_file:
        _write(secret_file, secret)
    else:
        typer.echo(f"the token, shown this once: {secret}", err=True)
    typer.echo("\n".join(lines))


def _json(value: object) -> str:
    return orjson.dumps(value).decode().replace('","', '", "')


def _write(path: Path, secret: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fail(f"--secret-file {path}: {error.strerror}")
    with os.fdopen(handle, "w") as stream:
        stream.write(secret + "\n")
