"""What a connection itself proves of who is at its other end (section 2.4)."""

import asyncio
import socket
import ssl
import struct
from typing import Any

from acs_sidecar.access.peer import Peer

__all__ = ["peer_of"]

_CREDENTIALS = struct.Struct("iII")
_SPIFFE = "spiffe://"


def peer_of(transport: asyncio.Transport) -> Peer | None:
    """Name the peer by its certificate, or by its user on a Unix socket; `None` where nothing is proven."""
    tls = transport.get_extra_info("ssl_object")
    if tls is not None:
        certificate = tls.getpeercert()
        return _of_certificate(certificate) if certificate else None
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return Peer((f"uid:{uid}",))


def _of_certificate(certificate: Any) -> Peer:  # noqa: ANN401  # the standard library's own mapping
    """Name the holder of a verified certificate: its one SPIFFE ID, or else its DNS names.

    A certificate with a SPIFFE ID beside another URI is no SPIFFE identity document, and names nobody.
    """
    names = certificate.get("subjectAltName", ())
    uris = [value for kind, value in names if kind == "URI"]
    expires = float(ssl.cert_time_to_seconds(certificate["notAfter"]))
    if any(uri.startswith(_SPIFFE) for uri in uris):
        return Peer(tuple(uris) if len(uris) == 1 else (), expires)
    return Peer(tuple(f"dns:{value.lower()}" for kind, value in names if kind == "DNS"), expires)
