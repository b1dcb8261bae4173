"""`acs-sidecar sign`: the signature of a manifest that comes with a request."""

import base64
from pathlib import Path

import orjson
import typer

from acs_sidecar.access.signing import key_name, sign_digest
from acs_sidecar.audit.log.keys import KeyFileError, generate_key, load_key
from acs_sidecar.cli.output import fail
from acs_sidecar.cli.policies.manifest import one_digest

__all__ = ["sign"]


def sign(
    manifest: Path | None = typer.Argument(None, help="manifest file, or its directory"),
    key: Path = typer.Option(help="Ed25519 private key, PKCS#8 PEM"),
    key_id: str | None = typer.Option(None, help="name of the key in the trust file; default: from the key"),
    generate: bool = typer.Option(False, "--generate", help="create the key first; never overwrites one"),
) -> None:
    """Print the `manifest_signature` of a manifest, to be sent beside `manifest`.

    Without a manifest, print the key's entry for the trust file of ACS_INLINE_TRUST_FILE.
    """
    try:
        if generate and key.exists():
            fail(f"--key {key}: exists and is never overwritten")
        found = generate_key(key, "signing") if generate else load_key(key)
    except KeyFileError as error:
        fail(str(error))
    name = key_id or key_name(found.public)
    if manifest is None:
        typer.echo(f'  "{name}":\n    public_key: "{base64.b64encode(found.public).decode()}"')
        return
    signature = sign_digest(found.private, one_digest(manifest))
    typer.echo(orjson.dumps({"key_id": name, "signature": signature}))
