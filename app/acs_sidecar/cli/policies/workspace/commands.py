"""`acs-sidecar policy`: the group, and the commands that write documents (section 10.7)."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from acs_sidecar.audit.log.keys import KeyFileError, load_key
from acs_sidecar.cli.output import fail, say
from acs_sidecar.cli.policies.workspace.files import (
    location,
    read_policy_file,
    replace,
    text_of,
    write_new,
)
from acs_sidecar.cli.policies.workspace.pull import pull
from acs_sidecar.cli.policies.workspace.show import show
from acs_sidecar.cli.policies.workspace.validate import validate
from acs_sidecar.engines.adapters.workspace_policy import lifecycle
from acs_sidecar.engines.adapters.workspace_policy.checking import read_form
from acs_sidecar.engines.adapters.workspace_policy.lifecycle import LifecycleError

__all__ = ["policy"]

policy = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Signed policies of a workspace: create, sign, activate, revoke, validate, show, pull.",
)

_OPTIONS = {"workspace_id": "--workspace", "policy_id": "--policy-id", "version": "--version"}
_FILE = typer.Argument(help="the policy, a JSON document")
_KEY = typer.Option(help="Ed25519 private key, PKCS#8 PEM")


@policy.command()
def create(
    workspace: str = typer.Option(help="the workspace that the policy is for"),
    policy_id: str = typer.Option(help="the policy's own name, the same for all of its versions"),
    version: str = typer.Option("1", help="version, an integer from 1 on"),
    out: Path | None = typer.Option(None, help="new file, never overwritten; default: standard output"),
) -> None:
    """Write a draft with every list empty, to be edited and signed.

    Exits 0, or 2 when a member is not what a document may have, or the file exists.
    """
    text = text_of(lifecycle.draft(policy_id, workspace, version))
    _, findings = read_form(text, location(Path(out or "the draft")))
    if findings:
        fail(
            *(
                f"--{(found.path or '').replace('workspace_id', 'workspace')}: {found.message}"
                for found in findings
            )
        )
    if out is None:
        sys.stdout.write(text.decode())
    else:
        write_new(out, text)
        _report("created", out)


@policy.command()
def sign(file: Path = _FILE, key: Path = _KEY) -> None:
    """Make the hash and the signature of a document, whatever its status is; everything else stays.

    A document of the original becomes one whose status, version and workspace are signed. Exits 0, 1 when the
    document cannot be signed, 2 when something could not be read.
    """
    given = read_policy_file(file)
    replace(file, text_of(lifecycle.resigned(given, _private(key))))
    _report("signed", file)


@policy.command()
def activate(
    file: Path = _FILE,
    key: Path = _KEY,
    supersedes: Path | None = typer.Option(
        None, help="the policy before, which is written back as `superseded`; its version must be lower"
    ),
) -> None:
    """Put a draft in force: status `active`, the time, and a signature.

    Exits 0, 1 when the document cannot be activated, 2 when something could not be read.
    """
    private, given = _private(key), read_policy_file(file)
    before = read_policy_file(supersedes) if supersedes is not None else None
    now = _now()
    try:
        value = lifecycle.activated(given, private, now, before)
    except LifecycleError as error:
        fail(f"{file}: {error}", code=1)
    # The policy before goes first: after a crash between the two, the same command ends the work.
    if supersedes is not None and before is not None and (old := lifecycle.superseded(before, private, now)):
        replace(supersedes, text_of(old))
        _report("superseded", supersedes)
    replace(file, text_of(value))
    _report("activated", file)


@policy.command()
def revoke(file: Path = _FILE, key: Path = _KEY) -> None:
    """Make the next version of a document, which denies everything wherever it is enforced.

    Exits 0, 1 when the document cannot be revoked, 2 when something could not be read.
    """
    private, given = _private(key), read_policy_file(file)
    try:
        value = lifecycle.revoked(given, private, _now())
    except LifecycleError as error:
        fail(f"{file}: {error}", code=1)
    replace(file, text_of(value))
    _report("revoked", file)


policy.command()(validate)
policy.command()(show)
policy.command()(pull)


def _report(done: str, file: Path) -> None:
    written = read_policy_file(file)
    signer = f"  by {written.key_id}" if written.key_id else ""
    say(f"{done}  {file}  version {written.version}  {written.hash[:16]}…{signer}")


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        return load_key(path).private
    except KeyFileError as error:
        fail(str(error))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
