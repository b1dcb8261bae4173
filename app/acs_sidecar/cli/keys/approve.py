"""`acs-sidecar approve`: answer a challenge as an approver; and the keys that approvals need."""

import base64
import sys
import time
from pathlib import Path

import orjson
import typer

from acs_sidecar.approval.approval import approve as signed
from acs_sidecar.approval.challenge import Challenge, inspect_challenge, read_challenge
from acs_sidecar.approval.token import TokenError
from acs_sidecar.audit.log.keys import (
    AuditKey,
    EncryptedKeyError,
    KeyFileError,
    generate_key,
    load_key,
    load_trusted_key,
)
from acs_sidecar.bounded_files import read_bounded
from acs_sidecar.cli.output import fail
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.cli.user_files import read_user_file
from acs_sidecar.spec.approval import ApprovalOutcome
from acs_sidecar.spec.canonical import digest
from acs_sidecar.spec.codes import is_code
from acs_sidecar.spec.document.duplicate_members import has_duplicate_members
from acs_sidecar.spec.printable import printable, printable_json
from acs_sidecar.spec.values import Json

__all__ = ["approvals", "approve"]

_PASSPHRASE_FILE = typer.Option(
    None, help="file with the passphrase of an encrypted key; default: asked for on the terminal"
)
_SHORTEST = 8
_MAX_PASSPHRASE_BYTES = 65_536

approvals = typer.Typer(add_completion=False, no_args_is_help=True, help="Manage the keys of approvals.")


