"""`acs-sidecar verify`: whether a manifest was signed by a trusted key."""

import time
from pathlib import Path

import typer

from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.access.signing import UntrustedSignatureError, parse_claim, read_trust
from acs_sidecar.cli.output import fail, say
from acs_sidecar.cli.policies.manifest import one_identity
from acs_sidecar.cli.user_files import read_input
from acs_sidecar.decision.refusal import RefusalError
from acs_sidecar.decision.request import parse_object
from acs_sidecar.spec.printable import printable

__all__ = ["verify"]


def verify(
    manifest: Path = typer.Argument(help="manifest file, or its directory"),
    trust: Path = typer.Option(help="trust file, as in ACS_INLINE_TRUST_FILE"),
    signature: str = typer.Option(help="file with the `manifest_signature`, or `-` for standard input"),
    max_age: int | None = typer.Option(
        None, min=1, help="maximum age in seconds, as in ACS_SIGNED_MANIFESTS_MAX_AGE"
    ),
) -> None:
    """Check the signature of a manifest as the service does.

    Exits 0 when it holds, 1 when it does not, 2 when it could not be checked.
    """
    identity = one_identity(manifest)
    try:
        keys = read_trust(trust)
        claim = parse_object(read_input(signature, name=f"--signature {signature}"))
    except AccessFileError as error:
        fail(str(error))
    except RefusalError:
        fail(f"--signature {signature}: not a JSON object")
    key_id, value = claim.get("key_id"), claim.get("signature")
    if not isinstance(key_id, str) or not isinstance(value, str):
        fail(f"--signature {signature}: must have the strings `key_id` and `signature`")
    try:
        parsed, now = parse_claim(claim), time.time()
        signer = keys.signer(key_id, now)
        parsed.check_times(now, max_age)
        signer.verify_claim(parsed, identity.digest, identity.name)
    except UntrustedSignatureError as error:
        typer.secho(f"not verified: {printable(str(error))}", fg=typer.colors.RED, err=True)
        raise typer.Exit(1) from None
    say(f"verified: {identity.digest} by {key_id}")
