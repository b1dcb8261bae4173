"""`acs-sidecar openapi`: the HTTP interface as an OpenAPI document."""

import sys

import orjson

from app.http.app import create_api

__all__ = ["openapi"]


def openapi() -> None:
    """Print the OpenAPI document of the HTTP interface, as the service gives it at /openapi.json."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(create_api().openapi(), option=options).decode())