def approve(
    key: Path = typer.Option(help="the approver's Ed25519 key (PEM)"),
    challenge: str = typer.Option(
        "-", help="file with the challenge or its response, or `-` for standard input"
    ),
    deny: bool = typer.Option(False, "--deny", help="deny instead"),
    suspend: bool = typer.Option(False, "--suspend", help="suspend the run: the decision is made elsewhere"),
    yes: bool = typer.Option(False, "--yes", help="do not prompt"),
    passphrase_file: Path | None = _PASSPHRASE_FILE,
    service_key: str | None = typer.Option(
        None, help="the service's approval key (verifier key or PEM file), to verify the challenge"
    ),
    policy_input: Path | None = typer.Option(
        None,
        help="file with the policy input or its response, to check against the challenge",
    ),
) -> None:
    """Show what a challenge asks for, sign the answer, and print it: the `approval` of a resolution.

    Exits 1 when the person at the terminal does not approve, and 2 when nothing could be signed.
    """
    if deny and suspend:
        fail("--deny and --suspend cannot be combined")
    outcome = ApprovalOutcome.DENY if deny else ApprovalOutcome.SUSPEND if suspend else ApprovalOutcome.ALLOW
    found = _challenge(challenge, service_key)
    value = _policy_input(policy_input, found) if policy_input else None
    _show(found, value, verified=service_key is not None)
    if sys.stdin.isatty() and not yes and not _confirmed(outcome):
        raise typer.Exit(1)
    typer.echo(signed(found, outcome, time.time_ns() // 1_000, _opened(key, passphrase_file).private))


@approvals.command()
def approver(
    name: str = typer.Argument(help="name of the approver, as written to records"),
    key: Path = typer.Option(help="the approver's key (PEM)"),
    generate: bool = typer.Option(False, "--generate", help="create the key first; never overwrites one"),
    encrypt: bool = typer.Option(
        False, "--encrypt", help="with --generate: encrypt the key, as the console opens it"
    ),
    passphrase_file: Path | None = _PASSPHRASE_FILE,
    group: list[str] = typer.Option([], help="group that policies name instead of the approver; repeatable"),
) -> None:
    """Print the entry of an approver for the `approvers` of the file that ACS_APPROVAL_TRUST_FILE names."""
    if not is_code(name):
        fail("a name must be 1 to 96 characters from A-Z a-z 0-9 _ - . : /")
    if encrypt and not generate:
        fail("--encrypt needs --generate: a key that exists is never written")
    try:
        if generate and key.exists():
            fail(f"{key} exists and is never overwritten")
        passphrase = _passphrase(passphrase_file, confirmed=True) if encrypt else None
        found = generate_key(key, "approver's", passphrase) if generate else _opened(key, passphrase_file)
    except KeyFileError as error:
        fail(str(error))
    public = base64.b64encode(found.public).decode()
    typer.echo(f'  "{name}":\n    public_key: "{public}"')
    if group:
        typer.echo(f"    groups: {orjson.dumps(group).decode()}")


@approvals.command("key")
def service_key() -> None:
    """Print the public key that challenges are signed with, for approvers and webhooks to check."""
    file = settings_from(None).settings.approval_key_file
    try:
        found: AuditKey = load_key(file)
    except KeyFileError as error:
        fail(str(error))
    typer.echo(str(found.verifier_key("approvals")))


def _opened(key: Path, passphrase_file: Path | None) -> AuditKey:
    """Load an approver's key, with its passphrase where it is encrypted, or end the command."""
    try:
        try:
            return load_key(key)
        except EncryptedKeyError:
            return load_key(key, _passphrase(passphrase_file, confirmed=False))
    except KeyFileError as error:
        fail(str(error))


def _passphrase(file: Path | None, *, confirmed: bool) -> bytes:
    """Read a passphrase out of a file, or ask the person at the terminal for it."""
    if file is not None:
        try:
            text = read_bounded(file, _MAX_PASSPHRASE_BYTES).decode().rstrip("\r\n")
        except OSError as error:
            fail(f"--passphrase-file {file} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            fail(f"--passphrase-file {file} cannot be read: not UTF-8")
    elif not Path("/dev/tty").exists() or not sys.stderr.isatty():
        fail("the key needs a passphrase and there is no terminal to ask at: set --passphrase-file")
    else:
        text = str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirmed, err=True))
    if confirmed and len(text) < _SHORTEST:
        fail(f"a passphrase must have {_SHORTEST} characters or more")
    return text.encode()


def _confirmed(outcome: ApprovalOutcome) -> bool:
    """Ask the person at the terminal; the output is for the approval alone."""
    typer.echo(f"Answer `{outcome.value}`? [y/N] ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _challenge(argument: str, service_key: str | None) -> Challenge:
    text = sys.stdin.read() if argument == "-" else argument
    text = text.strip()
    if text.startswith("{"):
        text = _member(_json(text.encode(), "the challenge"), "approval", "challenge")
    try:
        if service_key is None:
            return inspect_challenge(text)
        return read_challenge(text, (load_trusted_key(service_key).public,))
    except (TokenError, KeyFileError) as error:
        fail(str(error))


def _member(value: Json, *names: str) -> str:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str):
        fail(f"the response has no `{'.'.join(names)}`: only an escalation that can be approved has one")
    return value


def _policy_input(path: Path, challenge: Challenge) -> Json:
    """Read the policy input, and end the command unless it is the one that the challenge is for."""
    value = _json(read_user_file(path, name=f"--policy-input {path}"), str(path))
    if isinstance(value, dict) and "policy_input" in value:
        value = value["policy_input"]
    if digest(value) != challenge.action["enforced_identity"]:
        fail(f"{path} is not the policy input of the challenge: the identities differ")
    return value


def _json(text: bytes, place: str) -> Json:
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        fail(f"{place} is not JSON")
    if has_duplicate_members(text, value):
        fail(f"{place} has a member twice in one object")
    return value


def _show(challenge: Challenge, policy_input: Json, *, verified: bool) -> None:
    shown = {name: _plain(value) for name, value in challenge.terms.items() if value is not None}
    if policy_input is not None:
        shown["policy input"] = _plain(policy_input)
    width = max(map(len, shown)) + 2
    for name, text in shown.items():
        # Never cut, and a value of several lines stays in its column: no line of it is a member's.
        typer.echo(printable(name).ljust(width) + text.replace("\n", "\n" + " " * width), err=True)
    if not verified:
        message = "the challenge's signature was not checked: set --service-key"
        typer.secho(message, fg=typer.colors.YELLOW, err=True)


def _plain(value: Json) -> str:
    """Write a value so that nothing in it can move the cursor or look like another line."""
    if isinstance(value, str):
        return printable(value)
    return printable_json(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
