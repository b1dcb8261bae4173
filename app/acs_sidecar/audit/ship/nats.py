"""A connection to NATS JetStream; the client comes with the extra `nats`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import TYPE_CHECKING

from acs_sidecar.bounded_files import check_regular

if TYPE_CHECKING:
    from nats.js import JetStreamContext

__all__ = ["NatsError", "NatsSettings", "jetstream"]

_CONNECT_SECONDS = 5


class NatsError(Exception):
    """NATS is unusable; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """The servers, the credentials file and the trusted authorities."""

    servers: Sequence[str]
    creds_file: Path | None = None
    ca_file: Path | None = None

    @property
    def where(self) -> str:
        """The servers without the passwords that their addresses may hold."""
        return ", ".join(server.rpartition("@")[2].rpartition("//")[2] for server in self.servers)


@asynccontextmanager
async def jetstream(settings: NatsSettings) -> AsyncIterator["JetStreamContext"]:
    """Connect, and reconnect whenever the connection is lost. Raises `NatsError`."""
    for name, path in (("CREDS", settings.creds_file), ("CA", settings.ca_file)):
        if path is not None:
            _check_file(f"ACS_AUDIT_NATS_{name}_FILE", path)
    try:
        import nats  # noqa: PLC0415  # an extra, needed here alone
        from nats.errors import Error  # noqa: PLC0415  # same
    except ModuleNotFoundError:
        raise NatsError("the NATS client is not installed: `pip install 'acs-sidecar[nats]'`") from None
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = await nats.connect(
                list(settings.servers),
                connect_timeout=_CONNECT_SECONDS,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,
                allow_reconnect=True,
                error_cb=_quiet,
                **({"user_credentials": str(settings.creds_file)} if settings.creds_file else {}),
                **({"tls": _tls(settings.ca_file)} if settings.ca_file else {}),
            )
    except (Error, OSError, ValueError) as error:  # a timeout is an OSError
        raise NatsError(
            f"no connection to NATS at {settings.where}: {error or type(error).__name__}"
        ) from None
    try:
        yield connection.jetstream(timeout=_CONNECT_SECONDS)
    finally:
        await connection.close()


def _check_file(setting: str, path: Path) -> None:
    try:
        check_regular(path)
    except OSError as error:
        raise NatsError(f"{setting} cannot be read: {error.strerror}") from None


def _tls(ca_file: Path) -> SSLContext:
    try:
        return create_default_context(cafile=ca_file)
    except SSLError:
        raise NatsError("ACS_AUDIT_NATS_CA_FILE holds no PEM certificates") from None


async def _quiet(_error: Exception) -> None:
    """Leave it to whoever waits for an answer to say that there is none."""
