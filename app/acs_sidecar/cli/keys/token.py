"""`acs-sidecar token`: a new token, and its entry in the callers file."""

import os
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import typer

from acs_sidecar.access.callers import parse_callers
from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.cli.output import fail, json_line
from acs_sidecar.decision.caller import Scope

__all__ = ["token"]

PREFIX = "acs_"


def token(
    name: str = typer.Argument(help="name of the caller, as written to audit records"),
    scope: list[Scope] = typer.Option([Scope.EVALUATE], help="scope of the caller; repeatable"),
    agent: list[str] = typer.Option(
        [], help="agents that it may act for, such as `support-*`; repeatable; default: any"
    ),
    manifest: list[str] = typer.Option([], help="manifests that it may use; repeatable; default: any"),
    days: int | None = typer.Option(None, min=1, help="days until it expires; default: never"),
    secret_file: Path | None = typer.Option(None, help="new file for the token, instead of printing it"),
) -> None:
    """Make a token for a caller and print its entry for the file of ACS_AUTH_TOKENS_FILE.

    The token itself is shown once, on the error stream, and kept nowhere: the file holds its SHA-256.

    Example: `acs-sidecar token support-host --agent 'support-*' --days 90 --secret-file token.txt`
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
        typer.echo(f"the token, shown only once: {secret}", err=True)
    typer.echo("\n".join(lines))


def _json(value: object) -> str:
    return json_line(value).replace('","', '", "')


def _write(path: Path, secret: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fail(f"--secret-file {path}: {error.strerror}")
    with os.fdopen(handle, "w") as stream:
        stream.write(secret + "\n")
