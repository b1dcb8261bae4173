"""Checks of the files that say who is trusted, of the keys beside them, and of what in them ends."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509

from acs_sidecar.access.approvers import read_approvers
from acs_sidecar.access.callers import read_callers
from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.access.signing import read_trust
from acs_sidecar.access.tls import TlsFiles, server_context
from acs_sidecar.audit.log.keys import KeyFileError, load_key
from acs_sidecar.doctor.expiry import age, ends
from acs_sidecar.doctor.files import quoted, secret_file, trust_file
from acs_sidecar.doctor.manifests import Manifests
from acs_sidecar.doctor.result import Result, ok, problem
from acs_sidecar.settings.tree import Settings
from acs_sidecar.spec.manifest.compiled import CompiledManifest

__all__ = ["check_approvals", "check_trust"]

Ending = tuple[str, float | None]


def check_trust(settings: Settings, now: float) -> Iterator[Result]:
    """Look at callers, signers of inline manifests, approvers and certificates."""
    yield from _entries("callers", settings.auth_tokens_file, _callers, now)
    yield from _entries("manifest keys", settings.inline_trust_file, _signers, now)
    yield from _entries("approvers", settings.approval_trust_file, _approvers, now)
    yield from _tls(settings, now)
    if (credentials := settings.audit_nats_creds_file) is None:
        return
    if credentials.exists():
        yield from secret_file("shipping", credentials)
        yield from age("shipping", credentials, now, "renew the credentials of the NATS account")
    else:
        detail = f"`{credentials}` is missing"
        yield problem("shipping", detail, "write the credentials to ACS_AUDIT_NATS_CREDS_FILE")


def check_approvals(settings: Settings, manifests: Manifests, now: float) -> Iterator[Result]:
    """Look at the key of approvals, where a manifest needs it or it is there."""
    path = settings.approval_key_file
    if not path.exists():
        if any(isinstance(one, CompiledManifest) and one.approval is not None for one in manifests.values()):
            yield ok("approval key", "is created at the first start; all replicas must share it")
        return
    yield from secret_file("approval key", path)
    yield from age("approval key", path, now, "rotate it: append the old public key to the new key")
    try:
        load_key(path)
    except KeyFileError as error:
        yield problem("approval key", str(error), f"restore the key to {quoted(path)}")


def _entries(
    check: str, path: Path | None, read: Callable[[Path], list[Ending]], now: float
) -> Iterator[Result]:
    if path is None:
        return
    try:
        found = read(path)
    except AccessFileError as error:
        for line in str(error).splitlines():
            yield problem(check, line, f"correct {quoted(path)}")
        return
    yield from trust_file(check, path)
    for name, expires in found:
        yield from ends(check, f"`{name}`", expires, now, f"renew or remove `{name}` in {quoted(path)}")
    yield ok(check, f"{len(found)} in `{path}`")


def _callers(path: Path) -> list[Ending]:
    callers = read_callers(path)
    known = [caller for _, caller in callers.by_token.values()]
    by_name = {caller.name: caller.expires for caller in (*known, *callers.by_peer.values())}
    return sorted(by_name.items())


def _signers(path: Path) -> list[Ending]:
    return [(name, signer.expires) for name, signer in sorted(read_trust(path).signers.items())]


def _approvers(path: Path) -> list[Ending]:
    return [
        (one.name, None if one.until is None else datetime.fromisoformat(one.until).timestamp())
        for one in read_approvers(path).entries
    ]


def _tls(settings: Settings, now: float) -> Iterator[Result]:
    certificate, key = settings.tls_cert_file, settings.tls_key_file
    if certificate is None or key is None:
        return
    try:
        server_context(TlsFiles(certificate, key, settings.tls_client_ca_file))
    except AccessFileError as error:
        yield problem("certificate", str(error), "correct ACS_TLS_CERT_FILE and ACS_TLS_KEY_FILE")
        return
    yield from secret_file("certificate", key)
    for path in filter(None, (certificate, settings.tls_client_ca_file)):
        yield from trust_file("certificate", path)
        for one in x509.load_pem_x509_certificates(path.read_bytes()):
            what = f"`{one.subject.rfc4514_string()}` in `{path}`"
            starts = one.not_valid_before_utc.timestamp()
            if starts > now:
                detail = f"{what} is not valid before {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
                yield problem(
                    "certificate",
                    detail,
                    "correct the clock (timedatectl set-ntp true), or use another certificate",
                )
            fix = f"renew {quoted(path)}; the service loads it without a restart"
            yield from ends("certificate", what, one.not_valid_after_utc.timestamp(), now, fix)
    yield ok("certificate", f"`{certificate}` and its key match")
