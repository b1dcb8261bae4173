"""Holds every response that a test receives against `openapi/openapi.json`.

Objects may gain members in later versions, says the document. Here they may not: a member that is
received and not described fails.
"""

import http.client
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

__all__ = ["DOCUMENT", "check_replies", "check_response", "checked_reply"]

DOCUMENT = Path(__file__).parent.parent / "openapi" / "openapi.json"

_BASE = "urn:openapi"
_PROBLEM_TYPE = "application/problem+json"
_ASSETS = "/static-offline-docs/"  # files of the documentation page
_REFUSALS = frozenset({401, 403, 408, 413, 429})
"""What may come before the route and the method are looked at."""
_PARSERS_OWN = {400: b"Invalid HTTP request received.", 408: b"", 431: b""}
"""What the HTTP parser answers by itself before it closes the connection; the document says so."""
_LINES = {"application/x-ndjson": b"\n", "text/event-stream": b"\n\n"}
"""Media types of streams, and what ends a line of each."""
_formats = FormatChecker(["uuid"])


@_formats.checks("date-time", ValueError)
def _is_date_time(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


class _Described:
    """The document, its objects closed, with a validator for each schema that a response can have."""

    def __init__(self, document: dict[str, Any]) -> None:
        _close(document)
        self._paths: dict[str, Any] = document["paths"]
        # A route without parameters comes before one that would match it too.
        self._templates = [
            (_pattern(path), path) for path in sorted(self._paths, key=lambda path: path.count("{"))
        ]
        self._registry = Registry().with_resource(_BASE, DRAFT202012.create_resource(document))
        self._validators: dict[str, Draft202012Validator] = {}

    def path(self, target: str) -> str | None:
        """Return the template of a request target."""
        plain = unquote(target.partition("?")[0])
        return next((path for pattern, path in self._templates if pattern.fullmatch(plain)), None)

    def responses(self, method: str, path: str | None) -> dict[str, Any] | None:
        """Return what an operation may answer; `None` if there is none such."""
        operation = self._paths.get(path, {}).get(method.lower()) if path else None
        return operation["responses"] if operation else None

    def validator(self, *steps: str) -> Draft202012Validator:
        """Return the validator of the schema at a place in the document."""
        place = "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)
        if place not in self._validators:
            self._validators[place] = Draft202012Validator(
                {"$ref": f"{_BASE}#/{place}"}, registry=self._registry, format_checker=_formats
            )
        return self._validators[place]


def _close(schema: Any) -> None:
    """Close every object that names its members and does not say whether it has others."""
    if isinstance(schema, list):
        for item in schema:
            _close(item)
    elif isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for item in schema.values():
            _close(item)


def _pattern(path: str) -> re.Pattern[str]:
    """Return what matches a template; a last parameter named `path` takes what is left."""
    escaped = re.escape(path).replace(r"\{path\}", ".+")
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", escaped))


@cache
def _described() -> _Described:
    return _Described(json.loads(DOCUMENT.read_text()))


def check_response(method: str, target: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """Raise `AssertionError` unless the document describes this response; `headers` are in lower case."""
    described = _described()
    path = described.path(target)
    media_type = headers.get("content-type", "").partition(";")[0]
    answer = f"{method} {target[:200]}: {status} {media_type}"
    if target.startswith(_ASSETS) and status == HTTPStatus.OK:
        return
    if headers.get("connection") == "close" and body == _PARSERS_OWN.get(status):
        return
    responses = described.responses(method, path)
    if responses is None:
        _check_refusal(described, method, target, path, status, media_type, body)
        return
    assert path is not None
    assert str(status) in responses, f"{answer}: this status is not described; described are {[*responses]}"
    response = responses[str(status)]
    assert media_type in response["content"], f"{answer}: this media type is not described"
    for name, header in response.get("headers", {}).items():
        assert not header["required"] or name.lower() in headers, f"{answer}: without the header {name}"
    place = ("paths", path, method.lower(), "responses", str(status), "content", media_type, "schema")
    if media_type in _LINES:
        for line in _lines(media_type, body):
            _validate(described.validator(*place), line, status, answer)
    elif media_type.endswith("json"):
        _validate(described.validator(*place), body, status, answer)
    elif media_type.startswith("text/"):
        body.decode()


def _lines(media_type: str, body: bytes) -> list[bytes]:
    """Split the answer to a stream; one that was cut is checked as far as it came."""
    end = _LINES[media_type]
    return [line.removeprefix(b"data: ") for line in body.split(end)[:-1]]


def _check_refusal(
    described: _Described,
    method: str,
    target: str,
    path: str | None,
    status: int,
    media_type: str,
    body: bytes,
) -> None:
    """Check the answer to what the document does not describe: no route, or another method."""
    answer = f"{method} {target[:200]}: {status} {media_type}"
    refusal = HTTPStatus.NOT_FOUND if path is None else HTTPStatus.METHOD_NOT_ALLOWED
    assert status in {refusal, *_REFUSALS}, f"{answer}: this operation is not described"
    assert media_type == _PROBLEM_TYPE, f"{answer}: not problem details"
    decides = target.startswith(("/v1/evaluate", "/v1/approvals", "/v1/intercept"))
    if method != "HEAD":
        schema = "DecisionProblem" if decides else "Problem"
        _validate(described.validator("components", "schemas", schema), body, status, answer)


def _validate(validator: Draft202012Validator, body: bytes, status: int, answer: str) -> None:
    value = json.loads(body)
    error = next(validator.iter_errors(value), None)  # its message ends with what is wrong
    assert error is None, f"{answer}: {error.json_path}: {error.message[-500:]}"
    if status >= HTTPStatus.BAD_REQUEST and "title" in value:
        assert value["status"] == status, f"{answer}: the body has the status {value['status']}"


def checked_reply(
    method: str, target: str, connection: http.client.HTTPConnection
) -> tuple[int, dict[str, str], bytes]:
    """Read the reply to the request that was sent last, check it, and return status, headers and body."""
    reply = connection.getresponse()
    headers = {name.lower(): value for name, value in reply.getheaders()}
    body = reply.read()
    check_response(method, target, reply.status, headers, body)
    return reply.status, headers, body


def check_replies(method: str, target: str, received: bytes) -> list[int]:
    """Check all replies that came over one connection to requests of one kind; return their statuses."""
    statuses = []
    for status, headers, body in _replies(method, received):
        check_response(method, target, status, headers, body)
        statuses.append(status)
    return statuses


class _Received(io.BytesIO):
    """What was received, as the socket that `http.client` reads from."""

    def makefile(self, _mode: str) -> "_Received":
        return self

    def close(self) -> None:
        """Stay open: the next reply follows."""


def _replies(method: str, received: bytes) -> Iterator[tuple[int, dict[str, str], bytes]]:
    stream = _Received(received)
    while stream.tell() < len(received):
        reply = http.client.HTTPResponse(stream, method=method)  # type: ignore[arg-type]  # it needs `makefile` alone
        reply.begin()
        headers = {name.lower(): value for name, value in reply.getheaders()}
        yield reply.status, headers, reply.read()
