"""`acs-probe`: ask the service beside this process whether it is ready, or alive (section 2.3).

For the probes of containers and pods, which run every few seconds: it imports the standard library
alone and needs no shell. It finds the service by the same `ACS_` variables.
"""

import argparse
import http.client
import os
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence

__all__ = ["main", "probe"]

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # a service that listens on all is asked on loopback


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 0 when the service answers that all is well, else 1."""
    parser = argparse.ArgumentParser(prog="acs-probe", description="Check the health of the sidecar.")
    parser.add_argument("--alive", action="store_true", help="check liveness instead of readiness")
    parser.add_argument("--timeout", type=float, default=2.0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    try:
        status, body = probe("/healthz" if options.alive else "/readyz", os.environ, options.timeout)
    except (OSError, http.client.HTTPException) as error:
        print(f"no response: {error}", file=sys.stderr)  # noqa: T201  # what the person who debugs a probe sees
        return 1
    print(body)  # noqa: T201  # same
    return 0 if status == http.client.OK else 1


def probe(path: str, environ: Mapping[str, str], timeout: float) -> tuple[int, str]:
    """GET `path` from the service that `environ` describes; return status and body.

    Raises `OSError` and `http.client.HTTPException` when there is no answer.
    """
    connection = _connection(environ, timeout)
    try:
        connection.request("GET", path, headers={"host": "localhost"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def _connection(environ: Mapping[str, str], timeout: float) -> http.client.HTTPConnection:
    host = environ.get("ACS_HOST", "127.0.0.1")
    host, port = ANY_ADDRESS.get(host, host), int(environ.get("ACS_PORT", "8383"))
    if uds := environ.get("ACS_UDS"):
        connection = http.client.HTTPConnection("localhost", timeout=timeout)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(timeout)
        connection.sock.connect(uds)
        return connection
    if certificate := environ.get("ACS_TLS_CERT_FILE"):
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = False  # the certificate names the service as others reach it
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is trusted itself, whoever issued it
        context.load_cert_chain(certificate, environ.get("ACS_TLS_KEY_FILE"))
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout)


if __name__ == "__main__":
    sys.exit(main())
