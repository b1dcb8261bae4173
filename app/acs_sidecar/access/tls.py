"""TLS of the listening socket, and its renewal while connections are served (section 2.4)."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acs_sidecar.access.entries import AccessFileError
from acs_sidecar.bounded_files import check_regular

__all__ = ["RenewableContext", "TlsFiles", "server_context"]

# Forward secrecy and authenticated encryption alone, where a client does not speak TLS 1.3.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the server's chain and key, and the authorities of clients where those show certificates."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    client_optional: bool = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(path for path in (self.certificate, self.key, self.client_ca) if path is not None)


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Build the context of one set of files. Raises `AccessFileError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    for path in files.paths:
        _check_readable(path)
    try:
        # An encrypted key must not wait for somebody to type.
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        what = f"`{files.certificate}` and `{files.key}`"
        raise AccessFileError(
            f"{what} are not a PEM certificate and its unencrypted key ({_reason(error)})"
        ) from None
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except ssl.SSLError as error:
            raise AccessFileError(
                f"`{files.client_ca}` holds no PEM certificates ({_reason(error)})"
            ) from None
        context.verify_mode = ssl.CERT_OPTIONAL if files.client_optional else ssl.CERT_REQUIRED
    return context


class RenewableContext(ssl.SSLContext):
    """A context that hands each new connection to the one in force."""

    _current: Callable[[], ssl.SSLContext]

    def __new__(cls, current: Callable[[], ssl.SSLContext]) -> "RenewableContext":
        """Delegate to what `current` gives."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._current = current
        return context

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:  # noqa: ANN401  # as the base class has it
        """Begin a connection under the context in force."""
        return self._current().wrap_bio(*arguments, **named)


def _check_readable(path: Path) -> None:
    try:
        check_regular(path)
    except OSError as error:
        raise AccessFileError(f"`{path}` cannot be read: {error.strerror}") from None


def _no_password() -> str:
    raise ValueError("encrypted")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error)
