"""`acs-sidecar policy pull`: a policy from a server, verified before it replaces the file (section 10.7)."""

import asyncio
import os
from pathlib import Path

import typer

from acs_sidecar.cli.output import fail, say, show_findings
from acs_sidecar.cli.policies.workspace.files import location, read_file, read_trust_file, replace
from acs_sidecar.cli.policies.workspace.validate import expected_of
from acs_sidecar.cli.settings import settings_from
from acs_sidecar.engines.adapters.workspace_policy.checking import check_policy, read_form
from acs_sidecar.engines.adapters.workspace_policy.document.model import WorkspacePolicy
from acs_sidecar.engines.adapters.workspace_policy.document.text import MAX_BYTES
from acs_sidecar.engines.adapters.workspace_policy.lifecycle import revisions
from acs_sidecar.engines.findings import SourceLocation
from acs_sidecar.outbound.addresses import AddressPolicy, LoopbackAddresses
from acs_sidecar.outbound.fetch import Fetcher
from acs_sidecar.outbound.fetch_outcome import FetchError, FetchFault
from acs_sidecar.spec.manifest.pinned_url import RemoteReference, redacted_url
from acs_sidecar.spec.policy_statement import rollbacks

__all__ = ["pull"]

_REFUSED = frozenset(
    {FetchFault.URL_REFUSED, FetchFault.ADDRESS_REFUSED, FetchFault.REDIRECTS, FetchFault.TOO_LARGE}
)
"""Faults that say no; the others say that nothing was reached."""


def pull(
    url: str = typer.Argument(help="HTTPS URL of the policy; plain HTTP to this machine alone"),
    out: Path = typer.Option(help="the file that it replaces"),
    trust: Path = typer.Option(help="file of the keys that may sign"),
    workspace: str = typer.Option(help="the workspace that it must be for"),
    min_version: int | None = typer.Option(None, min=1, help="the lowest version that is accepted"),
    content_hash: str | None = typer.Option(None, "--hash", help="the hash that it must have"),
    token_env: str | None = typer.Option(
        None, help="environment variable with a bearer token, shown to the host of the URL alone"
    ),
) -> None:
    """Fetch a policy and replace a file by it, once it is verified and no older than what the file holds.

    Exits 0 when the file was written or is the same, 1 when the policy is refused and the file stays, 2 when
    nothing could be fetched or read.
    """
    expected = expected_of(workspace, min_version, content_hash)
    trusted = read_trust_file(trust)
    token = _token(token_env)
    content = _fetched(url, token)
    checked = check_policy(content, SourceLocation("", redacted_url(url)), trusted, expected)
    show_findings(checked.findings)
    if checked.policy is None or checked.failed is not None:
        fail(f"refused at the step `{checked.failed}`: {out} stays as it was", code=1)
    policy = checked.policy
    if out.exists() or out.is_symlink():
        before = read_file(out)
        if before == content:
            say(f"unchanged  {out}  version {policy.version}")
            return
        _refuse_rollback(out, before, policy)
    replace(out, content)
    say(f"written  {out}  version {policy.version}  {policy.status}  {policy.hash[:16]}…")


def _refuse_rollback(out: Path, content: bytes, policy: WorkspacePolicy) -> None:
    """End the command where a file holds what the policy must not replace."""
    before, _ = read_form(content, location(out))
    if before is None:
        fail(f"{out}: holds no policy that this one could be compared with: remove it first", code=1)
    if before.workspace_id != policy.workspace_id:
        fail(f"{out}: holds the policy of the workspace `{before.workspace_id}`", code=1)
    for found in rollbacks(revisions("", before), revisions("", policy)):
        fail(f"{out}: {found.message.removesuffix(' that serves')} there [{found.code}]", code=1)


def _token(name: str | None) -> str | None:
    if name is None:
        return None
    token = os.environ.get(name, "").strip()
    if not token:
        fail(f"--token-env {name}: is not set")
    if not (token.isascii() and token.isprintable()) or " " in token:
        fail(f"--token-env {name}: must be printable ASCII without white space")
    return token


def _fetched(url: str, token: str | None) -> bytes:
    """Return the content of a URL, or end the command."""
    settings = settings_from(None).settings
    plain = url.lower().startswith("http:")
    addresses = LoopbackAddresses() if plain else AddressPolicy(settings.fetch_allow_addresses)

    async def fetch() -> bytes | None:
        async with Fetcher(
            settings.limits,
            addresses,
            settings.fetch_ca_file,
            scheme="http" if plain else "https",
            stay=token is not None,
        ) as fetcher:
            answer = await fetcher.fetch_changed(RemoteReference(url), MAX_BYTES, None, token)
            return answer.content

    try:
        return asyncio.run(fetch()) or b""
    except FetchError as error:
        if plain and error.fault is FetchFault.ADDRESS_REFUSED:
            fail("plain HTTP reaches this machine alone: use an HTTPS URL", code=1)
        fail(f"{error} [{error.fault}]", code=1 if error.fault in _REFUSED else 2)
