"""`acs-sidecar sign`: the signature of a manifest that comes with a request."""

import base64
from pathlib import Path

import typer

from acs_sidecar.access.signing import UntrustedSignatureError, sign_digest, sign_statement
from acs_sidecar.audit.log.keys import KeyFileError, generate_key, load_key
from acs_sidecar.cli.output import fail, json_line
from acs_sidecar.cli.policies.manifest import one_identity
from acs_sidecar.spec.document.public_keys import key_name
from acs_sidecar.spec.values import Json

__all__ = ["sign"]


def sign(
    manifest: Path | None = typer.Argument(None, help="manifest file, or its directory"),
    key: Path = typer.Option(help="Ed25519 private key, PKCS#8 PEM"),
    key_id: str | None = typer.Option(None, help="name of the key in the trust file; default: from the key"),
    bind_name: str | None = typer.Option(None, "--name", help="the `metadata.name` that is signed too"),
    not_before: str | None = typer.Option(None, help="RFC 3339 time from which the signature is valid"),
    expires: str | None = typer.Option(None, help="RFC 3339 time at which the signature expires"),
    generate: bool = typer.Option(False, "--generate", help="create the key first; never overwrites one"),
) -> None:
    """Print the `manifest_signature` of a manifest, to be sent beside `manifest`.

    Without a manifest, print the key's entry for a trust file: that of ACS_INLINE_TRUST_FILE, or the one of a
    workspace policy, where the entry should also have `workspaces`.
    """
    try:
        if generate and key.exists():
            fail(f"--key {key}: exists and is never overwritten")
        found = generate_key(key, "signing") if generate else load_key(key)
    except KeyFileError as error:
        fail(str(error))
    name = key_id or key_name(found.public)
    if manifest is None:
        public_key = base64.b64encode(found.public).decode()
        typer.echo(f'  {json_line(name)}:\n    public_key: "{public_key}"')
        return
    identity = one_identity(manifest)
    terms = {"name": bind_name, "not_before": not_before, "expires": expires}
    stated = {term: text for term, text in terms.items() if text is not None}
    if not stated:
        signature = sign_digest(found.private, identity.digest)
        typer.echo(json_line({"key_id": name, "signature": signature}))
        return
    if bind_name is not None and bind_name != identity.name:
        fail(f"--name {bind_name}: is not the `metadata.name` of {manifest}")
    statement: dict[str, Json] = {"digest": identity.digest, **stated}
    try:
        signature = sign_statement(found.private, statement)
    except UntrustedSignatureError as error:
        fail(str(error))
    typer.echo(json_line({"key_id": name, "signature": signature, "statement": statement}))
