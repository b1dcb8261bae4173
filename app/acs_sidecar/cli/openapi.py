"""`acs-sidecar openapi`: the HTTP interface as an OpenAPI document."""

import sys

import orjson

__all__ = ["openapi"]


def openapi() -> None:
    """Print the OpenAPI document of the HTTP interface, as the service gives it at /openapi.json."""
    from acs_sidecar.transports.http.app import create_api  # noqa: PLC0415  # loads for longer than most commands run

    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(create_api().openapi(), option=options).decode())
